//! What `fewshot predict` answers with: a model that has learned from a support, from a run just now or from a file of before.

use std::collections::BTreeMap;
use std::path::Path;

use fewshot_meta::{Checkpoint, Predictor, save_predictor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, one_line};
use crate::files;
use crate::options::Options;
use crate::places::Split;
use crate::settings::Settings;
use crate::temperatures::{self, Temperature};

/// Key and value that mark a file of this kind.
const FORMAT: &str = "fewshot-predictor";
const VERSION: &str = "1";
const CONFIG: &str = "config";
const CLASSES: &str = "classes";
const ITERATION: &str = "iteration";
/// There where a temperature goes with it.
const TEMPERATURE: &str = "temperature";

/// A class of the support.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    pub name: String,
    /// Its pictures in the support.
    pub shots: usize,
}

/// A predictor, and what it rests on.
pub struct Adapted {
    /// The settings of the run, with the classes of the support.
    pub settings: Settings,
    /// How many outer updates it was trained for.
    pub iterations: u64,
    /// In the order of the scores.
    pub classes: Vec<Class>,
    /// What its scores are divided by, where one was fitted.
    pub temperature: Option<Temperature>,
    pub predictor: Box<dyn Predictor>,
}

impl Adapted {
    /// Writes a file that [`Adapted::read`] reads. It names no paths of this machine.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut options = self.settings.options();
        options.set("data", self.settings.data.clone().placeless().to_string());
        if let Some(split) = options.read::<Split>("split") {
            options.set("split", split.placeless().to_string());
        }
        options.remove("teacher");
        let config = options.0.to_string();
        let classes = serde_json::to_string(&self.classes).expect("names and numbers have a form in JSON");
        let mut metadata = BTreeMap::from([
            (FORMAT.to_owned(), VERSION.to_owned()),
            (CONFIG.to_owned(), config),
            (CLASSES.to_owned(), classes),
            (ITERATION.to_owned(), self.iterations.to_string()),
        ]);
        if let Some(temperature) = &self.temperature {
            metadata.insert(TEMPERATURE.to_owned(), temperature.json());
        }
        let wrong = |error: fewshot_meta::Error| Error::option("save", path.display(), one_line(error));
        files::write_by(path, |path| save_predictor(path, &*self.predictor, &metadata)).map_err(wrong)
    }

    /// What a file of [`Adapted::save`] holds.
    pub fn read(path: &Path) -> Result<Adapted, Error> {
        let wrong = |cause: String| Error::Model(format!("{}: {cause}", path.display()));
        let foreign = || {
            wrong(
                "was not written by fewshot predict --save; give such a file, or the folder of a run".into(),
            )
        };
        let damaged =
            |key: &str, cause: String| wrong(format!("its {key} is damaged ({cause}); save it again"));
        let file = Checkpoint::read(path).map_err(|error| Error::Model(error.to_string()))?;
        let said = |key: &str| file.metadata().get(key).ok_or_else(foreign);
        if said(FORMAT)? != VERSION {
            return Err(wrong(format!(
                "is of another version than {VERSION}; save it again with this program"
            )));
        }
        let options = Options(
            said(CONFIG)?
                .parse()
                .map_err(|error: toml::de::Error| damaged(CONFIG, one_line(error.message())))?,
        );
        let settings = Settings::resolve(&options).map_err(|error| damaged(CONFIG, error.to_string()))?;
        let classes: Vec<Class> =
            serde_json::from_str(said(CLASSES)?).map_err(|error| damaged(CLASSES, error.to_string()))?;
        if settings.classes.as_ref().is_none_or(|known| known.ways != classes.len()) {
            return Err(damaged(CLASSES, format!("{} are not those of its settings", classes.len())));
        }
        let iterations =
            said(ITERATION)?.parse().map_err(|_| damaged(ITERATION, "it is no number".into()))?;
        let temperature = file.metadata().get(TEMPERATURE).map(|text| Temperature::of(text)).transpose();
        let temperature = temperature.map_err(|cause| damaged(TEMPERATURE, cause))?;
        let predictor = file
            .predictor(&*settings.algorithm.build(&settings))
            .map_err(|error| Error::Model(error.to_string()))?;
        Ok(Adapted { settings, iterations, classes, temperature, predictor })
    }

    /// One line on how far probabilities are calibrated.
    pub fn calibration(&self, model: &str) -> String {
        let shots: Vec<usize> = self.classes.iter().map(|class| class.shots).collect();
        let words = match &self.temperature {
            Some(temperature) => temperature.for_shots(&shots),
            None => {
                let run = if Path::new(model).is_file() { "RUN" } else { model };
                temperatures::none(run, &self.settings, &shots)
            }
        };
        format!("calibration {words}")
    }
}

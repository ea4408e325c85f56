//! Temperatures of the probabilities of a run, each for its ways and shots: the file `calibration.json` of its folder.

use std::io::ErrorKind;
use std::path::Path;

use fewshot_episodes::names::shown;
use serde::{Deserialize, Serialize};

use crate::error::{Error, one_line};
use crate::files;
use crate::norm;
use crate::run_files::{LARGEST_TEXT, TEMPERATURES};
use crate::settings::Settings;

/// What logits are divided by before the softmax, and the validation episodes it was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// Above 0; 1 changes nothing.
    pub temperature: f64,
    /// Classes of an episode.
    pub ways: usize,
    /// Support examples per class.
    pub shots: usize,
    /// How many episodes there were.
    pub episodes: usize,
    /// Their seed.
    pub seed: u64,
    /// The batch-norm policy of their queries.
    pub norm: String,
    /// Outer updates of the weights.
    pub iterations: u64,
}

impl Temperature {
    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and names have a form in JSON")
    }

    /// What [`Temperature::json`] wrote; or what is wrong with it.
    pub fn of(text: &str) -> Result<Temperature, String> {
        serde_json::from_str(text).map_err(one_line).and_then(Temperature::checked)
    }

    fn checked(self) -> Result<Temperature, String> {
        let fits = self.temperature > 0.0 && self.temperature.is_finite() && self.ways > 0 && self.shots > 0;
        if fits { Ok(self) } else { Err(format!("{} is no temperature", self.temperature)) }
    }

    /// The temperature and its episodes in words.
    pub fn words(&self) -> String {
        let Temperature { temperature, ways, shots, episodes, .. } = self;
        format!("temperature {temperature:.4} of {episodes} validation episodes, {ways}-way {shots}-shot")
    }

    /// The same for a support of so many examples of each class: where they are others, that is said.
    pub fn for_shots(&self, shots: &[usize]) -> String {
        let words = self.words();
        match shots.iter().all(|&own| own == self.shots) {
            true => words,
            false => format!(
                "{words}: the nearest kept to this support of {}, whose probabilities may be off",
                in_words(shots)
            ),
        }
    }

    fn is_as(&self, other: &Temperature) -> bool {
        (self.ways, self.shots, &self.norm) == (other.ways, other.shots, &other.norm)
    }
}

/// What is said where no temperature goes with a support, of a run in some folder.
pub fn none(run: &str, settings: &Settings, shots: &[usize]) -> String {
    let plain = "none: probabilities are as the model gives them";
    if settings.algorithm.sequences(settings).is_some() {
        return plain.into();
    }
    let (run, ways, usual) = (shown(run), settings.ways(), mean(shots).round());
    format!("{plain}; to fit some: fewshot evaluate {run} --calibrate --ways {ways} --shots {usual}")
}

fn mean(shots: &[usize]) -> f64 {
    shots.iter().sum::<usize>() as f64 / shots.len().max(1) as f64
}

fn in_words(shots: &[usize]) -> String {
    let (least, most) = (shots.iter().min().unwrap_or(&0), shots.iter().max().unwrap_or(&0));
    match (least == most, least) {
        (true, 1) => "1 shot".into(),
        (true, _) => format!("{least} shots"),
        (false, _) => format!("{least} to {most} shots"),
    }
}

/// Those of a run, for weights of so many iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Temperatures {
    temperatures: Vec<Temperature>,
}

impl Temperatures {
    /// Those in the folder of a run that belong to its weights; none where there is no file.
    pub fn read(dir: &Path, iterations: u64) -> Result<Temperatures, Error> {
        let text = match files::read(&dir.join(TEMPERATURES), LARGEST_TEXT) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Temperatures::default()),
            read => read.map_err(|error| damaged(dir, error))?,
        };
        let read: Temperatures = serde_json::from_str(&text).map_err(|error| damaged(dir, error))?;
        let checked: Result<Vec<Temperature>, String> =
            read.temperatures.into_iter().map(Temperature::checked).collect();
        let mut temperatures = checked.map_err(|cause| damaged(dir, cause))?;
        temperatures.retain(|fitted| fitted.iterations == iterations);
        Ok(Temperatures { temperatures })
    }

    /// The one for the ways and the norm of these settings whose shots are nearest to those of a support, of equally near ones that of fewer; none
    /// where no temperature is of these ways.
    pub fn nearest(&self, settings: &Settings, shots: &[usize]) -> Option<Temperature> {
        let norm = norm::name(settings.policy());
        let fits = |fitted: &&Temperature| fitted.ways == settings.ways() && fitted.norm == norm;
        let far = |fitted: &Temperature| (fitted.shots as f64 / mean(shots)).ln().abs();
        let order = |a: &&Temperature, b: &&Temperature| {
            far(a).total_cmp(&far(b)).then_with(|| a.shots.cmp(&b.shots))
        };
        self.temperatures.iter().filter(fits).min_by(order).cloned()
    }

    /// The one for the very ways, shots and norm of these settings.
    pub fn exact(&self, settings: &Settings) -> Option<Temperature> {
        self.nearest(settings, &[settings.shots]).filter(|fitted| fitted.shots == settings.shots)
    }

    /// Those with a new one, which takes the place of one for the same ways, shots and norm.
    pub fn with(mut self, new: Temperature) -> Temperatures {
        self.temperatures.retain(|kept| !kept.is_as(&new));
        self.temperatures.push(new);
        self.temperatures.sort_by(|a, b| (a.ways, a.shots, &a.norm).cmp(&(b.ways, b.shots, &b.norm)));
        self
    }

    /// Writes the file.
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(TEMPERATURES);
        let json = serde_json::to_string_pretty(self).expect("numbers and names have a form in JSON");
        files::write(&path, format!("{json}\n").as_bytes()).map_err(|error| {
            Error::Write(format!("{}: {error}; let the folder be written to", path.display()))
        })
    }
}

fn damaged(dir: &Path, cause: impl ToString) -> Error {
    let cause = one_line(cause);
    let way_out = "remove it, and fit anew with fewshot evaluate --calibrate";
    Error::Run { path: dir.to_owned(), cause: format!("{TEMPERATURES} is damaged ({cause}); {way_out}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn fitted(ways: usize, shots: usize, temperature: f64) -> Temperature {
        let norm = "running".into();
        Temperature { temperature, ways, shots, episodes: 200, seed: 1, norm, iterations: 9 }
    }

    fn settings(ways: usize) -> Settings {
        let text = format!("ways = {ways}\nnorm = 'running'");
        Settings::resolve(&Options(text.parse().unwrap())).unwrap()
    }

    #[test]
    fn the_nearest_shots_of_the_same_ways_are_taken() {
        let kept = [fitted(5, 1, 1.5), fitted(5, 5, 2.5), fitted(20, 2, 9.0)]
            .into_iter()
            .fold(Temperatures::default(), Temperatures::with);
        let taken = |ways, shots: &[usize]| {
            kept.nearest(&settings(ways), shots).map(|fitted| (fitted.temperature, fitted.for_shots(shots)))
        };
        let exact = taken(5, &[5; 5]).unwrap();
        assert_eq!(exact, (2.5, "temperature 2.5000 of 200 validation episodes, 5-way 5-shot".into()));
        let (temperature, words) = taken(5, &[1, 2, 1, 1, 1]).unwrap();
        assert!(
            temperature == 1.5 && words.contains("nearest kept to this support of 1 to 2 shots"),
            "{words}"
        );
        assert_eq!(taken(5, &[3; 5]).unwrap().0, 2.5, "5 shots are 1.7 times 3, and 3 are 3 times 1");
        assert_eq!(taken(20, &[5; 20]).unwrap().0, 9.0);
        assert_eq!(taken(4, &[5; 4]), None);
        let mut shots = settings(5);
        shots.set("shots", 5).unwrap();
        assert_eq!(kept.exact(&shots).unwrap().temperature, 2.5);
        shots.set("shots", 4).unwrap();
        assert_eq!(kept.exact(&shots), None);
        let mut others = settings(5);
        others.set("norm", "support").unwrap();
        assert_eq!(kept.nearest(&others, &[5; 5]), None, "a norm changes the logits");
    }

    #[test]
    fn a_file_gives_back_what_belongs_to_the_weights() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Temperatures::read(folder.path(), 9).unwrap(), Temperatures::default());
        let old = Temperatures::default().with(fitted(5, 1, 1.5));
        let kept = old.with(fitted(5, 1, 2.0)).with(Temperature { iterations: 8, ..fitted(5, 5, 3.0) });
        kept.write(folder.path()).unwrap();
        let read = Temperatures::read(folder.path(), 9).unwrap();
        assert_eq!(read, Temperatures::default().with(fitted(5, 1, 2.0)));
        for text in ["", "{}", "{\"temperatures\": [{\"temperature\": -1}]}"] {
            std::fs::write(folder.path().join(TEMPERATURES), text).unwrap();
            let said = Temperatures::read(folder.path(), 9).unwrap_err().to_string();
            assert!(said.contains("calibration.json is damaged") && said.contains("remove it"), "{said}");
        }
        assert!(Temperature::of(&fitted(5, 1, -1.0).json()).is_err());
    }
}

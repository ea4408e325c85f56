//! What the folder of a run keeps beside its weights: the settings and the division of the classes, to which the weights must belong.

use std::fs;
use std::path::{Path, PathBuf};

use fewshot_meta::Checkpoint;

use crate::changes::Changes;
use crate::config::{self, Written};
use crate::config_place;
use crate::data::Source;
use crate::division::Division;
use crate::error::Error;
use crate::files;
use crate::fingerprint::checksum;
use crate::loaded::Loaded;
use crate::report::note;
use crate::run_files::{CONFIG, DIVISION, LARGEST_TEXT};
use crate::settings::Settings;
use crate::trained;

/// Settings and division in a folder.
pub struct Kept {
    pub settings: Settings,
    written: Written,
    division: Option<(Division, String)>,
    dir: PathBuf,
}

/// How the classes of a run are divided.
pub enum Dividing {
    /// As its folder says.
    Known(Division),
    /// As nothing says any more but by a checksum.
    Missing(Missing),
    /// By settings and data: these have no classes, or an earlier version wrote the run.
    Unkept,
}

/// A division whose file is missing.
pub struct Missing {
    checksum: String,
    dir: PathBuf,
}

impl Kept {
    /// Reads them; a run of an earlier version has no division.
    pub fn read(dir: &Path) -> Result<Kept, Error> {
        trained::is_run(dir)?;
        let path = dir.join(CONFIG);
        let written = config::read_written(&path)?;
        let settings = Settings::resolve(&written.options)
            .map_err(|error| config_place::refused(error, path, written.end()))?;
        Ok(Kept { settings, written, division: division(dir)?, dir: dir.to_owned() })
    }

    /// A file of weights, known to be of this run, and the iterations they were trained for.
    pub fn checkpoint(&self, path: &Path) -> Result<(Checkpoint, u64), Error> {
        let checkpoint = Checkpoint::read(path).map_err(|error| Error::Model(error.to_string()))?;
        let foreign = |cause: String| Error::Model(format!("{}: {cause}", path.display()));
        let metadata = checkpoint.metadata();
        let iterations = config::iteration(metadata).ok_or_else(|| {
            foreign("was not written by fewshot train; give a folder of fewshot train".into())
        })?;
        if let Some(cut) = self.written.cut(metadata, &self.settings) {
            let dir = self.dir.display();
            let cause = format!("{cut}; put it back, or begin anew with --out {dir} --overwrite");
            return Err(Error::Config { path: self.dir.join(CONFIG), cause });
        }
        if let Some((key, model, beside)) = config::difference(metadata, &self.settings) {
            return Err(foreign(format!(
                "is of another run than {CONFIG} beside it: {key} is {model} in one and {beside} in the other; put the files of one run together"
            )));
        }
        // models of an earlier version name none, and to answer about pictures none is needed
        match (config::division(metadata), &self.division) {
            (Some(model), Some((_, beside))) if model != beside => Err(foreign(format!(
                "is of another run than {DIVISION} beside it; put the files of one run together"
            ))),
            _ => Ok((checkpoint, iterations)),
        }
    }

    /// The division that these weights were trained by.
    pub fn dividing(self, checkpoint: &Checkpoint) -> Dividing {
        match (self.division, config::division(checkpoint.metadata())) {
            (Some((division, _)), _) => Dividing::Known(division),
            (None, Some(checksum)) => {
                Dividing::Missing(Missing { checksum: checksum.clone(), dir: self.dir })
            }
            (None, None) => Dividing::Unkept,
        }
    }

    /// The checksum of the division, if there is one.
    pub fn checksum(&self) -> Option<&str> {
        self.division.as_ref().map(|(_, checksum)| checksum.as_str())
    }
}

/// The division in a folder, if there is one, and its checksum, which the models of the run name.
fn division(dir: &Path) -> Result<Option<(Division, String)>, Error> {
    let path = dir.join(DIVISION);
    if fs::symlink_metadata(&path).is_err() {
        return Ok(None);
    }
    let wrong = |cause: String| Error::Run {
        path: dir.to_owned(),
        cause: format!(
            "{DIVISION}: {cause}; put the file of the run back, or remove it: it is derived again from data that have not changed"
        ),
    };
    let text = files::read(&path, LARGEST_TEXT).map_err(|error| wrong(error.to_string()))?;
    let division = Division::parse(&text).map_err(wrong)?;
    Ok(Some((division, checksum(&text))))
}

impl Missing {
    /// Data that are divided anew, if they and their division are those that the run began with.
    pub fn derived(&self, loaded: Loaded, settings: &Settings) -> Result<(Source, Option<Changes>), Error> {
        let source = loaded.divided(settings)?;
        let derived = source.division(settings).map(|division| checksum(&division.text()));
        if derived.as_ref() != Some(&self.checksum) {
            let config = self.dir.join(CONFIG);
            return Err(Error::Run {
                path: self.dir.clone(),
                cause: format!(
                    "has no {DIVISION}, which says what its classes are for, and it cannot be derived from data that have changed since; \
                     put it back, or the data as they were, or begin anew with --config {} --out NEW_FOLDER",
                    config.display()
                ),
            });
        }
        note(format!("note: {DIVISION} is missing; the data are those of the run, and divided as they were"));
        Ok((source, Some(Changes::default())))
    }
}

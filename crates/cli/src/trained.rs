//! The folder of a run as it is read: settings, division and model, known to be of one run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fewshot_meta::{Checkpoint, Meta};

use crate::algorithm::Algorithm;
use crate::args::Part;
use crate::beginning;
use crate::changes::Changes;
use crate::config;
use crate::data::Source;
use crate::division::Division;
use crate::error::Error;
use crate::files;
use crate::fingerprint::checksum;
use crate::learner;
use crate::report::note;
use crate::run_files::{ALL, CONFIG, DIVISION, LARGEST_TEXT, MODEL};
use crate::settings::Settings;

/// How often a folder is read that changes meanwhile.
const ATTEMPTS: usize = 5;

/// What a run has learned.
pub struct Trained {
    /// The settings it was trained with.
    pub settings: Settings,
    /// Its division, if it has classes and is not of an earlier version, or that it is missing.
    division: Result<Option<Division>, Error>,
    /// What was learned.
    pub meta: Meta,
    /// For how many iterations.
    pub iterations: u64,
}

impl Trained {
    /// Reads a folder. Another process may write there meanwhile: what is read is of one moment.
    pub fn read(dir: &Path) -> Result<Trained, Error> {
        let state = || [CONFIG, DIVISION].map(|name| files::read(&dir.join(name), LARGEST_TEXT).ok());
        for _ in 1..ATTEMPTS {
            beginning::settled(dir)?;
            let before = state();
            let read = Trained::attempt(dir);
            if read.is_ok() || state() == before {
                return read;
            }
        }
        beginning::settled(dir)?;
        Trained::attempt(dir)
    }

    fn attempt(dir: &Path) -> Result<Trained, Error> {
        let settings = settings(dir)?;
        let kept = Kept::read(dir)?;
        let path = dir.join(MODEL);
        let (checkpoint, iterations) = checkpoint(&path, &settings, &kept)?;
        let outputs = match settings.algorithm() {
            Algorithm::Pretrain => config::outputs(checkpoint.metadata()).ok_or_else(|| {
                Error::Model(format!(
                    "{}: does not say how many classes it was trained on; give a folder of fewshot train",
                    path.display()
                ))
            })?,
            _ => 1,
        };
        let meta = checkpoint.meta(&*learner::trained(&settings, outputs));
        let meta = meta.map_err(|error| Error::Model(error.to_string()))?;
        let complete = kept.is_there_for(&checkpoint);
        Ok(Trained { settings, division: complete.map(|()| kept.division), meta, iterations })
    }

    /// The data of these settings, divided as those of the run; what has changed since is said.
    pub fn source(self, settings: &Settings) -> Result<Source, Error> {
        let (source, changes) = Source::load_again(settings, self.division?.as_ref())?;
        match changes {
            None => note("note: no class of the run is there: these are other data, and divided anew"),
            Some(changes) => said(changes.words()),
        }
        Ok(source)
    }
}

/// The settings of a run.
pub fn settings(dir: &Path) -> Result<Settings, Error> {
    is_run(dir)?;
    let path = dir.join(CONFIG);
    Settings::resolve(&config::read(&path)?).map_err(|error| Error::Config { path, cause: error.to_string() })
}

/// Checks that a folder holds a run.
pub fn is_run(dir: &Path) -> Result<(), Error> {
    let wrong = |cause: &str| Error::Run { path: dir.to_owned(), cause: cause.into() };
    if !dir.is_dir() {
        return Err(wrong("there is no such folder; give the --out of a fewshot train"));
    }
    let has = |name: &&str| dir.join(name).is_file();
    if !has(&CONFIG) && ALL.iter().any(|name| has(&name)) {
        return Err(wrong(&format!(
            "has no {CONFIG}; put the file back, or begin the run again with --overwrite"
        )));
    }
    if !has(&CONFIG) && beginning::is_begun_in_part(dir) {
        return Err(wrong(
            "holds no run: one was ended in the moment in which it began; begin it again with --out",
        ));
    }
    for name in [CONFIG, MODEL] {
        if !dir.join(name).is_file() {
            return Err(wrong(&format!("has no {name}; give the --out of a fewshot train")));
        }
    }
    Ok(())
}

/// The division in a folder.
pub struct Kept {
    pub division: Option<Division>,
    /// What models of the run say of it.
    pub checksum: Option<String>,
    dir: PathBuf,
}

impl Kept {
    /// Reads it; a run of an earlier version has none.
    pub fn read(dir: &Path) -> Result<Kept, Error> {
        let path = dir.join(DIVISION);
        if fs::symlink_metadata(&path).is_err() {
            return Ok(Kept { division: None, checksum: None, dir: dir.to_owned() });
        }
        let wrong = |cause: String| Error::Run {
            path: dir.to_owned(),
            cause: format!("{DIVISION}: {cause}; put the file of the run back, or begin anew with --config"),
        };
        let text = files::read(&path, LARGEST_TEXT).map_err(|error| wrong(error.to_string()))?;
        let division = Division::parse(&text).map_err(wrong)?;
        Ok(Kept { division: Some(division), checksum: Some(checksum(&text)), dir: dir.to_owned() })
    }

    /// Checks that a model is of this division. Those of an earlier version name none, and to answer about pictures none is needed.
    fn belongs_to(&self, metadata: &BTreeMap<String, String>) -> Result<(), String> {
        match (config::division(metadata), &self.checksum) {
            (Some(model), Some(beside)) if model != beside => {
                Err(format!("is of another run than {DIVISION} beside it; put the files of one run together"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the division is there which a model names.
    pub fn is_there_for(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        match (config::division(checkpoint.metadata()), &self.division) {
            (Some(_), None) => Err(Error::Run {
                path: self.dir.clone(),
                cause: format!("has no {DIVISION}, which says what its classes are for; put it back"),
            }),
            _ => Ok(()),
        }
    }
}

/// A file of weights, known to be of this run, and the iterations they were trained for.
pub fn checkpoint(path: &Path, settings: &Settings, kept: &Kept) -> Result<(Checkpoint, u64), Error> {
    let checkpoint = Checkpoint::read(path).map_err(|error| Error::Model(error.to_string()))?;
    let foreign = |cause: String| Error::Model(format!("{}: {cause}", path.display()));
    let iterations = config::iteration(checkpoint.metadata())
        .ok_or_else(|| foreign("was not written by fewshot train; give a folder of fewshot train".into()))?;
    if let Some((key, model, beside)) = config::difference(checkpoint.metadata(), settings) {
        return Err(foreign(format!(
            "is of another run than {CONFIG} beside it: {key} is {model} in one and {beside} in the other; put the files of one run together"
        )));
    }
    kept.belongs_to(checkpoint.metadata()).map_err(foreign)?;
    Ok((checkpoint, iterations))
}

/// The data of a run that goes on, divided as it has them. Where classes that training sees have changed, it would be another run.
pub fn unchanged(dir: &Path, settings: &Settings, division: Option<&Division>) -> Result<Source, Error> {
    let (source, changes) = Source::load_again(settings, division)?;
    let concerns = |changes: &Changes| {
        let chosen = settings.validate_every.is_some() && changes.concern(Part::Validation);
        chosen || changes.concern(Part::Train)
    };
    let refused = match changes {
        Some(changes) if !concerns(&changes) => {
            said(changes.words());
            return Ok(source);
        }
        Some(changes) => changes.words().unwrap_or_default(),
        None => "no class of the run is there".into(),
    };
    Err(Error::Run {
        path: dir.to_owned(),
        cause: format!(
            "its data have changed since it began: {refused}; put back what it was trained on, or begin anew with --config {} --out NEW_FOLDER",
            dir.join(CONFIG).display()
        ),
    })
}

fn said(changes: Option<String>) {
    changes
        .into_iter()
        .for_each(|words| note(format!("note: the data have changed since the run began: {words}")));
}

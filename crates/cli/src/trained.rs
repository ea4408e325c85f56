//! The folder of a run as it is read: settings, division and model, known to be of one run.

use std::path::Path;

use fewshot_meta::Meta;

use crate::args::Part;
use crate::beginning;
use crate::changes::Changes;
use crate::config;
use crate::data::Source;
use crate::error::Error;
use crate::files;
use crate::kept::{Dividing, Kept};
use crate::report::warn;
use crate::run_files::{ALL, CONFIG, DIVISION, LARGEST_TEXT, MODEL};
use crate::settings::Settings;

/// How often a folder is read that changes meanwhile.
const ATTEMPTS: usize = 5;

/// What a run has learned.
pub struct Trained {
    /// The settings it was trained with.
    pub settings: Settings,
    /// How its classes are divided.
    dividing: Dividing,
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
        let kept = Kept::read(dir)?;
        let path = dir.join(MODEL);
        let (checkpoint, iterations) = kept.checkpoint(&path)?;
        let settings = kept.settings.clone();
        let outputs = match settings.algorithm.saves_outputs() {
            true => config::outputs(checkpoint.metadata()).ok_or_else(|| {
                Error::Model(format!(
                    "{}: does not say how many classes it was trained on; give a folder of fewshot train",
                    path.display()
                ))
            })?,
            false => 1,
        };
        let meta = checkpoint.meta(&*settings.algorithm.trained(&settings, outputs));
        let meta = meta.map_err(|error| Error::Model(error.to_string()))?;
        let dividing = kept.dividing(&checkpoint);
        Ok(Trained { settings, dividing, meta, iterations })
    }

    /// Whether its training classes are those of a run on these data.
    pub fn is_divided_as(&self, source: &Source, settings: &Settings) -> bool {
        let rotations = |settings: &Settings| settings.classes.as_ref().map(|classes| classes.rotations);
        let same = match (&self.dividing, source.division(settings)) {
            (Dividing::Known(own), Some(other)) => own.trains_on_the_same(&other),
            _ => true,
        };
        same && rotations(&self.settings) == rotations(settings)
    }

    /// The data of these settings, divided as those of the run; what has changed since is said.
    pub fn source(self, settings: &Settings) -> Result<Source, Error> {
        let (source, changes) = Source::load_again(settings, &self.dividing, self.settings.data.name())?;
        match changes {
            None => warn("note: no class of the run is there: these are other data, and divided anew"),
            Some(changes) => said(changes.words()),
        }
        Ok(source)
    }
}

/// Checks that a folder holds a run.
pub fn is_run(dir: &Path) -> Result<(), Error> {
    let wrong = |cause: &str| Error::Run { path: dir.to_owned(), cause: cause.into() };
    if !dir.is_dir() {
        return Err(wrong("there is no such folder; give the --out of a fewshot train"));
    }
    let has = |name: &&str| dir.join(name).is_file();
    if !has(&CONFIG) && ALL.iter().any(has) {
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

/// The data of a run that goes on, divided as it has them. Where classes that training sees have changed, it would be another run; and
/// where it is said that the data have moved, they have to be the same.
pub fn unchanged(
    dir: &Path,
    settings: &Settings,
    dividing: &Dividing,
    have_moved: bool,
) -> Result<Source, Error> {
    let (source, changes) = Source::load_again(settings, dividing, settings.data.name())?;
    let concerns = |changes: &Changes| {
        let chosen = settings.validate_every.is_some() && changes.concern(Part::Validation);
        chosen || changes.concern(Part::Train) || (have_moved && changes.words().is_some())
    };
    let refused = match changes {
        Some(changes) if !concerns(&changes) => {
            said(changes.words());
            return Ok(source);
        }
        Some(changes) => changes.words().unwrap_or_default(),
        None => "no class of the run is there".into(),
    };
    let (which, back) = match have_moved {
        true => ("the data of --data are not those it began with", "give those"),
        false => ("its data have changed since it began", "put back what it was trained on"),
    };
    Err(Error::Run {
        path: dir.to_owned(),
        cause: format!(
            "{which}: {refused}; {back}, or begin anew with --config {} --out NEW_FOLDER",
            dir.join(CONFIG).display()
        ),
    })
}

fn said(changes: Option<String>) {
    changes
        .into_iter()
        .for_each(|words| warn(format!("note: the data have changed since the run began: {words}")));
}

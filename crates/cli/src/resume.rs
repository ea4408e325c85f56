//! `fewshot train --resume`: where a run stands.

use std::path::{Path, PathBuf};

use fewshot_episodes::names::shown_path;
use fewshot_meta::{Checkpoint, Learner, Progress};
use fewshot_nn::Optimizer;

use crate::beginning;
use crate::data::Source;
use crate::error::Error;
use crate::kept::{Dividing, Kept};
use crate::lock::Lock;
use crate::opening;
use crate::options::Options;
use crate::places::Data;
use crate::run_files::PROGRESS;
use crate::settings::Settings;
use crate::trained;

/// A run that goes on, in a folder that is locked from here on.
pub struct Resumed {
    pub dir: PathBuf,
    /// Its settings, with other iterations if asked for.
    pub settings: Settings,
    pub lock: Lock,
    /// How its classes are divided.
    dividing: Dividing,
    /// Whether its data are elsewhere than they were.
    have_moved: bool,
    /// The checksum of the division it keeps, if it keeps one.
    pub division: Option<String>,
    checkpoint: Checkpoint,
    done: u64,
}

impl Resumed {
    /// Reads where the run in a folder stands.
    pub fn read(dir: &Path, options: &Options) -> Result<Resumed, Error> {
        let free = ["iterations", "data", "algorithm"];
        if let Some(other) = options.0.keys().find(|option| !free.contains(&option.as_str())) {
            return Err(Error::Combination(format!(
                "--resume --{other}: a run goes on with its own settings; leave --{other} out, or begin another run with --config"
            )));
        }
        beginning::settled(dir)?;
        trained::is_run(dir)?;
        let lock = opening::lock(dir)?;
        let kept = Kept::read(dir)?;
        let path = dir.join(PROGRESS);
        if !path.is_file() {
            return Err(Error::Model(format!(
                "{}: there is none: the run ended before its first save, or is of an earlier version; begin anew with --config",
                path.display()
            )));
        }
        if let Some(other) = options.text("algorithm").filter(|other| *other != kept.settings.name()) {
            let cause = format!("is of {}; leave {other} out", kept.settings.name());
            return Err(Error::Run { path: dir.to_owned(), cause });
        }
        let (checkpoint, done) = kept.checkpoint(&path)?;
        let mut settings = kept.settings.clone();
        if let Some(iterations) = options.get("iterations") {
            settings.set("iterations", iterations.clone())?;
        }
        if settings.iterations < done {
            let way_out = format!("the run has done {done} already; ask for more");
            return Err(Error::option("iterations", settings.iterations, way_out));
        }
        let (division, dir) = (kept.checksum().map(str::to_owned), dir.to_owned());
        let dividing = kept.dividing(&checkpoint);
        let moved_to: Option<Data> = options.read("data");
        if let Some(data) = &moved_to {
            moved(data, &settings, &dividing)?;
            settings.set("data", data.to_string())?;
        }
        let have_moved = moved_to.is_some();
        Ok(Resumed { dir, settings, lock, dividing, have_moved, division, checkpoint, done })
    }

    /// Its data, which must be those it was trained on.
    pub fn source(&self) -> Result<Source, Error> {
        trained::unchanged(&self.dir, &self.settings, &self.dividing, self.have_moved)
    }

    /// Where it stands, for its learner and outer optimiser; nothing where it has not begun.
    pub fn progress(
        &self,
        learner: &dyn Learner,
        optimizer: &dyn Optimizer,
    ) -> Result<Option<Progress>, Error> {
        if self.done == 0 {
            return Ok(None);
        }
        let progress = self.checkpoint.progress(learner, optimizer);
        progress.map(Some).map_err(|error| Error::Model(error.to_string()))
    }
}

/// Checks that data from elsewhere can be compared with those of a run.
fn moved(data: &Data, settings: &Settings, dividing: &Dividing) -> Result<(), Error> {
    let (kind, own) = (data.name(), settings.data.name());
    if kind != own {
        let place = if settings.data.place().is_some() { ":NEW" } else { "" };
        let way_out =
            format!("the run goes on with its own data, which are {own}; give {own}{place}, or leave it out");
        return Err(Error::option("data", data, way_out));
    }
    if let (Dividing::Unkept, Some(place)) = (dividing, settings.data.place()) {
        let cause = format!(
            "the run keeps nothing to know its data by (an earlier version wrote it); let them lie at {}, and leave it out",
            shown_path(place)
        );
        return Err(Error::option("data", data, cause));
    }
    Ok(())
}

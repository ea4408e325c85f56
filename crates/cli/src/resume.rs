//! `fewshot train --resume`: where a run stands.

use std::path::{Path, PathBuf};

use fewshot_meta::{Checkpoint, Learner, Progress};
use fewshot_nn::Optimizer;

use crate::beginning;
use crate::data::Source;
use crate::error::Error;
use crate::lock::Lock;
use crate::opening;
use crate::options::Options;
use crate::run_files::PROGRESS;
use crate::settings::Settings;
use crate::trained::{self, Kept};

/// A run that goes on, in a folder that is locked from here on.
pub struct Resumed {
    pub dir: PathBuf,
    /// Its settings, with other iterations if asked for.
    pub settings: Settings,
    pub lock: Lock,
    /// The division it keeps, if it is not of an earlier version.
    pub kept: Kept,
    checkpoint: Checkpoint,
    done: u64,
}

impl Resumed {
    /// Reads where the run in a folder stands.
    pub fn read(dir: &Path, options: &Options) -> Result<Resumed, Error> {
        if let Some(other) = options.given().into_iter().find(|option| option != "iterations") {
            return Err(Error::Combination(format!(
                "--resume --{other}: a run goes on with its own settings; leave --{other} out, or begin another run with --config"
            )));
        }
        beginning::settled(dir)?;
        trained::is_run(dir)?;
        let lock = opening::lock(dir)?;
        let own = trained::settings(dir)?;
        let kept = Kept::read(dir)?;
        let path = dir.join(PROGRESS);
        if !path.is_file() {
            return Err(Error::Model(format!(
                "{}: there is none: the run ended before its first save, or is of an earlier version; begin anew with --config",
                path.display()
            )));
        }
        let (checkpoint, done) = trained::checkpoint(&path, &own, &kept)?;
        kept.is_there_for(&checkpoint)?;
        let settings = Settings { iterations: options.iterations.unwrap_or(own.iterations), ..own };
        if settings.iterations < done {
            let way_out = format!("the run has done {done} already; ask for more");
            return Err(Error::option("iterations", settings.iterations, way_out));
        }
        Ok(Resumed { dir: dir.to_owned(), settings, lock, kept, checkpoint, done })
    }

    /// Its data, which must be those it was trained on.
    pub fn source(&self) -> Result<Source, Error> {
        trained::unchanged(&self.dir, &self.settings, self.kept.division.as_ref())
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

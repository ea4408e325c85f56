//! `fewshot train --resume`: where a run stands.

use std::path::Path;

use fewshot_meta::{Checkpoint, Learner};
use fewshot_nn::Optimizer;

use crate::config;
use crate::error::Error;
use crate::evaluate;
use crate::options::Options;
use crate::run_dir::PROGRESS;
use crate::settings::Settings;

/// The settings of the run in a folder, with other iterations if asked for.
pub fn settings(dir: &Path, options: &Options) -> Result<Settings, Error> {
    if let Some(other) = options.given().into_iter().find(|option| option != "iterations") {
        return Err(Error::Combination(format!(
            "--resume --{other}: a run goes on with its own settings; leave --{other} out, or begin another run with --config"
        )));
    }
    let own = evaluate::settings(dir)?;
    let path = dir.join(PROGRESS);
    let wrong = |cause: String| Error::Model(format!("{}: {cause}", path.display()));
    if !path.is_file() {
        return Err(wrong(
            "there is none: the run ended before its first save, or is of an earlier version; begin anew with --config"
                .into(),
        ));
    }
    let checkpoint = Checkpoint::read(&path).map_err(|error| Error::Model(error.to_string()))?;
    if let Some((key, saved, beside)) = config::difference(checkpoint.metadata(), &own) {
        return Err(wrong(format!(
            "is of another run than the settings beside it: {key} is {saved} in one and {beside} in the other; put the files of one run together"
        )));
    }
    let done = config::iteration(checkpoint.metadata()).unwrap_or(0);
    let settings = Settings { iterations: options.iterations.unwrap_or(own.iterations), ..own };
    if settings.iterations < done {
        let way_out = format!("the run has done {done} already; ask for more");
        return Err(Error::option("iterations", settings.iterations, way_out));
    }
    Ok(settings)
}

/// Where the run stands, for its learner and outer optimiser.
pub fn progress(
    dir: &Path,
    learner: &dyn Learner,
    optimizer: &dyn Optimizer,
) -> Result<fewshot_meta::Progress, Error> {
    Checkpoint::read(&dir.join(PROGRESS))
        .and_then(|checkpoint| checkpoint.progress(learner, optimizer))
        .map_err(|error| Error::Model(error.to_string()))
}

//! A run as it is listed.

use std::fs;
use std::path::{Path, PathBuf};

use fewshot_episodes::names::from_os;
use serde::{Deserialize, Serialize};

use super::date;
use crate::beginning;
use crate::error::{Error, one_line};
use crate::files;
use crate::kept::Kept;
use crate::run_files::{CONFIG, LARGEST_TEXT, METRICS, MODEL, PROGRESS, RESULT};

/// How often a folder is read that changes meanwhile.
const ATTEMPTS: usize = 3;

/// What is told of a run; with `--json` under these names, the result's among them.
#[derive(Debug, Default, Serialize)]
pub struct Listed {
    /// Path below the folder that is listed.
    pub name: String,
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    pub status: Status,
    pub algorithm: Option<String>,
    /// Kind of data.
    pub data: Option<String>,
    /// Classes of a test episode.
    pub ways: Option<usize>,
    /// Labelled examples per class of a test episode.
    pub shots: Option<usize>,
    /// Iterations done.
    pub iterations: Option<u64>,
    /// Iterations asked for.
    pub asked: Option<u64>,
    /// Test result at the end of training.
    pub result: Option<Outcome>,
    /// When it was written last, in UTC.
    pub modified: Option<String>,
    /// What is wrong with its folder.
    pub error: Option<String>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Trained as long as asked, or measured after it ended early by itself.
    Finished,
    /// Ended early, or still going on.
    Unfinished,
    /// Not readable.
    #[default]
    Damaged,
}

/// A result as `fewshot evaluate --json` prints it; accuracies in per cent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    metric: String,
    /// Mean over test episodes.
    pub value: f64,
    /// Half the width of the 95 % interval.
    interval: f64,
    unit: Option<String>,
    #[serde(alias = "sequences")]
    episodes: Option<u64>,
    seed: Option<u64>,
    /// Outer updates of the weights that were measured.
    iterations: u64,
}

impl Outcome {
    /// Whether more is better.
    pub fn is_accuracy(&self) -> bool {
        self.metric == "accuracy"
    }

    /// The figure in words, with the name of a metric that is not understood.
    pub fn figure(&self, metric: bool) -> String {
        let Outcome { value, interval, .. } = self;
        match (self.is_accuracy(), metric) {
            (true, _) => format!("{value:.2} ± {interval:.2} %"),
            (false, true) => format!("{} {value:.3} ± {interval:.3}", self.metric),
            (false, false) => format!("{value:.3} ± {interval:.3}"),
        }
    }

    /// The result in a folder of weights after `iterations`; none where there is no file, or it is of other weights.
    fn read(dir: &Path, iterations: u64) -> Result<Option<Outcome>, String> {
        let path = dir.join(RESULT);
        if fs::symlink_metadata(&path).is_err() {
            return Ok(None);
        }
        let wrong = |error: String| {
            format!("{RESULT}: {error}; remove it, and measure the run with fewshot evaluate")
        };
        let text = files::read(&path, LARGEST_TEXT).map_err(|error| wrong(error.to_string()))?;
        let read: Outcome = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Ok(Some(read).filter(|read| read.iterations == iterations))
    }

    #[cfg(test)]
    pub fn test(metric: &str, value: f64) -> Outcome {
        let metric = metric.to_owned();
        Outcome { metric, value, interval: 0.5, unit: None, episodes: None, seed: None, iterations: 1 }
    }
}

impl Listed {
    /// Reads a folder below another. What is wrong with it is part of what is told.
    pub fn read(below: &Path, path: PathBuf) -> Listed {
        let mut read = Listed::attempt(&path);
        // another process may be writing there
        for _ in 1..ATTEMPTS {
            if read.is_err() {
                read = Listed::attempt(&path);
            }
        }
        let listed =
            read.unwrap_or_else(|error| Listed { error: Some(one_line(error)), ..Listed::default() });
        let name = match path.strip_prefix(below) {
            Ok(rest) if rest.as_os_str().is_empty() => path.as_path(),
            Ok(rest) => rest,
            Err(_) => &path,
        };
        Listed { name: from_os(name.as_os_str()), modified: modified(&path), path, ..listed }
    }

    fn attempt(dir: &Path) -> Result<Listed, Error> {
        beginning::settled(dir)?;
        let kept = Kept::read(dir)?;
        let (_, weights) = kept.checkpoint(&dir.join(MODEL))?;
        let progress = dir.join(PROGRESS);
        let done = if progress.is_file() { kept.checkpoint(&progress)?.1 } else { weights };
        let (result, error) = match Outcome::read(dir, weights) {
            Ok(result) => (result, None),
            Err(error) => (None, Some(error)),
        };
        let settings = &kept.settings;
        let ended = result.is_some() || done >= settings.iterations;
        Ok(Listed {
            status: if ended { Status::Finished } else { Status::Unfinished },
            algorithm: Some(settings.name().into()),
            data: Some(settings.data.name().into()),
            ways: settings.classes.as_ref().map(|classes| classes.ways),
            shots: settings.algorithm.sequences(settings).is_none().then_some(settings.shots),
            iterations: Some(done),
            asked: Some(settings.iterations),
            result,
            error,
            ..Listed::default()
        })
    }
}

/// When one of its files was written last.
fn modified(dir: &Path) -> Option<String> {
    let written = |name: &str| fs::metadata(dir.join(name)).ok()?.modified().ok();
    [CONFIG, MODEL, PROGRESS, METRICS, RESULT].into_iter().filter_map(written).max().map(date::utc)
}

fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&from_os(path.as_os_str()))
}

//! The logs of a run as they are drawn; what they lack is said, with what is not drawn for it.

use std::fmt::Display;
use std::path::Path;

use fewshot_episodes::names::shown_path;
use fewshot_meta::Checkpoint;

use crate::config;
use crate::files;
use crate::log::Good;
use crate::report;
use crate::run_files::{LARGEST_TEXT, METRICS, METRICS_HEADER, PROGRESS, VALIDATION};
use crate::trained::Trained;

/// Iterations that no run has.
const MOST: u64 = 1 << 60;

/// The lines of `metrics.csv` and of `validation.csv` that are good.
pub fn read(dir: &Path, run: &Trained) -> [String; 2] {
    // the model may be of an earlier iteration than the last; read before the log, which goes on where the run does
    let progress = Checkpoint::read(&dir.join(PROGRESS)).ok();
    let stands = progress.and_then(|progress| config::iteration(progress.metadata())).unwrap_or(0);
    let metrics = metrics(&dir.join(METRICS), stands.max(run.iterations));
    let validation = match run.settings.validate_every {
        Some(_) => validation(&dir.join(VALIDATION)),
        None => String::new(),
    };
    [metrics, validation]
}

fn warn(path: &Path, what: impl Display) {
    report::warn(format!("warning: {}: {what}", shown_path(path)));
}

/// The good lines of the log of losses of a run after `iterations` updates; what they lack is said.
fn metrics(path: &Path, iterations: u64) -> String {
    let good = match Good::read(path, METRICS_HEADER, iterations, MOST) {
        Ok(good) => good,
        Err(error) => {
            warn(path, format!("{error}: learning.svg is left out"));
            return String::new();
        }
    };
    match (&good.lacks, good.text.lines().count()) {
        (Some(lacks), ..2) => warn(path, format!("it lacks {lacks}: learning.svg is left out")),
        (Some(lacks), _) => warn(path, format!("it lacks {lacks}: learning.svg shows the others")),
        (None, ..2) => warn(path, "it has no iteration yet: learning.svg is left out"),
        (None, _) => {}
    }
    good.text
}

fn validation(path: &Path) -> String {
    let text = match files::read(path, LARGEST_TEXT) {
        Ok(text) => text,
        Err(error) => {
            warn(path, format!("{error}: what was seen on validation classes is not drawn"));
            return String::new();
        }
    };
    let is_good = |line: &&str| {
        let mut fields = line.split(',');
        let iteration = fields.next().is_some_and(|field| field.parse::<u64>().is_ok());
        iteration && (0..2).all(|_| fields.next().is_some_and(|field| field.parse::<f64>().is_ok()))
    };
    let header = text.lines().next().unwrap_or_default();
    let lines: Vec<&str> = text.lines().skip(1).filter(|line| !line.is_empty()).collect();
    let good: Vec<&str> = lines.iter().copied().filter(is_good).collect();
    match lines.len() - good.len() {
        _ if header.is_empty() => warn(path, "it is empty: what was seen on validation classes is not drawn"),
        0 => {}
        damaged => warn(path, format!("{damaged} damaged lines are not drawn")),
    }
    format!("{header}\n{}\n", good.join("\n"))
}

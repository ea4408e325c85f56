//! The files of a run, and how a new run begins with them.

use std::io;
use std::path::Path;

use crate::files;
use crate::log::Log;

/// Settings of the run. It is written last and removed first: a folder with it holds a whole run.
pub const CONFIG: &str = "config.toml";
/// Which classes are for what, and what the data were.
pub const DIVISION: &str = "division.json";
/// Weights, statistics and protocol.
pub const MODEL: &str = "model.safetensors";
/// Weights, statistics and the outer optimiser, to go on with.
pub const PROGRESS: &str = "progress.safetensors";
/// Loss and accuracy of each iteration.
pub const METRICS: &str = "metrics.csv";
/// Scores on validation classes, of a run that selects its weights.
pub const VALIDATION: &str = "validation.csv";
/// Seconds of training at each iteration, apart so that equal runs have equal metrics.
pub const TIMING: &str = "timing.csv";

/// Most bytes of what is read of a folder beside weights.
pub const LARGEST_TEXT: u64 = 1 << 27;

/// All of them, in the order in which they are removed.
pub const ALL: [&str; 7] = [CONFIG, PROGRESS, MODEL, VALIDATION, METRICS, TIMING, DIVISION];
/// What `fewshot plot` draws of a run.
const PLOTS: [&str; 8] = [
    "learning.svg",
    "instances.svg",
    "reads.svg",
    "episode.svg",
    "embedding.svg",
    "gates.svg",
    "steps.svg",
    "wave.svg",
];
/// A new model that shows that there is space for it, before anything is removed for it.
pub const STAGED: &str = "model.safetensors.new";

/// First line of the metrics.
pub const METRICS_HEADER: &str = "iteration,loss,accuracy";
/// First line of the seconds.
pub const TIMING_HEADER: &str = "iteration,seconds";

/// What a new run begins with.
pub struct Beginning<'a> {
    /// The text of its settings.
    pub config: &'a str,
    /// The text of its division, if it has classes.
    pub division: Option<&'a str>,
    /// Writes the untrained model.
    pub model: &'a dyn Fn(&Path) -> Result<(), String>,
    /// Writes that nothing is done yet.
    pub progress: &'a dyn Fn(&Path) -> Result<(), String>,
}

/// Puts a new run in place of what a folder holds of an old one.
pub fn fill(dir: &Path, beginning: &Beginning<'_>) -> Result<[Log; 2], String> {
    let said = |error: io::Error| error.to_string();
    clear_left_over(dir).map_err(said)?;
    let staged = dir.join(STAGED);
    files::write_by(&staged, beginning.model)?;
    for name in ALL.into_iter().chain(PLOTS) {
        files::remove(&dir.join(name)).map_err(|error| format!("{name}: {error}"))?;
        if name == CONFIG {
            files::sync_names(dir);
        }
    }
    files::rename(&staged, &dir.join(MODEL)).map_err(said)?;
    files::write_by(&dir.join(PROGRESS), beginning.progress)?;
    if let Some(division) = beginning.division {
        files::write(&dir.join(DIVISION), division.as_bytes()).map_err(said)?;
    }
    let metrics = Log::create(dir.join(METRICS), METRICS_HEADER).map_err(said)?;
    let timing = Log::create(dir.join(TIMING), TIMING_HEADER).map_err(said)?;
    files::sync_names(dir);
    files::write(&dir.join(CONFIG), beginning.config.as_bytes()).map_err(said)?;
    Ok([metrics, timing])
}

/// Removes what killed writes left.
pub fn clear_left_over(dir: &Path) -> io::Result<()> {
    let left = files::left_over(dir, &ALL)?.into_iter().chain([dir.join(STAGED)]);
    left.into_iter().try_for_each(|path| files::remove(&path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn nothing_of_an_old_run_stays_beside_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ALL.into_iter().chain(PLOTS).chain(["notes.txt", ".model.safetensors.aBcDeF.tmp"]) {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        let new = |path: &Path| fs::write(path, "new").map_err(|error| error.to_string());
        let beginning = Beginning { config: "new", division: None, model: &new, progress: &new };
        fill(folder.path(), &beginning).unwrap();
        let text = |entry: &fs::DirEntry| fs::read_to_string(entry.path()).unwrap();
        let entries = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let old: Vec<_> =
            entries.filter(|entry| text(entry) == "old").map(|entry| entry.file_name()).collect();
        assert_eq!(old, ["notes.txt"]);
        assert!(!folder.path().join(DIVISION).exists());
    }
}

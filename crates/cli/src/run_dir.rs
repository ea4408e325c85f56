//! The folder of a run (`--out`): what lies in it, and how it is written without losing anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fewshot_episodes::names::shown_path;

use crate::error::Error;
use crate::files;
use crate::lock::Lock;
use crate::log::Log;
use crate::report::{detail, note, warn};
use crate::run_files::{MODEL, PROGRESS, RESULT, VALIDATION};

/// An open run folder, of which no other process has one.
pub struct RunDir {
    dir: PathBuf,
    metrics: Log,
    timing: Log,
    /// Iteration of the weights in the model.
    saved: u64,
    seconds: f64,
    /// What could not be written the last time it was tried, by file.
    trouble: BTreeMap<&'static str, String>,
    _lock: Lock,
}

/// One finished iteration.
pub struct Record {
    /// Number of the iteration, from 1.
    pub iteration: u64,
    /// Mean query loss of its episodes.
    pub loss: f64,
    /// Share of right answers, for classification.
    pub accuracy: Option<f64>,
    /// Seconds since the start.
    pub seconds: f64,
}

impl RunDir {
    /// A folder whose files are in their places, and whose model and logs stand after these iterations and seconds.
    pub fn with(dir: &Path, lock: Lock, [metrics, timing]: [Log; 2], (saved, seconds): (u64, f64)) -> RunDir {
        let (dir, trouble) = (dir.to_owned(), BTreeMap::new());
        let place = std::path::absolute(&dir).unwrap_or(dir.clone());
        detail(format!("files       {}", shown_path(&place)));
        RunDir { dir, metrics, timing, saved, seconds, trouble, _lock: lock }
    }

    /// Seconds of training before this process.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Appends an iteration to the metrics. What cannot be written waits and does not end the run.
    pub fn record(&mut self, record: &Record) {
        let accuracy = record.accuracy.map(|accuracy| accuracy.to_string()).unwrap_or_default();
        self.metrics.line(&format!("{},{},{accuracy}", record.iteration, record.loss));
        self.timing.line(&format!("{},{:.3}", record.iteration, record.seconds));
        files::changed(());
    }

    /// Replaces the model. Failing is remembered and leaves the previous model in place.
    pub fn save(&mut self, iteration: u64, save: impl FnOnce(&Path) -> Result<(), String>) {
        if self.replace(MODEL, save) {
            self.saved = iteration;
        }
    }

    /// Replaces what `--resume` goes on with, as [`RunDir::save`] does; what the logs say up to there is on the disc before.
    pub fn save_progress(&mut self, save: impl FnOnce(&Path) -> Result<(), String>) {
        for log in [&mut self.metrics, &mut self.timing] {
            log.flush();
            log.sync();
        }
        self.replace(PROGRESS, save);
    }

    /// Replaces the scores on validation classes, as [`RunDir::save`] does.
    pub fn save_validation(&mut self, text: &str) {
        self.replace(VALIDATION, |path| {
            let named = |error| format!("{}: {error}", path.display());
            fewshot_meta::write_atomically(path, text.as_bytes()).map_err(named)
        });
    }

    /// Keeps the result on test episodes. Failing is remembered.
    pub fn keep_result(&mut self, json: &str) {
        let path = self.dir.join(RESULT);
        if let Err(error) = files::write(&path, format!("{json}\n").as_bytes()) {
            self.trouble.insert(RESULT, format!("{}: {error}", path.display()));
        }
    }

    /// Whether everything is written that was to be.
    pub fn is_whole(&self) -> bool {
        self.troubles().next().is_none()
    }

    /// Where the weights are and of which iteration, and what else could not be written.
    pub fn saved(&self) -> String {
        let model = self.dir.join(MODEL);
        let weights = format!("the weights after iteration {} are in {}", self.saved, model.display());
        std::iter::once(weights).chain(self.troubles()).collect::<Vec<_>>().join("; ")
    }

    /// What is not written in the end, if anything is not.
    pub fn finish(mut self) -> Result<(), Error> {
        self.metrics.flush();
        self.timing.flush();
        let troubles: Vec<String> = self.troubles().collect();
        match troubles.is_empty() {
            true => Ok(()),
            false => Err(Error::Write(format!(
                "{}; free some space, then go on with --resume",
                troubles.join("; ")
            ))),
        }
    }

    fn troubles(&self) -> impl Iterator<Item = String> {
        let logs = [&self.metrics, &self.timing].into_iter().filter_map(Log::trouble);
        self.trouble.values().cloned().chain(logs)
    }

    /// Replaces a file whole or not at all, and says whether it did.
    fn replace(&mut self, name: &'static str, save: impl FnOnce(&Path) -> Result<(), String>) -> bool {
        let path = self.dir.join(name);
        match files::write_by(&path, save) {
            Ok(()) => {
                if self.trouble.remove(name).is_some() {
                    note(format!("{} is written again", path.display()));
                }
                true
            }
            Err(cause) => {
                if self.trouble.insert(name, cause.clone()).is_none() {
                    warn(format!("warning: {cause}; training goes on"));
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::beginning::Beginning;
    use crate::run_files::{CONFIG, METRICS};

    fn record(iteration: u64) -> Record {
        Record { iteration, loss: 0.5, accuracy: Some(0.25), seconds: 1.0 }
    }

    fn saves(text: &'static str) -> impl Fn(&Path) -> Result<(), String> {
        move |path| fs::write(path, text).map_err(|error| error.to_string())
    }

    fn create(dir: &Path, config: &str, model: &'static str) -> Result<RunDir, Error> {
        let (model, progress) = (saves(model), saves("nothing yet"));
        let beginning = Beginning { config, division: None, model: &model, progress: &progress };
        RunDir::create(dir, None, true, &beginning)
    }

    #[test]
    fn files_of_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/b");
        let mut run = create(&dir, "x = 1\n", "first").unwrap();
        run.record(&record(1));
        run.record(&Record { accuracy: None, ..record(2) });
        run.save(2, saves("second"));
        assert!(run.saved().contains("iteration 2"));
        let refused = RunDir::check(&dir, true).err().unwrap().to_string();
        assert!(refused.contains("another run is writing"), "{refused}");
        run.finish().unwrap();
        assert_eq!(fs::read_to_string(dir.join(CONFIG)).unwrap(), "x = 1\n");
        assert_eq!(fs::read_to_string(dir.join(MODEL)).unwrap(), "second");
        assert_eq!(
            fs::read_to_string(dir.join(METRICS)).unwrap(),
            "iteration,loss,accuracy\n1,0.5,0.25\n2,0.5,\n"
        );
        assert!(RunDir::check(&dir, false).err().unwrap().to_string().contains("--overwrite"));
        assert!(RunDir::check(&dir, true).unwrap().is_some());
    }

    #[test]
    fn a_failing_save_keeps_the_model_and_is_reported_unless_a_later_one_succeeds() {
        for (later, reported) in [(None, true), (Some("better"), false)] {
            let folder = tempfile::tempdir().unwrap();
            let mut run = create(folder.path(), "", "good").unwrap();
            run.save(7, |_| Err("no space left".into()));
            assert!(
                !run.is_whole() && run.saved().contains("iteration 0") && run.saved().contains("no space")
            );
            later.into_iter().for_each(|text| run.save(9, saves(text)));
            assert_eq!(
                run.finish().is_err_and(|error| error.to_string().contains("no space left")),
                reported
            );
            assert_eq!(fs::read_to_string(folder.path().join(MODEL)).unwrap(), later.unwrap_or("good"));
        }
    }
}

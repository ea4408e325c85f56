//! The folder of a run (`--out`): what lies in it, and how it is written without losing anything.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files;
use crate::interrupt;
use crate::lock::{Lock, Refused};
use crate::log::Log;
use crate::report::note;
use crate::run_files::{
    ALL, Beginning, CONFIG, DIVISION, METRICS, METRICS_HEADER, MODEL, PROGRESS, TIMING, TIMING_HEADER,
    VALIDATION, clear_left_over, fill,
};

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

/// Makes a folder one's own, in which no other process writes then.
pub fn lock(dir: &Path) -> Result<Lock, Error> {
    Lock::take(dir).map_err(|refused| Error::Run {
        path: dir.to_owned(),
        cause: match refused {
            Refused::Taken => {
                "another run is writing into it; wait for that, or choose another folder".into()
            }
            Refused::Io(error) => format!("{error}; choose a folder that can be written"),
        },
    })
}

impl RunDir {
    /// Checks, before anything long is begun, that a run may be written here. A folder that is there is locked from now on.
    pub fn check(dir: &Path, overwrite: bool) -> Result<Option<Lock>, Error> {
        let wrong = |cause: &str| Err(Error::Out { path: dir.to_owned(), cause: cause.into() });
        if fs::symlink_metadata(dir).is_err() {
            return Ok(None);
        }
        if !dir.is_dir() {
            return wrong("is no folder; choose another name");
        }
        let lock = lock(dir)?;
        if !overwrite && ALL.iter().any(|name| fs::symlink_metadata(dir.join(name)).is_ok()) {
            return wrong("already holds a run; choose another folder, or replace the run with --overwrite");
        }
        Ok(Some(lock))
    }

    /// Makes the folder and its files, in an order in which a sudden end leaves the run of before, none, or the new one. The untrained
    /// model goes first: it shows that there is space, and nothing of a run to be replaced is touched before.
    pub fn create(
        dir: &Path,
        lock: Option<Lock>,
        overwrite: bool,
        beginning: &Beginning<'_>,
    ) -> Result<RunDir, Error> {
        let way_out = "choose a folder that can be written and has space";
        let wrong = |cause: String| Error::Out { path: dir.to_owned(), cause: format!("{cause}; {way_out}") };
        let lock = match lock {
            Some(lock) => lock,
            None => {
                fs::create_dir_all(dir).map_err(|error| wrong(error.to_string()))?;
                // another run may have come first
                RunDir::check(dir, overwrite)?.expect("the folder is there now")
            }
        };
        let [metrics, timing] = interrupt::unbroken(|| fill(dir, beginning)).map_err(wrong)?;
        Ok(RunDir::with(dir, lock, [metrics, timing], (0, 0.0)))
    }

    /// Opens the folder of a run that goes on after `iteration`: what its files say of later iterations is forgotten.
    pub fn reopen(
        dir: &Path,
        lock: Lock,
        config: &str,
        division: Option<&str>,
        iteration: u64,
    ) -> Result<RunDir, Error> {
        let wrong = |name: &'static str| {
            move |error: io::Error| {
                let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind());
                let way_out = if full { "free some space" } else { "put the files of one run together" };
                Error::Run { path: dir.to_owned(), cause: format!("{name}: {error}; {way_out}") }
            }
        };
        interrupt::unbroken(|| {
            clear_left_over(dir).map_err(wrong("its files"))?;
            let reopen = |name, header| Log::reopen(dir.join(name), header, iteration).map_err(wrong(name));
            let (metrics, _) = reopen(METRICS, METRICS_HEADER)?;
            let (timing, last) = reopen(TIMING, TIMING_HEADER)?;
            let seconds = last.split(',').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0.0);
            if let Some(division) = division {
                files::write(&dir.join(DIVISION), division.as_bytes()).map_err(wrong(DIVISION))?;
            }
            files::write(&dir.join(CONFIG), config.as_bytes()).map_err(wrong(CONFIG))?;
            Ok(RunDir::with(dir, lock, [metrics, timing], (iteration, seconds)))
        })
    }

    fn with(dir: &Path, lock: Lock, [metrics, timing]: [Log; 2], (saved, seconds): (u64, f64)) -> RunDir {
        let (dir, trouble) = (dir.to_owned(), BTreeMap::new());
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
                    note(format!("warning: {cause}; training goes on"));
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_run_that_goes_on_forgets_what_came_after_its_last_save() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file(METRICS), "iteration,loss,accuracy\n1,0.5,\n2,0.25,\n3,0.1,\n4").unwrap();
        fs::write(file(TIMING), "iteration,seconds\n1,1.5\n2,3.000\n3,4.5\n").unwrap();
        fs::write(file(".metrics.csv.aBcDeF.tmp"), "half").unwrap();
        let lock = lock(folder.path()).unwrap();
        let mut run = RunDir::reopen(folder.path(), lock, "x = 2\n", Some("{}"), 2).unwrap();
        assert_eq!(run.seconds(), 3.0);
        run.record(&record(3));
        let metrics = fs::read_to_string(file(METRICS)).unwrap();
        assert_eq!(metrics, "iteration,loss,accuracy\n1,0.5,\n2,0.25,\n3,0.5,0.25\n");
        assert_eq!(fs::read_to_string(file(DIVISION)).unwrap(), "{}");
        assert!(!file(".metrics.csv.aBcDeF.tmp").exists(), "what a killed write left is removed");
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

    #[test]
    fn a_folder_that_cannot_hold_the_model_keeps_its_old_run() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(METRICS), "old").unwrap();
        let full = |_: &Path| Err("no space left".into());
        let beginning = Beginning { config: "", division: None, model: &full, progress: &full };
        let error = RunDir::create(folder.path(), None, true, &beginning).err().unwrap();
        assert!(error.to_string().contains("no space left"));
        assert_eq!(fs::read_to_string(folder.path().join(METRICS)).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

//! How the folder of a run is opened to write there: made and filled for a new run, or as a run left it that goes on.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::beginning::{self, Beginning, clear_left_over, fill};
use crate::error::Error;
use crate::files;
use crate::interrupt;
use crate::lock::{Lock, Refused};
use crate::log::Log;
use crate::run_dir::RunDir;
use crate::run_files::{
    ALL, CONFIG, DIVISION, METRICS, METRICS_HEADER, RESULT, TEMPERATURES, TIMING, TIMING_HEADER,
};

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
        beginning::settle(dir).map_err(|error| Error::Out {
            path: dir.to_owned(),
            cause: format!("{error}; choose a folder that can be written"),
        })?;
        if !overwrite && ALL.iter().any(|name| fs::symlink_metadata(dir.join(name)).is_ok()) {
            return wrong("already holds a run; choose another folder, or replace the run with --overwrite");
        }
        Ok(Some(lock))
    }

    /// Makes the folder and its files. A folder that could not be filled goes again if it was made for that.
    pub fn create(
        dir: &Path,
        lock: Option<Lock>,
        overwrite: bool,
        beginning: &Beginning<'_>,
    ) -> Result<RunDir, Error> {
        interrupt::unbroken(|| {
            let made =
                if lock.is_none() { make(dir).map_err(|error| unfilled(dir, error))? } else { Vec::new() };
            let created = RunDir::filled(dir, lock, overwrite, beginning);
            if created.is_err() {
                unmake(&made);
            }
            created
        })
    }

    fn filled(
        dir: &Path,
        lock: Option<Lock>,
        overwrite: bool,
        beginning: &Beginning<'_>,
    ) -> Result<RunDir, Error> {
        let lock = match lock {
            Some(lock) => lock,
            // another run may have come first
            None => RunDir::check(dir, overwrite)?.expect("the folder is there now"),
        };
        fill(dir, beginning).map_err(|cause| unfilled(dir, cause))?;
        let open = |name, header| Log::reopen(dir.join(name), header, 0).map(|(log, _)| log);
        let logs = open(METRICS, METRICS_HEADER).and_then(|log| Ok([log, open(TIMING, TIMING_HEADER)?]));
        Ok(RunDir::with(dir, lock, logs.map_err(|error| unfilled(dir, error))?, (0, 0.0)))
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
            // of the weights that were
            for name in [RESULT, TEMPERATURES] {
                files::remove(&dir.join(name)).map_err(wrong(name))?;
            }
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
}

/// Why a run could not begin, and what became of the folder.
fn unfilled(dir: &Path, cause: impl Display) -> Error {
    let old = ALL.iter().any(|name| fs::symlink_metadata(dir.join(name)).is_ok());
    let fate = match (beginning::is_begun(dir), old) {
        (true, _) => "the new run is kept there and can be resumed",
        (false, true) => "the run that it holds is as it was",
        (false, false) => "nothing was kept",
    };
    let cause = format!("{cause}; {fate}; choose a folder that can be written and has space");
    Error::Out { path: dir.to_owned(), cause }
}

/// Makes a folder with those above it, and says which there were not.
fn make(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let is_missing = |path: &&Path| path.components().next().is_some() && fs::symlink_metadata(path).is_err();
    let missing: Vec<PathBuf> = dir.ancestors().take_while(is_missing).map(Path::to_owned).collect();
    fs::create_dir_all(dir).inspect_err(|_| unmake(&missing))?;
    Ok(missing)
}

/// Removes folders that were made, the innermost first, unless something has come into them.
fn unmake(made: &[PathBuf]) {
    for folder in made {
        let _ = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_dir::Record;

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
        run.record(&Record { iteration: 3, loss: 0.5, accuracy: Some(0.25), seconds: 1.0 });
        let metrics = fs::read_to_string(file(METRICS)).unwrap();
        assert_eq!(metrics, "iteration,loss,accuracy\n1,0.5,\n2,0.25,\n3,0.5,0.25\n");
        assert_eq!(fs::read_to_string(file(DIVISION)).unwrap(), "{}");
        assert!(!file(".metrics.csv.aBcDeF.tmp").exists(), "what a killed write left is removed");
    }

    #[test]
    fn a_folder_that_cannot_hold_the_model_keeps_its_old_run() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(METRICS), "old").unwrap();
        let full = |_: &Path| Err("no space left".into());
        let beginning = Beginning { config: "", division: None, model: &full, progress: &full };
        let error = RunDir::create(folder.path(), None, true, &beginning).err().unwrap();
        let said = error.to_string();
        assert!(said.contains("no space left; the run that it holds is as it was"), "{said}");
        assert_eq!(fs::read_to_string(folder.path().join(METRICS)).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_made_for_a_run_that_does_not_begin_go_again() {
        let folder = tempfile::tempdir().unwrap();
        let (there, full) = (folder.path().join("there"), |_: &Path| Err("no space left".into()));
        fs::create_dir(&there).unwrap();
        let beginning = Beginning { config: "", division: None, model: &full, progress: &full };
        for (dir, is_there) in [(there.join("a/b"), false), (there.clone(), true)] {
            let lock = is_there.then(|| lock(&dir).unwrap());
            let error = RunDir::create(&dir, lock, false, &beginning).err().unwrap().to_string();
            assert!(error.contains("no space left; nothing was kept; choose"), "{error}");
            assert_eq!(fs::read_dir(&there).unwrap().count(), 0);
        }
    }
}

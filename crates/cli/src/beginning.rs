//! How a new run begins in a folder, perhaps in place of an old one: at every moment one of them is there, whole.
//!
//! The files of the new run are written into a folder of their own. Once all are there, that gets another name, and from then on they
//! are the run: what is left to do is to remove the old files and to move the new ones to their places, and whoever opens the folder
//! next does it, should this process not come to it.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::files;
use crate::interrupt;
use crate::lock::{Lock, Refused};
use crate::run_files::{
    ALL, CONFIG, DIVISION, METRICS, METRICS_HEADER, MODEL, PLOTS, PROGRESS, TIMING, TIMING_HEADER,
};

/// Where the files of a new run are until all are there.
const NEW: &str = ".run.new";
/// Where they are once all are there: the run has begun.
const BEGUN: &str = ".run.begun";
/// The order in which they are moved. While the first is not, nothing is, and the old files may be there.
const MOVED: [&str; 6] = [PROGRESS, MODEL, DIVISION, METRICS, TIMING, CONFIG];

/// How long a reader waits for another process that moves files.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

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

/// Puts a new run in place of what a locked folder holds of an old one.
pub fn fill(dir: &Path, beginning: &Beginning<'_>) -> Result<(), String> {
    let new = dir.join(NEW);
    let begun = clear_left_over(dir)
        .map_err(said)
        .and_then(|()| stage(&new, beginning))
        .and_then(|()| files::rename(&new, &dir.join(BEGUN)).map_err(said));
    if let Err(cause) = begun {
        let _ = files::remove_folder(&new);
        return Err(cause);
    }
    files::sync_names(dir);
    settle(dir).map_err(said)
}

fn said(error: io::Error) -> String {
    error.to_string()
}

/// Writes the files of a new run. The models go first: they show that there is space.
fn stage(new: &Path, beginning: &Beginning<'_>) -> Result<(), String> {
    files::create_folder(new).map_err(said)?;
    files::write_by(&new.join(MODEL), beginning.model)?;
    files::write_by(&new.join(PROGRESS), beginning.progress)?;
    let texts = [
        (DIVISION, beginning.division.map(str::to_owned)),
        (METRICS, Some(format!("{METRICS_HEADER}\n"))),
        (TIMING, Some(format!("{TIMING_HEADER}\n"))),
        (CONFIG, Some(beginning.config.to_owned())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            files::write(&new.join(name), text.as_bytes()).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}

/// Whether a folder holds a run whose files are not all in their places.
pub fn is_begun(dir: &Path) -> bool {
    fs::symlink_metadata(dir.join(BEGUN)).is_ok()
}

/// Whether a folder holds the first files of a run that never began.
pub fn is_begun_in_part(dir: &Path) -> bool {
    fs::symlink_metadata(dir.join(NEW)).is_ok()
}

/// Puts the files of a run that has begun in their places, in a locked folder. Done again after any sudden end, it ends alike.
pub fn settle(dir: &Path) -> io::Result<()> {
    if !is_begun(dir) {
        return Ok(());
    }
    let begun = dir.join(BEGUN);
    let waits = |name: &str| fs::symlink_metadata(begun.join(name)).is_ok();
    if waits(MOVED[0]) {
        for name in ALL.into_iter().chain(PLOTS) {
            files::remove(&dir.join(name))?;
        }
        files::sync_names(dir);
    }
    for name in MOVED.into_iter().filter(|name| waits(name)) {
        files::rename(&begun.join(name), &dir.join(name))?;
    }
    files::sync_names(dir);
    files::remove_folder(&begun)
}

/// Puts the files of a run that has begun in their places before the folder is read; waits for another process that has locked it.
pub fn settled(dir: &Path) -> Result<(), Error> {
    let wrong = |cause: String| Error::Run { path: dir.to_owned(), cause };
    let unwritable = |error: io::Error| {
        wrong(format!(
            "a run was ended in the moment in which it began, and its files cannot be put in their places: {error}; let the folder \
             be written to"
        ))
    };
    let started = Instant::now();
    while is_begun(dir) {
        match Lock::take(dir) {
            Ok(_lock) => interrupt::unbroken(|| settle(dir)).map_err(unwritable)?,
            Err(Refused::Taken) if started.elapsed() < PATIENCE => thread::sleep(PAUSE),
            Err(Refused::Taken) => {
                return Err(wrong("another process is beginning a run in it; wait for that".into()));
            }
            Err(Refused::Io(error)) => return Err(unwritable(error)),
        }
    }
    Ok(())
}

/// Removes what killed writes left.
pub fn clear_left_over(dir: &Path) -> io::Result<()> {
    files::left_over(dir, &ALL)?.into_iter().try_for_each(|path| files::remove(&path))?;
    files::remove_folder(&dir.join(NEW))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(path: &Path) -> Result<(), String> {
        fs::write(path, "new").map_err(said)
    }

    #[test]
    fn nothing_of_an_old_run_stays_beside_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ALL.into_iter().chain(PLOTS).chain(["notes.txt", ".model.safetensors.aBcDeF.tmp"]) {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        let beginning = Beginning { config: "new", division: None, model: &new, progress: &new };
        fill(folder.path(), &beginning).unwrap();
        let text = |entry: &fs::DirEntry| fs::read_to_string(entry.path()).unwrap();
        let entries = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let old: Vec<_> =
            entries.filter(|entry| text(entry) == "old").map(|entry| entry.file_name()).collect();
        assert_eq!(old, ["notes.txt"]);
        assert!(!folder.path().join(DIVISION).exists());
    }

    #[test]
    fn readers_wait_for_a_process_that_moves_files() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let lock = Lock::take(dir).ok().unwrap();
        let new = Beginning { config: "new", division: None, model: &new, progress: &new };
        stage(&dir.join(NEW), &new).unwrap();
        fs::rename(dir.join(NEW), dir.join(BEGUN)).unwrap();
        thread::scope(|scope| {
            let reader = scope.spawn(|| settled(dir).map(|()| fs::read_to_string(dir.join(CONFIG)).unwrap()));
            thread::sleep(5 * PAUSE);
            assert!(!reader.is_finished() && !dir.join(CONFIG).exists());
            drop(lock);
            assert_eq!(reader.join().unwrap().unwrap(), "new");
        });
        assert!(!is_begun(dir));
    }
}

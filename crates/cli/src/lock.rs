//! The lock of a run's folder: one process at a time writes there.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::report::warn;
use crate::run_files::CONFIG;

/// The file that is locked. It stays in the folder of a run; the lock on it ends with the process, however that ends.
const NAME: &str = ".lock";

/// While this value lives, no other process can have it of the same folder.
pub struct Lock {
    path: PathBuf,
    file: File,
}

/// Why there is no lock.
pub enum Refused {
    /// Another process has it.
    Taken,
    /// The file cannot be opened.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock of a folder that is there.
    pub fn take(dir: &Path) -> Result<Lock, Refused> {
        let path = dir.join(NAME);
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(&path);
            let file = file.map_err(Refused::Io)?;
            match file.try_lock() {
                Ok(()) if !is_at(&file, &path) => {}
                Ok(()) => return Ok(Lock { path, file }),
                Err(TryLockError::WouldBlock) => return Err(Refused::Taken),
                Err(TryLockError::Error(error)) => {
                    warn(format!(
                        "warning: {}: {error}: no lock is possible here; see to it that no other run writes into this folder",
                        path.display()
                    ));
                    return Ok(Lock { path, file });
                }
            }
        }
    }
}

impl Drop for Lock {
    /// A folder that holds no run does not keep the file either.
    fn drop(&mut self) {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if !folder.join(CONFIG).exists() && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the file at a path is still this one: whoever had the lock before may have removed it.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |about: &fs::Metadata| (about.dev(), about.ino());
    matches!((&file.metadata(), &fs::metadata(path)), (Ok(a), Ok(b)) if place(a) == place(b))
}

/// An open file cannot be removed here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_stays_where_no_run_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let lock = Lock::take(folder.path()).ok().unwrap();
        assert!(matches!(Lock::take(folder.path()), Err(Refused::Taken)));
        drop(lock);
        assert!(!path.exists());
        let lock = Lock::take(folder.path()).ok().unwrap();
        fs::write(folder.path().join(CONFIG), "").unwrap();
        drop(lock);
        assert!(path.exists());
        assert!(Lock::take(folder.path()).is_ok(), "the file that stays locks nothing");
        assert!(matches!(Lock::take(&folder.path().join("none")), Err(Refused::Io(_))));
    }
}

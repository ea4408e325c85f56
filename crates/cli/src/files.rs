//! The files of a run and of its results: read within bounds, written whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::interrupt;
use crate::run_files::{ALL, CONFIG, MODEL};

/// What a page begins with.
const PAGE: &[u8] = b"<!doctype html>";

/// Opens a regular file to read. A device, a pipe or a folder is refused instead of being waited for.
pub fn open(path: &Path) -> io::Result<File> {
    let regular = |about: fs::Metadata| match about.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    };
    fs::metadata(path).and_then(regular)?;
    let file = File::open(path)?;
    file.metadata().and_then(regular)?;
    Ok(file)
}

/// The text of a regular file that has at most so many bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<String> {
    let invalid = |cause: String| io::Error::new(io::ErrorKind::InvalidData, cause);
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(invalid(format!("it has more than {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| invalid("it is no text in UTF-8".into()))
}

/// Why results may not be written to a file that is there: it belongs to a run, or holds something else than results.
pub fn not_replaceable(path: &Path) -> Option<&'static str> {
    let place = fs::canonicalize(path).ok().filter(|place| place.is_file())?;
    let is_of_run = ALL.iter().any(|name| place.file_name().is_some_and(|file| file == *name))
        && [CONFIG, MODEL].iter().any(|name| place.with_file_name(name).is_file());
    if is_of_run {
        return Some("it is a file of a run; choose another name");
    }
    // safetensors begin with the length of a header in JSON
    let mut start = [0; 9];
    match File::open(&place).and_then(|mut file| file.read(&mut start)) {
        Ok(0) => None,
        Ok(9) if start[8] == b'{' => None,
        _ => Some("it holds something else than weights or features; choose another name, or remove it"),
    }
}

/// Why no file can be written under a name: it is that of a folder, or there is no folder for it.
pub fn no_place(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return Some("it is a folder; name a file");
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .is_some_and(|folder| !folder.is_dir())
        .then_some("there is no such folder; make it, or choose another name")
}

/// Why a page may not be written to a file that is there: it is no page.
pub fn no_page(path: &Path) -> Option<&'static str> {
    if let Some(cause) = no_place(path) {
        return Some(cause);
    }
    let place = fs::canonicalize(path).ok()?;
    let mut start = [0; PAGE.len()];
    match File::open(&place).and_then(|mut file| file.read(&mut start)) {
        Ok(0) => None,
        Ok(_) if start.eq_ignore_ascii_case(PAGE) => None,
        _ => Some("it holds something else than a page; choose another name, or remove it"),
    }
}

/// Whether a path, of which the end may not be there yet, lies in a folder or is this folder.
pub fn lies_in(path: &Path, folder: &Path) -> bool {
    let there = std::path::absolute(path)
        .ok()
        .and_then(|path| path.ancestors().find_map(|path| fs::canonicalize(path).ok()));
    there.zip(fs::canonicalize(folder).ok()).is_some_and(|(there, folder)| there.starts_with(folder))
}

/// Writes a file whole or not at all. A signal that ends the program waits for it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    changed(interrupt::unbroken(|| fewshot_meta::write_atomically(path, bytes)))
}

/// Lets the library write a file whole or not at all, as [`write`] does.
pub fn write_by<E>(path: &Path, save: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    changed(interrupt::unbroken(|| save(path)))
}

/// Removes a file, if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
    changed(match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

/// Makes a folder in one that is there.
pub fn create_folder(path: &Path) -> io::Result<()> {
    changed(fs::create_dir(path))
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    changed(match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

/// Gives a file or a folder another name.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    changed(fs::rename(from, to))
}

/// Lets what was done to the names in a folder survive a power cut, where the system can.
pub fn sync_names(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Files in a folder that a write left there which was killed: temporary ones of these names.
pub fn left_over(folder: &Path, names: &[&str]) -> io::Result<Vec<PathBuf>> {
    let is_left = |name: &str| {
        names.iter().any(|known| {
            let rest = name.strip_prefix('.').and_then(|name| name.strip_prefix(known));
            rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".tmp"))
        })
    };
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let left = entries?.into_iter().filter(|entry| entry.file_name().to_str().is_some_and(is_left));
    Ok(left.map(|entry| entry.path()).collect())
}

/// Tells the tests that something in a folder has changed.
pub fn changed<T>(done: T) -> T {
    #[cfg(test)]
    watch::tell();
    done
}

/// Looks at the folder of a run after each change, as a sudden end would leave it.
#[cfg(test)]
pub mod watch {
    use std::cell::RefCell;

    type Watcher = Box<dyn FnMut()>;

    thread_local! {
        static WATCHER: RefCell<Option<Watcher>> = const { RefCell::new(None) };
    }

    /// Calls `watcher` after each change that `work` makes on this thread.
    pub fn during<T>(watcher: impl FnMut() + 'static, work: impl FnOnce() -> T) -> T {
        WATCHER.set(Some(Box::new(watcher)));
        let done = work();
        WATCHER.set(None);
        done
    }

    pub(super) fn tell() {
        WATCHER.with_borrow_mut(|watcher| watcher.iter_mut().for_each(|watcher| watcher()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_bounded_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), "12345");
        assert!(read(&path, 4).unwrap_err().to_string().contains("more than 4 bytes"));
        fs::write(&path, [0xff]).unwrap();
        assert!(read(&path, 4).unwrap_err().to_string().contains("UTF-8"));
        assert_eq!(read(folder.path(), 4).unwrap_err().to_string(), "it is no regular file");
        assert!(!cfg!(unix) || read(Path::new("/dev/zero"), 4).is_err());
    }

    #[test]
    fn a_path_lies_in_a_folder_by_what_is_there_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("class")).unwrap();
        let lies = |path: &str| lies_in(&folder.path().join(path), &data);
        assert_eq!(["data", "data/class/new/run", "data/../data/run"].map(lies), [true; 3]);
        assert_eq!(["data2/run", "run", "data/../run"].map(lies), [false; 3]);
    }

    #[test]
    fn results_replace_results_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::write(place(CONFIG), "data = 'glyphs'").unwrap();
        fs::write(place(MODEL), b"\x02\0\0\0\0\0\0\0{}").unwrap();
        fs::write(place("kept"), b"\x02\0\0\0\0\0\0\0{}").unwrap();
        fs::write(place("empty"), "").unwrap();
        fs::write(place("picture.png"), b"\x89PNG\r\n\x1a\n....").unwrap();
        let replaceable = ["kept", "empty", "new", CONFIG, MODEL, "picture.png"]
            .map(|name| not_replaceable(&place(name)).is_none());
        assert_eq!(replaceable, [true, true, true, false, false, false]);
    }

    #[test]
    fn what_a_killed_write_left_is_known_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".model.a1B2c3.tmp", ".model.new.a1B2c3.tmp", ".other.a1B2c3.tmp", "model", ".tmpAbCdEf"]
        {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let mut left = left_over(folder.path(), &["model"]).unwrap();
        left.sort();
        let names = [".model.a1B2c3.tmp", ".model.new.a1B2c3.tmp"].map(|name| folder.path().join(name));
        assert_eq!(left, names);
    }
}

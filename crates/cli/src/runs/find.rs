//! Folders of runs below a folder.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fewshot_episodes::names::shown_path;

use crate::beginning;
use crate::error::Error;
use crate::run_files::{CONFIG, METRICS, MODEL, PROGRESS};

/// Folders in folders that are looked into.
const DEEPEST: usize = 5;

/// What there is below a folder.
pub struct Found {
    /// Folders of runs, whole or damaged.
    pub folders: Vec<PathBuf>,
    /// Folders that could not be looked into, one line each.
    pub unread: Vec<String>,
}

/// Looks for runs in a folder and in those below it. Links to folders are followed, hidden folders are not looked into.
///
/// # Errors
/// When there is no such folder, or it cannot be read.
pub fn below(dir: &Path) -> Result<Found, Error> {
    let wrong = |cause: &str| Error::Run { path: dir.to_owned(), cause: cause.into() };
    if !dir.exists() {
        return Err(wrong(
            "there is no such folder; name the one that the runs lie in, or keep a run with fewshot train --out runs/NAME",
        ));
    }
    if !dir.is_dir() {
        return Err(wrong("is no folder; name the one that the runs lie in"));
    }
    fs::read_dir(dir).map_err(|error| wrong(&format!("{error}; let it be read, or name another folder")))?;
    let mut found = Found { folders: Vec::new(), unread: Vec::new() };
    let mut seen = HashSet::new();
    look(dir, 0, &mut seen, &mut found);
    Ok(found)
}

fn look(dir: &Path, depth: usize, seen: &mut HashSet<PathBuf>, found: &mut Found) {
    // a link may lead to a folder above it
    if !fs::canonicalize(dir).is_ok_and(|place| seen.insert(place)) {
        return;
    }
    if holds_run(dir) {
        found.folders.push(dir.to_owned());
    }
    if depth == DEEPEST {
        return;
    }
    match folders(dir) {
        Ok(folders) => folders.iter().for_each(|folder| look(folder, depth + 1, seen, found)),
        Err(error) => found.unread.push(format!("warning: {}: {error}; it is left out", shown_path(dir))),
    }
}

/// The folders in a folder by name.
fn folders(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries: io::Result<Vec<_>> = fs::read_dir(dir)?.collect();
    let is_seen = |entry: &fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(b".");
    let paths = entries?.into_iter().filter(is_seen).map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// Whether a folder holds a run, be it one that lacks a file. Settings or a model alone may be of another program.
fn holds_run(dir: &Path) -> bool {
    let has = |name: &str| dir.join(name).is_file();
    match (has(CONFIG), has(MODEL)) {
        (true, true) => true,
        (false, false) => beginning::is_begun(dir),
        _ => has(PROGRESS) || has(METRICS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_a_run_by_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        for (name, files) in [
            ("whole", &[CONFIG, MODEL][..]),
            ("a/b/deep", &[CONFIG, MODEL]),
            ("whole/inside", &[CONFIG, MODEL]),
            ("damaged", &[CONFIG, METRICS]),
            ("other", &[CONFIG]),
            ("model", &[MODEL]),
            (".hidden", &[CONFIG, MODEL]),
            ("1/2/3/4/5/6", &[CONFIG, MODEL]),
        ] {
            let dir = folder.path().join(name);
            fs::create_dir_all(&dir).unwrap();
            files.iter().for_each(|file| fs::write(dir.join(file), "").unwrap());
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/circle")).unwrap();
        let found = below(folder.path()).unwrap();
        let names: Vec<_> =
            found.folders.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned()).collect();
        assert_eq!(names, ["a/b/deep", "damaged", "whole", "whole/inside"].map(PathBuf::from));
        assert!(found.unread.is_empty());
    }
}

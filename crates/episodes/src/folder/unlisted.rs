//! What lies beside the pictures that lists name.

use super::PassedOver;
use super::class_folders::is_picture;
use super::format::Kind;
use crate::Error;
use crate::names::from_os;
use crate::source::{is_hidden, unreadable};
use rayon::prelude::*;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What no list names.
pub(super) struct Unlisted {
    /// In order of their paths.
    pub pictures: Vec<PathBuf>,
    pub others: PassedOver,
}

/// What lies below a folder beside these files of it. A link to a folder is followed where a file was listed by it.
pub(super) fn find(root: &Path, listed: &HashSet<&Path>) -> Result<Unlisted, Error> {
    let folders: HashSet<&Path> = listed.iter().flat_map(|file| file.ancestors().skip(1)).collect();
    let (mut files, mut others) = (Vec::new(), PassedOver::default());
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))? {
            let entry = entry.map_err(|error| unreadable(&folder, error))?;
            let path = entry.path();
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            match (path.is_dir(), is_hidden(&from_os(&entry.file_name()))) {
                _ if listed.contains(&*path) => {}
                (true, true) => {}
                (true, false) if is_link && !folders.contains(&*path) => others.add_folder(&path),
                (true, false) => waiting.push(path),
                (false, true) => others.add_hidden(),
                (false, false) => files.push(path),
            }
        }
    }
    files.sort_unstable();
    // a name tells sooner than the content of a million files
    let are_pictures: Vec<bool> =
        files.par_iter().map(|file| Kind::Other.is_picture(file) || is_picture(file)).collect();
    let mut pictures = Vec::new();
    for (file, is_picture) in files.into_iter().zip(are_pictures) {
        if is_picture {
            pictures.push(file);
        } else {
            others.add_file(&file);
        }
    }
    Ok(Unlisted { pictures: unknown(pictures, listed), others })
}

/// The files that are not listed under another path either, such as by a link or in other capitals.
fn unknown(mut files: Vec<PathBuf>, listed: &HashSet<&Path>) -> Vec<PathBuf> {
    if files.is_empty() {
        return files;
    }
    let places: HashSet<PathBuf> = listed.par_iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
    files.retain(|file| !fs::canonicalize(file).is_ok_and(|place| places.contains(&place)));
    files
}

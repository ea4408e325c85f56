//! Where the archives of Omniglot are, or the folders unpacked from them.

use super::source::Source;
use crate::Error;
use crate::source::is_hidden;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that an unpacked repository has above the archives.
const LEVELS: usize = 2;
/// Most entries of a folder that are looked at for archives.
const MOST: usize = 10_000;

/// Where those of the named parts are that `root` holds.
///
/// A part is a folder or an archive of its name, in `root` or in the one folder below it that has any; copies as browsers and
/// file managers name them, such as `images_background (1).zip`, count where there is no other.
pub(super) fn find(root: &Path, names: &[&str]) -> Result<Vec<PathBuf>, Error> {
    below(root, names, LEVELS)
}

/// Opens the parts that were found in `root`, or `root` itself where there are none.
pub(super) fn open(root: &Path, found: &[PathBuf]) -> Result<Vec<Source>, Error> {
    match found {
        [] => Ok(vec![Source::open(root)?]),
        found => found.iter().map(|path| Source::open(path)).collect(),
    }
}

/// The parts in a folder or, where it has none, in the folders below it.
fn below(folder: &Path, names: &[&str], levels: usize) -> Result<Vec<PathBuf>, Error> {
    let entries = entries(folder);
    let mut found = Vec::new();
    for name in names {
        found.extend(part(folder, &entries, name)?);
    }
    if !found.is_empty() || levels == 0 {
        return Ok(found);
    }
    let mut folders = entries.into_iter().filter(|path| path.is_dir());
    let mut inside: Vec<(PathBuf, Vec<PathBuf>)> = Vec::new();
    for path in folders.by_ref() {
        let parts = below(&path, names, levels - 1)?;
        if !parts.is_empty() {
            inside.push((path, parts));
        }
        if let [(one, _), (other, _)] = &inside[..] {
            return Err(ambiguous(folder, one, other));
        }
    }
    Ok(inside.pop().map(|(_, parts)| parts).unwrap_or_default())
}

/// The folder or the archive of a name, the folder first; else the one copy.
fn part(folder: &Path, entries: &[PathBuf], name: &str) -> Result<Option<PathBuf>, Error> {
    let (unpacked, archive) = (folder.join(name), folder.join(format!("{name}.zip")));
    if unpacked.is_dir() {
        return Ok(Some(unpacked));
    }
    if archive.is_file() {
        return Ok(Some(archive));
    }
    let mut copies = entries.iter().filter(|path| part_name(path).as_deref() == Some(name));
    match (copies.next(), copies.next()) {
        (Some(one), Some(other)) => Err(ambiguous(folder, one, other)),
        (one, _) => Ok(one.cloned()),
    }
}

/// The name of the part that a folder or an archive is a copy of.
pub(super) fn part_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = match (name.strip_suffix(".zip"), path.is_dir()) {
        (Some(name), false) => name,
        (None, true) => &name,
        _ => return None,
    };
    let name =
        name.strip_suffix(')').and_then(|name| name.rsplit_once('(')).map_or(name, |(name, number)| {
            if number.bytes().all(|byte| byte.is_ascii_digit()) { name } else { "" }
        });
    let name = name.trim_end();
    Some(name.strip_suffix("copy").map_or(name, |name| name.trim_end_matches([' ', '-', '_'])).to_owned())
}

/// What a folder holds, in order of names; nothing where it cannot be read, which is told when it is opened.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let shown = |path: &PathBuf| !path.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy()));
    let read = fs::read_dir(folder).into_iter().flatten().take(MOST);
    let mut entries: Vec<PathBuf> = read.flatten().map(|entry| entry.path()).filter(shown).collect();
    entries.sort_unstable();
    entries
}

fn ambiguous(folder: &Path, one: &Path, other: &Path) -> Error {
    Error::TwoParts { path: folder.into(), one: one.into(), other: other.into() }
}

//! Files from outside, in a folder or in a zip archive read in place.
//!
//! Nothing is unpacked to disk. Counts and sizes are bounded by what is read,
//! not by what an archive declares.

use crate::Error;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::ZipArchive;

/// Most files and folders of one source; the larger Omniglot archive has 20,245.
const MAX_FILES: usize = 100_000;
/// Most bytes of one archive; the larger Omniglot archive has 9 million.
const MAX_ARCHIVE: u64 = 1 << 28;
/// Most folders within folders.
const MAX_DEPTH: usize = 3;

/// A folder or an archive with the names of its files. A clone is cheap and
/// reads independently: one per thread.
#[derive(Clone)]
pub(crate) struct Source {
    path: PathBuf,
    names: Arc<Vec<String>>,
    archive: Option<ZipArchive<Cursor<Arc<[u8]>>>>,
}

impl Source {
    /// A folder, or else a zip archive.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let about = fs::metadata(path).map_err(|e| unreadable(path, e))?;
        if about.is_dir() {
            let mut names = Vec::new();
            walk(path, "", MAX_DEPTH, &mut names)?;
            return Ok(Self { path: path.into(), names: Arc::new(names), archive: None });
        }
        let file = File::open(path).map_err(|e| unreadable(path, e))?;
        let bytes = bounded(file, MAX_ARCHIVE)
            .map_err(|e| unreadable(path, e))?
            .ok_or_else(|| too_large(path.display(), MAX_ARCHIVE))?;
        let archive = ZipArchive::new(Cursor::new(bytes.into())).map_err(|e| damaged(path, e))?;
        let names = entry_names(path, &archive)?;
        Ok(Self { path: path.into(), names: Arc::new(names), archive: Some(archive) })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of its files, with `/` between folders; folders of an archive end in `/`.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where file `number` is, for messages.
    pub(crate) fn describe(&self, number: usize) -> String {
        let (path, name) = (self.path.display(), &self.names[number]);
        match self.archive {
            Some(_) => format!("{path}: {name}"),
            None => self.path.join(name).display().to_string(),
        }
    }

    /// The bytes of file `number` of [`names`](Self::names), at most `limit`.
    pub(crate) fn read(&mut self, number: usize, limit: u64) -> Result<Vec<u8>, Error> {
        let name = self.describe(number);
        let read = match &mut self.archive {
            Some(archive) => {
                let entry = archive.by_index(number).map_err(|e| damaged(&self.path, e))?;
                bounded(entry, limit)
                    .map_err(|e| damaged(&self.path, format!("{}: {e}", self.names[number])))?
            }
            None => {
                let path = self.path.join(&self.names[number]);
                File::open(&path).and_then(|file| bounded(file, limit)).map_err(|e| unreadable(&path, e))?
            }
        };
        read.ok_or_else(|| too_large(name, limit))
    }
}

/// Everything a reader gives, or `None` when that is more than `limit` bytes.
pub(crate) fn bounded(reader: impl Read, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// The file of a path could not be read.
pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::Unreadable { path: path.into(), source }
}

pub(crate) fn too_large(name: impl ToString, limit: u64) -> Error {
    Error::TooLarge { name: name.to_string(), limit }
}

fn damaged(path: &Path, cause: impl ToString) -> Error {
    Error::DamagedArchive { path: path.into(), cause: cause.to_string() }
}

/// Names of all entries, after a check that none leads outside.
fn entry_names(path: &Path, archive: &ZipArchive<Cursor<Arc<[u8]>>>) -> Result<Vec<String>, Error> {
    if archive.len() > MAX_FILES {
        return Err(Error::TooManyFiles { path: path.into(), limit: MAX_FILES });
    }
    (0..archive.len())
        .map(|number| {
            let entry = archive.by_index_data(number).map_err(|e| damaged(path, e))?;
            let name = entry.name().map_err(|e| damaged(path, e))?.into_owned();
            if climbs(&name) || entry.is_symlink() {
                return Err(Error::LeadsOutside { path: path.into(), entry: name });
            }
            Ok(name)
        })
        .collect()
}

/// Whether a path is absolute or has a step upwards, on any system.
pub(crate) fn climbs(name: &str) -> bool {
    let mut steps = name.split(['/', '\\']);
    name.starts_with(['/', '\\'])
        || name.chars().nth(1) == Some(':')
        || name.contains('\0')
        || steps.any(|step| step == "..")
}

/// Adds the files under `path` to `names`, in order of their names.
fn walk(path: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) -> Result<(), Error> {
    let entries: Result<Vec<_>, _> = fs::read_dir(path).and_then(|all| all.take(MAX_FILES + 1).collect());
    let mut entries = entries.map_err(|e| unreadable(path, e))?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let below = entry.path();
        if !below.is_dir() {
            names.push(name);
        } else if depth > 0 {
            walk(&below, &format!("{name}/"), depth - 1, names)?;
        }
        if names.len() > MAX_FILES {
            return Err(Error::TooManyFiles { path: path.into(), limit: MAX_FILES });
        }
    }
    Ok(())
}

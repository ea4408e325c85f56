//! The files of a folder, or of a zip archive read in place.
//!
//! Nothing is unpacked to disk. Counts and sizes are bounded by what is read,
//! not by what an archive declares.

use crate::Error;
use crate::names::from_os;
use crate::source::{bounded, is_hidden, read_regular, too_large, unreadable};
use std::collections::HashSet;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::ZipArchive;

/// Most files and folders of one source; the larger Omniglot archive has 20,245.
const MAX_FILES: usize = 100_000;
/// Most bytes of one archive; the larger Omniglot archive has 9 million.
const MAX_ARCHIVE: u64 = 1 << 28;
/// Most folders within folders: those of a data set, and two above them.
const MAX_DEPTH: usize = 5;

/// A folder or an archive with the names of its files. A clone is cheap and
/// reads independently: one per thread.
#[derive(Clone)]
pub(super) struct Source {
    path: PathBuf,
    names: Arc<Vec<String>>,
    files: Files,
}

/// Where the bytes of the files are.
#[derive(Clone)]
enum Files {
    /// Each in a file of its own, in the order of the names.
    Folder(Arc<Vec<PathBuf>>),
    /// In an archive.
    Archive(ZipArchive<Cursor<Arc<[u8]>>>),
}

impl Source {
    /// A folder, or else a zip archive.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let about = fs::metadata(path).map_err(|e| unreadable(path, e))?;
        if about.is_dir() {
            let mut walk = Walk { root: path, files: Vec::new(), met: HashSet::new(), entries: 0 };
            walk.enter(path, "", MAX_DEPTH)?;
            let (names, files) = walk.files.into_iter().unzip();
            let (names, files) = (Arc::new(names), Files::Folder(Arc::new(files)));
            return Ok(Self { path: path.into(), names, files });
        }
        let bytes = read_regular(path, MAX_ARCHIVE)?;
        let archive = ZipArchive::new(Cursor::new(bytes.into())).map_err(|e| damaged(path, e))?;
        let names = entry_names(path, &archive)?;
        Ok(Self { path: path.into(), names: Arc::new(names), files: Files::Archive(archive) })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of its files, with `/` between folders, also where an archive has `\`; folders of an archive end in `/`.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where file `number` is, for messages.
    pub(super) fn describe(&self, number: usize) -> String {
        match &self.files {
            Files::Archive(_) => format!("{}: {}", self.path.display(), self.names[number]),
            Files::Folder(files) => files[number].display().to_string(),
        }
    }

    /// The bytes of file `number` of [`names`](Self::names), at most `limit`.
    pub(super) fn read(&mut self, number: usize, limit: u64) -> Result<Vec<u8>, Error> {
        let name = self.describe(number);
        let archive = match &mut self.files {
            Files::Folder(files) => return read_regular(&files[number], limit),
            Files::Archive(archive) => archive,
        };
        let entry = archive.by_index(number).map_err(|e| damaged(&self.path, e))?;
        bounded(entry, limit)
            .map_err(|e| damaged(&self.path, format!("{}: {e}", self.names[number])))?
            .ok_or_else(|| too_large(name, limit))
    }
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
            // as archives made on Windows may have it
            Ok(if name.contains('/') { name } else { name.replace('\\', "/") })
        })
        .collect()
}

/// Whether a path is absolute or has a step upwards, on any system.
fn climbs(name: &str) -> bool {
    let mut steps = name.split(['/', '\\']);
    name.starts_with(['/', '\\'])
        || name.chars().nth(1) == Some(':')
        || name.contains('\0')
        || steps.any(|step| step == "..")
}

/// The files below a folder, in order of their names.
struct Walk<'a> {
    root: &'a Path,
    /// Their names below the folder, and where they are.
    files: Vec<(String, PathBuf)>,
    /// Folders that were entered, by their true paths: a link may lead back to one.
    met: HashSet<PathBuf>,
    /// Files and folders seen.
    entries: usize,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), Error> {
        let place = fs::canonicalize(folder).map_err(|e| unreadable(folder, e))?;
        if !self.met.insert(place) {
            return Ok(());
        }
        let mut below: Vec<(String, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
            let entry = entry.map_err(|e| unreadable(folder, e))?;
            self.entries += 1;
            if self.entries > MAX_FILES {
                return Err(Error::TooManyFiles { path: self.root.into(), limit: MAX_FILES });
            }
            below.push((from_os(&entry.file_name()), entry.path()));
        }
        below.sort_unstable();
        for (name, path) in below.into_iter().filter(|(name, _)| !is_hidden(name)) {
            let name = format!("{prefix}{name}");
            if !path.is_dir() {
                self.files.push((name, path));
            } else if depth > 0 {
                self.enter(&path, &format!("{name}/"), depth - 1)?;
            }
        }
        Ok(())
    }
}

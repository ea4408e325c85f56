//! Files from outside, in a folder or in a zip archive read in place.
//!
//! Nothing is unpacked to disk. Counts and sizes are bounded by what is read,
//! not by what an archive declares. Only regular files are opened: a named pipe
//! or a device would be waited for without end.

use crate::Error;
use crate::names::from_os;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Cursor, Read};
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
pub(crate) struct Source {
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
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
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
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of its files, with `/` between folders, also where an archive has `\`; folders of an archive end in `/`.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where file `number` is, for messages.
    pub(crate) fn describe(&self, number: usize) -> String {
        match &self.files {
            Files::Archive(_) => format!("{}: {}", self.path.display(), self.names[number]),
            Files::Folder(files) => files[number].display().to_string(),
        }
    }

    /// The bytes of file `number` of [`names`](Self::names), at most `limit`.
    pub(crate) fn read(&mut self, number: usize, limit: u64) -> Result<Vec<u8>, Error> {
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

/// Opens a regular file and says how many bytes it has: never a folder, a named pipe or a device, not even to look at it.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), Error> {
    let of = |kind: fs::FileType| Error::NotAFile { path: path.into(), what: what(kind) };
    let before = fs::metadata(path).map_err(|e| unreadable(path, e))?;
    if !before.is_file() {
        return Err(of(before.file_type()));
    }
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    // the open one counts: another may have taken its place
    let about = file.metadata().map_err(|e| unreadable(path, e))?;
    if about.is_file() { Ok((file, about.len())) } else { Err(of(about.file_type())) }
}

/// All bytes of a regular file, which has at most `limit`.
pub(crate) fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let (file, length) = open_regular(path)?;
    let read = if length > limit { None } else { bounded(file, limit).map_err(|e| unreadable(path, e))? };
    read.ok_or_else(|| too_large(path.display(), limit))
}

/// What something is that is no regular file.
fn what(kind: fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "something else" }
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
            // as archives made on Windows may have it
            Ok(if name.contains('/') { name } else { name.replace('\\', "/") })
        })
        .collect()
}

/// Whether files and folders of this name are the system's, not the user's: names with a dot in front, and what macOS, Windows,
/// storage servers and file systems put beside other people's files.
pub(crate) fn is_hidden(name: &str) -> bool {
    const OF_SYSTEMS: [&str; 8] = [
        "__macosx",
        "@eadir",
        "@recycle",
        "@tmp",
        "#recycle",
        "$recycle.bin",
        "lost+found",
        "system volume information",
    ];
    name.starts_with('.') || OF_SYSTEMS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a path is absolute or has a step upwards, on any system.
pub(crate) fn climbs(name: &str) -> bool {
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

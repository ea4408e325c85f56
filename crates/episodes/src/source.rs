//! Files from outside.
//!
//! Sizes are bounded by what is read, not by what is declared. Only regular files are opened: a named pipe
//! or a device would be waited for without end.

use crate::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

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

/// Whether files and folders of this name are the system's, not the user's: names with a dot in front, and what macOS, Windows,
/// storage servers and file systems put beside other people's files.
#[cfg(any(feature = "images", feature = "archives"))]
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

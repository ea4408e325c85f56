//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Longest name that stands in the name of its temporary file: together they stay below the 255 bytes of file systems.
const LONGEST: usize = 200;
/// Most symbolic links one behind the other, as Linux has it.
const MOST_LINKS: usize = 40;

/// Writes a file beside its place and moves it there: at any moment the old one or the new one is there, whole.
///
/// Otherwise it is as with [`std::fs::write`]: a new file gets the permissions that the process gives to files (`umask`), one that is
/// replaced keeps its own, a symbolic link is followed, and a device or a pipe is written to and stays what it is. A process that is
/// killed may leave a temporary file beside the file `NAME`: `.NAME.`, six letters or digits, and `.tmp`.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("note.txt");
/// fewshot_meta::write_atomically(&path, b"first")?;
/// fewshot_meta::write_atomically(&path, b"second")?;
/// assert_eq!(std::fs::read(&path)?, b"second");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When the file cannot be written; the old one, if there was one, is then still there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (place, old) = match fs::metadata(path) {
        Ok(about) if about.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(about) if !about.is_file() => return File::options().write(true).open(path)?.write_all(bytes),
        Ok(about) => (fs::canonicalize(path)?, Some(about.permissions())),
        Err(_) => (end_of_links(path), None),
    };
    let folder = match place.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = temporary(folder, &place).map_err(without_name)?;
    if let Some(permissions) = old {
        file.as_file().set_permissions(permissions)?;
    }
    file.write_all(bytes).map_err(without_name)?;
    file.as_file().sync_all()?;
    file.persist(&place).map_err(|error| error.error)?;
    // the name, too, shall survive a power cut; where folders cannot be synced, the file already is
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Where a symbolic link to nothing leads; a path that is no link leads to itself.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

fn temporary(folder: &Path, place: &Path) -> io::Result<tempfile::NamedTempFile> {
    let name = place.file_name().filter(|name| name.len() <= LONGEST).unwrap_or_default();
    let prefix: OsString = [".".as_ref(), name, ".".as_ref()].into_iter().collect();
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// An error without the name of the temporary file, which nobody asked for: `tempfile` puts it behind the cause.
fn without_name(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((cause, _)) if error.raw_os_error().is_none() => io::Error::new(error.kind(), cause),
        _ => error,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn permissions_are_those_of_plain_files_or_those_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let (path, plain) = (folder.path().join("model"), folder.path().join("plain"));
        fs::write(&plain, "").unwrap();
        write_atomically(&path, b"1").unwrap();
        assert_eq!(mode(&path), mode(&plain));
        for kept in [0o600, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
            write_atomically(&path, b"2").unwrap();
            assert_eq!(mode(&path), kept);
        }
    }

    #[test]
    fn links_are_followed_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("target");
        let (link, far) = (folder.path().join("link"), folder.path().join("far"));
        symlink(&target, &link).unwrap();
        symlink("link", &far).unwrap();
        for text in ["to nothing yet", "to a file"] {
            write_atomically(&far, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert!(fs::symlink_metadata(&far).unwrap().is_symlink());
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "nothing temporary stays");
    }

    #[test]
    fn devices_stay_devices_and_folders_are_refused() {
        write_atomically(Path::new("/dev/null"), b"x").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write_atomically(folder.path(), b"x").unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn errors_do_not_name_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomically(&folder.path().join("none/model"), b"x").unwrap_err();
        assert!(error.kind() == io::ErrorKind::NotFound && !error.to_string().contains("tmp"), "{error}");
        let long = folder.path().join("x".repeat(250));
        write_atomically(&long, b"x").unwrap();
        assert_eq!(fs::read(&long).unwrap(), b"x");
    }
}

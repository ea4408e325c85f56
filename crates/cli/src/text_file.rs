//! Text files of a run, read with a bound.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Largest log read; a row has some hundred bytes.
pub const LARGEST_LOG: u64 = 1 << 30;

/// The text of a regular file of at most `limit` bytes. A named pipe or a device, which could be waited for without end, is not
/// opened.
pub fn read(path: &Path, limit: u64) -> io::Result<String> {
    let wrong = |cause: String| io::Error::new(io::ErrorKind::InvalidInput, cause);
    let check = |about: fs::Metadata| match (about.is_file(), about.len()) {
        (false, _) => Err(wrong("it is no regular file".into())),
        (true, length) if length > limit => Err(wrong(format!("it has {length} bytes, more than {limit}"))),
        (true, _) => Ok(()),
    };
    check(fs::metadata(path)?)?;
    let file = File::open(path)?;
    // the open one counts: another may have taken its place
    check(file.metadata()?)?;
    let mut text = String::new();
    file.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_files_of_some_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "1,2\n").unwrap();
        assert_eq!(read(&path, 4).unwrap(), "1,2\n");
        assert!(read(&path, 3).unwrap_err().to_string().contains("4 bytes"));
        for path in [folder.path(), Path::new("/dev/zero")] {
            assert!(read(path, 4).is_err(), "{}", path.display());
        }
    }
}

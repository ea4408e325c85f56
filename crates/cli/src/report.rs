//! What is printed: results on standard output, remarks on standard error.

use std::io::{self, Write};

use crate::error::Error;

/// Prints a line of results. A reader that has gone away (`| head`) is no error.
pub fn say(line: impl AsRef<str>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Stdout(error)),
        _ => Ok(()),
    }
}

/// Prints a remark; one that cannot be printed is dropped.
pub fn note(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", line.as_ref());
}

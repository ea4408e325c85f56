//! What is printed: results on standard output, remarks on standard error, no wider than the terminal they are printed on.

use std::io::{self, Write};

use crate::error::Error;
use crate::terminal;

/// Prints lines of results. A reader that has gone away (`| head`) is no error.
pub fn say(lines: impl AsRef<str>) -> Result<(), Error> {
    say_as_it_is(laid_out(lines.as_ref(), terminal::of_results()))
}

/// Prints what other programs read, such as JSON or a path, on one line on every terminal.
pub fn say_as_it_is(line: impl AsRef<str>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Stdout(error)),
        _ => Ok(()),
    }
}

/// Prints a remark; one that cannot be printed is dropped.
pub fn note(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", laid_out(line.as_ref(), terminal::of_remarks()));
}

fn laid_out(lines: &str, columns: Option<usize>) -> String {
    lines.split('\n').map(|line| terminal::wrapped(line, columns)).collect::<Vec<_>>().join("\n")
}

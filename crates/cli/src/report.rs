//! What is printed: results on standard output, remarks on standard error, no wider than the terminal they are printed on.

use std::io::{self, Write};

use fewshot_episodes::names::shown;

use crate::error::Error;
use crate::terminal;
use crate::volume::{is_quiet, is_verbose};

/// Prints lines that explain a result, such as its protocol; nothing with `--quiet`. A reader that has gone away (`| head`) is no error.
pub fn say(lines: impl AsRef<str>) -> Result<(), Error> {
    if is_quiet() { Ok(()) } else { result(lines) }
}

/// Prints what was asked for, however quiet the program is.
pub fn result(lines: impl AsRef<str>) -> Result<(), Error> {
    say_as_it_is(laid_out(lines.as_ref(), terminal::of_results()))
}

/// Prints lines of which the last is the result and the others explain it.
pub fn explained(lines: Vec<String>) -> Result<(), Error> {
    let Some((last, before)) = lines.split_last() else { return Ok(()) };
    before.iter().try_for_each(say)?;
    result(last)
}

/// Prints what other programs read, such as JSON or a path, on one line on every terminal.
pub fn say_as_it_is(line: impl AsRef<str>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Stdout(error)),
        _ => Ok(()),
    }
}

/// Prints a remark, unless the program is to be quiet.
pub fn note(line: impl AsRef<str>) {
    if !is_quiet() {
        warn(line);
    }
}

/// Prints a remark for those who want to know more (`--verbose`).
pub fn detail(line: impl AsRef<str>) {
    if is_verbose() {
        warn(line);
    }
}

/// Prints an error, or a remark on a result that is doubtful, however quiet the program is; one that cannot be printed is dropped.
pub fn warn(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", laid_out(line.as_ref(), terminal::of_remarks()));
}

/// Lines that give no orders to a terminal, whatever names of files they quote, and are no wider than it.
fn laid_out(lines: &str, columns: Option<usize>) -> String {
    let wrapped = |line: &str| terminal::wrapped(&harmless(line), columns);
    lines.split('\n').map(wrapped).collect::<Vec<_>>().join("\n")
}

/// Each character as it is or, where it is not seen, escaped.
fn harmless(line: &str) -> String {
    let mut buffer = [0; 4];
    line.chars().map(|c| shown(c.encode_utf8(&mut buffer)).to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_seen_is_escaped() {
        let text = "고양이 \u{2801}\n± é \\u{1b} ━╸─";
        assert_eq!(laid_out(text, None), text);
        assert_eq!(laid_out("\u{1b}[31mred\r", None), r"\u{1b}[31mred\u{d}");
    }
}

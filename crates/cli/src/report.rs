//! What is printed: results on standard output, remarks on standard error.

use std::io::{self, Write};

use fewshot_episodes::names::shown;

use crate::error::Error;

/// Prints a line of results, or several. A reader that has gone away (`| head`) is no error.
pub fn say(line: impl AsRef<str>) -> Result<(), Error> {
    say_json(harmless(line.as_ref()))
}

/// Prints a line of JSON, in which every character is as it is.
pub fn say_json(line: impl AsRef<str>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Stdout(error)),
        _ => Ok(()),
    }
}

/// Prints a remark; one that cannot be printed is dropped.
pub fn note(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", harmless(line.as_ref()));
}

/// A text that gives no orders to a terminal, whatever names of files it quotes.
fn harmless(text: &str) -> String {
    let mut buffer = [0; 4];
    let one = |c: char| match c {
        '\n' => "\n".to_owned(),
        c => shown(c.encode_utf8(&mut buffer)).to_string(),
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_seen_is_escaped() {
        let text = "고양이 \u{2801}\n± é \\u{1b} ━╸─";
        assert_eq!(harmless(text), text);
        assert_eq!(harmless("\u{1b}[31mred\r"), r"\u{1b}[31mred\u{d}");
    }
}

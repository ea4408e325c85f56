//! How wide the terminal is, and text that is laid out for it.

use std::io::{self, IsTerminal};

use clap::ColorChoice;
use terminal_size::{Height, Width, terminal_size_of};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::UnicodeWidthStr;

use crate::volume::is_quiet;

/// Columns of a terminal that does not know how many it has.
const UNKNOWN: usize = 80;
/// Narrower than this, nothing can be laid out.
const NARROWEST: usize = 20;
/// Blanks before what continues a line that has no column to continue in.
const HANGING: usize = 2;

/// Columns of the terminal that results are printed on; none where they go into a file or a pipe.
pub fn of_results() -> Option<usize> {
    io::stdout().is_terminal().then(|| columns(terminal_size_of(io::stdout())))
}

/// Columns of the terminal that remarks and progress are printed on; none where they go into a file or a pipe.
pub fn of_remarks() -> Option<usize> {
    io::stderr().is_terminal().then(|| columns(terminal_size_of(io::stderr())))
}

/// Columns of the terminal on which progress can be drawn, over and over on one line; none where the cursor cannot be moved.
pub fn of_progress() -> Option<usize> {
    let moves = std::env::var_os("TERM").map_or(cfg!(windows), |_| !is_dumb());
    of_remarks().filter(|_| moves && !is_quiet())
}

/// Whether help may be coloured: not on a terminal that can show letters alone, wherever the program runs.
pub fn colours() -> ColorChoice {
    if is_dumb() { ColorChoice::Never } else { ColorChoice::Auto }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|name| name == "dumb")
}

/// What the user says of a terminal comes before what it says itself.
fn columns(size: Option<(Width, Height)>) -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
    let own = size.map(|(Width(columns), _)| usize::from(columns)).filter(|&columns| columns > 0);
    said.filter(|&columns: &usize| columns > 0).or(own).unwrap_or(UNKNOWN).max(NARROWEST)
}

/// A line broken at blanks, where it is wider than the terminal; what continues it stands below its text, beside the word that
/// names it. A word that is wider than the terminal stays whole.
pub fn wrapped(line: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|&columns| line.width() > columns) else {
        return line.to_owned();
    };
    let own = line.len() - line.trim_start_matches(' ').len();
    let broken = |indent: usize| {
        let blanks = " ".repeat(indent);
        let options = Options::new(columns)
            .subsequent_indent(&blanks)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit);
        textwrap::fill(line, options)
    };
    let fits = |text: &String| text.lines().all(|line| line.width() <= columns);
    let under_text = text_column(line, own).filter(|&column| column <= columns / 2).map(broken);
    under_text.filter(fits).unwrap_or_else(|| broken(own + HANGING))
}

/// Where the text begins that follows the word at the beginning of a line and at least two blanks.
fn text_column(line: &str, own: usize) -> Option<usize> {
    let gap = own + line[own..].find("  ")?;
    let text = gap + line[gap..].find(|c| c != ' ')?;
    Some(line[..text].width())
}

/// Filled with blanks to so many columns.
pub fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// In the middle of so many columns.
pub fn centred(text: &str, columns: usize) -> String {
    let before = columns.saturating_sub(text.width()) / 2;
    padded(&format!("{}{text}", " ".repeat(before)), columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_continue_below_their_text() {
        let line = "learner     protonet, cosine distance; Conv4, 111936 weights";
        assert_eq!(
            wrapped(line, Some(40)),
            "learner     protonet, cosine distance;\n            Conv4, 111936 weights"
        );
        assert_eq!(wrapped(line, Some(60)), line);
        assert_eq!(wrapped(line, None), line);
        assert_eq!(
            wrapped("accuracy 51.20 ± 3.10 % (60 episodes)", Some(24)),
            "accuracy 51.20 ± 3.10 %\n  (60 episodes)"
        );
        // a word that would not fit below the text begins further left, and is never broken
        let path = "model       /a/folder/with-a-long-name, maml";
        assert_eq!(wrapped(path, Some(30)), "model\n  /a/folder/with-a-long-name,\n  maml");
        assert_eq!(wrapped("x /a/folder/with-a-long-name", Some(20)), "x\n  /a/folder/with-a-long-name");
    }

    #[test]
    fn hangul_takes_two_columns() {
        assert_eq!(wrapped("고양이 강아지 토끼", Some(14)), "고양이 강아지\n  토끼");
        assert_eq!(padded("고양", 6), "고양  ");
        assert_eq!(centred("고양", 8), "  고양  ");
        assert_eq!(format!("{:^7}", "ab"), centred("ab", 7));
    }
}

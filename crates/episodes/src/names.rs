//! Names of classes and files: how they are found, shown, and made of what a file system holds.
//!
//! A name is any text: composed or decomposed, of any script, with blanks, commas, quotes or line breaks. Two names that
//! differ in a byte are two names; [`NameIndex`] looks for the exact one first, and only then for the one that is
//! canonically equivalent, as `é` typed on one system and `e` with an accent behind it stored by another are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::path::Path;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Places of names, found exactly or else up to canonical equivalence (Unicode normal form C).
///
/// ```
/// use fewshot_episodes::names::{NameError, NameIndex};
/// let index = NameIndex::new(["cafe\u{301}", "tea", "A\u{30a}", "\u{c5}"]);
/// assert_eq!(index.find("tea"), Ok(1));
/// assert_eq!(index.find("caf\u{e9}"), Ok(0), "composed in the list, decomposed in the data");
/// assert_eq!(index.find("\u{c5}"), Ok(3), "an exact name comes first");
/// // the sign of the ångström is equivalent to both and is neither
/// assert!(matches!(index.find("\u{212b}"), Err(NameError::Ambiguous { .. })));
/// assert!(matches!(index.find("coffee"), Err(NameError::Unknown { .. })));
/// ```
#[derive(Clone, Debug, Default)]
pub struct NameIndex<'a> {
    exact: HashMap<Cow<'a, str>, Places>,
    canonical: HashMap<String, Places>,
}

/// Where names that count as one stand.
#[derive(Clone, Copy, Debug)]
struct Places {
    first: usize,
    count: usize,
}

impl<'a> NameIndex<'a> {
    /// An index of names; the place of a name is its number in this order, from 0.
    pub fn new(names: impl IntoIterator<Item: Into<Cow<'a, str>>>) -> Self {
        let mut index = Self::default();
        for (first, name) in names.into_iter().enumerate() {
            let (name, one) = (name.into(), Places { first, count: 0 });
            index.canonical.entry(canonical(&name)).or_insert(one).count += 1;
            index.exact.entry(name).or_insert(one).count += 1;
        }
        index
    }

    /// The place of a name: of the very name where it is there, else of the only one that is canonically equivalent.
    ///
    /// # Errors
    /// When no name is equivalent, or several are and none of them alone is the very name.
    pub fn find(&self, name: &str) -> Result<usize, NameError> {
        let places = self.exact.get(name).or_else(|| self.canonical.get(&canonical(name)));
        match places {
            None => Err(NameError::Unknown { name: name.into() }),
            Some(&Places { first, count: 1 }) => Ok(first),
            Some(&Places { count, .. }) => Err(NameError::Ambiguous { name: name.into(), count }),
        }
    }
}

/// Why a name stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no such name, in any Unicode form.
    #[error("there is no '{}'", shown(name))]
    Unknown {
        /// What was looked for.
        name: String,
    },
    /// Several names are canonically equivalent to it, and it is none of them or all.
    #[error(
        "'{}' may be any of {count} names that look the same and differ at most in their Unicode form: rename all but one",
        shown(name)
    )]
    Ambiguous {
        /// What was looked for.
        name: String,
        /// How many it may be.
        count: usize,
    },
}

/// Unicode normal form C: equal for names that are canonically equivalent.
pub fn canonical(name: &str) -> String {
    if is_nfc(name) { name.into() } else { name.nfc().collect() }
}

/// A name for people to read, on one line: letters of every script as they are, and as `\u{1b}` what would break the line, give
/// orders to a terminal, turn the direction of writing or not be seen at all. Names that differ are shown differently.
///
/// ```
/// use fewshot_episodes::names::shown;
/// assert_eq!(shown("고양이, 'cat'").to_string(), "고양이, 'cat'");
/// assert_eq!(shown("red\u{1b}[31m\ntape").to_string(), r"red\u{1b}[31m\u{a}tape");
/// assert_eq!(shown(r"a\b, \u{1b}").to_string(), r"a\b, \\u{1b}", "no escape, and not shown as one");
/// ```
pub fn shown(name: &str) -> impl fmt::Display + '_ {
    Shown(name)
}

/// A path as [`shown`] shows names, on one line and with every byte of it.
pub fn shown_path(path: &Path) -> impl fmt::Display {
    shown(&from_os(path.as_os_str())).to_string()
}

struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.0.len());
        let mut rest = self.0.chars();
        while let Some(c) = rest.next() {
            if is_unseen(c) {
                double_last_backslashes(&mut text);
                write!(text, "\\u{{{:x}}}", u32::from(c))?;
            } else {
                if c == 'u' && rest.as_str().starts_with('{') {
                    double_last_backslashes(&mut text);
                }
                text.push(c);
            }
        }
        f.pad(&text)
    }
}

/// Whether a character would not be seen, or would change how others are: controls, breaks of lines, marks of direction and
/// marks without width. The joiners, which several scripts are written with, are none of them.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'
                ..='\u{202e}'
        )
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}')
}

/// The name of a file or folder as text: itself where it is valid Unicode, and with `\xNN` for each byte that is not. Names
/// that differ give texts that differ: a backslash of the name that would read as such an escape is doubled.
///
/// ```
/// # #[cfg(unix)] {
/// use fewshot_episodes::names::from_os;
/// use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
/// assert_eq!(from_os(OsStr::new("고양이")), "고양이");
/// assert_eq!(from_os(OsStr::from_bytes(b"caf\xe9")), r"caf\xE9");
/// assert_eq!(from_os(OsStr::new(r"caf\xE9")), r"caf\\xE9");
/// # }
/// ```
pub fn from_os(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            if is_byte(rest) {
                double_last_backslashes(&mut text);
            }
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
        for byte in chunk.invalid() {
            double_last_backslashes(&mut text);
            write!(text, "\\x{byte:02X}").expect("a string takes what is written");
        }
    }
    text
}

/// Whether a text begins as the escape of a byte does after its backslash.
fn is_byte(text: &str) -> bool {
    let digit = |b: u8| matches!(b, b'0'..=b'9' | b'A'..=b'F');
    matches!(text.as_bytes(), [b'x', high, low, ..] if digit(*high) && digit(*low))
}

/// Doubles the backslashes that a text ends in, so that an odd number before an escape is never of the name.
fn double_last_backslashes(text: &mut String) {
    let count = text.len() - text.trim_end_matches('\\').len();
    text.extend(std::iter::repeat_n('\\', count));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text that is rich in what is escaped and in what looks like an escape.
    fn tricky() -> impl Strategy<Value = String> {
        let piece = prop_oneof!["\\\\", "u", "x", "\\{", "1b", "FF", "\\}", "a", "\u{1b}", "\n", "가"];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn names_that_differ_are_shown_differently(a in tricky(), b in tricky()) {
            prop_assert_eq!(shown(&a).to_string() == shown(&b).to_string(), a == b);
            prop_assert!(!shown(&a).to_string().contains(char::is_control));
        }

        #[cfg(unix)]
        #[test]
        fn bytes_that_differ_are_names_that_differ(
            a in prop::collection::vec(prop::sample::select(b"\\\\xF0\xff\xf0".to_vec()), 0..8),
            b in prop::collection::vec(prop::sample::select(b"\\\\xF0\xff\xf0".to_vec()), 0..8),
        ) {
            use std::os::unix::ffi::OsStrExt;
            let name = |bytes: &[u8]| from_os(OsStr::from_bytes(bytes));
            prop_assert_eq!(name(&a) == name(&b), a == b);
        }
    }

    #[test]
    fn names_of_every_form_are_found() {
        let names = ["고양이", "\u{1100}\u{1161}", "각", "\u{1100}\u{1161}\u{11a8}", "e\u{323}\u{302}"];
        let index = NameIndex::new(names);
        for (place, name) in names.iter().enumerate() {
            assert_eq!(index.find(name), Ok(place));
        }
        let decomposed: String = "고양이".nfd().collect();
        assert_ne!(decomposed, "고양이");
        assert_eq!((index.find(&decomposed), index.find("가")), (Ok(0), Ok(1)));
        assert_eq!(index.find("e\u{302}\u{323}"), Ok(4), "the order of marks does not tell names apart");
        let mixed = "가\u{11a8}";
        assert_eq!(index.find(mixed), Err(NameError::Ambiguous { name: mixed.into(), count: 2 }));
        assert_eq!(index.find("가나").unwrap_err().to_string(), "there is no '가나'");
        assert!(NameIndex::new(["a", "b", "a"]).find("a").unwrap_err().to_string().contains("2 names"));
    }

    #[test]
    fn what_is_not_seen_is_escaped() {
        for (name, text) in [
            ("\u{202e}txt.exe", r"\u{202e}txt.exe"),
            ("a\u{2066}b\u{2069}", r"a\u{2066}b\u{2069}"),
            ("\u{feff}c0", r"\u{feff}c0"),
            ("tab\there\u{7f}\u{9b}1m", r"tab\u{9}here\u{7f}\u{9b}1m"),
            ("می\u{200c}خواهم 👩\u{200d}🔬", "می\u{200c}خواهم 👩\u{200d}🔬"),
            ("crane, \"bird\"", "crane, \"bird\""),
        ] {
            assert_eq!(shown(name).to_string(), text);
        }
        assert_eq!(format!("{:<4}|", shown("ab")), "ab  |");
    }
}

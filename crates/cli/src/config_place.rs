//! Where in a configuration something is wrong: the line, the column, and what stands there.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Error;
use crate::files;

/// Longer lines are not shown within a message.
const LONGEST_SHOWN: usize = 60;
/// Largest configuration looked into; a real one has some hundred bytes.
const LARGEST: u64 = 1 << 20;

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    /// The line without blanks at its ends.
    text: String,
}

impl Place {
    /// The place of a byte of a text.
    pub fn at(text: &str, byte: usize) -> Place {
        let byte = (0..=byte.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let start = text[..byte].rfind('\n').map_or(0, |end| end + 1);
        let end = text[byte..].find('\n').map_or(text.len(), |length| byte + length);
        Place {
            line: 1 + text[..start].matches('\n').count(),
            column: 1 + text[start..byte].chars().count(),
            text: text[start..end].trim().to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        match self.text.chars().count() {
            1..=LONGEST_SHOWN => write!(f, " ({})", self.text),
            _ => Ok(()),
        }
    }
}

/// The place of an option in a configuration, or that of its value.
pub fn of(text: &str, option: &str, is_value: bool) -> Option<Place> {
    let key = keys(text).into_iter().find(|key| key.name == option)?;
    Some(Place::at(text, if is_value { key.value_at } else { key.at }))
}

/// An error about options, with the place in the configuration of the option that it blames, unless that was given beside the
/// configuration.
pub fn placed(error: Error, path: &Path, beside: &[String]) -> Error {
    let Ok(text) = files::read(path, LARGEST) else { return error };
    let message = error.to_string();
    let keys: Vec<Key> = keys(&text).into_iter().filter(|key| !beside.contains(&key.name)).collect();
    let named = |names: &[&str]| names.iter().find_map(|name| keys.iter().find(|key| key.name == *name));
    let blamed = match &error {
        Error::Option { option, .. } => named(&[*option]),
        Error::Combination(_) | Error::Episodes { .. } => {
            named(&options_in(&message)).or_else(|| keys.iter().find(|key| key.is_told_in(&message)))
        }
        Error::Data(_) => keys.iter().find(|key| key.is_place_in(&message)),
        _ => None,
    };
    match blamed {
        Some(key) => {
            Error::ConfigAt { path: path.to_owned(), place: Place::at(&text, key.at), cause: message }
        }
        None => error,
    }
}

/// An error of the settings in a run's own configuration, with the place that it blames if that is known, and what is said at the end.
pub fn refused(error: Error, path: PathBuf, end: &str) -> Error {
    match placed(error, &path, &[]) {
        Error::ConfigAt { path, place, cause } => Error::ConfigAt { path, place, cause: cause + end },
        other => Error::Config { path, cause: format!("{other}{end}") },
    }
}

/// The options that a message names before it says what is wrong with them.
fn options_in(message: &str) -> Vec<&str> {
    let subject = message.split_once(": ").map_or(message, |(subject, _)| subject);
    let after = subject.split("--").skip(1);
    after
        .map(|rest| rest.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).next().unwrap_or(""))
        .collect()
}

/// A key of a configuration and its value.
struct Key {
    name: String,
    value: String,
    /// The byte where it begins.
    at: usize,
    /// The byte where its value begins.
    value_at: usize,
}

impl Key {
    /// Whether a message speaks of it as in `ways 5`, before it says what to do.
    fn is_told_in(&self, message: &str) -> bool {
        let cause = message.split(';').next().unwrap_or_default();
        let words: Vec<&str> = cause.split([' ', ',', ':']).collect();
        words.windows(2).any(|pair| pair == [self.name.as_str(), self.value.as_str()])
    }

    /// Whether a message names the path that it gives.
    fn is_place_in(&self, message: &str) -> bool {
        let path = self.value.split_once(':').map_or(&*self.value, |(_, path)| path);
        path.contains(['/', '\\']) && message.contains(path)
    }
}

/// The keys of a configuration; none where it cannot be parsed.
fn keys(text: &str) -> Vec<Key> {
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    let key = |(name, value): (Spanned<Cow<'_, str>>, Spanned<DeValue<'_>>)| {
        let at = name.span().start;
        let span = value.span();
        let value_at = span.start;
        let value = value.get_ref().as_str().unwrap_or(&text[span]).to_owned();
        Key { name: name.into_inner().into_owned(), value, at, value_at }
    };
    let mut keys: Vec<Key> = table.into_inner().into_iter().map(key).collect();
    keys.sort_by_key(|key| key.at);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        let text = "# Töne\nways = 5\n  shots = \"고\" # one\r\n";
        let place = |what: &str| Place::at(text, text.find(what).unwrap()).to_string();
        assert_eq!(place("ways"), "line 2, column 1 (ways = 5)");
        assert_eq!(place("# one"), "line 3, column 15 (shots = \"고\" # one)");
        assert_eq!(Place::at(text, text.len()).to_string(), "line 4, column 1");
        let long = format!("{} = 1", "x".repeat(LONGEST_SHOWN));
        assert_eq!(Place::at(&long, 0).to_string(), "line 1, column 1");
    }

    #[test]
    fn options_are_blamed_that_stand_before_the_cause() {
        assert_eq!(options_in("--algorithm maml --order 3: it is; give --ways 5"), ["algorithm", "order"]);
        assert_eq!(options_in("training batches (--batch): too few; lower --batch"), ["batch"]);
        assert!(options_in("episodes: lower --shots").is_empty());
    }

    #[test]
    fn an_option_on_the_command_line_is_not_blamed_on_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "ways = 5\nshots = 0\n").unwrap();
        let error = || Error::option("shots", 0, "too few");
        let at = placed(error(), &path, &["ways".into()]).to_string();
        assert!(at.ends_with("config.toml, line 2, column 1 (shots = 0): --shots 0: too few"), "{at}");
        assert_eq!(placed(error(), &path, &["shots".into()]).to_string(), error().to_string());
    }
}

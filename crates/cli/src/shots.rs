//! Shots of training episodes: a number, or a range of which each episode draws one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::Value;

use crate::error::Error;
use crate::options::Kind;
use crate::options::shared::MOST;

/// Labelled examples per class of a training episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Shots {
    /// The fewest.
    pub least: usize,
    /// The most; the same where none are drawn.
    pub most: usize,
}

impl Shots {
    /// Whether episodes differ in them.
    pub fn are_drawn(self) -> bool {
        self.least < self.most
    }

    /// Shots as a configuration has them: a number stays a number.
    pub fn value(text: &str) -> Result<Value, String> {
        let shots: Shots = text.parse()?;
        Value::try_from(shots).map_err(|error| error.to_string())
    }

    /// Checks that there are some, and not too many.
    pub fn check(self) -> Result<(), Error> {
        for end in [self.least, self.most] {
            let value = Value::Integer(i64::try_from(end).unwrap_or(i64::MAX));
            if let Some(cause) = Kind::upto(MOST).out_of_range(&value) {
                return Err(Error::option("train-shots", end, cause));
            }
        }
        Ok(())
    }
}

impl From<usize> for Shots {
    fn from(shots: usize) -> Shots {
        Shots { least: shots, most: shots }
    }
}

impl fmt::Display for Shots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.are_drawn() {
            true => write!(f, "{}..{}", self.least, self.most),
            false => write!(f, "{}", self.most),
        }
    }
}

impl FromStr for Shots {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.split_once("..") {
            Some((least, most)) => {
                least.parse().ok().zip(most.parse().ok()).map(|(least, most)| Shots { least, most })
            }
            None => text.parse().ok().map(|shots: usize| shots.into()),
        };
        parsed
            .filter(|shots| shots.least <= shots.most)
            .ok_or_else(|| "expected a whole number, or two with the smaller first, such as 1..9".into())
    }
}

/// In a configuration, a number stays a number.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of shots or a range such as \"1..9\"")]
enum Written {
    Number(usize),
    Range(String),
}

impl TryFrom<Written> for Shots {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(shots) => Ok(shots.into()),
            Written::Range(text) => text.parse().map_err(|cause| format!("{text:?}: {cause}")),
        }
    }
}

impl From<Shots> for Written {
    fn from(shots: Shots) -> Written {
        if shots.are_drawn() { Written::Range(shots.to_string()) } else { Written::Number(shots.most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_are_written() {
        for (text, least, most) in [("5", 5, 5), ("1..9", 1, 9)] {
            let shots: Shots = text.parse().unwrap();
            assert_eq!((shots, shots.to_string().as_str()), (Shots { least, most }, text));
        }
        assert_eq!("3..3".parse::<Shots>().unwrap().to_string(), "3");
        for wrong in ["", "1..", "9..1", "-1", "one"] {
            assert!(wrong.parse::<Shots>().unwrap_err().contains("1..9"), "{wrong}");
        }
    }
}

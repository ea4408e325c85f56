//! Shots of training episodes: a number, or a range of which each episode draws one.

use std::fmt;
use std::str::FromStr;

use toml::Value;

/// Labelled examples per class of a training episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
impl From<Shots> for Value {
    fn from(shots: Shots) -> Value {
        match i64::try_from(shots.most) {
            Ok(number) if !shots.are_drawn() => Value::Integer(number),
            _ => Value::String(shots.to_string()),
        }
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

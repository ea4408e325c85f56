//! Where a layer of settings holds.

use std::str::FromStr;

use serde::Deserialize;

/// What the layers of settings are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    /// Kind of data: `glyphs`, `omniglot`, `folder`, `features` or `sinusoid`.
    pub data: &'a str,
    /// Classes of an episode; of no meaning for regression.
    pub ways: usize,
    /// Support examples per class.
    pub shots: usize,
    /// The network that was asked for, of algorithms that have the choice.
    pub network: Option<&'a str>,
    /// The split that was asked for.
    pub split: Option<&'a str>,
}

impl Conditions<'_> {
    /// The number of one of the two options of whole numbers that are known from the start.
    pub fn number(&self, name: &str) -> Option<i64> {
        match name {
            "ways" => i64::try_from(self.ways).ok(),
            "shots" => i64::try_from(self.shots).ok(),
            _ => None,
        }
    }
}

/// Where a layer holds; what is absent holds everywhere.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct For {
    /// Kinds of data.
    pub data: Option<Names>,
    ways: Option<Range>,
    shots: Option<Range>,
    network: Option<String>,
    split: Option<Names>,
}

/// A name or an array of names.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a name or an array of names")]
pub enum Names {
    One(String),
    Several(Vec<String>),
}

/// Whole numbers from one to another, both included.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Range {
    least: usize,
    most: usize,
}

impl For {
    /// Whether all conditions hold.
    pub fn hold(&self, at: &Conditions<'_>) -> bool {
        self.data.as_ref().is_none_or(|names| names.all().iter().any(|name| name == at.data))
            && self.ways.as_ref().is_none_or(|range| range.contains(at.ways))
            && self.shots.as_ref().is_none_or(|range| range.contains(at.shots))
            && self.network.as_deref().is_none_or(|network| Some(network) == at.network)
            && self
                .split
                .as_ref()
                .is_none_or(|names| names.all().iter().any(|name| Some(&**name) == at.split))
    }
}

impl Names {
    /// The names.
    pub fn all(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Several(names) => names,
        }
    }
}

impl Range {
    fn contains(&self, number: usize) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

impl TryFrom<String> for Range {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let end = |text: &str, open: usize| if text.is_empty() { Ok(open) } else { usize::from_str(text) };
        let (least, most) = text.split_once("..").unwrap_or((&text, &text));
        match (end(least, 0), end(most, usize::MAX)) {
            (Ok(least), Ok(most)) if least <= most && !text.is_empty() => Ok(Range { least, most }),
            _ => Err(format!("{text:?} is no range such as \"..10\", \"11..\" or \"2..5\"")),
        }
    }
}

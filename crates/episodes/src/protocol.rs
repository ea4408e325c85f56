//! How episodes are drawn.

use crate::Error;
use std::fmt;
use std::str::FromStr;

/// What is done with turns by multiples of 90 degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rotations {
    /// Every class as the split gives it.
    #[default]
    None,
    /// Each class and its three turned copies are four classes (ProtoNet,
    /// Matching Networks). Turned classes the split already lists stay single.
    NewClasses,
    /// Each class of each episode draws one turn for all its images (MAML's
    /// code). Turned copies of one character are never two classes: of a split
    /// that lists them, each character is taken once.
    PerClass,
    /// All images of an episode share one turn (Relation Network's code).
    PerEpisode,
}

impl Rotations {
    /// All of them, in the order of the documentation.
    pub const ALL: [Rotations; 4] =
        [Rotations::None, Rotations::NewClasses, Rotations::PerClass, Rotations::PerEpisode];

    fn name(self) -> &'static str {
        match self {
            Rotations::None => "none",
            Rotations::NewClasses => "new-classes",
            Rotations::PerClass => "per-class",
            Rotations::PerEpisode => "per-episode",
        }
    }
}

impl fmt::Display for Rotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rotations {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        Rotations::ALL
            .into_iter()
            .find(|r| r.name() == s)
            .ok_or_else(|| Error::UnknownRotations { given: s.into() })
    }
}

/// The size of an episode and how its images are turned.
///
/// ```
/// use fewshot_episodes::{Protocol, Rotations};
/// let protocol = Protocol { ways: 5, shots: 1, queries: 15, rotations: Rotations::PerClass };
/// assert_eq!(protocol.to_string(), "5-way 1-shot, 15 queries per class, rotations per-class");
/// assert!(protocol.check().is_ok());
/// assert!(Protocol { ways: 0, ..protocol }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Classes per episode.
    pub ways: usize,
    /// Support examples per class.
    pub shots: usize,
    /// Query examples per class.
    pub queries: usize,
    /// What is done with turns.
    pub rotations: Rotations,
}

impl Protocol {
    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// When ways, shots or queries are 0.
    pub fn check(&self) -> Result<(), Error> {
        let sizes = [("ways", self.ways), ("shots", self.shots), ("queries", self.queries)];
        match sizes.into_iter().find(|(_, size)| *size == 0) {
            Some((name, _)) => Err(Error::Zero { name }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ways, shots, queries, rotations } = self;
        write!(f, "{ways}-way {shots}-shot, {queries} queries per class, rotations {rotations}")
    }
}

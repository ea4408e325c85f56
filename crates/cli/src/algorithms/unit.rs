//! [`Unit`]: what an algorithm is trained on.

/// What an outer update learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Episodes as at test.
    Episodes,
    /// Batches of examples of all classes.
    Batches,
    /// Batches of pairs.
    Pairs,
    /// Tasks of several sequences.
    Sequences,
}

impl Unit {
    /// What so many of them are called.
    pub fn words(self, count: usize) -> &'static str {
        match (self, count) {
            (Unit::Episodes, 1) => "episode",
            (Unit::Episodes, _) => "episodes",
            (Unit::Batches | Unit::Pairs, 1) => "batch",
            (Unit::Batches | Unit::Pairs, _) => "batches",
            (Unit::Sequences, _) => "tasks",
        }
    }

    /// What is learned from, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Episodes => "episodes",
            Unit::Batches => "batches",
            Unit::Pairs => "pairs",
            Unit::Sequences => "sequences",
        }
    }

    /// Whether an update takes examples class by class, not of all classes at once.
    pub fn is_by_class(self) -> bool {
        matches!(self, Unit::Episodes | Unit::Sequences)
    }
}

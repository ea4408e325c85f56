//! In what the data of a run differ from those it began with.

use fewshot_episodes::names::shown;

use crate::args::Part;

/// Classes that a message names.
const NAMED: usize = 8;

/// Classes that came, went, or hold something else.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// New ones, which are in no part.
    pub came: Vec<String>,
    /// Those of a part that are no more.
    pub gone: Vec<(String, Part)>,
    /// Those of a part whose examples are others.
    pub other: Vec<(String, Part)>,
}

impl Changes {
    /// Whether classes of this part are gone or hold something else.
    pub fn concern(&self, part: Part) -> bool {
        self.gone.iter().chain(&self.other).any(|(_, of)| *of == part)
    }

    /// All of them on a line; nothing where there are none.
    pub fn words(&self) -> Option<String> {
        let came = list(self.came.iter().map(|name| shown(name).to_string()));
        let of_part = |(name, part): &(String, Part)| format!("{} ({})", shown(name), part.words());
        let gone = list(self.gone.iter().map(of_part));
        let other = list(self.other.iter().map(of_part));
        let words = [
            (came, "new, in no part of the run and left out"),
            (gone, "gone"),
            (other, "with other examples than then"),
        ];
        let words: Vec<String> =
            words.into_iter().filter_map(|(names, what)| Some(format!("{what}: {}", names?))).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}

fn list(names: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let count = names.len();
    let mut named: Vec<String> = names.take(NAMED).collect();
    if count > NAMED {
        named.push(format!("{} more", count - NAMED));
    }
    (count > 0).then(|| named.join(", "))
}

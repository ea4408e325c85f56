//! Files of a folder that are no pictures.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Kinds that are named; the others are summed up.
const NAMED: usize = 6;
/// Most characters of an ending that are shown.
const LONGEST: usize = 12;

/// What lies in a folder and is no picture, so that nothing is left out without a word.
///
/// Its text is one line, such as `15 files passed over: 12 x .txt, 2 x hidden, 1 without ending`, and empty where nothing was
/// passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    kinds: BTreeMap<String, usize>,
    folders: Vec<PathBuf>,
}

impl PassedOver {
    /// Whether everything is a picture.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.folders.is_empty()
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.kinds.values().sum()
    }

    /// Folders that were not entered because links lead to them from several places.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Counts a file by its ending.
    pub(super) fn add_file(&mut self, path: &Path) {
        let kind = match path.extension() {
            Some(ending) => {
                let ending: String = ending.to_string_lossy().to_lowercase().chars().take(LONGEST).collect();
                format!("x .{}", ending.escape_debug())
            }
            None => "without ending".into(),
        };
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// Counts a file of the system.
    pub(super) fn add_hidden(&mut self) {
        *self.kinds.entry("x hidden".into()).or_default() += 1;
    }

    /// Notes a folder that was entered elsewhere.
    pub(super) fn add_folder(&mut self, path: &Path) {
        self.folders.push(path.into());
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<(&str, usize)> = self.kinds.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        kinds.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        let others: usize = kinds.iter().skip(NAMED).map(|(_, number)| number).sum();
        let mut said: Vec<String> =
            kinds.iter().take(NAMED).map(|(kind, number)| format!("{number} {kind}")).collect();
        if others > 0 {
            said.push(format!("{others} of other kinds"));
        }
        let counted = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        if !said.is_empty() {
            write!(f, "{} passed over: {}", counted(self.files(), "file"), said.join(", "))?;
        }
        if let Some(first) = self.folders.first() {
            let and = if said.is_empty() { "" } else { "; " };
            let folders = counted(self.folders.len(), "folder");
            let first = first.display().to_string();
            let first = first.escape_debug();
            write!(f, "{and}{folders} passed over, as links lead there from elsewhere: {first}")?;
        }
        Ok(())
    }
}

//! The parts of a data set by the names that people give them.

use crate::Error;
use crate::names::from_os;
use crate::source::unreadable;
use crate::split::PARTS;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What the parts are called, in small letters, without blanks, hyphens and underscores, `meta` in front and `set` behind.
const SPELLINGS: [&[&str]; 3] = [
    &["train", "training"],
    &["val", "valid", "validation", "validate", "dev", "development"],
    &["test", "testing", "eval", "evaluation"],
];

/// The part that a name stands for, if any: 0, 1, 2 for training, validation and test.
pub(crate) fn part_of(name: &str) -> Option<usize> {
    let plain: String =
        name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect();
    let plain = plain.strip_prefix("meta").unwrap_or(&plain);
    let plain = plain.strip_suffix("set").unwrap_or(plain);
    SPELLINGS.iter().position(|spellings| spellings.contains(&plain))
}

/// The lists of a folder by their part: `train.txt`, or what is called so in other words. A file of the very name of the part
/// comes first.
///
/// # Errors
/// When other names give two lists for a part.
pub(crate) fn lists(folder: &Path, ending: &str) -> Result<[Option<PathBuf>; 3], Error> {
    let plain = PARTS.map(|part| folder.join(format!("{part}.{ending}")));
    let mut found = plain.map(|file| file.is_file().then_some(file));
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(found) };
    let fixed = [0, 1, 2].map(|part: usize| found[part].is_some());
    let mut others: Vec<PathBuf> = Vec::new();
    for entry in entries {
        others.push(entry.map_err(|error| unreadable(folder, error))?.path());
    }
    others.sort_unstable();
    for file in others {
        let Some(part) = listed_part(&file, ending).filter(|part| !fixed[*part]) else { continue };
        if let Some(first) = found[part].replace(file.clone()) {
            return Err(Error::TwoLists { first, second: file, part: PARTS[part] });
        }
    }
    Ok(found)
}

pub(crate) fn listed_part(file: &Path, ending: &str) -> Option<usize> {
    let ends = file.extension().and_then(OsStr::to_str).is_some_and(|is| is.eq_ignore_ascii_case(ending));
    let part = part_of(&from_os(file.file_stem()?))?;
    (ends && file.is_file()).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_their_usual_names() {
        for (part, names) in [
            (Some(0), &["train", "Training", "TRAIN", "train_set", "meta-train", "Trainset"][..]),
            (Some(1), &["val", "valid", "Validation", "dev", "metaval", "validation set"]),
            (Some(2), &["test", "Testing", "EVAL", "evaluation", "meta_test", "test-set"]),
            (None, &["", "set", "meta", "metal", "trains", "tests", "latest", "c0", "train2", "기차"]),
        ] {
            names.iter().for_each(|name| assert_eq!(part_of(name), part, "{name}"));
        }
    }
}

//! Which classes of a folder are for training, for validation and for testing.

use super::{Class, Listing};
use crate::split::PARTS;
use crate::{ClassId, ClassSplit, Error, ImageSet};
use std::collections::HashMap;
use std::path::Path;

/// Fewest classes that are divided: two to learn to tell apart, two to test on.
const FEWEST: usize = 4;
/// From so many classes on there are some for validation.
const MANY: usize = 20;

/// A random split of the classes of a folder.
///
/// Of 20 classes or more a tenth are for validation, a quarter for testing and the rest for training; fewer are
/// halved, into training and testing. The same classes and seed give the same split, whatever is asked of it.
///
/// ```
/// use fewshot_episodes::{folder, ImageSet};
/// let classes = |n| ImageSet::new([1, 1, 1], (0..n).map(|i| (format!("class{i}"), vec![i])).collect());
/// let sizes = |n| {
///     let split = folder::random_split(&classes(n), 1).unwrap();
///     [split.train().len(), split.validation().len(), split.test().len()]
/// };
/// assert_eq!(sizes(10), [5, 0, 5]);
/// assert_eq!(sizes(40), [26, 4, 10]);
/// ```
///
/// # Errors
/// When there are fewer than 4 classes.
pub fn random_split(images: &ImageSet, seed: u64) -> Result<ClassSplit, Error> {
    let classes = images.classes();
    if classes < FEWEST {
        return Err(Error::TooFewToDivide { classes, fewest: FEWEST });
    }
    let (validation, test) = if classes < MANY { (0, classes / 2) } else { (classes / 10, classes / 4) };
    ClassSplit::random(images, classes - validation - test, validation, seed)
}

/// The part of a folder name.
fn part(name: &str) -> Option<usize> {
    match name {
        "validation" | "valid" => Some(1),
        name => PARTS.iter().position(|part| *part == name),
    }
}

/// Takes `train/`, `val/` and `test/` above class folders as the division, not as parts of their names.
pub(super) fn by_folders(root: &Path, classes: Vec<Class>) -> Result<Listing, Error> {
    let parted = |class: &Class| class.name.split_once('/').and_then(|(first, _)| part(first));
    let parts: Vec<Option<usize>> = classes.iter().map(parted).collect();
    if !(parts.contains(&Some(0)) && parts.contains(&Some(2))) {
        return Ok(Listing { classes, parts: None });
    }
    if let Some(beside) = parts.iter().position(Option::is_none) {
        return Err(Error::BesideParts { path: root.join(&classes[beside].name) });
    }
    let parts: Vec<usize> = parts.into_iter().flatten().collect();
    let mut owner: HashMap<String, usize> = HashMap::new();
    let mut named = Vec::with_capacity(classes.len());
    for (Class { name, files }, &part) in classes.into_iter().zip(&parts) {
        let name = name.split_once('/').map_or(name.as_str(), |(_, class)| class).to_owned();
        if let Some(first) = owner.insert(name.clone(), part) {
            return Err(Error::PartsOverlap { class: name, first: PARTS[first], second: PARTS[part] });
        }
        named.push(Class { name, files });
    }
    Ok(Listing { classes: named, parts: Some(parts) })
}

/// The split that gives each class its part.
pub(super) fn of_parts(images: &ImageSet, parts: &[usize]) -> Result<ClassSplit, Error> {
    let of = |wanted: usize| -> Vec<ClassId> {
        (0..parts.len()).filter(|class| parts[*class] == wanted).map(ClassId::from).collect()
    };
    ClassSplit::new(images, of(0), of(1), of(2))
}

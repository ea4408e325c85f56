//! Alphabets: what stands before the `/` in the names of classes.

use crate::{ClassId, ImageSet, Turn};

/// The alphabet of a class name: what stands before the first `/`, or all of it.
pub(crate) fn alphabet(name: &str) -> &str {
    name.split_once('/').map_or(name, |(alphabet, _)| alphabet)
}

/// Classes by alphabet and turn, in the order of first mention: a turned alphabet is another one.
pub(crate) fn grouped(images: &ImageSet, classes: &[ClassId]) -> Vec<Vec<ClassId>> {
    let mut groups: Vec<((&str, Turn), Vec<ClassId>)> = Vec::new();
    for &id in classes {
        let key = (alphabet(images.name(id.class)), id.turn);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(id),
            None => groups.push((key, vec![id])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

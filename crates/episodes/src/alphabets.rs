//! Alphabets: what stands before the `/` in the names of classes, and folders of classes.

use crate::{ClassId, ImageSet, Turn};

/// The alphabet of a class name: what stands before the first `/`, or all of it.
pub(crate) fn alphabet(name: &str) -> &str {
    name.split_once('/').map_or(name, |(alphabet, _)| alphabet)
}

/// Classes by alphabet and turn, in the order of first mention: a turned alphabet is another one.
pub(crate) fn grouped(images: &ImageSet, classes: &[ClassId]) -> Vec<Vec<ClassId>> {
    grouped_by(classes, |id| alphabet(images.name(id.class)))
}

/// Classes of pictures of one's own by the folder they are in and by turn; where one of these would be alone, by turn only.
pub(crate) fn families(images: &ImageSet, classes: &[ClassId]) -> Vec<Vec<ClassId>> {
    let parent = |id: ClassId| images.name(id.class).rsplit_once('/').map_or("", |(parent, _)| parent);
    let families = grouped_by(classes, parent);
    let alone = families.iter().any(|family| family.len() < 2);
    if alone { grouped_by(classes, |_| "") } else { families }
}

fn grouped_by<'a>(classes: &[ClassId], name: impl Fn(ClassId) -> &'a str) -> Vec<Vec<ClassId>> {
    let mut groups: Vec<((&str, Turn), Vec<ClassId>)> = Vec::new();
    for &id in classes {
        let key = (name(id), id.turn);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(id),
            None => groups.push((key, vec![id])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

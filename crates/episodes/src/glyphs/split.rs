//! Which alphabets are for training, for validation and for testing.

use crate::{ClassId, ClassSplit, ImageSet};

/// A split by alphabet: a tenth of the alphabets for validation, a quarter for testing,
/// the rest for training.
///
/// What stands before the `/` of a class name is its alphabet. All classes of an alphabet
/// fall into the same part, so classes not seen in training are of alphabets not seen in
/// training. Alphabets are taken in the order of the image set, those of the [default
/// configuration](super::GlyphConfig) as 33, 5 and 12. For a split that mixes the
/// alphabets see [`ClassSplit::random`].
///
/// ```
/// use fewshot_episodes::glyphs::{self, GlyphConfig};
/// let config = GlyphConfig { alphabets: 10, characters: 3..=3, drawings: 1, size: 14 };
/// let split = glyphs::split(&glyphs::generate(&config, 1));
/// assert_eq!(split.train().len(), 7 * 3);
/// assert_eq!(split.validation().len(), 3);
/// assert_eq!(split.test().len(), 2 * 3);
/// ```
pub fn split(images: &ImageSet) -> ClassSplit {
    let mut alphabets: Vec<(&str, Vec<ClassId>)> = Vec::new();
    for class in 0..images.classes() {
        let name = images.name(class);
        let alphabet = name.split_once('/').map_or(name, |(alphabet, _)| alphabet);
        match alphabets.iter_mut().find(|(known, _)| *known == alphabet) {
            Some((_, classes)) => classes.push(class.into()),
            None => alphabets.push((alphabet, vec![class.into()])),
        }
    }
    let (validation, test) = (alphabets.len() / 10, alphabets.len() / 4);
    let train = alphabets.len() - validation - test;
    let part = |alphabets: &[(&str, Vec<ClassId>)]| {
        alphabets.iter().flat_map(|(_, classes)| classes.iter().copied()).collect()
    };
    let [seen, held_out, unseen] = [0..train, train..train + validation, train + validation..alphabets.len()]
        .map(|range| part(&alphabets[range]));
    ClassSplit::new(images, seen, held_out, unseen).expect("each class of the set is listed once")
}

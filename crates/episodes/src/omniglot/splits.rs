//! Splits made from the data set itself.

use std::ops::Range;

use crate::alphabets::alphabet;
use crate::{ClassId, ClassSplit, Error, ImageSet};

/// Alphabets of `images_evaluation`, sorted.
const EVALUATION: [&str; 20] = [
    "Angelic",
    "Atemayar_Qelisayer",
    "Atlantean",
    "Aurek-Besh",
    "Avesta",
    "Ge_ez",
    "Glagolitic",
    "Gurmukhi",
    "Kannada",
    "Keble",
    "Malayalam",
    "Manipuri",
    "Mongolian",
    "Old_Church_Slavonic_(Cyrillic)",
    "Oriya",
    "Sylheti",
    "Syriac_(Serto)",
    "Tengwar",
    "Tibetan",
    "ULOG",
];

/// Alphabets of the official one-shot runs, sorted.
const RUNS: [&str; 10] = [
    "Atlantean",
    "Ge_ez",
    "Glagolitic",
    "Gurmukhi",
    "Kannada",
    "Malayalam",
    "Manipuri",
    "Old_Church_Slavonic_(Cyrillic)",
    "Tengwar",
    "Tibetan",
];

/// The 12 drawers of training pairs, as numbers of a character's drawings: those of whom the official runs show no drawing.
pub const TRAINING_DRAWERS: Range<usize> = 8..20;
/// The 4 drawers of validation trials.
pub const VALIDATION_DRAWERS: Range<usize> = 0..4;

const CHARACTERS: usize = 1623;
const BACKGROUND: usize = 964;

/// The split of MAML (Finn et al. 2017): the 1623 characters are shuffled by the
/// seed; 1100 are for training, 100 for validation, 423 for testing.
///
/// The order is this crate's own, not that of another program's generator.
///
/// # Errors
/// When the image set does not hold all 1623 characters.
pub fn maml_split(images: &ImageSet, seed: u64) -> Result<ClassSplit, Error> {
    if images.classes() != CHARACTERS {
        let (found, needed) = (images.classes(), CHARACTERS);
        return Err(Error::WrongCharacters { split: "MAML split", found, needed });
    }
    ClassSplit::random(images, 1100, 100, seed)
}

/// The official split: the 964 characters of the 30 background alphabets are for
/// training, the 659 of the 20 evaluation alphabets for testing. Its validation
/// part is empty.
///
/// # Errors
/// When the image set does not hold exactly these characters.
pub fn background_evaluation(images: &ImageSet) -> Result<ClassSplit, Error> {
    let (test, train): (Vec<usize>, Vec<usize>) =
        (0..images.classes()).partition(|&class| EVALUATION.contains(&alphabet(images.name(class))));
    for (part, found, needed) in [
        ("background part", train.len(), BACKGROUND),
        ("evaluation part", test.len(), CHARACTERS - BACKGROUND),
    ] {
        if found != needed {
            return Err(Error::WrongCharacters { split: part, found, needed });
        }
    }
    let ids = |classes: Vec<usize>| classes.into_iter().map(ClassId::from).collect();
    ClassSplit::new(images, ids(train), Vec::new(), ids(test))
}

/// The split of Koch, Zemel and Salakhutdinov (2015, section 4): 30 alphabets for training, 10 for validation and 10 for testing.
///
/// They number the alphabets by an older release, with 40 of background and 10 of evaluation. Here training has the 30
/// background alphabets of the present release, testing the 10 evaluation alphabets that the official one-shot runs
/// ([`runs`](super::runs)) are drawn from, and validation the other 10 evaluation alphabets. Drawers are apart too:
/// the runs show drawings by the numbers 0 to 7 alone, training has [`TRAINING_DRAWERS`], validation
/// [`VALIDATION_DRAWERS`].
///
/// # Errors
/// When the image set does not hold exactly the 1623 characters.
pub fn koch(images: &ImageSet) -> Result<ClassSplit, Error> {
    let halves = background_evaluation(images)?;
    let (test, validation) =
        halves.test().iter().partition(|id| RUNS.contains(&alphabet(images.name(id.class))));
    ClassSplit::new(images, halves.train().to_vec(), validation, test)
}

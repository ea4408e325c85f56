//! Splits made from the data set itself.

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
    let alphabet = |class| images.name(class).split('/').next().unwrap_or_default();
    let (test, train): (Vec<usize>, Vec<usize>) =
        (0..images.classes()).partition(|&class| EVALUATION.contains(&alphabet(class)));
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

//! What the classes of some data hold, in a few bytes each: by it a later look at the data knows whether they are the same.

use fewshot_episodes::{FeatureParts, FeatureSet, ImageSet};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::args::Part;

/// The parts with what they are called in a file of features.
pub const PARTS: [(Part, &str); 3] =
    [(Part::Train, "train"), (Part::Validation, "val"), (Part::Test, "test")];

/// What a class held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    pub name: String,
    pub examples: usize,
    /// Of all its pixels or numbers, in hexadecimal digits.
    pub crc32: String,
}

/// The checksum of a division's text, which the models of its run name.
pub fn checksum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// The classes of pictures.
pub fn pictures(images: &ImageSet) -> Vec<Class> {
    let class = |number| {
        let mut crc = crc32fast::Hasher::new();
        (0..images.images(number)).for_each(|k| crc.update(images.image(number, k)));
        Class {
            name: images.name(number).to_owned(),
            examples: images.images(number),
            crc32: format!("{:08x}", crc.finalize()),
        }
    };
    (0..images.classes()).into_par_iter().map(class).collect()
}

/// The vectors of a part.
pub fn of_part(parts: &FeatureParts, part: Part) -> &FeatureSet {
    match part {
        Part::Train => &parts.train,
        Part::Validation => &parts.validation,
        Part::Test => &parts.test,
    }
}

/// The classes of a part of vectors, each named by the part and its label.
pub fn vectors_of(parts: &FeatureParts, part: Part) -> Vec<Class> {
    let (_, prefix) = PARTS.into_iter().find(|(known, _)| *known == part).expect("there are three parts");
    let set = of_part(parts, part);
    let class = |number| {
        let mut crc = crc32fast::Hasher::new();
        for k in 0..set.vectors(number) {
            let bytes: Vec<u8> = set.vector(number, k).iter().flat_map(|x| x.to_le_bytes()).collect();
            crc.update(&bytes);
        }
        Class {
            name: format!("{prefix}.{}", set.name(number)),
            examples: set.vectors(number),
            crc32: format!("{:08x}", crc.finalize()),
        }
    };
    (0..set.classes()).into_par_iter().map(class).collect()
}

//! Which classes are for training, for validation and for testing.

use crate::image_tasks::described;
use crate::{ClassId, Error, ImageSet, Purpose, RngExt, stream};
use std::collections::HashMap;

/// Classes of an image set in three parts that share no class.
///
/// "Share no class" is meant of what was drawn: a character in one part and a
/// turned copy of it in another is refused.
///
/// ```
/// use fewshot_episodes::{ClassSplit, ImageSet};
/// let class = |i| (format!("class{i}"), vec![i]);
/// let images = ImageSet::new([1, 1, 1], (0..10).map(class).collect());
/// let split = ClassSplit::random(&images, 6, 1, 42)?;
/// assert_eq!((split.train().len(), split.validation().len(), split.test().len()), (6, 1, 3));
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSplit {
    parts: [Vec<ClassId>; 3],
}

/// Names of the parts in messages and file names.
pub(crate) const PARTS: [&str; 3] = ["train", "val", "test"];

impl ClassSplit {
    /// A split of listed classes. A part may be empty.
    ///
    /// # Errors
    /// When a class is not in the image set, is listed twice in a part, or is
    /// in two parts.
    pub fn new(
        images: &ImageSet,
        train: Vec<ClassId>,
        validation: Vec<ClassId>,
        test: Vec<ClassId>,
    ) -> Result<Self, Error> {
        let parts = [train, validation, test];
        let mut owner: HashMap<usize, usize> = HashMap::new();
        for (number, part) in parts.iter().enumerate() {
            crate::image_tasks::check_listed(images, part)?;
            for &id in part {
                let first = *owner.entry(id.class).or_insert(number);
                if first != number {
                    return Err(Error::PartsOverlap {
                        class: described(images, id),
                        first: PARTS[first],
                        second: PARTS[number],
                    });
                }
            }
        }
        Ok(Self { parts })
    }

    /// A random split: all classes are shuffled by the seed, the first `train`
    /// are for training, the next `validation` for validation, the rest for testing.
    ///
    /// # Errors
    /// When the image set has no more than `train + validation` classes.
    pub fn random(images: &ImageSet, train: usize, validation: usize, seed: u64) -> Result<Self, Error> {
        let classes = images.classes();
        let kept = train.saturating_add(validation);
        if kept >= classes {
            return Err(Error::SplitTooLarge { train, validation, classes });
        }
        let mut order: Vec<ClassId> = (0..classes).map(ClassId::from).collect();
        stream(seed, Purpose::Split, 0).shuffle(&mut order);
        let test = order.split_off(kept);
        let held_out = order.split_off(train);
        Self::new(images, order, held_out, test)
    }

    /// Classes to train on.
    pub fn train(&self) -> &[ClassId] {
        &self.parts[0]
    }

    /// Classes to choose a model by.
    pub fn validation(&self) -> &[ClassId] {
        &self.parts[1]
    }

    /// Classes to report on.
    pub fn test(&self) -> &[ClassId] {
        &self.parts[2]
    }
}

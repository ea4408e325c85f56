//! CIFAR-FS and FC100: two divisions of the 100 classes of CIFAR-100 (Krizhevsky 2009), 600 pictures of 32x32 each.
//!
//! The pictures are not part of this crate: [`folder::load`](crate::folder) reads them from a folder for each class, named as the fine labels of
//! CIFAR-100 are (`apple`, `aquarium_fish`, ..., `worm`). The lists of classes are, with the licence of where they were taken from, the package
//! torchmeta (Deleu et al. 2019): `cifar-fs/*.txt` and `fc100/*.txt` beside this file, in the form of
//! [`ClassSplit::read`](crate::ClassSplit::read).

use crate::names::NameIndex;
use crate::{ClassId, ClassSplit, Error, ImageSet};

/// Names of the classes for training, validation and testing, a line each.
type Lists = [&'static str; 3];

const CIFAR_FS: Lists =
    [include_str!("cifar-fs/train.txt"), include_str!("cifar-fs/val.txt"), include_str!("cifar-fs/test.txt")];

const FC100: Lists =
    [include_str!("fc100/train.txt"), include_str!("fc100/val.txt"), include_str!("fc100/test.txt")];

/// CIFAR-FS (Bertinetto, Henriques, Torr, Vedaldi 2019: "Meta-learning with differentiable closed-form solvers", ICLR, section 4.2): 64, 16 and
/// 20 classes at random.
///
/// ```no_run
/// use fewshot_episodes::{ImageTasks, Protocol, Purpose, Rotations, cifar, folder};
/// use std::sync::Arc;
/// let config = folder::FolderConfig { size: [32; 2], colour: folder::Colour::Rgb, ..Default::default() };
/// let images = Arc::new(folder::load("data/cifar100", &config)?.images);
/// let split = cifar::cifar_fs(&images)?;
/// let protocol = Protocol { ways: 5, shots: 1, queries: 15, rotations: Rotations::None };
/// let tasks = ImageTasks::new(images, split.test(), protocol, 1, Purpose::Test)?;
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
///
/// # Errors
/// When a class of CIFAR-100 is not in the image set. Classes beyond these are in no part.
pub fn cifar_fs(images: &ImageSet) -> Result<ClassSplit, Error> {
    divided(images, "CIFAR-FS", CIFAR_FS)
}

/// FC100 (Oreshkin, Rodríguez López, Lacoste 2018: "TADAM: Task dependent adaptive metric for improved few-shot learning", NeurIPS, section 4.1):
/// the 60, 20 and 20 classes of 12, 4 and 4 superclasses, so that training and test classes have less in common.
///
/// # Errors
/// When a class of CIFAR-100 is not in the image set. Classes beyond these are in no part.
pub fn fc100(images: &ImageSet) -> Result<ClassSplit, Error> {
    divided(images, "FC100", FC100)
}

fn divided(images: &ImageSet, split: &'static str, lists: Lists) -> Result<ClassSplit, Error> {
    let known = NameIndex::new((0..images.classes()).map(|class| images.name(class)));
    let mut missing = Vec::new();
    let mut part = |list: &str| -> Vec<ClassId> {
        let mut found = Vec::new();
        for name in list.lines() {
            match known.find(name) {
                Ok(class) => found.push(ClassId::from(class)),
                Err(_) => missing.push(name.to_owned()),
            }
        }
        found
    };
    let [train, validation, test] = lists.map(&mut part);
    if !missing.is_empty() {
        return Err(Error::MissingClasses { split, missing });
    }
    ClassSplit::new(images, train, validation, test)
}

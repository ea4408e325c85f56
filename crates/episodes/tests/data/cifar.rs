//! The lists of CIFAR-FS and FC100.

use fewshot_episodes::{ClassId, ClassSplit, Error, ImageSet, cifar};
use std::collections::BTreeSet;

/// The fine labels of CIFAR-100 by superclass, in the order of its documentation (Krizhevsky 2009, section 3.1).
const SUPERCLASSES: [(&str, [&str; 5]); 20] = [
    ("aquatic mammals", ["beaver", "dolphin", "otter", "seal", "whale"]),
    ("fish", ["aquarium_fish", "flatfish", "ray", "shark", "trout"]),
    ("flowers", ["orchid", "poppy", "rose", "sunflower", "tulip"]),
    ("food containers", ["bottle", "bowl", "can", "cup", "plate"]),
    ("fruit and vegetables", ["apple", "mushroom", "orange", "pear", "sweet_pepper"]),
    ("household electrical devices", ["clock", "keyboard", "lamp", "telephone", "television"]),
    ("household furniture", ["bed", "chair", "couch", "table", "wardrobe"]),
    ("insects", ["bee", "beetle", "butterfly", "caterpillar", "cockroach"]),
    ("large carnivores", ["bear", "leopard", "lion", "tiger", "wolf"]),
    ("large man-made outdoor things", ["bridge", "castle", "house", "road", "skyscraper"]),
    ("large natural outdoor scenes", ["cloud", "forest", "mountain", "plain", "sea"]),
    ("large omnivores and herbivores", ["camel", "cattle", "chimpanzee", "elephant", "kangaroo"]),
    ("medium-sized mammals", ["fox", "porcupine", "possum", "raccoon", "skunk"]),
    ("non-insect invertebrates", ["crab", "lobster", "snail", "spider", "worm"]),
    ("people", ["baby", "boy", "girl", "man", "woman"]),
    ("reptiles", ["crocodile", "dinosaur", "lizard", "snake", "turtle"]),
    ("small mammals", ["hamster", "mouse", "rabbit", "shrew", "squirrel"]),
    ("trees", ["maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"]),
    ("vehicles 1", ["bicycle", "bus", "motorcycle", "pickup_truck", "train"]),
    ("vehicles 2", ["lawn_mower", "rocket", "streetcar", "tank", "tractor"]),
];

/// Images of 1x1 of classes of these names.
fn images<'a>(names: impl Iterator<Item = &'a str>) -> ImageSet {
    ImageSet::new([1, 1, 1], names.map(|name| (name.to_owned(), vec![0])).collect())
}

fn all() -> ImageSet {
    images(SUPERCLASSES.iter().flat_map(|(_, fine)| *fine))
}

fn sizes(split: &ClassSplit) -> [usize; 3] {
    [split.train(), split.validation(), split.test()].map(<[_]>::len)
}

#[test]
fn the_parts_have_their_sizes_and_share_no_class() {
    let images = all();
    for (split, expected) in [(cifar::cifar_fs(&images), [64, 16, 20]), (cifar::fc100(&images), [60, 20, 20])]
    {
        let split = split.unwrap();
        assert_eq!(sizes(&split), expected);
        let ids: BTreeSet<usize> =
            [split.train(), split.validation(), split.test()].concat().iter().map(|id| id.class).collect();
        assert_eq!(ids.len(), 100, "every class of CIFAR-100 is in one part");
    }
}

#[test]
fn the_test_classes_of_cifar_fs_are_the_published_ones() {
    let images = all();
    let split = cifar::cifar_fs(&images).unwrap();
    let names = |ids: &[ClassId]| ids.iter().map(|id| images.name(id.class)).collect::<Vec<_>>().join(" ");
    assert_eq!(
        names(split.test()),
        "baby bed bicycle chimpanzee fox leopard man pickup_truck plain poppy rocket rose snail sweet_pepper table telephone \
         wardrobe whale woman worm"
    );
}

#[test]
fn superclasses_of_fc100_are_in_one_part_each() {
    let images = all();
    let split = cifar::fc100(&images).unwrap();
    let place =
        |part: &[ClassId]| -> BTreeSet<&str> { part.iter().map(|id| SUPERCLASSES[id.class / 5].0).collect() };
    let [train, validation, test] = [split.train(), split.validation(), split.test()].map(place);
    assert_eq!([train.len(), validation.len(), test.len()], [12, 4, 4]);
    assert_eq!(
        test.into_iter().collect::<Vec<_>>(),
        ["aquatic mammals", "insects", "medium-sized mammals", "people"]
    );
}

#[test]
fn other_classes_are_in_no_part_and_missing_ones_are_named() {
    let fine = || SUPERCLASSES.iter().flat_map(|(_, fine)| *fine);
    let more = images(["zebra"].into_iter().chain(fine()));
    assert_eq!(sizes(&cifar::cifar_fs(&more).unwrap()), [64, 16, 20]);
    let few = images(fine().filter(|name| !["apple", "worm"].contains(name)));
    for (split, name) in [(cifar::cifar_fs(&few), "CIFAR-FS"), (cifar::fc100(&few), "FC100")] {
        let error = split.unwrap_err();
        assert!(matches!(&error, Error::MissingClasses { missing, .. } if missing.len() == 2));
        let said = error.to_string();
        assert!(said.starts_with(name) && said.contains("'apple'") && said.contains("'worm'"), "{said}");
    }
    // of many the first are named
    let said = cifar::cifar_fs(&images(["apple"].into_iter())).unwrap_err().to_string();
    assert!(said.contains("99 of its 100 classes") && said.contains(" and 94 more"), "{said}");
}

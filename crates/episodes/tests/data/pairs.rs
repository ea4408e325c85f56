//! Properties of pairs for verification, and of one-shot trials within an alphabet.

use fewshot_episodes::{
    ClassId, Distortion, ImageSet, OneShot, Outputs, PairProtocol, Pairs, Purpose, Set, Tasks, Turn,
};
use proptest::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Classes of each alphabet.
const PER: usize = 3;
/// Images of each class.
const IMAGES: usize = 6;

/// Images of 2x2 that say whose they are: clockwise from the corner that is marked they hold 2 x number, 0 and class.
fn images(alphabets: usize) -> Arc<ImageSet> {
    let class = |class: usize| {
        let image = |k: usize| [255, 2 * k as u8, class as u8, 0];
        (format!("Alphabet{}/character{}", class / PER, class % PER), (0..IMAGES).flat_map(image).collect())
    };
    Arc::new(ImageSet::new([2, 2, 1], (0..alphabets * PER).map(class).collect()))
}

fn classes(alphabets: usize) -> Vec<ClassId> {
    (0..alphabets * PER).map(ClassId::from).collect()
}

/// Class, turn and number of every image of a set.
fn read(set: &Set) -> Vec<(ClassId, usize)> {
    let example = |x: ndarray::ArrayViewD<f32>| {
        let at = |row, column| (x[[row, column, 0]] * 255.0).round() as usize;
        let around = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
        let corner = around.iter().position(|&v| v == 255).expect("one corner is marked");
        let [class, k] = [1, 3].map(|step| around[(corner + step) % 4]);
        (ClassId { class, turn: Turn::ALL[corner] }, k / 2)
    };
    set.x.outer_iter().map(example).collect()
}

fn protocol(size: usize, drawers: Range<usize>, turned: bool) -> PairProtocol {
    PairProtocol { size, drawers: Some(drawers), distortion: None, turned }
}

proptest! {
    #[test]
    fn every_batch_of_pairs_is_sound(
        alphabets in 1usize..6, half in 1usize..20, first in 0usize..4, turned: bool, seed: u64, i in 0u64..1 << 40,
    ) {
        let drawers = first..IMAGES;
        let new = || {
            let protocol = protocol(2 * half, drawers.clone(), turned);
            Pairs::new(images(alphabets), &classes(alphabets), protocol, seed, Purpose::Train).unwrap()
        };
        let pairs = new();
        prop_assert_eq!(pairs.outputs(), Outputs::Classes(2));
        let batch = pairs.episode(i);
        prop_assert_eq!(&batch, &new().episode(i));
        prop_assert_eq!(&batch.support.y, &batch.query.y);
        let same = batch.query.y.classes().unwrap();
        prop_assert_eq!(same.iter().sum::<usize>(), half);
        let both = read(&batch.support).into_iter().zip(read(&batch.query));
        for (((one, k), (other, l)), &same) in both.zip(same) {
            prop_assert_eq!(one == other, same == 1);
            prop_assert_eq!((one.class / PER, one.turn), (other.class / PER, other.turn), "one alphabet");
            prop_assert_ne!(k, l, "two drawers");
            prop_assert!(drawers.contains(&k) && drawers.contains(&l));
            prop_assert!(turned || one.turn == Turn::None);
        }
    }

    #[test]
    fn every_alphabet_gives_as_many_pairs_of_both_kinds(
        alphabets in 1usize..6, half in 1usize..20, turned: bool, seed: u64, start in 0u64..100,
    ) {
        let protocol = protocol(2 * half, 0..IMAGES, turned);
        let pairs = Pairs::new(images(alphabets), &classes(alphabets), protocol, seed, Purpose::Train).unwrap();
        let groups = pairs.alphabets().len();
        prop_assert_eq!(groups, if turned { 4 * alphabets } else { alphabets });
        let mut counts = vec![[0; 2]; groups];
        for i in start..start + groups as u64 {
            let batch = pairs.episode(i);
            for ((id, _), &same) in read(&batch.support).iter().zip(batch.query.y.classes().unwrap()) {
                let group = pairs.alphabets().iter().position(|group| group.contains(id)).unwrap();
                counts[group][same] += 1;
            }
        }
        prop_assert!(counts.iter().all(|count| *count == [half; 2]), "{counts:?}");
    }

    #[test]
    fn every_one_shot_trial_is_sound(alphabets in 1usize..6, ways in 1usize..=PER, seed: u64, i: u64) {
        let new = || OneShot::new(images(alphabets), &classes(alphabets), ways, Some(2..5), seed, Purpose::Test).unwrap();
        let trial = new().episode(i);
        prop_assert_eq!(&trial, &new().episode(i));
        let (known, asked) = (read(&trial.support), read(&trial.query));
        let labels: Vec<usize> = (0..ways).collect();
        prop_assert_eq!(trial.support.y.classes(), Some(&labels[..]));
        prop_assert_eq!(trial.query.y.classes(), Some(&labels[..]));
        for ((one, k), (other, l)) in known.iter().zip(&asked) {
            prop_assert_eq!(one, other);
            prop_assert_eq!((*k, *l), (known[0].1, asked[0].1), "one drawer each");
            prop_assert_eq!(one.class / PER, known[0].0.class / PER, "one alphabet");
        }
        prop_assert!(known[0].1 != asked[0].1 && (2..5).contains(&known[0].1) && (2..5).contains(&asked[0].1));
        let mut found: Vec<usize> = known.iter().map(|(id, _)| id.class).collect();
        found.dedup();
        prop_assert_eq!(found.len(), ways);
    }
}

#[test]
fn batches_differ_by_seed_and_number_and_both_images_are_distorted() {
    let strong = Distortion { probability: 1.0, ..Distortion::default() };
    let new = |distortion, seed| {
        let protocol = PairProtocol { distortion, ..protocol(8, 0..IMAGES, true) };
        Pairs::new(images(4), &classes(4), protocol, seed, Purpose::Train).unwrap()
    };
    let plain = new(None, 1);
    assert_ne!(plain.episode(0), plain.episode(1));
    assert_ne!(plain.episode(0), new(None, 2).episode(0));
    let distorted = new(Some(strong), 1).episode(0);
    let marked = |x: ndarray::ArrayViewD<f32>| x.iter().any(|v| *v == 1.0);
    for side in [&distorted.support.x, &distorted.query.x] {
        assert!(side.outer_iter().all(|x| !marked(x)), "no corner is left as it was");
        assert!(side.iter().all(|v| (0.0..=1.0).contains(v)));
    }
    let never = Distortion { probability: 0.0, ..strong };
    let left = new(Some(never), 1).episode(0);
    assert!(left.support.x.outer_iter().chain(left.query.x.outer_iter()).all(marked));
}

/// Pictures of one's own by class: names and numbers of them, marked as those above.
fn pictures(classes: &[(&str, usize)]) -> Arc<ImageSet> {
    let image = |class: usize, k: usize| [255, 2 * k as u8, class as u8, 0];
    let class = |(class, (name, images)): (usize, &(&str, usize))| {
        (name.to_string(), (0..*images).flat_map(|k| image(class, k)).collect())
    };
    Arc::new(ImageSet::new([2, 2, 1], classes.iter().enumerate().map(class).collect()))
}

#[test]
fn without_drawers_all_images_of_every_class_are_drawn_within_folders() {
    let grouped =
        [("birds/crow", 2), ("birds/wren", 40), ("fish/eel", 3), ("fish/far/cod", 5), ("fish/far/ray", 9)];
    let flat = [("crow", 2), ("wren", 40), ("eel", 3)];
    let mixed = [("birds/crow", 2), ("birds/wren", 40), ("eel", 3)];
    let alone = [("birds/crow", 2), ("fish/eel", 3)];
    let whole: Vec<(&str, usize)> = grouped.iter().copied().filter(|(name, _)| *name != "fish/eel").collect();
    for (classes, groups) in [(&whole[..], 2), (&grouped, 1), (&flat, 1), (&mixed, 1), (&alone, 1)] {
        let images = pictures(classes);
        let all: Vec<ClassId> = (0..classes.len()).map(ClassId::from).collect();
        let protocol = PairProtocol { size: 64, drawers: None, distortion: None, turned: false };
        let pairs = Pairs::new(images.clone(), &all, protocol, 1, Purpose::Train).unwrap();
        assert_eq!(pairs.alphabets().len(), groups, "{classes:?}");
        let mut seen = std::collections::BTreeSet::new();
        for batch in (0..20).map(|i| pairs.episode(i)) {
            let both = read(&batch.support).into_iter().zip(read(&batch.query));
            for (((one, k), (other, l)), &same) in both.zip(batch.query.y.classes().unwrap()) {
                assert_eq!(one == other, same == 1);
                assert!(same == 0 || k != l, "an image beside itself");
                let group = |id: ClassId| pairs.alphabets().iter().position(|group| group.contains(&id));
                assert_eq!(group(one), group(other), "one folder");
                seen.extend([(one.class, k), (other.class, l)]);
            }
        }
        assert_eq!(seen.len(), images.len(), "every image takes part");
        let trials = OneShot::new(images.clone(), &all, 2, None, 1, Purpose::Test).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for trial in (0..400).map(|i| trials.episode(i)) {
            let (known, asked) = (read(&trial.support), read(&trial.query));
            assert!(known.iter().zip(&asked).all(|(one, other)| one.0 == other.0 && one.1 != other.1));
            assert!(known[0].0 != known[1].0);
            seen.extend(known.into_iter().chain(asked).map(|(id, k)| (id.class, k)));
        }
        assert_eq!(seen.len(), images.len(), "every image takes part");
    }
    let single = pictures(&[("crow", 2), ("wren", 1)]);
    let all = [ClassId::from(0), ClassId::from(1)];
    let protocol = PairProtocol { drawers: None, ..PairProtocol::default() };
    let refused = Pairs::new(single, &all, protocol, 1, Purpose::Train).unwrap_err().to_string();
    assert!(refused.starts_with("class wren has a single image") && refused.contains("add one"), "{refused}");
}

#[test]
fn what_the_data_cannot_give_is_refused() {
    let refused = |size, drawers, classes: &[ClassId]| {
        let pairs = Pairs::new(images(2), classes, protocol(size, drawers, false), 1, Purpose::Train);
        pairs.unwrap_err().to_string()
    };
    let all = classes(2);
    assert!(refused(3, 0..6, &all).starts_with("batch of 3 pairs: half are the same"));
    assert!(refused(0, 0..6, &all).contains("at least 2"));
    assert!(refused(4, 5..6, &all).starts_with("drawers 5..6: "));
    assert!(
        refused(4, 0..7, &all).starts_with("drawers 0..7 exceed the 6 images of class Alphabet0/character0")
    );
    assert!(
        refused(4, 0..6, &all[..4]).starts_with("class Alphabet1/character0 is the only one of its alphabet")
    );
    assert!(refused(4, 0..6, &[]).contains("number of classes is 0"));
    assert!(refused(4, 0..6, &[all[0], all[1], all[0]]).contains("listed twice"));
    let trials = |ways, drawers| {
        OneShot::new(images(2), &all, ways, Some(drawers), 1, Purpose::Test)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    assert!(trials(4, 0..6).starts_with("4 ways within an alphabet exceed the largest, of 3 classes"));
    assert!(trials(0, 0..6).starts_with("ways is 0"));
    assert!(trials(3, 0..1).starts_with("drawers 0..1: "));
}

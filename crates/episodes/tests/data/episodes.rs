//! Properties of image episodes that every protocol must have.

use crate::common::{images, plain};
use fewshot_episodes::{
    ClassId, ClassSplit, Episode, Error, ImageTasks, Outputs, Protocol, Purpose, Rotations, Set, Tasks, Turn,
};
use proptest::prelude::*;
use std::collections::HashSet;

/// Class, number and turn of every example of a set.
fn read(set: &Set) -> Vec<(usize, usize, Turn)> {
    let example = |x: ndarray::ArrayViewD<f32>| {
        let at = |row, column| (x[[row, column, 0]] * 255.0).round() as usize;
        let around = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
        let corner = around.iter().position(|&v| v == 255).expect("one corner is marked");
        let [class, k] = [1, 3].map(|step| around[(corner + step) % 4]);
        (class, k / 2, Turn::ALL[corner])
    };
    set.x.outer_iter().map(example).collect()
}

fn labels(set: &Set) -> &[usize] {
    set.y.classes().expect("classification")
}

/// Checks what holds for any protocol, and gives class and turn of each label.
fn checked(episode: &Episode, protocol: &Protocol) -> Vec<ClassId> {
    let Protocol { ways, shots, queries, .. } = *protocol;
    let mut ids = vec![None; ways];
    let mut seen = HashSet::new();
    for (set, per_class) in [(&episode.support, shots), (&episode.query, queries)] {
        assert_eq!(set.x.shape(), [ways * per_class, 2, 2, 1]);
        let expected: Vec<usize> = (0..ways * per_class).map(|n| n / per_class).collect();
        assert_eq!(labels(set), expected);
        for ((class, k, turn), &label) in read(set).into_iter().zip(labels(set)) {
            let id = ClassId { class, turn };
            assert_eq!(*ids[label].get_or_insert(id), id, "one class and turn per label");
            assert!(seen.insert((id, k)), "an image is in the episode twice");
        }
    }
    let ids: Vec<ClassId> = ids.into_iter().flatten().collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ways, "one label per class");
    ids
}

fn any_rotations() -> impl Strategy<Value = Rotations> {
    prop::sample::select(Rotations::ALL.to_vec())
}

proptest! {
    #[test]
    fn every_episode_is_sound(
        ways in 1usize..8, shots in 1usize..5, queries in 1usize..5, spare in 0usize..3,
        rotations in any_rotations(), seed: u64, i: u64,
    ) {
        let protocol = Protocol { ways, shots, queries, rotations };
        let images = images(ways + spare, shots + queries + spare);
        let classes = plain(ways + spare);
        let tasks = ImageTasks::new(images, &classes, protocol, seed, Purpose::Train).unwrap();
        let episode = tasks.episode(i);
        prop_assert_eq!(episode.ways, Some(ways));
        prop_assert_eq!(tasks.outputs(), Outputs::Classes(ways));
        prop_assert_eq!(&episode.query.x.shape()[1..], &tasks.input_shape()[..]);
        let ids = checked(&episode, &protocol);
        let turns: HashSet<Turn> = ids.iter().map(|id| id.turn).collect();
        let characters: HashSet<usize> = ids.iter().map(|id| id.class).collect();
        match rotations {
            Rotations::None => prop_assert_eq!(turns, HashSet::from([Turn::None])),
            Rotations::PerEpisode => prop_assert_eq!(turns.len(), 1),
            Rotations::PerClass => prop_assert_eq!(characters.len(), ways),
            Rotations::NewClasses => {}
        }
        prop_assert_eq!(episode, tasks.episode(i));
    }

    #[test]
    fn random_splits_share_no_class(classes in 2usize..60, seed: u64, a in 0usize..40, b in 0usize..40) {
        let images = images(classes, 1);
        match ClassSplit::random(&images, a, b, seed) {
            Ok(split) => {
                prop_assert_eq!(split.train().len(), a);
                prop_assert_eq!(split.validation().len(), b);
                let mut all = [split.train(), split.validation(), split.test()].concat();
                all.sort();
                prop_assert_eq!(all, plain(classes));
            }
            Err(error) => {
                prop_assert!(a + b >= classes);
                let large = matches!(error, Error::SplitTooLarge { .. });
                prop_assert!(large);
            }
        }
    }
}

#[test]
fn episodes_depend_on_seed_purpose_and_number_alone() {
    let protocol = Protocol { ways: 5, shots: 2, queries: 3, rotations: Rotations::PerClass };
    let new = |seed, purpose| ImageTasks::new(images(30, 9), &plain(30), protocol, seed, purpose).unwrap();
    let tasks = new(1, Purpose::Train);
    let forwards: Vec<Episode> = (0..40).map(|i| tasks.episode(i)).collect();
    let again = new(1, Purpose::Train);
    for i in (0..40).rev() {
        assert_eq!(again.episode(i), forwards[i as usize]);
    }
    let threads: Vec<Episode> = std::thread::scope(|scope| {
        let tasks = &tasks;
        let spawned: Vec<_> = (0..40).map(|i| scope.spawn(move || tasks.episode(i))).collect();
        spawned.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(threads, forwards);
    for (i, first) in forwards.iter().enumerate() {
        assert!(forwards[i + 1..].iter().all(|other| other != first), "episode {i} comes again");
    }
    assert_ne!(new(2, Purpose::Train).episode(0), forwards[0]);
    assert_ne!(new(1, Purpose::Test).episode(0), forwards[0]);
}

#[test]
fn drawn_shots_divide_the_same_images_anew() {
    let protocol = Protocol { ways: 3, shots: 4, queries: 2, rotations: Rotations::PerClass };
    let fixed = ImageTasks::new(images(9, 8), &plain(9), protocol, 1, Purpose::Train).unwrap();
    let tasks = fixed.clone().with_shots(2..=5).unwrap();
    let mut counts = [0i32; 6];
    for i in 0..4000 {
        let episode = tasks.episode(i);
        let shots = episode.support.len() / protocol.ways;
        counts[shots] += 1;
        checked(&episode, &Protocol { shots, queries: 6 - shots, ..protocol });
        if i < 40 {
            let all = |episode: &Episode| {
                let sides = [read(&episode.support), read(&episode.query)];
                let mut all = sides.concat();
                all.sort_by_key(|&(class, k, turn)| (class, k, turn as usize));
                all
            };
            assert_eq!(all(&episode), all(&fixed.episode(i)));
            assert_eq!(episode, tasks.episode(i));
        }
    }
    // five standard deviations of a count: 5 sqrt(n p (1 - p))
    assert_eq!(counts[..2], [0, 0]);
    assert!(counts[2..].iter().all(|n| (n - 1000).abs() < 137), "{counts:?}");
    assert_eq!(fixed.clone().with_shots(4..=4).unwrap().episode(3), fixed.episode(3));
}

#[test]
fn classes_labels_images_and_turns_are_uniform() {
    let protocol = Protocol { ways: 2, shots: 1, queries: 1, rotations: Rotations::PerClass };
    let tasks = ImageTasks::new(images(3, 3), &plain(3), protocol, 5, Purpose::Train).unwrap();
    let (mut by_label, mut by_image, mut by_turn) = ([[0i32; 3]; 2], [0i32; 3], [0i32; 4]);
    let episodes = 12_000;
    for i in 0..episodes {
        let support = read(&tasks.episode(i).support);
        for (label, &(class, k, turn)) in support.iter().enumerate() {
            by_label[label][class] += 1;
            by_image[k] += 1;
            by_turn[turn as usize] += 1;
        }
    }
    // five standard deviations of a count: 5 sqrt(n p (1 - p))
    for count in by_label.into_iter().flatten() {
        assert!((count - 4000).abs() < 259, "class at label: {by_label:?}");
    }
    assert!(by_image.iter().all(|n| (n - 8000).abs() < 366), "image: {by_image:?}");
    assert!(by_turn.iter().all(|n| (n - 6000).abs() < 336), "turn: {by_turn:?}");
}

#[test]
fn new_classes_are_four_of_each() {
    let images = images(3, 4);
    let protocol = Protocol { ways: 12, shots: 1, queries: 3, rotations: Rotations::NewClasses };
    let new =
        |classes: &[ClassId]| ImageTasks::new(images.clone(), classes, protocol, 1, Purpose::Train).unwrap();
    let tasks = new(&plain(3));
    assert_eq!(tasks.classes().len(), 12);
    checked(&tasks.episode(0), &protocol);
    // a list with the turned classes in it is not widened again
    assert_eq!(new(tasks.classes()).classes(), tasks.classes());
}

#[test]
fn listed_turns_are_kept_without_rotations_and_merged_per_class() {
    let images = images(2, 4);
    let listed: Vec<ClassId> =
        Turn::ALL.iter().flat_map(|&turn| [0, 1].map(|class| ClassId { class, turn })).collect();
    let new = |ways, rotations| {
        let protocol = Protocol { ways, shots: 1, queries: 1, rotations };
        ImageTasks::new(images.clone(), &listed, protocol, 1, Purpose::Train)
    };
    assert_eq!(new(8, Rotations::None).unwrap().classes(), listed);
    assert_eq!(new(2, Rotations::PerClass).unwrap().classes(), plain(2));
    let message = new(3, Rotations::PerClass).unwrap_err().to_string();
    assert!(message.starts_with("ways 3 exceed the 2 classes"), "{message}");
}

#[test]
fn each_query_is_said_to_be_of_its_class() {
    let classes: Vec<ClassId> = (0..9).map(ClassId::from).collect();
    for rotations in Rotations::ALL {
        let protocol = Protocol { ways: 4, shots: 2, queries: 3, rotations };
        let tasks = ImageTasks::new(images(9, 6), &classes, protocol, 1, Purpose::Test).unwrap();
        for i in 0..5 {
            let shown = read(&tasks.episode(i).query);
            let shown: Vec<ClassId> =
                shown.into_iter().map(|(class, _, turn)| ClassId { class, turn }).collect();
            assert_eq!(tasks.query_classes(i), Some(shown), "{rotations:?}");
        }
    }
    // where shots are drawn, the rest are queries
    let protocol = Protocol { ways: 3, shots: 4, queries: 1, rotations: Rotations::None };
    let tasks = ImageTasks::new(images(9, 6), &classes, protocol, 1, Purpose::Train)
        .unwrap()
        .with_shots(1..=4)
        .unwrap();
    for i in 0..9 {
        let query = tasks.episode(i).query;
        let shown: Vec<usize> = read(&query).into_iter().map(|(class, ..)| class).collect();
        let said: Vec<usize> = tasks.query_classes(i).unwrap().into_iter().map(|id| id.class).collect();
        assert_eq!(said, shown);
    }
}

//! Properties of sequences whose labels come late.

use fewshot_episodes::{
    ClassId, Distortion, Error, Growth, ImageSet, Names, Outputs, Purpose, SequenceProtocol, Sequences,
    Tasks, Turn,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Images of each class.
const IMAGES: usize = 6;

/// Images of 2x2 that say whose they are: clockwise from the corner that is marked they hold 2 x number, 0 and class.
fn images(classes: usize) -> Arc<ImageSet> {
    let class = |class: usize| {
        let image = |k: usize| [255, 2 * k as u8, class as u8, 0];
        (format!("Alphabet/character{class}"), (0..IMAGES).flat_map(image).collect())
    };
    Arc::new(ImageSet::new([2, 2, 1], (0..classes).map(class).collect()))
}

fn listed(classes: usize) -> Vec<ClassId> {
    (0..classes).map(ClassId::from).collect()
}

fn protocol(classes: usize, per_class: usize, batch: usize) -> SequenceProtocol {
    SequenceProtocol { per_class, batch, distortion: None, ..SequenceProtocol::santoro(classes) }
}

/// Class, turn and number of the image of a row, and its name.
struct Row {
    id: ClassId,
    image: usize,
    name: Vec<usize>,
}

/// The rows of each sequence in the order of its steps.
fn read(tasks: &Sequences, i: u64) -> Vec<Vec<Row>> {
    let (episode, batch) = (tasks.episode(i), tasks.protocol().batch);
    assert!(episode.support.is_empty());
    let name = |row: usize| match (episode.query.y.classes(), episode.query.y.values()) {
        (Some(classes), _) => vec![classes[row]],
        (None, Some(values)) => {
            let letters: Vec<f32> = values.index_axis(ndarray::Axis(0), row).iter().copied().collect();
            letters
                .chunks(5)
                .map(|letter| {
                    assert_eq!(letter.iter().sum::<f32>(), 1.0);
                    letter.iter().position(|&v| v == 1.0).expect("one of five")
                })
                .collect()
        }
        _ => unreachable!("targets are one or the other"),
    };
    let row = |(row, x): (usize, ndarray::ArrayViewD<'_, f32>)| {
        let at = |row, column| (x[[row, column, 0]] * 255.0).round() as usize;
        let around = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
        let corner = around.iter().position(|&v| v == 255).expect("one corner is marked");
        let [class, k] = [1, 3].map(|step| around[(corner + step) % 4]);
        Row { id: ClassId { class, turn: Turn::ALL[corner] }, image: k / 2, name: name(row) }
    };
    let mut sequences: Vec<Vec<Row>> = (0..batch).map(|_| Vec::new()).collect();
    for (at, x) in episode.query.x.outer_iter().enumerate() {
        sequences[at % batch].push(row((at, x)));
    }
    sequences
}

proptest! {
    #[test]
    fn every_sequence_is_sound(
        classes in 1usize..6, per_class in 1usize..5, batch in 1usize..4, balanced: bool, turned: bool, strings: bool,
        seed: u64, i in 0u64..1 << 40,
    ) {
        let names = if strings { Names::Strings } else { Names::Numbers };
        let protocol = SequenceProtocol { balanced, turned, names, ..protocol(classes, per_class, batch) };
        let new = || Sequences::new(images(6), &listed(6), protocol, seed, Purpose::Train).unwrap();
        let tasks = new();
        prop_assert_eq!(tasks.episode(i), new().episode(i));
        prop_assert_eq!(tasks.classes().len(), if turned { 24 } else { 6 });
        let sequences = read(&tasks, i);
        prop_assert_eq!(sequences.len(), batch);
        for sequence in sequences {
            prop_assert_eq!(sequence.len(), classes * per_class);
            let mut of: BTreeMap<ClassId, Vec<&Row>> = BTreeMap::new();
            sequence.iter().for_each(|row| of.entry(row.id).or_default().push(row));
            prop_assert!(of.len() <= classes && (!balanced || of.len() == classes));
            let called: BTreeSet<&Vec<usize>> = of.values().map(|rows| &rows[0].name).collect();
            prop_assert_eq!(called.len(), of.len(), "each class has a name of its own");
            for rows in of.values() {
                prop_assert!(rows.iter().all(|row| row.name == rows[0].name));
                prop_assert!(!balanced || rows.len() == per_class);
                for round in rows.chunks(IMAGES) {
                    let drawn: BTreeSet<usize> = round.iter().map(|row| row.image).collect();
                    prop_assert_eq!(drawn.len(), round.len(), "no image twice while there are others");
                }
            }
            if !turned {
                prop_assert!(of.keys().all(|id| id.turn == Turn::None));
            }
        }
    }
}

#[test]
fn sequences_of_a_batch_differ_and_names_are_drawn_anew() {
    let tasks = Sequences::new(images(6), &listed(6), protocol(5, 4, 8), 1, Purpose::Train).unwrap();
    let sequences = read(&tasks, 3);
    let orders: BTreeSet<Vec<usize>> =
        sequences.iter().map(|sequence| sequence.iter().map(|row| row.name[0]).collect()).collect();
    assert_eq!(orders.len(), 8);
    // the same class is called differently in other sequences
    let mut names: BTreeMap<ClassId, BTreeSet<usize>> = BTreeMap::new();
    for i in 0..20 {
        for row in read(&tasks, i).iter().flatten() {
            names.entry(row.id).or_default().insert(row.name[0]);
        }
    }
    assert!(names.values().filter(|names| names.len() > 1).count() > 12, "{names:?}");
}

#[test]
fn classes_become_more_with_the_curriculum() {
    let growth = Some(Growth { sequences: 10, most: 4 });
    let growing = SequenceProtocol { growth, names: Names::Strings, ..protocol(2, 3, 5) };
    assert_eq!([0, 1, 2, 3, 4, 5, 100].map(|i| growing.classes_at(i)), [2, 2, 3, 3, 4, 4, 4]);
    let tasks = Sequences::new(images(6), &listed(6), growing, 1, Purpose::Train).unwrap();
    assert_eq!([0, 2, 4].map(|i| tasks.episode(i).query.len()), [5 * 6, 5 * 9, 5 * 12]);
    assert_eq!(tasks.outputs(), Outputs::Values(25));
    let fixed = Sequences::new(images(6), &listed(6), protocol(3, 3, 5), 1, Purpose::Train).unwrap();
    assert_eq!((fixed.outputs(), fixed.input_shape()), (Outputs::Classes(3), vec![2, 2, 1]));
}

#[test]
fn images_are_distorted_each_by_itself() {
    let images =
        Arc::new(ImageSet::new([8, 8, 1], vec![("a".into(), vec![255; 64]), ("b".into(), vec![255; 64])]));
    let moved = Distortion { probability: 1.0, rotation: 0.0, shear: 0.0, scale: 0.0, shift: 40.0 };
    let protocol = SequenceProtocol { distortion: Some(moved), turned: false, ..protocol(2, 5, 1) };
    let tasks = Sequences::new(images, &listed(2), protocol, 1, Purpose::Train).unwrap();
    let x = tasks.episode(0).query.x;
    let rows: BTreeSet<Vec<u32>> =
        x.outer_iter().map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
    assert_eq!(rows.len(), 10);
    assert!(x.iter().all(|v| (0.0..=1.0).contains(v)));
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let error = |classes: usize, protocol| {
        Sequences::new(images(6), &listed(classes), protocol, 1, Purpose::Train).unwrap_err()
    };
    let few = SequenceProtocol { turned: false, ..protocol(5, 2, 1) };
    assert!(matches!(error(4, few), Error::TooFewClasses { ways: 5, classes: 4 }));
    let growing = SequenceProtocol { growth: Some(Growth { sequences: 1, most: 7 }), ..few };
    assert!(matches!(error(6, growing), Error::TooFewClasses { ways: 7, classes: 6 }));
    for zero in [protocol(0, 2, 1), protocol(2, 0, 1), protocol(2, 2, 0)] {
        assert!(matches!(error(6, zero), Error::Zero { .. }));
    }
    let none = Arc::new(ImageSet::new([2, 2, 1], vec![("a".into(), vec![0; 4]), ("b".into(), vec![])]));
    let refused = Sequences::new(none, &listed(2), protocol(2, 2, 1), 1, Purpose::Train).unwrap_err();
    assert!(refused.to_string().contains("class b"), "{refused}");
}

#[test]
fn each_row_is_said_to_be_of_its_class() {
    for (names, growth) in [(Names::Numbers, None), (Names::Strings, Some(Growth { sequences: 2, most: 5 }))]
    {
        let protocol = SequenceProtocol { names, growth, ..protocol(3, 4, 2) };
        let tasks = Sequences::new(images(6), &listed(6), protocol, 1, Purpose::Test).unwrap();
        for i in [0, 3] {
            let sequences = read(&tasks, i);
            let said = tasks.query_classes(i).unwrap();
            assert_eq!(said.len(), sequences.iter().map(Vec::len).sum::<usize>());
            for (row, id) in said.into_iter().enumerate() {
                assert_eq!(sequences[row % 2][row / 2].id, id, "row {row} of episode {i}");
            }
        }
    }
}

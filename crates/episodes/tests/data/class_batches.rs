//! Properties of batches for ordinary classification.

use crate::common::{images, plain};
use fewshot_episodes::{ClassBatches, ClassId, ImageSet, Outputs, Purpose, Rotations, Set, Tasks, Turn};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

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

proptest! {
    #[test]
    fn every_batch_is_sound(
        classes in 1usize..8, per_class in 1usize..6, part in 0.0..=1.0, seed: u64, i: u64,
        rotations in prop::sample::select(Rotations::ALL.to_vec()),
    ) {
        let copies = if rotations == Rotations::NewClasses { 4 } else { 1 };
        let held = copies * classes * per_class;
        let size = ((part * held as f64) as usize).max(1);
        let new = |seed| {
            let images = images(classes, per_class);
            ClassBatches::new(images, &plain(classes), size, rotations, seed, Purpose::Train).unwrap()
        };
        let batches = new(seed);
        let batch = batches.episode(i);
        prop_assert_eq!(&batch, &new(seed).episode(i));
        prop_assert_eq!(batch.support.x.shape(), [0, 2, 2, 1]);
        prop_assert_eq!(batch.query.x.shape(), [size, 2, 2, 1]);
        prop_assert_eq!(batches.classes().len(), copies * classes);
        prop_assert_eq!(batches.outputs(), Outputs::Classes(copies * classes));
        prop_assert_eq!((batch.ways, batches.input_shape()), (Some(copies * classes), vec![2, 2, 1]));

        let labels = batch.query.y.classes().expect("classification");
        let found = read(&batch.query);
        for (&(id, _), &label) in found.iter().zip(labels) {
            let listed = batches.classes()[label];
            prop_assert_eq!(id.class, listed.class);
            if matches!(rotations, Rotations::None | Rotations::NewClasses) {
                prop_assert_eq!(id.turn, listed.turn);
            }
        }
        prop_assert_eq!(found.iter().collect::<HashSet<_>>().len(), size, "an image is in the batch twice");
        let ids: HashSet<ClassId> = found.iter().map(|(id, _)| *id).collect();
        match rotations {
            Rotations::PerEpisode => {
                prop_assert_eq!(ids.iter().map(|id| id.turn).collect::<HashSet<_>>().len(), 1);
            }
            Rotations::PerClass => {
                prop_assert_eq!(ids.iter().map(|id| id.class).collect::<HashSet<_>>().len(), ids.len());
            }
            _ => {}
        }
    }
}

#[test]
fn batches_depend_on_seed_purpose_and_number_alone() {
    let new = |seed, purpose| {
        ClassBatches::new(images(20, 9), &plain(20), 16, Rotations::None, seed, purpose).unwrap()
    };
    let batches = new(1, Purpose::Train);
    let forwards: Vec<_> = (0..20).map(|i| batches.episode(i)).collect();
    for i in (0..20).rev() {
        assert_eq!(new(1, Purpose::Train).episode(i), forwards[i as usize]);
        assert!(forwards[i as usize + 1..].iter().all(|other| *other != forwards[i as usize]));
    }
    assert_ne!(new(2, Purpose::Train).episode(0), forwards[0]);
    assert_ne!(new(1, Purpose::Test).episode(0), forwards[0]);
}

#[test]
fn images_of_classes_of_unequal_sizes_are_uniform() {
    let image = |class: u8, k: u8| [255, 2 * k, class, 0];
    let class = |class: u8| (format!("class{class}"), (0..=class).flat_map(|k| image(class, k)).collect());
    let images = Arc::new(ImageSet::new([2, 2, 1], (0..3).map(class).collect()));
    // label 0 is the class of three images
    let listed: Vec<ClassId> = [2, 0, 1].map(ClassId::from).to_vec();
    let batches = ClassBatches::new(images, &listed, 2, Rotations::None, 1, Purpose::Train).unwrap();
    let (mut by_image, mut by_label) = ([[0i32; 3]; 3], [0i32; 3]);
    let count = 6000;
    for i in 0..count {
        let query = batches.episode(i).query;
        for ((id, k), &label) in read(&query).into_iter().zip(query.y.classes().expect("classification")) {
            by_image[id.class][k] += 1;
            by_label[label] += 1;
        }
    }
    // each of six images is in a third of the batches: five standard deviations are 5 sqrt(6000 * 2 / 9)
    for (class, counts) in by_image.iter().enumerate() {
        assert!(counts[..=class].iter().all(|n| (n - 2000).abs() < 183), "{by_image:?}");
    }
    assert_eq!(by_label[0], by_image[2].iter().sum::<i32>());
}

#[test]
fn what_the_data_cannot_give_is_refused() {
    let refused = |classes: &[ClassId], size, rotations| {
        ClassBatches::new(images(5, 4), classes, size, rotations, 1, Purpose::Train).unwrap_err().to_string()
    };
    let twice = [ClassId::from(1), ClassId::from(1)];
    for (classes, size, message) in [
        (&plain(5)[..], 0, "batch size is 0: give at least 1"),
        (&plain(5), 21, "batch size 21 exceeds the 20 images of the listed classes"),
        (&[], 1, "batch size 1 exceeds the 0 images"),
        (&plain(6), 1, "class number 5 is not in the image set"),
        (&twice, 1, "class class1 is listed twice"),
    ] {
        let refused = refused(classes, size, Rotations::None);
        assert!(refused.contains(message), "{refused}");
    }
    let wide = Arc::new(ImageSet::new([1, 2, 1], vec![("wide".into(), vec![0; 8])]));
    let turned = ClassBatches::new(wide, &plain(1), 1, Rotations::PerClass, 1, Purpose::Train);
    assert!(turned.unwrap_err().to_string().contains("images of 1x2 cannot be turned"));
}

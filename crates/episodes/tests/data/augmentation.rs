//! Training pictures are varied, the rest of an episode and what is for evaluation is not.

use crate::common::plain;
use fewshot_episodes::{
    Augmentation, ClassBatches, Episode, Error, ImageSet, ImageTasks, Jitter, Protocol, Purpose, Rotations,
    Set, Targets, Tasks, stream,
};
use ndarray::ArrayD;
use std::sync::Arc;

/// Five classes of six pictures of 8x8 in `channels` channels.
fn pictures(channels: usize) -> Arc<ImageSet> {
    let pixels = |class: usize| (0..6 * 64 * channels).map(|i| (i * (7 + 2 * class) % 251) as u8).collect();
    let class = |class| (format!("class{class}"), pixels(class));
    Arc::new(ImageSet::new([8, 8, channels], (0..5).map(class).collect()))
}

fn episodes(channels: usize, purpose: Purpose) -> ImageTasks {
    let protocol = Protocol { ways: 3, shots: 2, queries: 4, rotations: Rotations::PerClass };
    ImageTasks::new(pictures(channels), &plain(5), protocol, 1, purpose).unwrap()
}

fn batches(channels: usize, purpose: Purpose) -> ClassBatches {
    ClassBatches::new(pictures(channels), &plain(5), 9, Rotations::None, 1, purpose).unwrap()
}

/// Training tasks without augmentation and, of each, with one.
fn both(channels: usize, augmentation: Augmentation) -> [[Box<dyn Tasks>; 2]; 2] {
    let (episodes, batches) = (episodes(channels, Purpose::Train), batches(channels, Purpose::Train));
    [
        [
            Box::new(episodes.clone()),
            Box::new(episodes.with_augmentation(augmentation).expect("for training")),
        ],
        [Box::new(batches.clone()), Box::new(batches.with_augmentation(augmentation).expect("for training"))],
    ]
}

fn sides(episode: &Episode) -> [&Set; 2] {
    [&episode.support, &episode.query]
}

#[test]
fn pictures_of_both_sides_are_changed_and_nothing_else() {
    for channels in [1, 3] {
        for [plain, augmented] in both(channels, Augmentation::cifar()) {
            for i in 0..20 {
                let (before, after) = (plain.episode(i), augmented.episode(i));
                assert_eq!((before.ways, plain.query_classes(i)), (after.ways, augmented.query_classes(i)));
                for (before, after) in sides(&before).into_iter().zip(sides(&after)) {
                    assert_eq!(before.y, after.y);
                    assert_eq!(before.x.shape(), after.x.shape());
                    assert!(after.x.iter().all(|value| (0.0..=1.0).contains(value)));
                    let changed = before.x.outer_iter().zip(after.x.outer_iter()).filter(|(a, b)| a != b);
                    assert_eq!(changed.count(), before.len());
                }
            }
        }
    }
}

#[test]
fn a_change_that_is_none_leaves_all_episodes() {
    let none = Jitter { brightness: 0.0, contrast: 0.0, saturation: 0.0 };
    for jitter in [None, Some(none)] {
        for [plain, augmented] in both(3, Augmentation { jitter, ..Augmentation::NONE }) {
            assert!((0..20).all(|i| plain.episode(i) == augmented.episode(i)));
        }
    }
}

#[test]
fn an_episode_is_a_function_of_its_number() {
    let new = || both(3, Augmentation::mini_imagenet()).map(|[_, augmented]| augmented);
    for (forwards, backwards) in new().into_iter().zip(new()) {
        let first: Vec<Episode> = (0..10).map(|i| forwards.episode(i)).collect();
        for i in (0..10).rev() {
            assert_eq!(backwards.episode(i), first[i as usize]);
        }
    }
}

/// One picture in many batches: every batch changes it anew.
#[test]
fn a_picture_is_changed_anew_each_time() {
    let image = pictures(3).image(0, 0).to_vec();
    let single = Arc::new(ImageSet::new([8, 8, 3], vec![("class".into(), image)]));
    let batches = ClassBatches::new(single, &plain(1), 1, Rotations::None, 1, Purpose::Train).unwrap();
    let batches = batches.with_augmentation(Augmentation::cifar()).unwrap();
    let seen: Vec<ArrayD<f32>> = (0..20).map(|i| batches.episode(i).query.x).collect();
    assert!((1..20).all(|i| seen[..i].iter().all(|before| *before != seen[i])));
}

#[test]
fn evaluation_is_not_augmented() {
    for (purpose, name) in [(Purpose::Validation, "validation"), (Purpose::Test, "test")] {
        let refused = [
            episodes(3, purpose).with_augmentation(Augmentation::cifar()).unwrap_err(),
            batches(3, purpose).with_augmentation(Augmentation::cifar()).unwrap_err(),
        ];
        for refused in refused.map(|refused| refused.to_string()) {
            assert_eq!(
                refused,
                format!("augmentation of tasks for {name}: only training is augmented; leave it out")
            );
        }
    }
}

#[test]
fn jitter_that_cannot_be_is_refused() {
    let jitter = |contrast| Some(Jitter { brightness: 0.4, contrast, saturation: 0.4 });
    for strength in [-0.1, f64::NAN, f64::INFINITY] {
        let augmentation = Augmentation { jitter: jitter(strength), ..Augmentation::NONE };
        let refused = episodes(3, Purpose::Train).with_augmentation(augmentation).unwrap_err();
        assert!(matches!(refused, Error::JitterStrength { name: "contrast", .. }), "{refused}");
    }
    let two = batches(2, Purpose::Train);
    let refused = two.clone().with_augmentation(Augmentation::cifar()).unwrap_err();
    assert_eq!(refused.to_string(), "jitter changes pictures of 1 or 3 channels, not of 2: leave it out");
    assert!(two.with_augmentation(Augmentation { jitter: None, ..Augmentation::cifar() }).is_ok());
}

#[test]
fn copies_repeat_the_targets_and_change_every_picture() {
    let support = episodes(3, Purpose::Test).episode(3).support;
    let rng = || stream(1, Purpose::Dropout, 3);
    let copies = Augmentation::cifar().copies(&support, 5, &mut rng());
    assert_eq!(copies, Augmentation::cifar().copies(&support, 5, &mut rng()));
    assert_eq!(copies.x.shape(), [30, 8, 8, 3]);
    let labels = support.y.classes().expect("classification");
    assert_eq!(copies.y.classes(), Some(&labels.repeat(5)[..]));
    let plain = Augmentation::NONE.copies(&support, 2, &mut rng());
    for (i, image) in plain.x.outer_iter().enumerate() {
        assert_eq!(image, support.x.outer_iter().nth(i % 6).expect("six pictures"));
    }
    let images: Vec<_> = copies.x.outer_iter().collect();
    assert!((0..30).all(|i| images[..i].iter().all(|before| *before != images[i])));

    let values = ArrayD::from_shape_vec(vec![6, 1], (0..6).map(|v| v as f32).collect()).expect("six");
    let angles = Set::new(support.x, Targets::Values(values));
    let copies = Augmentation::cifar().copies(&angles, 2, &mut rng());
    let expected: Vec<f32> = (0..12).map(|v| (v % 6) as f32).collect();
    assert_eq!(copies.y.values().and_then(|values| values.as_slice()), Some(&expected[..]));
    assert!(Augmentation::cifar().copies(&angles, 0, &mut rng()).is_empty());
}

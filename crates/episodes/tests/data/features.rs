//! Episodes of feature vectors, and their files.

use crate::common::{has, write};
use fewshot_episodes::{
    Episode, Error, FeatureParts, FeatureSet, FeatureTasks, Outputs, Protocol, Purpose, Rotations, Set, Tasks,
};
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Vectors that say what they are: class, number, 0.5.
fn features(counts: &[usize]) -> Arc<FeatureSet> {
    let class = |(class, &count): (usize, &usize)| {
        let values = (0..count).flat_map(|k| [class as f32, k as f32, 0.5]).collect();
        (class.to_string(), values)
    };
    Arc::new(FeatureSet::new(3, counts.iter().enumerate().map(class).collect()))
}

fn protocol(ways: usize, shots: usize, queries: usize) -> Protocol {
    Protocol { ways, shots, queries, rotations: Rotations::None }
}

/// Class and number of every example of a set.
fn read(set: &Set) -> Vec<(usize, usize)> {
    set.x.outer_iter().map(|x| (x[[0]] as usize, x[[1]] as usize)).collect()
}

proptest! {
    #[test]
    fn every_episode_is_sound(
        ways in 1usize..6, shots in 1usize..5, queries in 1usize..5, spare in 0usize..3, seed: u64, i: u64,
    ) {
        let counts: Vec<usize> = (0..ways + spare).map(|class| shots + queries + class % 3).collect();
        let tasks = FeatureTasks::new(features(&counts), protocol(ways, shots, queries), seed, Purpose::Train);
        let tasks = tasks.unwrap();
        let episode = tasks.episode(i);
        prop_assert_eq!((episode.ways, tasks.outputs()), (Some(ways), Outputs::Classes(ways)));
        prop_assert_eq!(tasks.input_shape(), vec![3]);
        let mut class_of = vec![None; ways];
        let mut seen = HashSet::new();
        for (set, each) in [(&episode.support, shots), (&episode.query, queries)] {
            prop_assert_eq!(set.x.shape(), &[ways * each, 3][..]);
            let expected: Vec<usize> = (0..ways * each).map(|n| n / each).collect();
            let labels = set.y.classes().unwrap();
            prop_assert_eq!(labels, &expected[..]);
            for ((class, k), &label) in read(set).into_iter().zip(labels) {
                prop_assert_eq!(*class_of[label].get_or_insert(class), class, "one class per label");
                prop_assert!(k < counts[class] && seen.insert((class, k)), "a vector is in the episode twice");
            }
        }
        prop_assert_eq!(class_of.iter().collect::<HashSet<_>>().len(), ways, "one label per class");
        prop_assert_eq!(episode, tasks.episode(i));
    }

    #[test]
    fn parts_come_back_from_their_bytes(
        counts in prop::collection::vec(prop::collection::vec(1usize..4, 0..4), 3), scale in -1e30f32..1e30,
    ) {
        prop_assume!(counts.iter().any(|part| !part.is_empty()));
        let set = |counts: &Vec<usize>| {
            let class = |(class, &count): (usize, &usize)| {
                (class.to_string(), (0..2 * count).map(|k| scale / (1 + k + class) as f32).collect())
            };
            Arc::new(FeatureSet::new(2, counts.iter().enumerate().map(class).collect()))
        };
        let [train, validation, test] = [0, 1, 2].map(|part| set(&counts[part]));
        let parts = FeatureParts { train, validation, test };
        let (_folder, path) = file(&parts.to_bytes());
        prop_assert_eq!(FeatureParts::read(&path).unwrap(), parts);
    }
}

#[test]
fn episodes_depend_on_seed_purpose_and_number_alone() {
    let new =
        |seed, purpose| FeatureTasks::new(features(&[9; 30]), protocol(5, 2, 3), seed, purpose).unwrap();
    let tasks = new(1, Purpose::Train);
    let forwards: Vec<Episode> = (0..40).map(|i| tasks.episode(i)).collect();
    let again = new(1, Purpose::Train);
    (0..40).rev().for_each(|i| assert_eq!(again.episode(i), forwards[i as usize]));
    for (i, first) in forwards.iter().enumerate() {
        assert!(forwards[i + 1..].iter().all(|other| other != first), "episode {i} comes again");
    }
    assert_ne!(new(2, Purpose::Train).episode(0), forwards[0]);
    assert_ne!(new(1, Purpose::Test).episode(0), forwards[0]);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let refused =
        |protocol| FeatureTasks::new(features(&[4, 3]), protocol, 1, Purpose::Train).unwrap_err().to_string();
    has(&refused(protocol(0, 1, 1)), &["ways is 0"]);
    has(&refused(protocol(3, 1, 1)), &["ways 3 exceed the 2 classes"]);
    has(&refused(protocol(2, 2, 2)), &["shots 2 + queries 2", "class 1"]);
    has(&refused(Protocol { rotations: Rotations::PerClass, ..protocol(2, 1, 1) }), &["rotations per-class"]);
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features.safetensors");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// A file of such tensors, of zeros but for the last number.
fn tensors(of: &[(&str, Dtype, &[usize], f32)]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = of
        .iter()
        .map(|(_, dtype, shape, last)| {
            let count: usize = shape.iter().product();
            let mut bytes = vec![0; count * dtype.bitsize() / 8];
            if *dtype == Dtype::F32 && count > 0 {
                bytes[4 * count - 4..].copy_from_slice(&last.to_le_bytes());
            }
            bytes
        })
        .collect();
    let views = of.iter().zip(&data).map(|((name, dtype, shape, _), data)| {
        (*name, TensorView::new(*dtype, shape.to_vec(), data).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn files_that_make_no_sense_are_refused_with_the_way_out() {
    use Dtype::{F32, F64, I32, I64};
    let good: [(&str, Dtype, &[usize], f32); 2] =
        [("train.features", F32, &[3, 2], 1.0), ("train.labels", I64, &[3], 0.0)];
    let (_folder, path) = file(&tensors(&good));
    assert_eq!(FeatureParts::read(&path).unwrap().train.vectors(0), 3);
    let replaced = |i: usize, tensor| {
        let mut of = good;
        of[i] = tensor;
        tensors(&of)
    };
    let mut other = good.to_vec();
    other.extend([("test.features", F32, &[1, 5][..], 0.0), ("test.labels", I64, &[1][..], 0.0)]);
    for (bytes, cause) in [
        (b"nothing".to_vec(), "no safetensors file"),
        (tensors(&good)[..60].to_vec(), "no safetensors file"),
        (tensors(&[]), "holds no vector"),
        (tensors(&good[..1]), "no train.labels"),
        (tensors(&good[1..]), "no train.features"),
        (replaced(0, ("train.features", F64, &[3, 2], 0.0)), "train.features is F64 [3, 2]"),
        (replaced(0, ("train.features", F32, &[6], 0.0)), "train.features is F32 [6]"),
        (replaced(0, ("train.features", F32, &[3, 0], 0.0)), "train.features is F32 [3, 0]"),
        (replaced(0, ("train.features", F32, &[3, 2], f32::NAN)), "row 2"),
        (replaced(1, ("train.labels", I32, &[3], 0.0)), "train.labels is I32 [3]"),
        (replaced(1, ("train.labels", I64, &[4], 0.0)), "train.labels is I64 [4] beside 3 vectors"),
        (replaced(1, ("valid.labels", I64, &[3], 0.0)), "'valid.labels' is of no part"),
        (tensors(&other), "vectors of 2 and of 5 numbers"),
    ] {
        let (_folder, path) = file(&bytes);
        let error = FeatureParts::read(&path).unwrap_err();
        assert!(matches!(error, Error::BadFeatures { .. }), "{cause}");
        has(&error.to_string(), &[cause, "features.safetensors", "PART.labels (int64 [n])"]);
    }
    let missing = FeatureParts::read("/nowhere/features").unwrap_err().to_string();
    has(&missing, &["/nowhere/features"]);
}

#[test]
fn a_flipped_bit_changes_nothing_without_a_word() {
    let set = |names: &[&str]| {
        let classes = names.iter().enumerate().map(|(i, &name)| (name.to_owned(), vec![1.5 + i as f32; 6]));
        Arc::new(FeatureSet::new(3, classes.collect()))
    };
    let parts = FeatureParts { train: set(&["crow", "wren"]), validation: set(&[]), test: set(&["gull"]) };
    let whole = parts.to_bytes();
    assert_eq!(whole, parts.to_bytes());
    let tensors = 8 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let (_folder, path) = file(&whole);
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bytes).unwrap();
        match FeatureParts::read(&path) {
            Ok(read) => assert!(bit / 8 < tensors && read == parts, "bit {bit}"),
            Err(error) if bit / 8 >= tensors => {
                has(&error.to_string(), &["damaged since it was written (its checksum is ", "copy it again"]);
            }
            Err(_) => {}
        }
    }
}

#[test]
fn labels_in_any_order_make_classes() {
    let rows: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let labels: Vec<u8> = [7i64, -1, 7].iter().flat_map(|x| x.to_le_bytes()).collect();
    let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
    let views =
        [("val.features", view(Dtype::F32, &[3, 1], &rows)), ("val.labels", view(Dtype::I64, &[3], &labels))];
    let (_folder, path) = file(&safetensors::serialize(views, None).unwrap());
    let parts = FeatureParts::read(&path).unwrap();
    let set = parts.validation;
    assert!(parts.train.is_empty() && parts.test.is_empty());
    assert_eq!((set.name(0), set.name(1), set.vectors(0), set.vectors(1)), ("-1", "7", 1, 2));
    assert_eq!((set.vector(1, 0), set.vector(1, 1)), (&[1.0][..], &[3.0][..]));
}

#[test]
fn names_of_classes_are_kept() {
    let set = |names: &[&str]| {
        let classes = names.iter().enumerate().map(|(i, &name)| (name.to_owned(), vec![i as f32; 4]));
        Arc::new(FeatureSet::new(2, classes.collect()))
    };
    let named = FeatureParts {
        train: set(&["crane, bird", "two\nlines", "red\u{1b}[31m", "고양이"]),
        validation: set(&[]),
        test: set(&["0", "1"]),
    };
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "named", &named.to_bytes());
    assert_eq!(FeatureParts::read(&file).unwrap(), named);
    let read = |text: &str| {
        let bytes = String::from_utf8_lossy(&named.to_bytes()).into_owned();
        assert!(bytes.contains("fewshot-classes"), "{bytes}");
        let views = [
            ("train.features", TensorView::new(Dtype::F32, vec![1, 1], &[0; 4]).unwrap()),
            ("train.labels", TensorView::new(Dtype::I64, vec![1], &[1, 0, 0, 0, 0, 0, 0, 0]).unwrap()),
        ];
        let metadata = std::collections::HashMap::from([("fewshot-classes".to_owned(), text.to_owned())]);
        let bytes = safetensors::serialize(views, Some(metadata)).unwrap();
        FeatureParts::read(write(folder.path(), "file", &bytes)).map_err(|error| error.to_string())
    };
    assert_eq!(read(r#"{"train": ["a", "b"]}"#).unwrap().train.name(0), "b");
    assert_eq!(read(r#"{"test": ["a", "b"]}"#).unwrap().train.name(0), "1");
    has(&read(r#"{"train": ["a"]}"#).unwrap_err(), &["train.labels has 1", "no name"]);
    has(&read("[1]").unwrap_err(), &["fewshot-classes", "no lists of names"]);
    let numbered = FeatureParts { train: set(&["0", "1"]), validation: set(&[]), test: set(&["0"]) };
    assert!(!String::from_utf8_lossy(&numbered.to_bytes()).contains("fewshot-classes"), "as before");
}

//! The real Omniglot data: counts, splits, resampling, the official runs.
//!
//! The data stay outside the repository. The folder is `$FEWSHOT_SHARED/data/omniglot`,
//! with `FEWSHOT_SHARED` by default `shared` beside the repository. Where it is
//! absent these tests say so and pass.

use fewshot_episodes::{
    ClassId, ClassSplit, ImageSet, ImageTasks, Protocol, Purpose, Rotations, Tasks, Turn, nearest, omniglot,
};
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

fn data() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
        let shared = std::env::var_os("FEWSHOT_SHARED").map_or_else(beside, PathBuf::from);
        let folder = shared.join("data/omniglot");
        let found = folder.is_dir();
        if !found {
            let text = format!("\nSKIPPED: no Omniglot in {} (set FEWSHOT_SHARED)\n", folder.display());
            // past the test harness, which hides what passing tests print
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        found.then_some(folder)
    };
    FOLDER.get_or_init(find).clone()
}

/// Both archives at 28 x 28, loaded once.
fn images() -> Option<Arc<ImageSet>> {
    static IMAGES: OnceLock<Option<Arc<ImageSet>>> = OnceLock::new();
    let load = || data().map(|folder| Arc::new(omniglot::load(folder, 28).expect("real data")));
    IMAGES.get_or_init(load).clone()
}

#[test]
fn all_drawings_are_loaded() {
    let Some(images) = images() else { return };
    assert_eq!((images.classes(), images.len()), (1623, 32_460));
    assert_eq!(images.bytes(), 32_460 * 28 * 28);
    assert_eq!(images.name(0), "Alphabet_of_the_Magi/character01");
    assert!((0..1623).all(|class| images.images(class) == 20));
    assert!((1..1623).all(|class| images.name(class - 1) < images.name(class)));
}

#[test]
fn one_archive_alone_at_other_sizes() {
    let Some(folder) = data() else { return };
    for size in [20, 28, 105] {
        let set = omniglot::load(folder.join("images_evaluation.zip"), size).expect("real data");
        assert_eq!((set.classes(), set.len(), set.shape()), (659, 13_180, [size, size, 1]));
        let pixels = (0..659).flat_map(|class| set.image(class, 0));
        let ink: u64 = pixels.map(|&v| u64::from(v)).sum();
        let share = ink as f64 / (255 * 659 * size * size) as f64;
        eprintln!("share of ink at {size}x{size}: {share:.4}");
        // cutting off the filter's overshoot below paper adds some ink
        assert!((0.078..0.11).contains(&share), "share of ink {share} at {size}x{size}");
    }
}

#[test]
fn turning_before_or_after_resampling_is_the_same() {
    let Some(folder) = data() else { return };
    let archive = folder.join("images_background.zip");
    let full = omniglot::load(&archive, 105).expect("real data");
    let small = omniglot::load(&archive, 28).expect("real data");
    let classes: Vec<usize> = (0..full.classes()).step_by(60).collect();
    let made = tempfile::tempdir().expect("temporary folder");
    let mut expected = Vec::new();
    for (number, &class) in classes.iter().enumerate() {
        for turn in Turn::ALL {
            let character = 4 * number + turn as usize;
            for k in 0..20 {
                let mut ink = vec![false; 105 * 105];
                turn.apply(full.image(class, k), full.shape(), &mut ink, |v| v != 0);
                let png = crate::common::png(105, 105, |row, column| ink[row * 105 + column]);
                let file = format!("Turned/character{character:02}/0001_{:02}.png", k + 1);
                crate::common::write(made.path(), &file, &png);
            }
            expected.push((class, turn));
        }
    }
    let turned_first = omniglot::load(made.path(), 28).expect("just written");
    let mut worst = 0;
    for (character, (class, turn)) in expected.into_iter().enumerate() {
        for k in 0..20 {
            let mut turned_last = vec![0; 28 * 28];
            turn.apply(small.image(class, k), small.shape(), &mut turned_last, |v| v);
            let pairs = turned_first.image(character, k).iter().zip(&turned_last);
            worst = worst.max(pairs.map(|(a, b)| a.abs_diff(*b)).max().expect("28 x 28 pixels"));
        }
    }
    eprintln!("largest difference between the two orders: {worst} of 255");
    assert!(worst <= 1, "turning before and after resampling differ by {worst} of 255");
}

#[test]
fn vinyals_split_files() {
    let (Some(folder), Some(images)) = (data(), images()) else {
        return;
    };
    let split = ClassSplit::read(&images, folder.join("splits/vinyals")).expect("real split");
    let parts = [split.train(), split.validation(), split.test()];
    assert_eq!(parts.map(<[_]>::len), [4112, 688, 1692]);
    let characters = parts.map(|p| p.iter().map(|id| id.class).collect::<HashSet<_>>());
    assert_eq!(characters.each_ref().map(HashSet::len), [1028, 172, 423]);
    let new = |rotations| {
        let protocol = Protocol { ways: 60, shots: 1, queries: 5, rotations };
        ImageTasks::new(images.clone(), split.train(), protocol, 1, Purpose::Train).expect("fits")
    };
    assert_eq!(new(Rotations::None).classes().len(), 4112);
    assert_eq!(new(Rotations::NewClasses).classes(), new(Rotations::None).classes());
    assert_eq!(new(Rotations::PerClass).classes().len(), 1028);
    assert_eq!(new(Rotations::None).episode(3).query.x.shape(), [300, 28, 28, 1]);
}

#[test]
fn splits_of_the_papers() {
    let Some(images) = images() else { return };
    let split = omniglot::maml_split(&images, 1).expect("all characters");
    let sizes = |s: &ClassSplit| [s.train(), s.validation(), s.test()].map(<[_]>::len);
    assert_eq!(sizes(&split), [1100, 100, 423]);
    assert_eq!(split, omniglot::maml_split(&images, 1).expect("all characters"));
    assert_ne!(split, omniglot::maml_split(&images, 2).expect("all characters"));
    let official = omniglot::background_evaluation(&images).expect("all characters");
    assert_eq!(sizes(&official), [964, 0, 659]);
    let background = omniglot::load(data().expect("found before").join("images_background.zip"), 28);
    let background = background.expect("real data");
    let names = official.train().iter().map(|id| images.name(id.class));
    assert!(names.eq((0..964).map(|class| background.name(class))));
    for split in [omniglot::maml_split(&background, 1), omniglot::background_evaluation(&background)] {
        let message = split.expect_err("only half of the data").to_string();
        assert!(message.contains("images_evaluation.zip"), "{message}");
    }
}

#[test]
fn official_runs_give_the_published_baselines() {
    let Some(folder) = data() else { return };
    let runs = omniglot::runs(folder.join("all_runs.zip"), 105).expect("real data");
    assert_eq!(runs.len(), 20);
    let right = |distance| -> f64 { runs.iter().map(|run| 20.0 * nearest::accuracy(run, distance)).sum() };
    assert_eq!(right(nearest::Distance::Cosine).round(), 87.0);
    assert_eq!(right(nearest::Distance::Euclid).round(), 76.0);
    let ink: f32 = runs.iter().map(|run| run.query.x.mean().expect("not empty")).sum();
    assert!((ink / 20.0 - 0.08247).abs() < 5e-6, "ink share {}", ink / 20.0);
    let small = omniglot::runs(folder, 28).expect("finds all_runs.zip in the folder");
    assert_eq!(small[19].query.x.shape(), [20, 28, 28, 1]);
    assert_eq!(small[19].query.y, runs[19].query.y);
}

#[test]
fn no_drawing_of_the_official_runs_is_in_the_training_or_validation_of_koch() {
    let (Some(folder), Some(images)) = (data(), images()) else { return };
    let split = omniglot::koch(&images).expect("all characters");
    let parts = [split.train(), split.validation(), split.test()];
    let alphabets = |part: &[ClassId]| -> HashSet<String> {
        let name = |id: &ClassId| images.name(id.class).split('/').next().expect("one").to_string();
        part.iter().map(name).collect()
    };
    assert_eq!(parts.map(|part| alphabets(part).len()), [30, 10, 10]);
    assert_eq!(split.train().len(), 964);
    let mut places: HashMap<&[u8], Vec<(usize, usize)>> = HashMap::new();
    for (class, drawer) in (0..images.classes()).flat_map(|class| (0..20).map(move |drawer| (class, drawer)))
    {
        places.entry(images.image(class, drawer)).or_default().push((class, drawer));
    }
    let mut shown = HashSet::new();
    for run in omniglot::runs(folder, 28).expect("real data") {
        for x in run.support.x.outer_iter().chain(run.query.x.outer_iter()) {
            let pixels: Vec<u8> = x.iter().map(|v| (v * 255.0).round() as u8).collect();
            let [(class, drawer)] = places[&pixels[..]][..] else {
                panic!("a drawing of the runs is there twice")
            };
            assert!(split.test().contains(&class.into()), "{}", images.name(class));
            assert!(!omniglot::TRAINING_DRAWERS.contains(&drawer), "{} by {drawer}", images.name(class));
            shown.extend(alphabets(&[class.into()]));
        }
    }
    assert_eq!(shown, alphabets(split.test()));
    let (mut training, validation) = (omniglot::TRAINING_DRAWERS, omniglot::VALIDATION_DRAWERS);
    assert_eq!((training.len(), validation.len()), (12, 4));
    assert!(training.all(|drawer| !validation.contains(&drawer)));
}

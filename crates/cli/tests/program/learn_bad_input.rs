//! What cannot be learned from, and files and encoders that do not fit: one line each, and nothing computed is lost.

use std::fs;
use std::path::Path;

use crate::learn::{embedded, encoder, learn, printed, with_cache};
use crate::support::fails;
use crate::support::pictures::drawings;

/// Files of features in a cache.
fn kept(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { kept(&entry.path()) } else { 1 }).sum()
}

#[test]
fn folders_that_cannot_be_learned_from() {
    let (cache, one, data) = (tempfile::tempdir().unwrap(), drawings(&[3], 0), drawings(&[3, 3], 0));
    fails(
        &mut learn(&cache, one.path()),
        2,
        "holds one class, class0: there is nothing to tell it from; add a folder",
    );
    fails(&mut learn(&cache, cache.path()), 2, "no class folder");
    fs::write(data.path().join("class1/1.png"), "no picture").unwrap();
    let mut command = learn(&cache, data.path());
    fails(&mut command, 2, "class1/1.png");
    assert_eq!(kept(&cache.path().join("features")), 5, "the others are computed and kept");
    fs::write(data.path().join("class0/1.png"), "no picture").unwrap();
    fails(&mut command, 2, "and 1 more picture");
}

#[test]
fn encoders_that_do_not_fit() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[2, 2], 0));
    let learn_with = |encoder: &Path, options: &[&str]| {
        let mut command = with_cache(&cache);
        command.arg("learn").arg(data.path()).arg("--encoder").arg(encoder).args(options);
        command
    };
    fails(&mut learn_with(&encoder(), &[]), 2, "give --encoder-preset imagenet|clip|half, or write ");
    fails(
        &mut learn_with(Path::new("none.onnx"), &["--encoder-preset", "half"]),
        2,
        "error: encoder none.onnx: ",
    );
    let broken = cache.path().join("broken.onnx");
    fs::write(&broken, &fs::read(encoder()).unwrap()[..60]).unwrap();
    fails(
        &mut learn_with(&broken, &["--encoder-preset", "half"]),
        2,
        "it is no model of ONNX that can be run",
    );
    fails(
        &mut learn_with(&encoder(), &["--encoder-preset", "vgg"]),
        2,
        "no preset of encoders, which are imagenet",
    );
}

#[test]
fn a_file_of_another_encoder_or_none() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[3, 3], 0));
    let (file, moved) = (cache.path().join("file.safetensors"), cache.path().join("moved.onnx"));
    fs::copy(encoder(), &moved).unwrap();
    let mut command = with_cache(&cache);
    command
        .arg("learn")
        .arg(data.path())
        .arg("--encoder")
        .arg(&moved)
        .args(["--encoder-preset", "half", "--save"])
        .arg(&file);
    printed(&mut command);
    fs::remove_file(&moved).unwrap();
    let predict = |options: &[&str]| {
        let mut command = with_cache(&cache);
        command.arg("predict").arg(&file).arg(data.path()).args(options);
        command
    };
    fails(&mut predict(&[]), 2, "where it has moved, give --encoder NEW");
    let there = encoder();
    let there = there.to_str().unwrap();
    printed(&mut predict(&["--encoder", there]));
    let other = ["--encoder", there, "--encoder-preset", "clip"];
    fails(&mut predict(&other), 2, "is another than that which");
    fails(
        &mut predict(&["--encoder", there, "--reject", "1%"]),
        2,
        "of 6 held-out pictures no smaller share than 16.67 %",
    );
    fails(&mut predict(&["--encoder", there, "--reject", "120%"]), 2, "expected a share such as 5% or 0.05");
}

#[test]
fn damaged_files_are_found_out() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[2, 2], 0));
    let file = cache.path().join("file.safetensors");
    printed(learn(&cache, data.path()).arg("--save").arg(&file));
    let whole = fs::read(&file).unwrap();
    let mut predict = with_cache(&cache);
    predict.arg("predict").arg(&file).arg(data.path());
    printed(&mut predict);
    for place in (0..whole.len()).step_by(whole.len() / 24) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&file, &bytes).unwrap();
        fails(&mut predict, 2, "file.safetensors");
    }
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    fails(&mut predict, 2, "file.safetensors");
}

#[test]
fn options_of_files_of_learn_are_refused_elsewhere() {
    let run = crate::support::trained("--iterations 1 --episodes 2");
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[1, 1], 0));
    let mut command = with_cache(&cache);
    command
        .arg("predict")
        .arg(run.path())
        .arg("--support")
        .arg(data.path())
        .arg(data.path())
        .args(["--reject", "5%"]);
    fails(&mut command, 2, "--encoder and --reject go with a file of fewshot learn");
}

#[test]
fn files_without_a_folder_are_refused_before_anything_is_computed() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[2, 2], 0));
    let nowhere = cache.path().join("no/such");
    fails(learn(&cache, data.path()).arg("--save").arg(&nowhere), 2, "there is no such folder; make it");
    fails(learn(&cache, data.path()).arg("--save").arg(cache.path()), 2, "it is a folder; name a file");
    assert_eq!(kept(&cache.path().join("features")), 0, "nothing was encoded");
    let file = cache.path().join("file.safetensors");
    printed(learn(&cache, data.path()).arg("--save").arg(&file));
    let mut predict = with_cache(&cache);
    predict.arg("predict").arg(&file).arg(data.path()).arg("--html").arg(&nowhere);
    fails(&mut predict, 2, "there is no such folder; make it");
}

#[test]
fn options_of_runs_are_refused_for_files_of_features() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[6; 8], 0));
    let (file, _) = embedded(&cache, data.path());
    let evaluate = |options: &[&str]| {
        let mut command = with_cache(&cache);
        command.arg("evaluate").arg(&file).args(["--head", "ridge", "--queries", "2"]).args(options);
        command
    };
    printed(&mut evaluate(&["--ways", "3", "--episodes", "2"]));
    for options in
        [&["--unknown"][..], &["--calibrate"], &["--nil"], &["--inner-lr", "0.1"], &["--steps", "0..3"]]
    {
        fails(
            &mut evaluate(options),
            2,
            "goes with the folder of a run, not with a head on a file of features",
        );
    }
    fails(&mut evaluate(&["--episodes", "0"]), 2, "--episodes 0: the least is 2");
    fails(&mut evaluate(&["--ways", "1"]), 2, "--ways 1: the least is 2");
}

//! What was learned from a support, kept in a file by `fewshot predict --save`.

use std::fs;
use std::path::Path;

use crate::support::pictures::drawings;
use crate::support::{fails, fewshot, trained};
use serde_json::Value;

/// What `fewshot predict MODEL ARGUMENTS --json` says.
#[track_caller]
fn predict(model: &Path, arguments: &[&str]) -> Value {
    let output = fewshot().arg("predict").arg(model).args(arguments).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Three classes of one to three drawings.
const CLASSES: [u32; 3] = [1, 2, 3];

#[test]
fn every_algorithm_answers_from_the_file_as_from_the_support() {
    for options in [
        "protonet --norm running --queries 2",
        "matching --reads 2 --queries 2",
        "relation --queries 2",
        "r2d2 --train-shots 1 --queries 2",
        "lrd2 --train-shots 1 --queries 2",
        "siamese --batch 6",
        "maml --meta-batch 1",
        "mamlpp --meta-batch 1",
        "reptile --meta-batch 1",
        "lstm-meta-learner --queries 2",
        "mann --per-class 2 --batch 2",
        "pretrain",
    ] {
        let run = trained(&format!("{options} --ways 3 --iterations 1 --episodes 2"));
        let (support, queries) = (drawings(&CLASSES, 0), drawings(&[1; 3], 5));
        let file = queries.path().join("kept.safetensors");
        let images: Vec<String> =
            (0..3).map(|class| format!("{}/class{class}/5.png", queries.path().display())).collect();
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        let known = ["--support", support.path().to_str().unwrap()];
        let learned =
            predict(run.path(), &[&images[..], &known, &["--save", file.to_str().unwrap()]].concat());
        drop((run, support));
        let kept = predict(&file, &images);
        assert_eq!(kept["answers"], learned["answers"], "{options}");
        assert_eq!(kept["classes"], learned["classes"], "{options}");
    }
}

#[test]
fn the_file_alone_is_enough_and_names_no_folder() {
    let data = drawings(&[4; 4], 0);
    let arguments = "--invert --ways 2 --queries 2 --eval-queries 2 --iterations 1 --episodes 2";
    let run = trained(&format!("--data folder:{} {arguments}", data.path().display()));
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("kept.safetensors");
    let mut save = fewshot();
    save.arg("predict").arg(run.path()).arg("--support").arg(data.path()).arg("--save").arg(&file);
    let said = String::from_utf8(save.output().unwrap().stdout).unwrap();
    assert!(said.contains("16 pictures of 4 classes") && said.contains("kept.safetensors"), "{said}");

    let folder = data.path().to_str().unwrap();
    let bytes = fs::read(&file).unwrap();
    assert!(
        !String::from_utf8_lossy(&bytes).contains(folder),
        "a file to give away names no folder of one's own"
    );
    let image = data.path().join("class3/0.png");
    let image = image.to_str().unwrap();
    let answers = predict(&file, &[image]);
    assert_eq!(answers["answers"][0]["class"], "class3");
    assert_eq!((&answers["invert"], &answers["iterations"]), (&Value::Bool(true), &Value::from(1)));
    assert_ne!(predict(&file, &[image, "--invert=false"])["answers"], answers["answers"]);
}

#[test]
fn files_that_hold_no_predictor() {
    let run = trained("--ways 2 --train-ways 2 --iterations 1 --episodes 2");
    let support = drawings(&[1, 1], 0);
    let kept = tempfile::tempdir().unwrap();
    let (image, file) = (support.path().join("class0/0.png"), kept.path().join("kept.safetensors"));
    let learn = |options: &[&str]| {
        let mut command = fewshot();
        command.arg("predict").arg(run.path()).arg("--support").arg(support.path()).args(options);
        command
    };
    let (file_name, nowhere) = (file.to_str().unwrap(), kept.path().join("no/such/folder/kept"));
    assert!(learn(&["--save", file_name]).output().unwrap().status.success());
    fails(&mut learn(&["--save", nowhere.to_str().unwrap()]), 2, "no/such/folder");

    let ask = |model: &Path, options: &[&str]| {
        let mut command = fewshot();
        command.arg("predict").arg(model).arg(&image).args(options);
        command
    };
    fails(&mut ask(&file, &["--support", support.path().to_str().unwrap()]), 2, "already");
    fails(&mut ask(run.path(), &[]), 2, "--support");
    fails(&mut ask(&image, &[]), 2, "0.png");
    fails(&mut ask(&run.path().join("model.safetensors"), &[]), 2, "not written by fewshot predict --save");
    fails(&mut ask(&file, &["--save", "other"]), 2, "--support");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 7]).unwrap();
    fails(&mut ask(&file, &[]), 2, "kept.safetensors");
}

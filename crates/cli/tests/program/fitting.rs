//! Settings that nobody asked for go with what the data have, and are said; those that were asked for are refused.

use std::fs;
use std::path::Path;

use crate::support::pictures::drawings;
use crate::support::{evaluate, fails, fewshot, last, train};
use tempfile::TempDir;

const SHORT: &str = "--iterations 2 --meta-batch 2 --episodes 4 --threads 1";

/// Features of the drawings of so many classes, by a network that has seen next to nothing.
fn embedded(folder: &Path, counts: &[u32]) -> String {
    let data = drawings(counts, 0);
    let (run, file) = (folder.join("encoder"), folder.join("features"));
    let encoder =
        format!("--data folder:{} --ways 2 --train-ways 2 --filters 4 {SHORT}", data.path().display());
    train(&run, &encoder);
    let made = fewshot().arg("embed").arg(&run).arg("--out").arg(&file).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    format!("--data features:{}", file.display())
}

#[test]
fn features_of_few_classes_are_learned_from_with_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let data = embedded(folder.path(), &[4; 8]);
    for algorithm in ["protonet", "leo", "maml"] {
        let run = folder.path().join(algorithm);
        let said = train(&run, &format!("{algorithm} {data} {SHORT}"));
        for line in [
            "fitted      --ways 4 instead of 5: there are 4 test classes",
            "fitted      --validate-every 0 instead of 500: there are no validation classes; the last weights are kept",
            "vectors",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
        assert!(said.contains("has 4 vectors") && said.contains("instead of 15"), "{said}");
        assert!(!run.join("validation.csv").exists());
        assert_eq!(last(&evaluate(&run, &[])), last(&said), "the settings are kept");
    }
    for (options, said) in [
        (
            "--validate-every 10",
            "--validate-every 10: there are no validation classes; leave it out, or give --validate-every 0",
        ),
        ("--patience 3", "--patience: it counts measurements on validation classes, and there are no"),
        ("--ways 5", "5 classes each need 5 classes in their part, and the file's are 4 for training"),
        (
            "--queries 4",
            "(4) and 1 more: lower the shots or the queries (--train-shots and --queries in training",
        ),
        ("--eval-queries 6", "--eval-queries at test"),
    ] {
        let mut command = fewshot();
        command.arg("train").args(format!("{data} {SHORT} --ways 4 {options}").split_whitespace());
        let given = options.split(' ').next().unwrap();
        if given == "--ways" {
            command = fewshot();
            command.arg("train").args(format!("{data} {SHORT} {options}").split_whitespace());
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains(said), "{options}: {stderr}");
    }
    // the ways out are ways out
    for options in ["--validate-every 0 --patience 0", "--queries 3 --eval-queries 3"] {
        train(&folder.path().join(format!("out{}", options.len())), &format!("{data} {SHORT} {options}"));
    }
}

#[test]
fn a_preset_without_a_validation_part_keeps_the_last_weights() {
    let folder = tempfile::tempdir().unwrap();
    let data = embedded(folder.path(), &[8; 10]);
    let run = folder.path().join("leo");
    let said = train(&run, &format!("--preset leo-omniglot-5w1s {data} {SHORT}"));
    assert!(said.contains("--validate-every 0 instead of 500: there are no validation classes"), "{said}");
    assert!(said.contains("5-way 1-shot"), "{said}");
}

#[test]
fn the_smallest_class_says_how_many_queries_there_are() {
    let folder = tempfile::tempdir().unwrap();
    // one among others, whichever part it is in
    let data = drawings(&[6, 6, 3, 6, 6, 6, 6, 6], 0);
    let said = train(
        &folder.path().join("one"),
        &format!("--data folder:{} --ways 3 --filters 4 {SHORT}", data.path().display()),
    );
    assert!(
        said.contains("queries 2 instead of 4: ") && said.contains(" class 'class2' has 3 pictures"),
        "{said}"
    );
    let data = drawings(&[3; 8], 0);
    let data = format!("--data folder:{}", data.path().display());
    let run = folder.path().join("run");
    let said = train(&run, &format!("{data} --filters 4 {SHORT}"));
    for line in [
        "fitted      --ways 4 instead of 5: there are 4 test classes",
        "fitted      --queries 2 instead of 4: training class 'class",
        "fitted      --eval-queries 2 instead of 4: test class 'class",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("4-way 1-shot, queries per class 2"), "{said}");
    assert_eq!(last(&evaluate(&run, &[])), last(&said));
    let drawn = folder.path().join("drawn");
    let said = train(&drawn, &format!("{data} r2d2 {SHORT}"));
    assert!(said.contains("fitted      --train-shots 1..2 instead of 1.."), "{said}");
    let pretrained = folder.path().join("pretrained");
    let said = train(&pretrained, &format!("{data} pretrain --filters 4 {SHORT}"));
    assert!(said.contains("--batch 12 instead of 64: the training classes have 12 pictures"), "{said}");
    for (options, named) in [
        ("--queries 5 --eval-queries 1", "--train-shots and --queries in training"),
        ("--eval-queries 5", "shots 1 + queries 5 exceed the pictures of"),
        ("--shots 5", "exceed the pictures of"),
    ] {
        let mut command = fewshot();
        command
            .arg("train")
            .args(format!("{data} --ways 4 --filters 4 {SHORT} {options}").split_whitespace());
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains(named), "{options}: {stderr}");
    }
}

/// Class lists over the drawings of eight classes, without any for validation.
fn lists() -> TempDir {
    let data = drawings(&[6; 8], 0);
    fs::write(data.path().join("train.txt"), "class0\nclass1\nclass2\nclass3").unwrap();
    fs::write(data.path().join("test.txt"), "class4\nclass5\nclass6\nclass7").unwrap();
    data
}

#[test]
fn lists_without_validation_are_enough() {
    let data = lists();
    let folder = tempfile::tempdir().unwrap();
    let options = format!("--data folder:{} --ways 3 --filters 4 {SHORT}", data.path().display());
    let said = train(&folder.path().join("run"), &options);
    assert!(said.contains("4 training, 0 validation, 4 test"), "{said}");
    let mut command = fewshot();
    command.arg("train").args(options.split(' ')).args(["--validate-every", "1"]);
    fails(&mut command, 2, "--validate-every 1: there are no validation classes; leave it out");
}

#[test]
fn parts_of_the_same_classes_are_said_to_be_pooled() {
    let (seen, new) = (drawings(&[3; 6], 0), drawings(&[3; 6], 3));
    let data = tempfile::tempdir().unwrap();
    fs::rename(seen.path(), data.path().join("train")).unwrap();
    fs::rename(new.path(), data.path().join("val")).unwrap();
    let options = format!("--data folder:{} --ways 3 --filters 4 {SHORT}", data.path().display());
    let output = fewshot().arg("train").args(options.split(' ')).output().unwrap();
    let [said, noted] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(said.contains("36 pictures, 28x28 grey, of 6 classes"), "{said}{noted}");
    assert!(said.contains("3 training, 0 validation, 3 test (split own: at random)"), "{said}");
    assert!(noted.contains("train/ and val/ share 6 of 6 classes"), "{noted}");
}

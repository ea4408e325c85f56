//! The division of a run's classes is that of the run, whatever becomes of its data.

use std::fs;
use std::path::Path;

use crate::support::pictures::{drawing, drawings, write};
use crate::support::{evaluate, fails, fewshot, last, omniglot, train, trained};
use serde_json::Value;
use tempfile::TempDir;

const OPTIONS: &str =
    "--invert --ways 3 --train-ways 4 --queries 2 --eval-queries 2 --iterations 3 --episodes 20 --filters 8";

fn run_on(data: &TempDir) -> TempDir {
    trained(&format!("--data folder:{} {OPTIONS}", data.path().display()))
}

fn division(run: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(run.join("division.json")).unwrap()).unwrap()
}

/// Standard output and standard error of a command that succeeds.
#[track_caller]
fn output(command: &str, run: &Path, arguments: &[&str]) -> (String, String) {
    let mut words = fewshot();
    words.args(command.split(' ')).arg(run).args(arguments);
    let output = words.output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{words:?}\n{stderr}");
    (stdout, stderr)
}

fn add(data: &TempDir, name: &str) {
    for number in 0..6 {
        write(&data.path().join(name).join(format!("{number}.png")), &drawing(13, number));
    }
}

#[test]
fn a_class_that_comes_changes_nothing_and_is_named() {
    let data = drawings(&[6; 10], 0);
    let (run, unchanged) = (run_on(&data), run_on(&data));
    let parts = division(run.path());
    assert_eq!(parts["train"].as_array().unwrap().len(), 5);
    assert_eq!(parts["test"].as_array().unwrap().len(), 5);
    assert_eq!(parts["classes"][0]["examples"], 6);
    assert!(
        fs::read(run.path().join("division.json")).unwrap()
            == fs::read(unchanged.path().join("division.json")).unwrap()
    );
    let (before, notes) = output("evaluate", run.path(), &[]);
    assert_eq!(notes, "");
    let resume = |run: &TempDir| output("train --iterations 5 --resume", run.path(), &[]);
    resume(&unchanged);

    add(&data, "a new one");
    let (after, notes) = output("evaluate", run.path(), &[]);
    assert_eq!(before, after);
    assert!(notes.contains("a new one") && notes.lines().count() == 1, "{notes}");
    let (said, notes) = resume(&run);
    assert!(said.contains("5 training, 0 validation, 5 test (split own, as kept with the run)"), "{said}");
    assert!(notes.contains("a new one"), "{notes}");
    for name in ["model.safetensors", "progress.safetensors", "metrics.csv", "division.json", "config.toml"] {
        let read = |run: &TempDir| fs::read(run.path().join(name)).unwrap();
        assert!(read(&run) == read(&unchanged), "{name}");
    }
    // a new run divides what is there now
    assert_eq!(division(run_on(&data).path())["classes"].as_array().unwrap().len(), 11);
}

#[test]
fn classes_that_went_or_changed_are_named_or_refused() {
    let data = drawings(&[6; 10], 0);
    let run = run_on(&data);
    let parts = division(run.path());
    let [trained, tested] = ["train", "test"].map(|part| parts[part][0].as_str().unwrap().to_owned());
    let resume = || {
        let mut command = fewshot();
        command.args(["train", "--iterations", "5", "--resume"]).arg(run.path());
        command
    };
    // another picture among those of a training class: another run
    let picture = data.path().join(&trained).join("3.png");
    let old = fs::read(&picture).unwrap();
    write(&picture, &drawing(17, 3));
    let said = format!("with other examples than then: {trained} (training)");
    fails(&mut resume(), 2, &said);
    fails(&mut resume(), 2, "--config");
    assert!(output("evaluate", run.path(), &[]).1.contains(&said));
    fs::write(&picture, old).unwrap();
    // of a test class: said
    write(&data.path().join(&tested).join("3.png"), &drawing(17, 3));
    let said = format!("with other examples than then: {tested} (test)");
    assert!(output("evaluate", run.path(), &[]).1.contains(&said));
    assert!(output("train --iterations 4 --resume", run.path(), &[]).1.contains(&said));
    // a test class that is gone leaves four
    fs::rename(data.path().join(&tested), data.path().join(".gone")).unwrap();
    let (_, notes) = output("evaluate", run.path(), &["--ways", "4"]);
    assert!(notes.contains(&format!("gone: {tested} (test)")), "{notes}");
    let mut command = fewshot();
    let out = command.arg("evaluate").arg(run.path()).args(["--ways", "5"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "four classes are no five");
    fs::rename(data.path().join(&trained), data.path().join(".gone too")).unwrap();
    fails(&mut resume(), 2, &format!("{trained} (training)"));
    // the way out
    let again = tempfile::tempdir().unwrap();
    train(again.path(), &format!("--config {}", run.path().join("config.toml").display()));
}

#[test]
fn names_of_another_unicode_form_are_the_same_classes() {
    let data = drawings(&[6; 8], 0);
    for class in 0..8 {
        let [from, to] = ["class", "gare\u{301} "].map(|name| data.path().join(format!("{name}{class}")));
        fs::rename(from, to).unwrap();
    }
    let run = run_on(&data);
    let before = output("evaluate", run.path(), &[]);
    assert_eq!(before.1, "");
    for class in 0..8 {
        let [from, to] =
            ["gare\u{301} ", "gar\u{e9} "].map(|name| data.path().join(format!("{name}{class}")));
        fs::rename(from, to).unwrap();
    }
    assert_eq!(output("evaluate", run.path(), &[]), before);
    let elsewhere = drawings(&[6; 8], 3);
    let other = format!("folder:{}", elsewhere.path().display());
    let (_, notes) = output("evaluate", run.path(), &["--data", &other]);
    assert!(notes.contains("other data"), "{notes}");
}

#[test]
fn all_commands_read_the_division_of_the_run() {
    let data = drawings(&[6; 10], 0);
    let run = trained(&format!("--data folder:{} {OPTIONS} --norm running", data.path().display()));
    let file = run.path().join("features");
    let features = |name: &str| {
        let (said, notes) = output("embed", run.path(), &["--out", file.to_str().unwrap()]);
        assert!(notes.contains(name), "{notes}");
        (said, fs::read(&file).unwrap())
    };
    let before = features("");
    let plot = |name: &str| {
        let (_, notes) = output("plot", run.path(), &[]);
        assert!(notes.contains(name), "{notes}");
        fs::read(run.path().join("episode.svg")).unwrap()
    };
    let plotted = plot("");
    add(&data, "a new one");
    assert!(features("a new one") == before);
    assert!(plot("a new one") == plotted);
}

#[test]
fn features_of_a_run_are_compared_too() {
    use fewshot_episodes::{FeatureParts, FeatureSet};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("features");
    let set = |seed: usize, classes: usize| {
        let class = |c: usize| {
            let value = move |i: usize| ((i * 31 + c * 17 + seed) % 23) as f32 - 11.0;
            (c.to_string(), (0..60).map(value).collect())
        };
        FeatureSet::new(6, (0..classes).map(class).collect()).into()
    };
    let write = |train: usize, classes: usize| {
        let parts = FeatureParts { train: set(train, classes), validation: set(2, 5), test: set(3, 5) };
        fs::write(&path, parts.to_bytes()).unwrap();
    };
    write(1, 5);
    let run = trained(&format!(
        "protonet --data features:{} --ways 3 --train-ways 3 --queries 2 --eval-queries 2 --iterations 2 --episodes 5",
        path.display()
    ));
    let before = output("evaluate", run.path(), &[]);
    assert_eq!(before.1, "");
    write(1, 6);
    let (said, notes) = output("evaluate", run.path(), &["--classes", "train"]);
    assert!(notes.contains("train.5") && last(&said).contains("training classes"), "{notes}");
    output("train --iterations 3 --resume", run.path(), &[]);
    write(7, 5);
    let mut resume = fewshot();
    resume.args(["train", "--iterations", "4", "--resume"]).arg(run.path());
    fails(&mut resume, 2, "train.0 (training)");
}

#[test]
fn runs_of_an_earlier_version_are_divided_anew_and_say_so() {
    let data = drawings(&[6; 8], 0);
    let (run, other) = (run_on(&data), run_on(&data));
    let before = output("evaluate", run.path(), &[]).0;
    // as the version before wrote it: no division, no word on it in the weights, and no checksum of them
    fs::remove_file(run.path().join("division.json")).unwrap();
    for name in ["model.safetensors", "progress.safetensors"] {
        let path = run.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let keys: [(&[u8], &[u8]); 2] =
            [(b"\"division\":", b"\"divisiox\":"), (b"\"fewshot.crc32\":", b"\"fewshox.crc32\":")];
        for (key, other) in keys {
            let at = bytes.windows(key.len()).position(|part| part == key).unwrap();
            bytes[at..at + key.len()].copy_from_slice(other);
        }
        fs::write(&path, bytes).unwrap();
    }
    let (after, notes) = output("evaluate", run.path(), &[]);
    assert_eq!(before, after);
    assert!(notes.contains("divided anew") && notes.lines().count() == 1, "{notes}");
    let (_, notes) = output("train --iterations 5 --resume", run.path(), &[]);
    assert!(notes.contains("divided anew"), "{notes}");
    output("train --iterations 5 --resume", other.path(), &[]);
    for name in ["metrics.csv", "division.json", "model.safetensors"] {
        let read = |run: &TempDir| fs::read(run.path().join(name)).unwrap();
        assert!(read(&run) == read(&other), "{name}");
    }
    assert_eq!(output("evaluate", run.path(), &[]).1, "", "now it keeps its division");
}

#[test]
fn a_division_that_is_missing_is_derived_from_data_that_have_not_changed() {
    let data = drawings(&[6; 8], 0);
    let run = run_on(&data);
    let (path, before) = (run.path().join("division.json"), output("evaluate", run.path(), &[]).0);
    let division = fs::read(&path).unwrap();
    fs::write(&path, &division[..division.len() / 2]).unwrap();
    let mut cut = fewshot();
    fails(cut.arg("evaluate").arg(run.path()), 2, "or remove it: it is derived again");
    fs::remove_file(&path).unwrap();
    let (after, notes) = output("evaluate", run.path(), &[]);
    assert_eq!(before, after);
    assert!(notes.contains("division.json is missing") && notes.lines().count() == 1, "{notes}");
    // data of another kind need no division of the run
    let glyphs = output("evaluate", run.path(), &["--data", "glyphs", "--ways", "3"]);
    assert!(!glyphs.1.contains("division.json"), "{}", glyphs.1);
    add(&data, "a new one");
    for mut words in [&["evaluate"][..], &["train", "--iterations", "4", "--resume"]].map(|words| {
        let mut command = fewshot();
        command.args(words).arg(run.path());
        command
    }) {
        fails(&mut words, 2, "it cannot be derived from data that have changed");
    }
    // the ways out
    fs::rename(data.path().join("a new one"), data.path().join(".gone")).unwrap();
    output("train --iterations 4 --resume", run.path(), &[]);
    assert!(fs::read(&path).unwrap() == division, "a run that goes on keeps it again");
    fs::remove_file(&path).unwrap();
    fs::rename(data.path().join(".gone"), data.path().join("a new one")).unwrap();
    let again = tempfile::tempdir().unwrap();
    train(again.path(), &format!("--config {}", run.path().join("config.toml").display()));
    fs::write(&path, &division).unwrap();
    output("evaluate", run.path(), &[]);
}

#[test]
fn a_division_of_another_run_is_refused() {
    let (data, more) = (drawings(&[6; 8], 0), drawings(&[6; 9], 0));
    let (run, other) = (run_on(&data), run_on(&more));
    let path = run.path().join("division.json");
    fs::copy(other.path().join("division.json"), &path).unwrap();
    for mut command in
        [fewshot(), fewshot()].into_iter().zip(["evaluate", "train --resume"]).map(|(mut command, words)| {
            command.args(words.split(' ')).arg(run.path());
            command
        })
    {
        fails(&mut command, 2, "is of another run than division.json");
    }
    fs::write(&path, "{").unwrap();
    let mut command = fewshot();
    fails(command.arg("evaluate").arg(run.path()), 2, "division.json: ");
}

#[test]
fn turned_classes_of_omniglot_keep_their_turns() {
    let Some(folder) = omniglot() else { return };
    let (data, split) = (folder.display(), folder.join("splits/vinyals"));
    let run = trained(&format!(
        "--data omniglot:{data} --split {} --rotations none protonet --train-ways 5 --iterations 1 --episodes 5 --filters 8 --validate-every 0",
        split.display()
    ));
    let parts = division(run.path());
    assert_eq!(parts["test"].as_array().unwrap().len(), 1692);
    assert!(parts["test"].as_array().unwrap().iter().any(|listed| listed[1] == 270));
    assert!(last(&evaluate(run.path(), &[])).starts_with("accuracy "));
}

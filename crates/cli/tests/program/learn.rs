//! From a folder of pictures to a classifier, with an encoder in ONNX that gives the pixels of 8x8.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fewshot;
use crate::support::pictures::{drawing, drawings, write};

/// An encoder that gives its input, the colours of 8x8 pixels: 192 features.
pub fn encoder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/flatten.onnx")
}

/// The program with a cache of its own.
pub fn with_cache(cache: &TempDir) -> Command {
    let mut command = fewshot();
    command.env("FEWSHOT_CACHE", cache.path());
    command
}

/// `fewshot learn` with the encoder.
pub fn learn(cache: &TempDir, folder: &Path) -> Command {
    let mut command = with_cache(cache);
    command.arg("learn").arg(folder).arg("--encoder").arg(encoder()).args(["--encoder-preset", "half"]);
    command
}

#[track_caller]
pub fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(command: &mut Command) -> Value {
    serde_json::from_str(&printed(command.arg("--json"))).unwrap()
}

/// The features of a folder in a file, and what was said.
pub fn embedded(cache: &TempDir, folder: &Path) -> (PathBuf, String) {
    let file = cache.path().join("features.safetensors");
    let mut embed = with_cache(cache);
    embed
        .arg("embed")
        .arg("--data")
        .arg(format!("folder:{}", folder.display()))
        .arg("--encoder")
        .arg(encoder());
    let said = printed(embed.args(["--encoder-preset", "half", "--out"]).arg(&file));
    (file, said)
}

/// A cache, a folder of four classes, and what was learned of it.
fn learned() -> (TempDir, TempDir, PathBuf) {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[6, 5, 4, 5], 0));
    let file = cache.path().join("drawings.safetensors");
    printed(learn(&cache, data.path()).arg("--save").arg(&file));
    (cache, data, file)
}

#[test]
fn a_folder_is_learned_from_and_pictures_are_named() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[6, 5, 4, 5], 0));
    let file = cache.path().join("drawings.safetensors");
    let said = printed(learn(&cache, data.path()).arg("--save").arg(&file));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "pictures    20 of 4 classes, 4 to 6 each");
    assert!(lines[1].ends_with("flatten.onnx, 192 features of 8x8 pixels in colour"), "{said}");
    assert!(lines[3].contains(" % of 20 held-out pictures (95 % interval "), "{said}");
    assert!(lines[3].contains("; pixels alone ") && lines[3].ends_with("guessing 25.0 %"), "{said}");
    assert!(said.contains("is taken for class"), "a matrix of confusions: {said}");

    drop(data); // the file and the encoder are all that is needed
    let queries = drawings(&[2; 4], 10);
    let answers = json(with_cache(&cache).arg("predict").arg(&file).arg(queries.path()));
    let answers = answers["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 8, "all pictures of the folder");
    for answer in answers {
        let image = answer["image"].as_str().unwrap();
        let class = image.split('/').rev().nth(1).unwrap();
        assert_eq!(answer["class"], class, "{answer}");
        assert!(answer["nearest"].as_str().unwrap().contains(&format!("/{class}/")), "{answer}");
        let sum: f64 = answer["probabilities"].as_object().unwrap().values().filter_map(Value::as_f64).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{answer}");
    }
}

#[test]
fn figures_are_the_same_each_time_and_on_any_threads() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[5; 4], 0));
    let first = json(&mut learn(&cache, data.path()));
    assert_eq!(json(learn(&cache, data.path()).args(["--threads", "1"])), first);
    let other = tempfile::tempdir().unwrap();
    assert_eq!(
        json(learn(&other, data.path()).args(["--threads", "3"])),
        first,
        "without a cache that is filled"
    );
    let held_out = &first["held_out"];
    let confusion = held_out["confusion"].as_array().unwrap();
    let count = |row: &Value| row.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    assert!(confusion.iter().all(|row| count(row) == 5), "each picture is held out once: {confusion:?}");
    let right: u64 = (0..4).map(|class| confusion[class][class].as_u64().unwrap()).sum();
    assert_eq!(held_out["accuracy"].as_f64().unwrap(), right as f64 / 20.0);
    for file in ["a", "b"] {
        printed(learn(&cache, data.path()).arg("--save").arg(cache.path().join(file)));
    }
    assert_eq!(fs::read(cache.path().join("a")).unwrap(), fs::read(cache.path().join("b")).unwrap());
}

#[test]
fn pictures_of_none_of_the_classes_are_refused() {
    let (cache, _data, file) = learned();
    let folder = tempfile::tempdir().unwrap();
    let (other, known) = (folder.path().join("other.png"), folder.path().join("known.png"));
    write(&other, &RgbImage::from_fn(40, 40, |x, y| Rgb([(x * 6) as u8, (y * 6) as u8, 20])));
    write(&known, &drawing(1, 4));
    let said = printed(
        with_cache(&cache).arg("predict").arg(&file).args([&other, &known]).args(["--reject", "10%"]),
    );
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[3].starts_with(&format!("{}  none of these  (", other.display())), "{said}");
    assert!(lines[4].contains("known.png  class1 "), "{said}");
    let csv = printed(
        with_cache(&cache)
            .arg("predict")
            .arg(&file)
            .args([&other, &known])
            .args(["--reject", "0.1", "--csv"]),
    );
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["image", "class", "probability", "nearest", "error"]);
    assert_eq!((rows[1][1], rows[2][1]), ("", "class1"), "{csv}");
    let all = printed(with_cache(&cache).arg("predict").arg(&file).arg(&other));
    assert!(!all.contains("none of these"), "nothing is refused unless it is asked for: {all}");
}

#[test]
fn classes_and_pictures_are_added_to_a_file() {
    let (cache, _data, file) = learned();
    let (more, queries) = (drawings(&[0, 0, 2, 0, 3], 7), drawings(&[0, 0, 0, 0, 2], 12));
    for class in [0, 1, 3] {
        let _ = fs::remove_dir(more.path().join(format!("class{class}")));
    }
    let wider = cache.path().join("wider.safetensors");
    printed(
        with_cache(&cache)
            .arg("predict")
            .arg(&file)
            .arg("--support")
            .arg(more.path())
            .arg("--save")
            .arg(&wider),
    );
    let answers = json(with_cache(&cache).arg("predict").arg(&wider).arg(queries.path()));
    let shots = |answers: &Value| -> Vec<u64> {
        answers["classes"].as_array().unwrap().iter().filter_map(|class| class["shots"].as_u64()).collect()
    };
    assert_eq!(shots(&answers), [6, 5, 6, 5, 3]);
    assert!(
        answers["answers"].as_array().unwrap().iter().all(|answer| answer["class"] == "class4"),
        "{answers}"
    );
    let before = json(with_cache(&cache).arg("predict").arg(&file).arg(queries.path()));
    assert_eq!(shots(&before), [6, 5, 4, 5], "the file itself stays as it was");
}

#[test]
fn one_picture_of_a_class_is_enough() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[1, 1, 1], 0));
    let file = cache.path().join("file.safetensors");
    let said = printed(learn(&cache, data.path()).arg("--save").arg(&file));
    assert!(said.contains("accuracy    not known: no class has a second picture"), "{said}");
    let queries = drawings(&[1; 3], 3);
    let answers = json(with_cache(&cache).arg("predict").arg(&file).arg(queries.path()));
    for answer in answers["answers"].as_array().unwrap() {
        let class = answer["image"].as_str().unwrap().split('/').rev().nth(1).unwrap();
        assert_eq!(answer["class"], class, "{answer}");
    }
    let unequal = drawings(&[1, 4], 0);
    let figures = json(&mut learn(&cache, unequal.path()));
    assert_eq!(
        figures["held_out"]["confusion"][0],
        serde_json::json!([0, 0]),
        "of one picture none is held out"
    );
    assert!(figures["held_out"]["unknown"].is_null(), "of two classes none can be left out");
}

#[test]
fn every_head_answers_and_without_an_encoder_pixels_do() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[4; 3], 0));
    let queries = drawings(&[1; 3], 5);
    let right = |file: &Path| {
        let answers = json(with_cache(&cache).arg("predict").arg(file).arg(queries.path()));
        let class =
            |answer: &Value| answer["image"].as_str().unwrap().split('/').rev().nth(1).map(str::to_owned);
        answers["answers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|answer| answer["class"].as_str() == class(answer).as_deref())
    };
    for head in ["nearest-mean", "cosine", "logistic", "ridge", "svm"] {
        let file = cache.path().join(head);
        printed(learn(&cache, data.path()).args(["--head", head, "--save"]).arg(&file));
        assert!(right(&file), "{head}");
    }
    let file = cache.path().join("pixels");
    let output = with_cache(&cache).arg("learn").arg(data.path()).arg("--save").arg(&file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("give an encoder that others trained (--encoder FILE.onnx)"), "{said}");
    assert!(right(&file));
}

#[test]
fn a_page_shows_the_doubtful_first_and_the_folders_tell_what_is_right() {
    let (cache, _data, file) = learned();
    let queries = drawings(&[3; 4], 10);
    write(&queries.path().join("class3/strange.png"), &drawing(0, 1));
    fs::write(queries.path().join("class2/none.txt"), "no picture").unwrap();
    let page = cache.path().join("page.html");
    let predict = |page: &Path| {
        let mut command = with_cache(&cache);
        command.arg("predict").arg(&file).arg(queries.path()).arg("--html").arg(page);
        command
    };
    let said = printed(&mut predict(&page));
    assert!(said.contains("right       12 of 13 in folders of their classes: 92.3 %"), "{said}");
    assert!(said.contains("class3 3 of 4"), "{said}");
    let text = fs::read_to_string(&page).unwrap();
    assert_eq!(text.matches("<img ").count(), 13);
    assert_eq!(text.matches("class=\"wrong\"").count(), 1);
    let place = |name: &str| text.find(&format!("<h2>{name} ")).unwrap();
    assert!(place("class0") < place("class1") && place("class2") < place("class3"));
    printed(&mut predict(&page));
    let picture = queries.path().join("class3/strange.png");
    let before = fs::read(&picture).unwrap();
    crate::support::fails(&mut predict(&picture), 2, "it holds something else than a page");
    assert_eq!(fs::read(&picture).unwrap(), before);
}

#[test]
fn features_of_a_folder_are_embedded_and_heads_measured() {
    let (cache, data) = (tempfile::tempdir().unwrap(), drawings(&[6; 10], 0));
    let (file, said) = embedded(&cache, data.path());
    assert!(said.contains("vectors of 192 numbers; training 30 of 5 classes, validation 0 of 0 classes, test 30 of 5 classes"), "{said}");
    let evaluate = |options: &[&str]| {
        let mut command = with_cache(&cache);
        command
            .arg("evaluate")
            .arg(&file)
            .args(["--ways", "4", "--queries", "3", "--episodes", "20"])
            .args(options);
        command
    };
    for options in [
        ["--head", "ridge"],
        ["--head", "cosine"],
        ["--transductive", "rectified"],
        ["--transductive", "tim"],
    ] {
        let figures = json(&mut evaluate(&options));
        assert!(figures["accuracy"].as_f64().unwrap() > 0.7, "{options:?}: {figures}");
    }
    let said = printed(&mut evaluate(&["--transductive", "laplacian-shot"]));
    assert!(said.contains("not to be compared with results of one query at a time"), "{said}");
    crate::support::fails(&mut evaluate(&["--head", "ridge", "--shots", "4"]), 2, "shots 4");
}

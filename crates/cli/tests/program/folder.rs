//! Pictures of one's own: training on a folder, and naming new pictures.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::pictures::{drawing, drawings, tinted, write};
use crate::support::{evaluate, fails, fewshot, last, train, trained};
use serde_json::Value;
use tempfile::TempDir;

fn folder(data: &TempDir, options: &str) -> String {
    format!("--data folder:{} {options}", data.path().display())
}

fn predict(run: &Path, support: &Path, arguments: &[&str]) -> Output {
    let mut command = fewshot();
    command.arg("predict").arg(run).arg("--support").arg(support).args(arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_folder_is_learned_from_and_new_pictures_are_named() {
    let data = drawings(&[5; 8], 0);
    let options = folder(&data, "--invert --ways 3 --iterations 20 --episodes 30");
    let run = tempfile::tempdir().unwrap();
    let said = train(run.path(), &options);
    assert!(said.contains("40 pictures, 28x28 grey, inverted (dark on light), of 8 classes"), "{said}");
    assert!(said.contains("4 training, 0 validation, 4 test (split own: at random)"), "{said}");
    let config = fs::read_to_string(run.path().join("config.toml")).unwrap();
    for setting in ["image-size = 28", "colour = \"grey\"", "invert = true", "split = \"own\""] {
        assert!(config.contains(setting), "{setting}: {config}");
    }
    assert_eq!(last(&evaluate(run.path(), &[])), last(&said));
    let resumed =
        fewshot().arg("train").arg("--resume").arg(run.path()).args(["--iterations", "21"]).output();
    assert!(resumed.unwrap().status.success());

    drop(data); // the model is all that is needed from here on
    let (support, queries) = (drawings(&[1, 2, 3, 1], 0), drawings(&[2; 4], 5));
    let images: Vec<String> = (0..4)
        .flat_map(|class| {
            [5, 6].map(|number| format!("{}/class{class}/{number}.png", queries.path().display()))
        })
        .collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let said = printed(&predict(run.path(), support.path(), &images));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[1].contains("7 pictures of 4 classes, 28x28 grey, inverted"), "{said}");
    assert!(lines[2].starts_with("calibration none") && lines[2].ends_with("--ways 4 --shots 2"), "{said}");
    for (line, image) in lines[3..].iter().zip(&images) {
        let class = image.split('/').rev().nth(1).unwrap();
        assert!(line.starts_with(&format!("{image}  {class} ")), "{said}");
    }
    answers_are_probabilities(run.path(), support.path(), &images);
}

/// What `--json` says is a distribution for each picture, whatever the other pictures.
fn answers_are_probabilities(run: &Path, support: &Path, images: &[&str]) {
    let all = json(&predict(run, support, &[images, &["--json"]].concat()));
    assert_eq!(all["classes"][1]["name"], "class1");
    assert_eq!(all["classes"][1]["shots"], 2);
    let answers = all["answers"].as_array().unwrap();
    assert_eq!(answers.len(), images.len());
    for (answer, image) in answers.iter().zip(images) {
        let each = answer["probabilities"].as_object().unwrap();
        let sum: f64 = each.values().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{answer}");
        assert!(each.values().all(|p| p.as_f64() <= answer["probability"].as_f64()), "{answer}");
        assert_eq!(each[answer["class"].as_str().unwrap()], answer["probability"]);
        assert_eq!(answer["image"], *image);
    }
    let alone = json(&predict(run, support, &[images[3], "--json", "--threads", "1"]));
    assert_eq!(alone["answers"][0], answers[3]);
}

#[test]
fn a_picture_that_cannot_be_read_does_not_hide_the_others() {
    let run = trained("--ways 2 --train-ways 2 --iterations 1 --episodes 2");
    let support = drawings(&[1, 1], 0);
    let (good, bad) = (support.path().join("class1/0.png"), support.path().join("class1/torn.png"));
    let bytes = fs::read(&good).unwrap();
    fs::write(&bad, &bytes[..bytes.len() / 2]).unwrap();
    fails(
        fewshot().arg("predict").arg(run.path()).arg("--support").arg(support.path()).arg(&good),
        2,
        "torn.png",
    );

    let elsewhere = tempfile::tempdir().unwrap();
    let torn = elsewhere.path().join("torn.png");
    fs::rename(&bad, &torn).unwrap();
    let images = [torn.to_str().unwrap(), good.to_str().unwrap(), "/no/such.png"];
    let output = predict(run.path(), support.path(), &images);
    let (said, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
    assert!(last(&said).ends_with("not read") && said.contains("class1/0.png  class1 "), "{said}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for part in ["2 of 3 pictures", "torn.png", "whole PNG or JPEG", "/no/such.png"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let output = predict(run.path(), support.path(), &[&images[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(2));
    let answers = json(&output)["answers"].clone();
    assert!(answers[0]["error"].as_str().unwrap().contains("torn.png"), "{answers}");
    assert_eq!((&answers[1]["class"], &answers[1]["error"]), (&Value::from("class1"), &Value::Null));
}

#[test]
fn a_model_of_drawings_reads_dark_on_light_unless_told_otherwise() {
    let run = trained("--ways 2 --train-ways 2 --iterations 1 --episodes 2");
    let support = drawings(&[1, 2], 0);
    let image = support.path().join("class0/0.png");
    let image = image.to_str().unwrap();
    let inverted = json(&predict(run.path(), support.path(), &[image, "--json"]));
    let kept = json(&predict(run.path(), support.path(), &[image, "--json", "--invert=false"]));
    assert_eq!((&inverted["invert"], &kept["invert"]), (&Value::Bool(true), &Value::Bool(false)));
    assert_ne!(inverted["answers"], kept["answers"]);
    let said = printed(&predict(run.path(), support.path(), &[image]));
    assert!(said.contains("28x28 grey, inverted (dark on light)"), "{said}");
}

#[test]
fn a_model_with_a_last_layer_takes_its_number_of_classes() {
    let data = drawings(&[3; 6], 0);
    let options =
        "--invert maml --ways 3 --queries 2 --eval-queries 2 --iterations 2 --meta-batch 2 --episodes 2";
    let run = trained(&folder(&data, options));
    let three = drawings(&[1, 2, 3], 0);
    let image = data.path().join("class2/2.png");
    let image = image.to_str().unwrap();
    let alone = json(&predict(run.path(), three.path(), &[image, "--json"]));
    assert_eq!(alone["norm"], "support-plus-one");
    let other = data.path().join("class1/1.png");
    let both = json(&predict(run.path(), three.path(), &[other.to_str().unwrap(), image, "--json"]));
    assert_eq!(alone["answers"][0], both["answers"][1], "an answer does not depend on the other pictures");
    for (counts, said) in [(&[1, 1][..], "fewshot train protonet"), (&[1; 4], "last layer for 3")] {
        let support = drawings(counts, 0);
        let mut command = fewshot();
        command.arg("predict").arg(run.path()).arg("--support").arg(support.path()).arg(image);
        fails(&mut command, 2, said);
    }
}

#[test]
fn colours_are_told_apart_where_brightness_is_the_same() {
    let data = tempfile::tempdir().unwrap();
    // of equal brightness: 0.2126 R + 0.7152 G + 0.0722 B
    let colours = [[200, 20, 20], [20, 73, 20], [100, 45, 60], [60, 50, 130]];
    for (class, colour) in colours.into_iter().enumerate() {
        for number in 0..4 {
            write(&data.path().join(format!("colour{class}/{number}.jpg")), &tinted(colour, number));
        }
    }
    let options =
        "--image-size 20 --colour rgb --ways 2 --queries 2 --eval-queries 2 --iterations 5 --episodes 5";
    let run = tempfile::tempdir().unwrap();
    let said = train(run.path(), &folder(&data, options));
    assert!(said.contains("16 pictures, 20x20 rgb, of 4 classes"), "{said}");
    assert!(!said.contains("Learned from"), "photographs are not shown as drawings: {said}");
    for class in 0..colours.len() {
        let image = data.path().join(format!("colour{class}/3.jpg"));
        let answers = json(&predict(run.path(), data.path(), &[image.to_str().unwrap(), "--json"]));
        assert_eq!(answers["answers"][0]["class"], format!("colour{class}"), "{answers}");
        assert_eq!((&answers["colour"], &answers["image_size"]), (&Value::from("rgb"), &Value::from(20)));
    }
    let mut command = fewshot();
    command.arg("evaluate").arg(run.path()).args(["--data", "glyphs"]);
    fails(&mut command, 2, "in colour");
}

#[test]
fn lists_over_one_folder_divide_the_classes() {
    let data = tempfile::tempdir().unwrap();
    for (part, classes) in [("train", 0..3), ("val", 3..4), ("test", 4..6)] {
        let mut list = "filename,label\n".to_owned();
        for class in classes {
            for number in 0..3 {
                list.push_str(&format!("{class}_{number}.png,n{class}\n"));
                write(&data.path().join(format!("images/{class}_{number}.png")), &drawing(class, number));
            }
        }
        fs::write(data.path().join(format!("{part}.csv")), list).unwrap();
    }
    let run = tempfile::tempdir().unwrap();
    let options = "--ways 2 --queries 2 --eval-queries 2 --iterations 1 --episodes 2";
    let said = train(run.path(), &folder(&data, options));
    assert!(
        said.contains("3 training, 1 validation, 2 test (split own: as the folder is divided)"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_learned_from() {
    let (one, few, thin) = (drawings(&[3], 0), drawings(&[3; 3], 0), drawings(&[2; 12], 0));
    let empty = drawings(&[2; 4], 0);
    fs::create_dir(empty.path().join("nothing")).unwrap();
    for (data, options, named) in [
        (&one, "", "at least 4 class folders"),
        (&few, "", "at least 4 class folders"),
        (&thin, "--ways 7 --queries 1", "(14 are enough at random)"),
        (&thin, "--queries 4", "exceed the pictures of 'class"),
        (&thin, "--queries 4", "and 3 more: lower the shots or the queries (--train-shots and --queries"),
        (&thin, "--shots 2", "class"),
        (&thin, "--eval-queries 2", "--eval-queries at test"),
        (&thin, "--image-size 15", "--image-size 15"),
        (&thin, "--image-size 9999", "--image-size 9999"),
        (&thin, "--split background", "--split background"),
        (&thin, "--split /no/such/split", "/no/such/split"),
        (&thin, "pretrain --batch 64", "batch size 64 exceeds the 12 images"),
        (&empty, "", "nothing holds no picture"),
    ] {
        let mut command = fewshot();
        command.arg("train").args(folder(data, options).split_whitespace());
        fails(&mut command, 2, named);
    }
    for (options, named) in [
        ("--data folder", "folder:PATH"),
        ("--data folder:", "folder:PATH"),
        ("--data folder:/no/such/place", "/no/such/place"),
        ("--invert", "--invert"),
        ("--colour rgb", "--colour"),
        ("--colour green", "green"),
        ("--split own", "--split own"),
        ("--data sinusoid --image-size 28", "--image-size"),
    ] {
        fails(fewshot().arg("train").args(options.split(' ')), 2, named);
    }
}

#[test]
fn what_cannot_be_answered() {
    let run = trained("--ways 2 --train-ways 2 --iterations 1 --episodes 2");
    let waves = trained("--data sinusoid --iterations 1 --episodes 2");
    let (two, one) = (drawings(&[1, 1], 0), drawings(&[1], 0));
    let (missing, image) = (Path::new("/no/such/place"), two.path().join("class0/0.png"));
    let empty = drawings(&[1, 1], 0);
    fs::remove_file(empty.path().join("class1/0.png")).unwrap();
    for (run, support, named) in [
        (missing, two.path(), "/no/such/place"),
        (run.path(), missing, "/no/such/place"),
        (waves.path(), two.path(), "no classes"),
        (run.path(), one.path(), "one class, class0"),
        (run.path(), empty.path(), "class1 holds no picture"),
        (run.path(), &two.path().join("class0"), "no class folder"),
    ] {
        fails(fewshot().arg("predict").arg(run).arg("--support").arg(support).arg(&image), 2, named);
    }
    fails(fewshot().arg("predict").arg(run.path()).arg("--support").arg(two.path()), 2, "IMAGE");
    fails(fewshot().arg("predict").arg(run.path()).arg(&image), 2, "--support");
}

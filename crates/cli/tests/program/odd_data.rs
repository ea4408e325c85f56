//! Data that are not as expected: pictures of many formats, twins without drawers, pipes and devices.

use std::fs;
use std::path::Path;

use crate::support::pictures::{drawing, drawings, write};
use crate::support::{evaluate, fails, fewshot, train};
use tempfile::TempDir;

const TINY: &str = "--ways 2 --queries 1 --eval-queries 1 --iterations 1 --episodes 2 --threads 1";

fn on(data: &Path, options: &str) -> String {
    format!("--data folder:{} {options}", data.display())
}

#[test]
fn pictures_of_other_formats_are_read_and_the_rest_is_counted() {
    let data = drawings(&[2; 4], 0);
    for class in 0..4 {
        for (number, ending) in [(2, "pgm"), (3, "bmp"), (4, "webp"), (5, "tiff"), (6, "gif")] {
            let path = data.path().join(format!("class{class}/{number}.{ending}"));
            match ending {
                // grey, as its ending has it
                "pgm" => {
                    let grey = image::DynamicImage::ImageRgb8(drawing(class, number)).into_luma8();
                    let header = format!("P5 {} {} 255\n", grey.width(), grey.height()).into_bytes();
                    fs::write(path, [header, grey.into_raw()].concat()).unwrap();
                }
                _ => write(&path, &drawing(class, number)),
            }
        }
        fs::write(data.path().join(format!("class{class}/labels.txt")), "a text").unwrap();
    }
    fs::create_dir(data.path().join("@eaDir")).unwrap();
    let run = tempfile::tempdir().unwrap();
    let mut command = fewshot();
    command.arg("train").args(on(data.path(), TINY).split(' ')).arg("--out").arg(run.path());
    let output = command.output().unwrap();
    let [said, noted] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(said.contains("28 pictures, "), "{said}{noted}");
    assert!(noted.contains("4 files passed over: 4 x .txt"), "{noted}");
    let model = run.path().join("model.safetensors");
    let before = fs::read(&model).unwrap();
    // the model is of all of them
    for class in 0..4 {
        write(&data.path().join(format!("class{class}/6.gif")), &drawing(class + 1, 6));
    }
    train(run.path(), &on(data.path(), &format!("{TINY} --overwrite")));
    assert_ne!(fs::read(&model).unwrap(), before);
}

/// Class folders of these names with 24 drawings each.
fn classes(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in (0..).zip(names) {
        for number in 0..24 {
            write(&folder.path().join(format!("{name}/{number:02}.png")), &drawing(class, number));
        }
    }
    folder
}

#[test]
fn a_siamese_network_learns_from_all_pictures_of_any_folder() {
    let names = ["a/k", "a/l", "a/m", "b/n", "b/o", "b/p", "c/q", "c/r", "c/s", "d/t", "d/u", "d/v"];
    let flat = ["k", "l", "m", "n", "o", "p", "q", "r"];
    for (data, options) in
        [(classes(&names), "--split alphabets"), (classes(&flat), ""), (classes(&names), "")]
    {
        let options =
            format!("siamese --batch 64 --ways 2 --iterations 2 --episodes 2 --threads 1 {options}");
        let [run, other] = [0, 1].map(|_| tempfile::tempdir().unwrap());
        let said = train(run.path(), &on(data.path(), options.trim()));
        assert!(said.contains("batches of 64 pairs within parent folders, if any, distorted"), "{said}");
        let verified = evaluate(run.path(), &[]);
        assert!(verified.contains("pairs of test classes within parent folders, if any"), "{verified}");
        // other pictures beyond the drawers of Omniglot are other training
        for class in walk(data.path()) {
            for number in 20..24 {
                write(&class.join(format!("{number:02}.png")), &drawing(5, 3));
            }
        }
        train(other.path(), &on(data.path(), options.trim()));
        let model = |run: &TempDir| fs::read(run.path().join("model.safetensors")).unwrap();
        assert_ne!(model(&run), model(&other), "{options}");
    }
    let thin = drawings(&[6, 6, 6, 6, 6, 1, 6, 6], 0);
    let mut command = fewshot();
    command.arg("train").args(on(thin.path(), "siamese --ways 2 --iterations 1").split(' '));
    let output = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(output.contains("class5"), "{output}");
}

/// Folders of pictures.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let below: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    match below.iter().any(|path| path.is_file()) {
        true => vec![folder.to_path_buf()],
        false => below.iter().flat_map(|path| walk(path)).collect(),
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [&pipe, Path::new("/dev/zero")] {
        let path = path.display();
        let features = format!("features:{path}");
        fails(fewshot().args(["train", "leo", "--data", &features]), 2, "no regular file");
        fails(fewshot().args(["train", "--config", &path.to_string()]), 2, "no regular file");
    }
    let run = tempfile::tempdir().unwrap();
    train(run.path(), "--data glyphs --iterations 1 --episodes 2 --ways 2 --train-ways 2 --threads 1");
    let config = run.path().join("config.toml");
    fs::rename(&config, run.path().join("moved.toml")).unwrap();
    fs::rename(&pipe, &config).unwrap();
    let mut command = fewshot();
    fails(command.arg("evaluate").arg(run.path()), 2, "config.toml");
}

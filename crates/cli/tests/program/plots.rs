//! The pictures of runs: nothing in them is cut, nothing lies on another, and classes have their names.

use std::fs;
use std::path::Path;

use crate::support::pictures::{drawing, write};
use crate::support::svg::{is_readable, texts};
use crate::support::{fewshot, trained};
use tempfile::TempDir;

/// Folders `train` and `test` of as many classes each, of four drawings; their names are of any length and script.
fn classes(count: u32, name: impl Fn(u32) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for class in 0..2 * count {
        let part = if class < count { "train" } else { "test" };
        for number in 0..4 {
            let file = folder.path().join(part).join(name(class)).join(format!("{number}.png"));
            write(&file, &drawing(class, number));
        }
    }
    folder
}

fn english(class: u32) -> String {
    format!("Appenzeller & Entlebucher Sennenhund of the mountains, {class}")
}

fn korean(class: u32) -> String {
    format!("고양이 {class}")
}

/// Draws a run and returns each picture with its name, after a look at its text.
#[track_caller]
fn drawn(run: &Path, pictures: &[&str]) -> Vec<String> {
    let output = fewshot().arg("plot").arg(run).args(["--episodes", "3"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), pictures.len(), "{said}");
    let read = |name: &&str| {
        let svg = fs::read_to_string(run.join(name)).unwrap();
        is_readable(&svg, name);
        assert!(svg.contains("prefers-color-scheme: dark"), "{name}");
        svg
    };
    pictures.iter().map(read).collect()
}

fn words(svg: &str) -> Vec<String> {
    texts(svg).into_iter().map(|text| text.words).collect()
}

#[test]
fn classes_have_their_names_however_many_there_are() {
    let options = "--image-size 16 --iterations 1 --episodes 2 --meta-batch 1 --validate-every 0 --invert";
    for (ways, shots, queries) in [(2, 1, 1), (5, 2, 2), (20, 1, 3)] {
        for (name, shown) in [(korean as fn(u32) -> String, "고양이 "), (english, "Appenz")] {
            let data = classes(ways, name);
            let run = trained(&format!(
                "--data folder:{} --ways {ways} --shots {shots} --queries {queries} --eval-queries {queries} {options}",
                data.path().display()
            ));
            let svgs =
                drawn(run.path(), &["learning.svg", "episode.svg", "embedding.svg", "reliability.svg"]);
            for svg in &svgs[1..3] {
                let words = words(svg);
                let mut named: Vec<&String> = words.iter().filter(|words| words.contains(shown)).collect();
                assert!(named.len() >= ways as usize, "{ways} ways: {words:?}");
                named.sort();
                named.dedup();
                assert!(named.len() >= ways as usize, "two names have become one: {named:?}");
            }
            let legend = words(&svgs[2]);
            for key in ["support", "class mean", "query"] {
                assert!(legend.iter().any(|words| words == key), "{key} has no number: {legend:?}");
            }
            let frames = svgs[1].matches("stroke-width=\"3\"").count() as u32;
            assert_eq!(frames, ways * queries + 2, "each query is framed, and so is what says why");
        }
    }
}

#[test]
fn all_pictures_of_all_kinds_of_runs() {
    let tiny = "--iterations 2 --episodes 2 --meta-batch 1 --validate-every 2";
    for (arguments, pictures) in [
        (
            "lstm-meta-learner --filters 4 --inner-steps 1 --eval-steps 2 --queries 1 --eval-queries 1",
            &["learning.svg", "episode.svg", "gates.svg", "reliability.svg", "steps.svg"][..],
        ),
        ("--data sinusoid", &["learning.svg", "steps.svg", "wave.svg"]),
        ("mann --ways 2 --per-class 2 --batch 4", &["learning.svg", "instances.svg", "reads.svg"]),
    ] {
        let run = trained(&format!("{arguments} {tiny}"));
        let svgs = drawn(run.path(), pictures);
        let learning = words(&svgs[0]);
        for said in ["training ", "validation "] {
            assert!(learning.iter().any(|words| words.starts_with(said)), "{arguments}: {learning:?}");
        }
        if let Some(wave) = pictures.iter().position(|name| *name == "wave.svg") {
            for said in ["the wave", "before adaptation", "after 1 step", "points learned from"] {
                assert!(words(&svgs[wave]).iter().any(|words| words == said), "{said}");
            }
        }
    }
}

#[test]
fn reads_are_below_the_names_of_their_classes() {
    let data = classes(5, korean);
    let run = trained(&format!(
        "mann --data folder:{} --ways 5 --per-class 2 --batch 2 --iterations 1 --episodes 2 --meta-batch 1 \
         --validate-every 0",
        data.path().display()
    ));
    let svgs = drawn(run.path(), &["learning.svg", "reads.svg"]);
    let named = words(&svgs[1]).into_iter().filter(|words| words.contains("고양이")).count();
    assert_eq!(named, 10, "a name for each step");
}

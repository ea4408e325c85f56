//! Data that are no longer where a run was trained on them.

use std::fs;
use std::path::Path;

use crate::support::pictures::{drawing, drawings, write};
use crate::support::{fails, fewshot, trained};
use fewshot_episodes::{FeatureParts, FeatureSet};
use tempfile::TempDir;

const OPTIONS: &str = "--ways 2 --train-ways 3 --queries 1 --eval-queries 1 --episodes 4 --iterations 2";

fn command(words: &str, run: &Path, more: &[&str]) -> assert_cmd::Command {
    let mut command = fewshot();
    command.args(words.split(' ')).arg(run).args(more);
    command
}

/// Standard output and standard error of a command that succeeds.
#[track_caller]
fn works(mut command: assert_cmd::Command) -> (String, String) {
    let output = command.output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{command:?}\n{stderr}");
    (stdout, stderr)
}

/// A run on drawings, and where they were.
fn on_drawings(data: &TempDir, options: &str) -> TempDir {
    trained(&format!(
        "--data folder:{} --filters 8 --norm running {OPTIONS} {options}",
        data.path().display()
    ))
}

#[test]
fn each_command_names_the_way_out_and_it_works() {
    let data = drawings(&[3; 8], 0);
    let run = on_drawings(&data, "");
    let features = run.path().join("features");
    let rows = [("evaluate", vec![]), ("plot", vec![]), ("embed", vec!["--out", features.to_str().unwrap()])];
    let before: Vec<_> = rows.iter().map(|(words, more)| works(command(words, run.path(), more))).collect();
    let new = tempfile::tempdir().unwrap();
    let place = new.path().join("moved");
    fs::rename(data.path(), &place).unwrap();
    let place = format!("folder:{}", place.display());
    for ((words, more), before) in rows.iter().zip(before) {
        let named = "where the data have moved, give --data folder:NEW";
        let output = command(words, run.path(), more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(named), "{words}: {said}");
        let more = [&more[..], &["--data", &place]].concat();
        assert_eq!(works(command(words, run.path(), &more)), before, "{words}");
    }
    fs::create_dir(data.path()).unwrap();
}

#[test]
fn a_run_goes_on_with_data_that_have_moved_and_knows_where_they_are() {
    let data = drawings(&[3; 8], 0);
    let (run, stayed) = (on_drawings(&data, ""), on_drawings(&data, ""));
    let resume = "train --iterations 4 --resume";
    works(command(resume, stayed.path(), &[]));
    let new = tempfile::tempdir().unwrap();
    let place = new.path().join("moved");
    fs::rename(data.path(), &place).unwrap();
    fails(&mut command(resume, run.path(), &[]), 2, "give --data folder:NEW");
    let moved = format!("folder:{}", place.display());
    works(command(resume, run.path(), &["--data", &moved]));
    for name in ["metrics.csv", "model.safetensors", "progress.safetensors", "division.json"] {
        let [a, b] = [&run, &stayed].map(|run| fs::read(run.path().join(name)).unwrap());
        assert!(a == b, "{name}");
    }
    assert!(fs::read_to_string(run.path().join("config.toml")).unwrap().contains(&moved));
    works(command("evaluate", run.path(), &[]));
    // other data are another run, whatever they are
    write(&place.join("class0/0.png"), &drawing(17, 0));
    let more = "train --iterations 5 --resume";
    fails(&mut command(more, run.path(), &["--data", &moved]), 2, "with other examples than then: class0");
    let others = drawings(&[3; 8], 5);
    let others = format!("folder:{}", others.path().display());
    fails(&mut command(more, run.path(), &["--data", &others]), 2, "with other examples than then");
    for (other, way_out) in [("glyphs", "give folder:NEW"), ("omniglot:there", "give folder:NEW")] {
        fails(&mut command(more, run.path(), &["--data", other]), 2, way_out);
    }
    write(&place.join("class0/0.png"), &drawing(0, 0));
    works(command(more, run.path(), &["--data", &moved]));
    fs::create_dir(data.path()).unwrap();
}

#[test]
fn features_move_too_and_what_has_no_place_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
    let set = |seed: usize| {
        let value = move |i: usize| ((i * 31 + seed) % 23) as f32 - 11.0;
        let class = |c: usize| (c.to_string(), (0..30).map(move |i| value(i + 7 * c)).collect());
        FeatureSet::new(6, (0..4).map(class).collect()).into()
    };
    fs::write(&old, FeatureParts { train: set(1), validation: set(2), test: set(3) }.to_bytes()).unwrap();
    let run = trained(&format!("protonet --data features:{} {OPTIONS}", old.display()));
    fs::rename(&old, &new).unwrap();
    let moved = format!("features:{}", new.display());
    for words in ["evaluate", "train --iterations 3 --resume"] {
        fails(&mut command(words, run.path(), &[]), 2, "give --data features:NEW");
        works(command(words, run.path(), &["--data", &moved]));
    }
    let waves = trained("--data sinusoid --episodes 2 --iterations 2");
    let resume = "train --iterations 3 --resume";
    works(command(resume, waves.path(), &["--data", "sinusoid"]));
    fails(&mut command(resume, waves.path(), &["--data", &moved]), 2, "give sinusoid, or leave it out");
}

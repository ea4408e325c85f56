//! `fewshot runs`: runs side by side.

use std::fs;
use std::path::Path;

use crate::support::{evaluate, fails, fewshot, last, train};
use serde_json::Value;
use tempfile::TempDir;

const WAVES: &str = "--data sinusoid --meta-batch 1 --episodes 4 --threads 1";

/// A folder with a run of regression, two of classification and one that is not finished.
fn experiments() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    train(&at("waves"), &format!("{WAVES} --iterations 3"));
    train(&at("glyphs/protonet"), "--train-ways 5 --queries 1 --iterations 2 --episodes 4 --ways 3");
    train(&at("glyphs/shots"), "--train-ways 5 --queries 1 --iterations 2 --episodes 4 --shots 2");
    train(&at("early"), &format!("{WAVES} --iterations 2"));
    // as a run that was ended after two of nine iterations
    let config = fs::read_to_string(at("early/config.toml")).unwrap();
    fs::write(at("early/config.toml"), config.replace("iterations = 2", "iterations = 9")).unwrap();
    fs::remove_file(at("early/result.json")).unwrap();
    folder
}

/// Standard output and standard error.
#[track_caller]
fn listed(dir: &Path, arguments: &[&str]) -> (String, String) {
    let output = fewshot().arg("runs").arg(dir).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{err}");
    (out, err)
}

fn json(dir: &Path, arguments: &[&str]) -> Vec<Value> {
    let (text, _) = listed(dir, &[arguments, &["--json"]].concat());
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The first words of the lines below the titles.
fn names(text: &str) -> Vec<&str> {
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn runs_are_listed_with_what_they_are_and_reach() {
    let folder = experiments();
    let (text, errors) = listed(folder.path(), &[]);
    assert_eq!(names(&text), ["early", "glyphs/protonet", "glyphs/shots", "waves"], "{text}");
    assert_eq!(errors, "");
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    for word in ["maml", "sinusoid", "2/9", "unfinished"] {
        assert!(line("early").split_whitespace().any(|other| other == word), "{word}: {text}");
    }
    // the figures that training printed, which evaluation repeats
    for name in ["glyphs/protonet", "waves"] {
        let evaluated = evaluate(&folder.path().join(name), &[]);
        let figure = last(&evaluated).split(" (").next().unwrap().trim_start_matches("accuracy ");
        assert!(line(name).contains(figure), "{figure}: {text}");
    }
    let runs = json(folder.path(), &[]);
    let of = |name: &str| runs.iter().find(|run| run["name"] == name).unwrap();
    let protonet = of("glyphs/protonet");
    assert_eq!((&protonet["ways"], &protonet["shots"]), (&3.into(), &1.into()));
    assert_eq!((&protonet["algorithm"], &protonet["status"]), (&"protonet".into(), &"finished".into()));
    assert_eq!((&of("early")["iterations"], &of("early")["asked"]), (&2.into(), &9.into()));
    assert_eq!((&of("early")["status"], &of("early")["result"]), (&"unfinished".into(), &Value::Null));
    let run = folder.path().join("glyphs/protonet");
    let evaluated: Value = serde_json::from_str(&evaluate(&run, &["--json"])).unwrap();
    for key in ["metric", "value", "interval", "unit", "episodes", "seed", "iterations"] {
        assert_eq!(protonet["result"][key], evaluated[key], "{key}");
    }
    let kept: Value = serde_json::from_str(&fs::read_to_string(run.join("result.json")).unwrap()).unwrap();
    assert_eq!(kept, evaluated, "the file is what evaluation prints");
}

#[test]
fn the_best_come_first() {
    let folder = experiments();
    let value = |name: &str| {
        let text = fs::read_to_string(folder.path().join(name).join("result.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["value"].as_f64().unwrap()
    };
    let best =
        if value("glyphs/shots") > value("glyphs/protonet") { "glyphs/shots" } else { "glyphs/protonet" };
    let (text, _) = listed(folder.path(), &["--sort", "accuracy"]);
    assert_eq!((names(&text)[0], names(&text)[2], names(&text)[3]), (best, "waves", "early"), "{text}");
    let (text, _) = listed(folder.path(), &["--sort", "shots", "--reverse"]);
    assert_eq!(names(&text)[3], "glyphs/protonet", "{text}");
    let (text, _) = listed(folder.path(), &["--sort", "date"]);
    assert_eq!(names(&text)[0], "early", "it was written last: {text}");
    fails(fewshot().arg("runs").arg(folder.path()).args(["--sort", "luck"]), 2, "accuracy");
}

#[test]
fn a_result_belongs_to_the_weights_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &format!("{WAVES} --iterations 2"));
    let first = fs::read_to_string(run.join("result.json")).unwrap();
    let go_on = |arguments: &[&str]| {
        let mut command = fewshot();
        assert!(
            command.args(["train", "--resume"]).arg(&run).args(arguments).output().unwrap().status.success()
        );
        fs::read_to_string(run.join("result.json")).unwrap()
    };
    assert_eq!(go_on(&[]), first, "the same weights again");
    let second = go_on(&["--iterations", "40"]);
    assert_ne!(second, first);
    // a result of other weights is none
    fs::write(run.join("result.json"), &first).unwrap();
    assert_eq!(json(folder.path(), &[])[0]["result"], Value::Null);
    // what a run of an earlier version lacks is said, with the way to it
    fs::remove_file(run.join("result.json")).unwrap();
    let (text, errors) = listed(folder.path(), &[]);
    assert!(text.lines().nth(1).unwrap().contains("  -"), "{text}");
    assert!(errors.contains(&format!("fewshot evaluate {}", run.display())), "{errors}");
    fs::write(run.join("result.json"), &second).unwrap();
    let mut command = fewshot();
    command.args(["train", "--overwrite", "--out"]).arg(&run).args("--iterations 0".split(' '));
    fails(&mut command, 2, "--iterations 0");
    assert!(run.join("result.json").exists(), "a run that does not begin replaces nothing");
    train(&run, &format!("{WAVES} --iterations 2 --overwrite"));
    assert_eq!(fs::read_to_string(run.join("result.json")).unwrap(), first);
}

#[test]
fn damaged_folders_do_not_stop_the_list() {
    let folder = experiments();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("glyphs/shots/config.toml"), "ways = \"many\"\n").unwrap();
    fs::write(at("glyphs/protonet/model.safetensors"), "no model").unwrap();
    fs::write(at("waves/result.json"), "{").unwrap();
    fs::remove_file(at("early/model.safetensors")).unwrap();
    let (text, errors) = listed(folder.path(), &[]);
    assert_eq!(names(&text).len(), 4, "{text}");
    assert_eq!(text.matches("damaged").count(), 3, "{text}");
    for (name, cause) in [
        ("glyphs/shots", "line 1, column 8"),
        ("glyphs/protonet", "model.safetensors"),
        ("waves", "result.json"),
        ("early", "no model.safetensors"),
    ] {
        let place = at(name).display().to_string();
        assert!(errors.lines().any(|line| line.contains(&place) && line.contains(cause)), "{name}: {errors}");
    }
    assert_eq!(errors.lines().filter(|line| line.starts_with("warning: ")).count(), 4, "{errors}");
    let runs = json(folder.path(), &[]);
    assert_eq!(runs.iter().filter(|run| run["error"].is_string()).count(), 4);
}

#[test]
fn folders_without_runs() {
    let folder = tempfile::tempdir().unwrap();
    fails(fewshot().arg("runs").arg(folder.path()), 2, "--out");
    fails(fewshot().arg("runs").arg(folder.path().join("none")), 2, "no such folder");
    let file = folder.path().join("config.toml");
    fs::write(&file, "").unwrap();
    fails(fewshot().arg("runs").arg(&file), 2, "no folder");
    fails(fewshot().arg("runs").arg(folder.path()), 2, "no run");
    // the folder is `runs` where none is named
    fails(fewshot().arg("runs").current_dir(folder.path()), 2, "run folder runs: there is no such folder");
    train(&folder.path().join("runs/one"), &format!("{WAVES} --iterations 1"));
    let output = fewshot().arg("runs").current_dir(folder.path()).output().unwrap();
    assert_eq!(names(&String::from_utf8(output.stdout).unwrap()), ["one"]);
}

//! Whole runs: determinism, evaluation, repetition, and what --out holds.

use std::fs;
use std::path::Path;

use crate::support::{evaluate, fails, fewshot, last, omniglot, train, trained};
use serde_json::Value;

const MAML: &str = "maml --iterations 3 --meta-batch 4 --episodes 6";
const PROTONET: &str = "protonet --iterations 3 --train-ways 6 --episodes 6";
const SINUSOID: &str = "--data sinusoid --iterations 30 --episodes 20";

fn files(run: &Path) -> [Vec<u8>; 3] {
    ["config.toml", "metrics.csv", "model.safetensors"].map(|name| fs::read(run.join(name)).unwrap())
}

#[test]
fn same_seed_same_bytes_for_any_number_of_threads() {
    for arguments in [MAML, PROTONET, SINUSOID] {
        let one = trained(&format!("{arguments} --threads 1"));
        for threads in [2, 5] {
            let other = trained(&format!("{arguments} --threads {threads}"));
            assert!(files(one.path()) == files(other.path()), "{arguments} --threads {threads}");
        }
        let seed = trained(&format!("{arguments} --seed 2"));
        let (one, seed) = (files(one.path()), files(seed.path()));
        assert!(one[1] != seed[1] && one[2] != seed[2], "{arguments}: the seed changes nothing");
    }
}

#[test]
fn evaluation_repeats_the_figures_of_training() {
    for arguments in [MAML, PROTONET, SINUSOID] {
        let folder = tempfile::tempdir().unwrap();
        let printed = train(folder.path(), arguments);
        let one = evaluate(folder.path(), &["--threads", "1"]);
        assert_eq!(last(&printed), last(&one), "{arguments}");
        assert_eq!(one, evaluate(folder.path(), &["--threads", "3"]), "{arguments}");
    }
}

#[test]
fn the_last_line_has_its_form() {
    let maml = trained(MAML);
    let line = evaluate(maml.path(), &["--episodes", "7"]);
    let rest = last(&line).strip_prefix("accuracy ").unwrap();
    let (figures, protocol) = rest.split_once(" % ").unwrap();
    assert_eq!(protocol, "(7 episodes, 5-way 1-shot, test classes, batch norm batch)");
    let (mean, interval) = figures.split_once(" ± ").unwrap();
    for figure in [mean, interval] {
        assert_eq!(figure.split_once('.').unwrap().1.len(), 2, "{line}");
        assert!((0.0..=100.0).contains(&figure.parse::<f64>().unwrap()), "{line}");
    }
    let protonet = trained(PROTONET);
    let line = evaluate(protonet.path(), &["--ways", "8", "--shots", "2", "--classes", "validation"]);
    assert!(
        last(&line).ends_with("% (6 episodes, 8-way 2-shot, validation classes, batch norm running)"),
        "{line}"
    );
    let sinusoid = trained(SINUSOID);
    let line = evaluate(sinusoid.path(), &["--shots", "5"]);
    let figures = last(&line)
        .strip_prefix("mse ")
        .unwrap()
        .strip_suffix(" (20 episodes, 5 shots, 1 step, new tasks)")
        .unwrap();
    assert_eq!(figures.split_once(" ± ").unwrap().0.split_once('.').unwrap().1.len(), 3, "{line}");
}

#[test]
fn json_says_the_same_on_one_line() {
    for (arguments, metric, unit) in
        [(PROTONET, "accuracy", Value::from("%")), (SINUSOID, "mse", Value::Null)]
    {
        let run = trained(arguments);
        let text = evaluate(run.path(), &["--json", "--seed", "9"]);
        assert_eq!(text.lines().count(), 1, "{text}");
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&json["metric"], &json["unit"], &json["seed"]), (&metric.into(), &unit, &9.into()));
        let line = evaluate(run.path(), &["--seed", "9"]);
        let words: Vec<&str> = last(&line).split(' ').collect();
        for (key, word) in [("value", words[1]), ("interval", words[3])] {
            let decimals = word.split_once('.').unwrap().1.len();
            assert_eq!(format!("{:.decimals$}", json[key].as_f64().unwrap()), word, "{line} {text}");
        }
        assert_eq!(json["ways"].as_u64(), (metric == "accuracy").then_some(5));
        assert_eq!(json["norm"].as_str(), (metric == "accuracy").then_some("running"));
    }
}

#[test]
fn a_configuration_repeats_its_run() {
    let first = trained(MAML);
    let config = first.path().join("config.toml");
    let again = trained(&format!("--config {}", config.display()));
    assert!(files(first.path()) == files(again.path()));
    let other = trained(&format!("--config {} --seed 3", config.display()));
    assert!(files(first.path())[2] != files(other.path())[2], "an option beside --config counts");
}

#[test]
fn metrics_have_one_line_per_iteration_and_no_clock() {
    let run = trained(PROTONET);
    let metrics = fs::read_to_string(run.path().join("metrics.csv")).unwrap();
    let lines: Vec<&str> = metrics.lines().collect();
    assert_eq!(lines[0], "iteration,loss,accuracy");
    assert_eq!(lines.len(), 4);
    for (number, line) in lines.iter().enumerate().skip(1) {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        assert_eq!((fields.len(), fields[0]), (3, number as f64));
        assert!(fields[1] > 0.0 && (0.0..=1.0).contains(&fields[2]), "{line}");
    }
    assert_eq!(fs::read_to_string(run.path().join("timing.csv")).unwrap().lines().count(), 4);
}

#[test]
fn a_run_is_not_overwritten_unasked() {
    let run = trained(SINUSOID);
    let before = files(run.path());
    let mut again = fewshot();
    again.args(["train", "--data", "sinusoid", "--iterations", "3", "--out"]).arg(run.path());
    fails(&mut again, 2, "--overwrite");
    assert!(files(run.path()) == before);
    assert!(again.arg("--overwrite").output().unwrap().status.success());
    assert!(files(run.path()) != before);
}

#[test]
fn an_output_folder_that_cannot_be_is_found_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    for out in [file.clone(), file.join("below")] {
        let mut command = fewshot();
        command.args(["train", "--data", "sinusoid", "--iterations", "3", "--out"]).arg(&out);
        fails(&mut command, 2, out.to_str().unwrap());
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn it_shows_drawings_and_the_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let printed = train(folder.path(), PROTONET);
    assert!(printed.contains("pixel nearest neighbour"), "{printed}");
    assert!(printed.contains("right") || printed.contains("wrong"), "{printed}");
    assert!(printed.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{printed}");
}

#[test]
fn weights_that_are_no_numbers_any_more_end_the_run_with_the_last_good_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fewshot();
    command.args("train --data sinusoid --outer-lr 1e30 --out".split(' ')).arg(folder.path());
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(last(&stderr).starts_with("error: training stopped: iteration "), "{stderr}");
    assert!(last(&stderr).contains("not finite") && last(&stderr).contains("model.safetensors"), "{stderr}");
    let metrics = fs::read_to_string(folder.path().join("metrics.csv")).unwrap();
    assert!(metrics.ends_with('\n') && !metrics.contains("NaN") && !metrics.contains("inf"), "{metrics}");
    // the weights are finite, but no use: one line says so
    let output = fewshot().arg("evaluate").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("not finite"));
}

#[test]
fn omniglot_in_every_split() {
    let Some(folder) = omniglot() else { return };
    let data = format!("omniglot:{}", folder.display());
    let vinyals = folder.join("splits/vinyals").display().to_string();
    for split in ["maml", "background", &vinyals] {
        let run = tempfile::tempdir().unwrap();
        let printed =
            train(run.path(), &format!("{PROTONET} --data {data} --split {split} --validate-every 0"));
        assert!(last(&printed).starts_with("accuracy "), "{printed}");
    }
    let mut command = fewshot();
    let archive = folder.join("splits/vinyals/test.txt");
    command.args(["train", "--data", &format!("omniglot:{}", archive.display())]);
    fails(&mut command, 2, "test.txt");
}

#[test]
fn a_run_in_two_parts_has_the_files_of_one_in_one_go() {
    for arguments in [
        "--data sinusoid --meta-batch 2",
        "reptile --outer-schedule constant --eval-steps 2 --meta-batch 2",
        "protonet --train-ways 6",
    ] {
        let arguments = format!("{arguments} --episodes 2");
        let whole = trained(&format!("{arguments} --iterations 4"));
        let parts = trained(&format!("{arguments} --iterations 2"));
        let mut command = fewshot();
        command.arg("train").arg("--resume").arg(parts.path()).args(["--iterations", "4"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("resumed     after 2 iterations"));
        for file in ["config.toml", "metrics.csv", "model.safetensors", "progress.safetensors"] {
            let read = |dir: &Path| fs::read(dir.join(file)).unwrap();
            assert!(read(whole.path()) == read(parts.path()), "{arguments}: {file}");
        }
    }
}

#[test]
fn a_run_goes_on_with_its_own_settings_alone() {
    let run = trained("--data sinusoid --meta-batch 2 --iterations 2 --episodes 2");
    let resume = |arguments: &[&str]| {
        let mut command = fewshot();
        command.arg("train").arg("--resume").arg(run.path()).args(arguments);
        command
    };
    fails(&mut resume(&["--inner-lr", "0.5"]), 2, "--inner-lr");
    fails(&mut resume(&["--iterations", "1"]), 2, "--iterations 1");
    fs::remove_file(run.path().join("progress.safetensors")).unwrap();
    fails(&mut resume(&[]), 2, "progress.safetensors");
}

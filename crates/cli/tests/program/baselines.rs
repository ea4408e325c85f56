//! Pretraining, and what is measured beside it.

use std::fs;

use crate::support::{evaluate, last, omniglot, train, trained};
use serde_json::Value;

const DRAWINGS: &str = "pretrain --batch 8 --eval-steps 3 --eval-queries 2 --iterations 2 --episodes 3";
const SINUSOID: &str = "pretrain --data sinusoid --iterations 20 --episodes 20";

/// The lines from the first score on.
fn scores(text: &str) -> Vec<&str> {
    let score = |line: &&str| {
        ["nearest", "training from", "from scratch", "after", "accuracy", "mse"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    text.lines().filter(score).collect()
}

fn json(run: &std::path::Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&evaluate(run, &[arguments, &["--json"]].concat())).unwrap()
}

#[test]
fn every_figure_comes_back() {
    for arguments in [
        DRAWINGS,
        "--preset pretrain-glyphs-5w5s --batch 8 --iterations 2 --episodes 2 --eval-steps 2",
        SINUSOID,
    ] {
        let run = tempfile::tempdir().unwrap();
        let printed = train(run.path(), arguments);
        assert_eq!(scores(&printed), scores(&evaluate(run.path(), &[])), "{arguments}");
        let again = trained(&format!("--config {}", run.path().join("config.toml").display()));
        for file in ["config.toml", "metrics.csv", "model.safetensors"] {
            let read = |dir: &std::path::Path| fs::read(dir.join(file)).unwrap();
            assert!(read(run.path()) == read(again.path()), "{arguments}: {file}");
        }
    }
}

#[test]
fn the_protocol_says_what_is_trained_and_what_is_measured() {
    let run = tempfile::tempdir().unwrap();
    let printed = train(run.path(), &format!("{DRAWINGS} --rotations none --decay 0.5"));
    let training = printed.lines().find_map(|line| line.strip_prefix("classes     ")).unwrap();
    let classes = training.split(' ').next().unwrap();
    for said in [
        &format!("in training batches of 8 drawings of all {classes} classes; rotations none"),
        "pretrain, at test fine-tuned with a new last layer, steps 3 of rate 0.01, decay 0.5, batch norm at test: running",
        "2 iterations of 1 batch, Adam 0.001",
    ] {
        assert!(printed.contains(said), "{said:?} expected: {printed}");
    }
    let all = evaluate(run.path(), &[]);
    let scores = scores(&all);
    assert!(scores[0].starts_with("nearest neighbour of features "), "{all}");
    assert!(scores[1].starts_with("training from scratch, 3 steps: "), "{all}");
    assert!(last(&all).ends_with("(3 episodes, 5-way 1-shot, test classes, batch norm running)"), "{all}");
    let printed = train(tempfile::tempdir().unwrap().path(), SINUSOID);
    assert!(printed.contains("in training 10 points of each wave, without adapting"), "{printed}");
    assert!(printed.contains("from scratch, after 0: ") && printed.contains("  10: "), "{printed}");
    assert!(last(&printed).ends_with("(20 episodes, 10 shots, 1 step, new tasks)"), "{printed}");
}

#[test]
fn it_is_measured_on_any_episodes_steps_and_rates() {
    let run = trained(DRAWINGS);
    let other =
        json(run.path(), &["--ways", "7", "--shots", "3", "--steps", "0..4", "--classes", "validation"]);
    assert_eq!(
        (&other["ways"], &other["shots"], &other["classes"]),
        (&7.into(), &3.into(), &"validation".into())
    );
    let curve = other["by_step"].as_array().unwrap();
    assert_eq!(curve.len(), 5);
    assert!(
        (curve[0]["value"].as_f64().unwrap() - 100.0 / 7.0).abs() < 1e-6,
        "a new head is chance: {other}"
    );
    assert_eq!((&curve[3]["value"], &other["steps"]), (&other["value"], &3.into()));
    let [slow, fast] =
        ["1e-9", "0.5"].map(|rate| json(run.path(), &["--inner-lr", rate, "--episodes", "10"]));
    assert_eq!(slow["feature_nearest_neighbour"], fast["feature_nearest_neighbour"]);
    assert_ne!(slow["scratch"]["value"], fast["scratch"]["value"]);
    assert_ne!(slow["value"], fast["value"]);
    let falling = json(run.path(), &["--inner-lr", "0.5", "--decay", "1e9", "--episodes", "10"]);
    assert_ne!(falling["scratch"]["value"], fast["scratch"]["value"]);
}

#[test]
fn a_rate_chosen_afterwards_can_be_kept_with_the_run() {
    let run = trained(SINUSOID);
    let asked = evaluate(run.path(), &["--inner-lr", "0.02", "--decay", "1"]);
    let path = run.path().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("inner-lr = 0.01", "inner-lr = 0.02").replace("decay = 0.0", "decay = 1.0");
    fs::write(&path, text).unwrap();
    assert_eq!(scores(&asked), scores(&evaluate(run.path(), &[])));
    let json = json(run.path(), &["--eval-steps", "10"]);
    assert_eq!(json["feature_nearest_neighbour"], Value::Null);
    let scratch = json["scratch"]["by_step"].as_array().unwrap();
    assert_eq!((scratch.len(), &scratch[10]["value"]), (11, &json["scratch"]["value"]));
    assert_eq!(json["by_step"].as_array().unwrap().len(), 11);
}

#[test]
fn on_omniglot() {
    let Some(folder) = omniglot() else { return };
    let data = format!("--data omniglot:{}", folder.display());
    let run = tempfile::tempdir().unwrap();
    let small = "--batch 8 --iterations 2 --episodes 2 --eval-steps 2";
    let printed = train(run.path(), &format!("--preset pretrain-omniglot-5w1s {small} {data}"));
    assert!(
        printed.contains("Ravi, Larochelle 2017") && printed.contains("of all 4400 classes"),
        "{printed}"
    );
    let again = evaluate(run.path(), &["--ways", "20"]);
    assert!(last(&again).contains("20-way 1-shot"), "{again}");
}

//! What the probabilities of a run are worth, temperatures for them, and queries of other classes.

use std::fs;
use std::path::Path;

use crate::support::pictures::drawings;
use crate::support::{evaluate, fails, fewshot, last, train, trained};
use serde_json::Value;

/// Twenty episodes of three classes by a network that has learned a little.
const SMALL: &str = "--ways 3 --train-ways 3 --queries 5 --eval-queries 5 --iterations 20 --episodes 20 --meta-batch 1 --validate-every 0";

fn json(run: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&evaluate(run, &[arguments, &["--json"]].concat())).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[track_caller]
fn predict(model: &Path, arguments: &[&str]) -> String {
    let output = fewshot().arg("predict").arg(model).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn evaluation_tells_what_probabilities_are_worth() {
    let run = trained(&format!("protonet {SMALL}"));
    let worth = json(run.path(), &[]);
    let [confidence, error, most, brier, loss] =
        ["confidence", "expected_error", "maximum_error", "brier", "negative_log_likelihood"]
            .map(|key| number(&worth["calibration"][key]));
    // the mean difference of confidence and accuracy is the least that the error can be
    assert!((confidence - number(&worth["value"])).abs() <= error + 1e-9, "{worth}");
    assert!((33.3..=100.0).contains(&confidence) && error <= most && most <= 100.0, "{worth}");
    assert!((0.0..2.0).contains(&brier) && loss > 0.0, "{worth}");
    let said = evaluate(run.path(), &["--threads", "1"]);
    let line = format!(
        "calibration mean probability {confidence:.2} %, expected calibration error {error:.2} %, Brier {brier:.4}, NLL {loss:.4}\n"
    );
    assert!(said.contains(&line), "{line}{said}");
    assert_eq!(worth.get("calibrated"), None, "none was asked for");
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(run.path().join("result.json")).unwrap()).unwrap();
    assert_eq!(kept, worth, "the end of training tells the same");

    let waves = trained("--data sinusoid --iterations 1 --episodes 2 --meta-batch 1");
    assert_eq!(json(waves.path(), &[])["calibration"], Value::Null);
    assert!(!evaluate(waves.path(), &[]).contains("calibration"));
    for (option, named) in
        [("--calibrate", "--calibrate: it is for classes"), ("--unknown", "--unknown: it is")]
    {
        fails(fewshot().arg("evaluate").arg(waves.path()).arg(option), 2, named);
    }
}

#[test]
fn a_temperature_is_kept_for_predict_and_changes_no_answer() {
    let run = trained(&format!("protonet --norm batch --shots 2 {SMALL}"));
    let (support, queries) = (drawings(&[2; 3], 0), drawings(&[2; 3], 5));
    let known = ["--support", support.path().to_str().unwrap()];
    let asked = [queries.path().to_str().unwrap(), known[0], known[1]];
    let before: Value =
        serde_json::from_str(&predict(run.path(), &[&asked[..], &["--json"]].concat())).unwrap();
    assert_eq!(before["temperature"], Value::Null);
    assert!(predict(run.path(), &asked).contains("\ncalibration none: "), "it is said");

    let plain = evaluate(run.path(), &[]);
    let fitted = evaluate(run.path(), &["--calibrate=30"]);
    assert_eq!(last(&fitted), last(&plain), "accuracy is as it was");
    let words =
        "of 30 validation episodes, 3-way 2-shot, batch norm support-plus-one, kept in calibration.json";
    assert!(fitted.contains(words), "{fitted}");
    let again = json(run.path(), &["--calibrate=30", "--threads", "1"]);
    let temperature = number(&again["calibrated"]["temperature"]);
    assert!(fitted.contains(&format!("temperature {temperature:.4} ")), "{fitted}");
    let loss = |of: &str| number(&again["calibrated"][of]["negative_log_likelihood"]);
    assert!(loss("before") != loss("after") && temperature != 1.0, "{again}");

    // (p_i / p_j)^(1 / T)
    let after: Value =
        serde_json::from_str(&predict(run.path(), &[&asked[..], &["--json"]].concat())).unwrap();
    assert_eq!(number(&after["temperature"]["temperature"]), temperature);
    let answers = |all: &Value| all["answers"].as_array().unwrap().clone();
    assert_eq!(answers(&after).len(), 6);
    for (before, after) in answers(&before).iter().zip(&answers(&after)) {
        assert_eq!(before["class"], after["class"]);
        let log_odds = |answer: &Value| {
            let of = |class: &str| number(&answer["probabilities"][class]).ln();
            of("class0") - of("class2")
        };
        assert!((log_odds(before) / temperature - log_odds(after)).abs() < 1e-6, "{before} {after}");
    }
    kept_with_what_was_learned(run.path(), &asked, &after);
}

/// A file of `--save` has the temperature, and a support of other shots the nearest.
fn kept_with_what_was_learned(run: &Path, asked: &[&str], expected: &Value) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("kept.safetensors");
    let said = predict(run, &[asked, &["--save", file.to_str().unwrap()]].concat());
    let line = said.lines().find(|line| line.starts_with("calibration temperature ")).unwrap().to_owned();
    assert!(line.ends_with("of 30 validation episodes, 3-way 2-shot"), "{line}");
    assert!(predict(&file, &asked[..1]).contains(&line), "{line}");
    let kept: Value = serde_json::from_str(&predict(&file, &[asked[0], "--json"])).unwrap();
    assert_eq!((&kept["answers"], &kept["temperature"]), (&expected["answers"], &expected["temperature"]));

    let uneven = drawings(&[1, 2, 3], 0);
    let said = predict(run, &[asked[0], "--support", uneven.path().to_str().unwrap()]);
    assert!(said.contains("2-shot: the nearest kept to this support of 1 to 3 shots"), "{said}");
    let four = drawings(&[2; 4], 0);
    let said = predict(run, &[asked[0], "--support", four.path().to_str().unwrap()]);
    assert!(said.contains("calibration none: ") && said.contains("--calibrate --ways 4 --shots 2"), "{said}");

    let path = run.join("calibration.json");
    fs::write(&path, "{").unwrap();
    fails(fewshot().arg("predict").arg(run).args(asked), 2, "calibration.json is damaged");
    fs::remove_file(&path).unwrap();
    evaluate(run, &["--calibrate=30"]);
    train(run, &format!("protonet --overwrite {SMALL}"));
    assert!(!path.exists(), "another run begins without");
}

#[test]
fn a_resumed_run_has_other_weights_and_no_temperature() {
    let run = trained(&format!("protonet {SMALL}"));
    evaluate(run.path(), &["--calibrate=30"]);
    assert!(run.path().join("calibration.json").exists());
    let resumed =
        fewshot().args(["train", "--iterations", "21", "--resume"]).arg(run.path()).output().unwrap();
    assert!(resumed.status.success());
    assert!(!run.path().join("calibration.json").exists());
}

#[test]
fn without_validation_classes_there_is_no_temperature() {
    let data = drawings(&[5; 8], 0);
    let options = "--invert --ways 3 --queries 2 --eval-queries 2 --iterations 1 --episodes 2";
    let run = trained(&format!("--data folder:{} {options}", data.path().display()));
    let mut command = fewshot();
    command.arg("evaluate").arg(run.path()).arg("--calibrate");
    fails(&mut command, 2, "there are no validation classes; train on data whose division has as many");
    let mut command = fewshot();
    command.arg("evaluate").arg(run.path()).arg("--calibrate=0");
    fails(&mut command, 2, "the least is 1");

    // four test classes are two and two others
    let mut command = fewshot();
    command.arg("evaluate").arg(run.path()).arg("--unknown");
    fails(
        &mut command,
        2,
        "an episode has 3 test classes and queries of 3 others, and there are 4; give --ways 2",
    );
    assert!(last(&evaluate(run.path(), &["--unknown", "--ways", "2"])).starts_with("AUROC "));
}

#[test]
fn queries_of_other_classes_are_told_apart() {
    let run = trained(&format!("protonet --shots 5 {SMALL}"));
    let found = json(run.path(), &["--unknown"]);
    assert_eq!((&found["ways"], &found["unknown_ways"]), (&Value::from(3), &Value::from(3)));
    assert_eq!((&found["score"], &found["episodes"]), (&Value::from("max-logit"), &Value::from(20)));
    let [auroc, false_positives, accuracy] =
        [&found["value"], &found["false_positive_rate"]["value"], &found["accuracy"]["value"]].map(number);
    assert!(auroc > 60.0 && auroc < 100.0, "better than chance: {found}");
    assert!((0.0..=100.0).contains(&false_positives) && accuracy > 33.4, "{found}");
    assert_eq!(json(run.path(), &["--unknown", "--threads", "3"]), found, "any number of threads");
    let said = evaluate(run.path(), &["--unknown"]);
    assert!(last(&said).starts_with(&format!("AUROC {auroc:.2} ± ")), "{said}");
    assert!(said.contains(&format!("false positive rate {false_positives:.2} ± ")), "{said}");
    let other = |score: &str| number(&json(run.path(), &["--unknown", "--score", score])["value"]);
    assert_ne!(other("max-probability"), auroc);
    assert!((other("energy") - auroc).abs() < 10.0);
    assert_eq!(other("max-logit"), auroc);
    fails(fewshot().arg("evaluate").arg(run.path()).args(["--score", "energy"]), 2, "--unknown");

    let mann = trained("mann --ways 2 --per-class 2 --batch 2 --iterations 1 --episodes 2 --meta-batch 1");
    for option in ["--unknown", "--calibrate"] {
        fails(fewshot().arg("evaluate").arg(mann.path()).arg(option), 2, "this network reads sequences");
    }
}

#[test]
fn a_temperature_has_a_reliability_diagram() {
    let run = trained(&format!("protonet --shots 2 {SMALL}"));
    let drawn = || {
        let output = fewshot().arg("plot").arg(run.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(run.path().join("reliability.svg")).unwrap()
    };
    let worth = json(run.path(), &[]);
    let error = number(&worth["calibration"]["expected_error"]);
    assert!(drawn().contains(&format!("Reliability: expected calibration error {error:.2} %")));
    let calibrated = json(run.path(), &["--calibrate=30"]);
    let [before, after] =
        ["before", "after"].map(|of| number(&calibrated["calibrated"][of]["expected_error"]));
    let (svg, temperature) = (drawn(), number(&calibrated["calibrated"]["temperature"]));
    for title in [
        format!("Reliability without temperature: expected calibration error {before:.2} %"),
        format!("Reliability with temperature {temperature:.4}: expected calibration error {after:.2} %"),
    ] {
        assert!(svg.contains(&title), "{title}");
    }
    crate::support::svg::is_readable(&svg, "reliability.svg");
}

//! The official one-shot runs of Omniglot by the program.

use crate::support::{evaluate, fails, fewshot, last, omniglot, train, trained};

const TINY: &str = "--iterations 2 --episodes 4 --threads 1";

#[test]
fn every_classifier_takes_the_official_runs() {
    let Some(folder) = omniglot() else { return };
    let runs = folder.to_str().expect("a readable path");
    for (arguments, own) in [
        ("siamese --batch 8", &[][..]),
        ("protonet --train-ways 6", &[]),
        ("maml --ways 20 --meta-batch 1", &[]),
        ("fomaml --meta-batch 1", &["--nil"][..]),
    ] {
        let run = trained(&format!("{arguments} {TINY}"));
        let text = evaluate(run.path(), &[&["--runs", runs], own].concat());
        assert!(text.contains("pixel nearest neighbour 21.75 %, 87 of 400"), "{text}");
        let json = evaluate(run.path(), &[&["--runs", runs, "--json"], own].concat());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let each: Vec<u64> = json["runs"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        let right = json["right"].as_u64().unwrap();
        assert_eq!((each.len(), each.iter().sum::<u64>()), (20, right), "{json}");
        assert!(each.iter().all(|n| *n <= 20), "{json}");
        assert!((json["value"].as_f64().unwrap() - right as f64 / 4.0).abs() < 1e-9, "{json}");
        let expected = format!("% on the official one-shot runs, {right} of 400 right");
        assert!(last(&text).starts_with("accuracy ") && last(&text).ends_with(&expected), "{text}");
    }
}

#[test]
fn models_of_other_ways_and_other_folders_are_refused() {
    let run = trained(&format!("maml --meta-batch 1 {TINY}"));
    let with = |runs: &str| {
        let mut command = fewshot();
        command.arg("evaluate").arg(run.path()).args(["--runs", runs]);
        command
    };
    fails(&mut with("/nowhere"), 2, "they are 20-way, and this maml model has a last layer for 5 classes");
    fails(with("/nowhere").args(["--ways", "5"]), 2, "--ways");
    let run = trained(&format!("siamese --batch 8 {TINY}"));
    fails(fewshot().arg("evaluate").arg(run.path()).args(["--runs", "/nowhere"]), 2, "/nowhere");
    let run = trained(&format!("--data sinusoid {TINY}"));
    fails(
        fewshot().arg("evaluate").arg(run.path()).args(["--runs", "/nowhere"]),
        2,
        "they are of drawings, the model is of sinusoids",
    );
}

#[test]
fn a_siamese_network_is_validated_within_alphabets() {
    let folder = tempfile::tempdir().unwrap();
    let printed = train(folder.path(), &format!("siamese --batch 8 {TINY} --validate-every 2"));
    let line = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name)).expect(&printed).trim();
    let value =
        line("validation").strip_suffix(" % of 320 one-shot trials within alphabets").expect(&printed);
    let same = format!("iteration 2, accuracy {value} % on 320 one-shot trials within alphabets");
    assert_eq!(line("selected"), same);
}

#[test]
fn a_siamese_network_verifies_pairs() {
    let run = trained(&format!("siamese --batch 8 {TINY}"));
    let text = evaluate(run.path(), &["--classes", "validation"]);
    let json: serde_json::Value =
        serde_json::from_str(&evaluate(run.path(), &["--classes", "validation", "--json"])).unwrap();
    let number = |key: &str| json["verification"][key].as_f64().unwrap();
    // 4 episodes, 16 pairs each
    let line = format!(
        "verification {:.2} % of 64 pairs of validation classes within alphabets, best threshold {:.3}",
        number("value"),
        number("threshold")
    );
    assert!(text.contains(&line) && number("pairs") == 64.0, "{line}: {text}");
    assert!((50.0..=100.0).contains(&number("value")), "{json}");
    let other = evaluate(run.path(), &["--seed", "2"]);
    assert!(other.contains(" % of 64 pairs of test classes") && !other.contains(&line), "{other}");
}

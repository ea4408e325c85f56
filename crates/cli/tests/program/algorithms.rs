//! Every algorithm trains, keeps its run, and is measured again with the same figures.

use std::fs;

use crate::support::{evaluate, fails, fewshot, last, omniglot, train, trained};
use serde_json::Value;

const TINY: &str = "--iterations 2 --episodes 2 --meta-batch 2";

/// Trains, evaluates, and repeats the run from its configuration.
#[track_caller]
fn comes_back(arguments: &str) -> String {
    let run = tempfile::tempdir().unwrap();
    let printed = train(run.path(), &format!("{arguments} {TINY}"));
    assert_eq!(last(&printed), last(&evaluate(run.path(), &[])), "{arguments}");
    let again = trained(&format!("--config {}", run.path().join("config.toml").display()));
    for file in ["config.toml", "metrics.csv", "model.safetensors"] {
        let read = |dir: &std::path::Path| fs::read(dir.join(file)).unwrap();
        assert!(read(run.path()) == read(again.path()), "{arguments}: {file}");
    }
    printed
}

#[test]
fn drawings() {
    for (arguments, said) in [
        ("fomaml", "fomaml, inner steps 1 (at test 3) of rate 2"),
        ("anil", "anil of order 2, inner steps 1 (at test 3) of rate 2"),
        ("meta-sgd", "meta-sgd of order 2, inner steps 1 (at test 1) of learned rates"),
        ("mamlpp", "inner steps 5 (at test 5) of rate 0.1, parts msl,lslr,bnwb,bnrs,ca"),
        ("mamlpp --parts none", "parts none"),
        ("maml --filters 12 --downsample max-pool", "Conv4 with max-pooling, 12 channels, linear head"),
        ("protonet --downsample stride", "Conv4 with strides, 64 channels, flat, "),
        ("mamlpp --parts msl,lslr,bnwb,ca,da --recompute --norm running", "computed again"),
        ("imaml --inner-steps 2 --cg-steps 2", "proximal 2 in last-step, conjugate gradient steps 2"),
        ("imaml --inner-steps 2 --cg-steps 2 --proximal-at every-step", "in every-step"),
        ("reptile --eval-steps 3", "of rate 0.001 on 10 examples (at test 5), lanes 2"),
        (
            "lstm-meta-learner --inner-steps 2 --eval-steps 3 --inner-batch 2 --queries 2",
            "lstm-meta-learner of order 1, inner steps 2 (at test 3) of learned gates on 2 examples",
        ),
        ("matching --train-ways 6", "matching, cosine distance"),
        ("matching --reads 2 --distance euclidean", "euclidean distance, full context with 2 reads"),
        ("relation --train-ways 3 --queries 2", "gradient norm of each network at most 0.5"),
        ("r2d2 --train-ways 6 --train-shots 1..2", "6-way 1..2-shot, images per class 3; "),
        ("lrd2 --train-ways 6 --train-shots 2 --newton-steps 1", "Newton steps 1"),
        ("protonet --train-ways 6 --train-shots 2 --eval-rotations none", "6-way 2-shot"),
        (
            "rfs --batch 6 --filters 8",
            "logistic regression on frozen features of length one, batch norm at test: running",
        ),
        (
            "simpleshot --batch 6 --filters 8 --augment mini --copies 2",
            "nearest class mean on frozen features of length one from 2 changed copies",
        ),
        ("siamese --batch 6", "batches of 6 pairs within alphabets, distorted"),
        ("mann --ways 3 --per-class 2 --batch 2", "sequences of 6 drawings of 3 classes"),
        (
            "mann --ways 3 --per-class 2 --batch 2 --names strings --access shared --curriculum 2",
            "one class more every 2 sequences",
        ),
        ("mann --ways 3 --per-class 2 --batch 2 --memory lstm", "without a memory"),
        ("mann --ways 3 --per-class 0 --access paper --eval-queries 1", "3-way 1-shot"),
    ] {
        let printed = comes_back(arguments);
        assert!(printed.contains(said), "{said:?} expected: {printed}");
    }
}

#[test]
fn sinusoids() {
    for algorithm in [
        "maml",
        "fomaml",
        "anil",
        "meta-sgd",
        "mamlpp",
        "reptile",
        "imaml",
        "cavia",
        "lstm-meta-learner",
        "pretrain",
    ] {
        comes_back(&format!("--data sinusoid {algorithm}"));
    }
}

#[test]
fn the_outer_optimiser_is_as_asked() {
    let printed = comes_back("--data sinusoid --outer sgd --outer-schedule linear --clip-norm 1");
    assert!(printed.contains("SGD 0.001, falling linearly to 0, gradient norm at most 1"), "{printed}");
    let metrics = |arguments: &str| {
        let run = trained(&format!("--data sinusoid --meta-batch 2 --iterations 4 --episodes 2 {arguments}"));
        fs::read_to_string(run.path().join("metrics.csv")).unwrap()
    };
    let plain = metrics("--outer sgd");
    for other in [
        "",
        "--outer sgd --outer-schedule cosine",
        "--outer sgd --clip-value 0.001",
        "--outer sgd --halve-every 1",
    ] {
        assert_ne!(plain, metrics(other), "{other}");
    }
}

#[test]
fn computing_again_changes_nothing() {
    let model = |arguments: &str| {
        let run = trained(&format!("maml --inner-steps 3 {TINY} {arguments}"));
        fs::read_to_string(run.path().join("metrics.csv")).unwrap()
    };
    assert_eq!(model(""), model("--recompute"));
}

#[test]
fn reptile_is_measured_with_and_without_transduction() {
    let arguments = "reptile --eval-steps 2 --shots 2 --lanes 1";
    let printed = comes_back(arguments);
    assert!(printed.contains("in training 5-way 10-shot"), "{printed}");
    assert!(printed.contains("new-classes in training, none at test"), "{printed}");
    assert!(printed.contains("SGD 1, falling linearly to 0"), "{printed}");
    for norm in ["batch", "support-plus-one"] {
        assert!(printed.contains(&format!("test classes, batch norm {norm})")), "{printed}");
    }
    assert!(last(&printed).ends_with("batch norm batch)"), "{printed}");
    let run = trained(&format!("{arguments} {TINY} --norm support-plus-one"));
    let json: Value = serde_json::from_str(&evaluate(run.path(), &["--json"])).unwrap();
    assert_eq!((&json["norm"], &json["other_norm"]["norm"]), (&"support-plus-one".into(), &"batch".into()));
    assert!(json["other_norm"]["value"].is_number() && json["other_norm"]["interval"].is_number());
}

#[test]
fn the_adaptation_curve() {
    let run = trained(&format!("anil --shots 2 {TINY}"));
    let text = evaluate(run.path(), &["--steps", "1..4", "--eval-steps", "2"]);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("after inner steps")).collect();
    assert_eq!(lines.len(), 4, "{text}");
    let json = evaluate(run.path(), &["--steps", "1..4", "--eval-steps", "2", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let curve = json["by_step"].as_array().unwrap();
    for (at, (line, step)) in curve.iter().zip(lines.iter().zip(1..)) {
        let figures =
            format!("{:.2} ± {:.2} %", at["value"].as_f64().unwrap(), at["interval"].as_f64().unwrap());
        assert_eq!(at["step"], step);
        assert!(line.contains(&format!("{step}: ")) && line.ends_with(&figures), "{line} {at}");
    }
    assert_eq!((&json["steps"], &curve[1]["value"]), (&2.into(), &json["value"]));
    assert!(lines[1].ends_with(last(&text).split(" (").next().unwrap().trim_start_matches("accuracy ")));
}

#[test]
fn without_its_last_layer() {
    for algorithm in ["maml", "fomaml", "anil"] {
        let run = trained(&format!("{algorithm} {TINY}"));
        let text = evaluate(run.path(), &["--nil"]);
        assert!(text.contains("learner     nil"), "{text}");
        let json: Value =
            serde_json::from_str(&evaluate(run.path(), &["--nil", "--json", "--ways", "8"])).unwrap();
        assert_eq!(
            (&json["learner"], &json["ways"], &json["steps"]),
            (&"nil".into(), &8.into(), &Value::Null)
        );
    }
    let run = trained(&format!("meta-sgd {TINY}"));
    fails(fewshot().arg("evaluate").arg(run.path()).arg("--nil"), 2, "meta-sgd");
}

#[test]
fn presets_name_their_source_and_give_way_to_options() {
    let printed = comes_back("--preset maml-glyphs-5w5s --inner-steps 2");
    let line = printed.lines().next().unwrap();
    assert!(line.starts_with("preset      maml-glyphs-5w5s: Finn, Abbeel, Levine 2017"), "{line}");
    assert!(line.contains("--inner-steps") && line.contains("--iterations"), "{line}");
    assert!(printed.contains("5-way 5-shot") && printed.contains("inner steps 2 (at test 3)"), "{printed}");
    let printed = comes_back("--preset meta-sgd-sinusoid");
    assert!(printed.starts_with("preset      meta-sgd-sinusoid: Li, Zhou, Chen, Li 2017"), "{printed}");
    if let Some(folder) = omniglot() {
        let data = format!("--data omniglot:{}", folder.display());
        let printed = comes_back(&format!("--preset reptile-omniglot-5w1s --eval-steps 2 {data}"));
        assert!(printed.contains("section 6.1"), "{printed}");
    }
}

#[test]
fn the_list_of_algorithms() {
    let output = fewshot().arg("algorithms").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names = [
        "maml",
        "fomaml",
        "reptile",
        "anil",
        "meta-sgd",
        "mamlpp",
        "imaml",
        "cavia",
        "lstm-meta-learner",
        "protonet",
        "matching",
        "relation",
        "r2d2",
        "lrd2",
        "siamese",
        "mann",
        "leo",
        "pretrain",
        "rfs",
        "simpleshot",
    ];
    let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    let listed: Vec<&str> = lines
        .iter()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, names, "{text}");
    for rows in lines.chunks(2) {
        assert!(rows[1].contains(" 20"), "no year: {rows:?}");
    }
    assert!(text.contains("fewshot presets [ALGORITHM]"), "{text}");
}

#[test]
fn a_memory_is_measured_by_instance_and_drawn() {
    let run = trained(
        "mann --ways 3 --per-class 3 --batch 2 --iterations 2 --episodes 3 --meta-batch 1 --validate-every 1",
    );
    let json: Value = serde_json::from_str(&evaluate(run.path(), &["--json"])).unwrap();
    assert_eq!((json["instance"].as_u64(), json["sequences"].as_u64()), (Some(2), Some(4)));
    let instances = json["by_instance"].as_array().unwrap();
    assert_eq!(instances.len(), 3);
    assert!(instances.iter().all(|instance| instance["count"].as_u64() == Some(12)), "{json}");
    assert_eq!(json["value"], instances[1]["value"]);
    let looks = fs::read_to_string(run.path().join("validation.csv")).unwrap();
    assert!(looks.starts_with("iteration,score,interval,instances\n1,"), "{looks}");
    let mut command = fewshot();
    assert!(command.arg("plot").arg(run.path()).output().unwrap().status.success());
    for (file, named) in [("instances.svg", "instance 3"), ("reads.svg", "head 4")] {
        let svg = fs::read_to_string(run.path().join(file)).unwrap();
        assert!(svg.contains(named) && svg.ends_with("</svg>\n"), "{file}");
    }
    let mut shots = fewshot();
    fails(shots.arg("evaluate").arg(run.path()).args(["--shots", "2"]), 2, "--per-class 0");
    let mut letters = fewshot();
    let strings =
        trained("mann --ways 3 --per-class 2 --batch 2 --names strings --iterations 1 --episodes 2");
    let mut more = fewshot();
    let more =
        more.arg("evaluate").arg(strings.path()).args(["--ways", "4", "--episodes", "2"]).output().unwrap();
    let printed = String::from_utf8(more.stdout).unwrap();
    assert!(printed.contains("sequences of 4 test classes"), "{printed}");
    letters.arg("predict").arg(strings.path()).args(["--support", "nowhere", "image.png"]);
    fails(&mut letters, 2, "--names numbers");
}

#[test]
fn a_run_is_drawn() {
    for (arguments, pictures) in [
        ("--data sinusoid", &["learning.svg", "steps.svg", "wave.svg"][..]),
        ("anil", &["learning.svg", "episode.svg", "reliability.svg", "steps.svg"]),
        (
            "lstm-meta-learner --inner-steps 1 --eval-steps 2 --queries 2",
            &["learning.svg", "episode.svg", "gates.svg", "reliability.svg", "steps.svg"],
        ),
        ("protonet --train-ways 6", &["learning.svg", "episode.svg", "embedding.svg", "reliability.svg"]),
        (
            "pretrain --batch 8 --eval-steps 2",
            &["learning.svg", "episode.svg", "reliability.svg", "steps.svg"],
        ),
        ("pretrain --data sinusoid", &["learning.svg", "steps.svg", "wave.svg"]),
    ] {
        let run = trained(&format!("{arguments} {TINY}"));
        let output = fewshot().arg("plot").arg(run.path()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        for picture in pictures {
            let svg = fs::read_to_string(run.path().join(picture)).unwrap();
            let drawn = match *picture {
                "episode.svg" => "data:image/png;base64,",
                "embedding.svg" => "<circle",
                _ => "<polyline",
            };
            assert!(svg.starts_with("<svg") && svg.contains(drawn), "{arguments}: {picture}");
        }
        assert_eq!(printed.lines().count(), pictures.len(), "{printed}");
    }
}

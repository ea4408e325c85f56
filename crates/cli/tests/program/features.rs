//! The features of a trained encoder, and what learns from them.

use std::fs;
use std::path::Path;

use crate::support::{evaluate, fails, fewshot, last, train, trained};
use fewshot_episodes::FeatureParts;
use fewshot_episodes::glyphs::{self, GlyphConfig};
use image::GrayImage;
use serde_json::Value;

const ENCODER: &str =
    "protonet --train-ways 5 --queries 1 --iterations 3 --episodes 2 --rotations new-classes";
/// Classes of each part, and drawings of a class.
const CLASSES: usize = 6;
const DRAWINGS: usize = 8;
const TINY: &str =
    "--iterations 2 --episodes 3 --meta-batch 2 --validate-every 2 --queries 2 --eval-queries 2";

/// A folder of drawings in three parts.
fn drawings() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = GlyphConfig { alphabets: 1, characters: 18..=18, drawings: DRAWINGS, size: 28 };
    let images = glyphs::generate(&config, 1);
    for class in 0..images.classes() {
        let part = ["train", "val", "test"][class / CLASSES];
        let folder = folder.path().join(part).join(format!("class{class}"));
        fs::create_dir_all(&folder).unwrap();
        for k in 0..DRAWINGS {
            let picture = GrayImage::from_raw(28, 28, images.image(class, k).to_vec()).unwrap();
            picture.save(folder.join(format!("{k}.png"))).unwrap();
        }
    }
    folder
}

fn embed(run: &Path, file: &Path, threads: &str) -> String {
    let output =
        fewshot().arg("embed").arg(run).arg("--out").arg(file).args(["--threads", threads]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn features_are_made_learned_from_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let [file, again] = ["a", "b"].map(|name| folder.path().join(name));
    let run = tempfile::tempdir().unwrap();
    let data = drawings();
    train(run.path(), &format!("{ENCODER} --data folder:{}", data.path().display()));
    let said = embed(run.path(), &file, "1");
    embed(run.path(), &again, "2");
    assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap(), "threads change nothing");
    let parts = FeatureParts::read(&file).unwrap();
    assert_eq!(parts.width(), 64);
    for part in [&parts.train, &parts.validation, &parts.test] {
        let turned = 4 * CLASSES;
        assert_eq!((part.classes(), part.len()), (turned, turned * DRAWINGS), "turned drawings are classes");
    }
    assert!(said.contains("test 192 of 24 classes"), "{said}");
    let data = format!("--data features:{}", file.display());
    for (arguments, said) in [
        ("leo", "leo, latent steps 5, fine-tuning steps 5 of learned rates, dropout 0.307651"),
        ("leo --shots 3 --fine-tuning-steps 0", "gradient within ±0.1, norm of each parameter's at most 0.1"),
        ("--preset leo-omniglot-5w5s", "encoder 64-64, relation network, latent codes of 64, decoder 64-64"),
        ("protonet", "linear 64-64 on features of length one"),
        ("meta-sgd", "linear 64-5 on features of length one"),
        ("maml", "maml of order 2"),
    ] {
        let run = tempfile::tempdir().unwrap();
        let printed = train(run.path(), &format!("{arguments} {data} {TINY}"));
        assert!(printed.contains(said), "{said:?} expected: {printed}");
        assert!(printed.contains("linear classifier of each support alone"), "{printed}");
        assert_eq!(last(&printed), last(&evaluate(run.path(), &[])), "{arguments}");
        let again = trained(&format!("--config {}", run.path().join("config.toml").display()));
        for file in ["config.toml", "metrics.csv", "model.safetensors"] {
            let read = |dir: &Path| fs::read(dir.join(file)).unwrap();
            assert!(read(run.path()) == read(again.path()), "{arguments}: {file}");
        }
    }
    let leo = trained(&format!("leo {data} {TINY}"));
    let json: Value = serde_json::from_str(&evaluate(leo.path(), &["--json", "--ways", "3"])).unwrap();
    assert_eq!((&json["ways"], &json["steps"]), (&3.into(), &10.into()));
    assert_eq!(json["by_step"].as_array().map(Vec::len), Some(11));
    assert!(json["linear_head"]["value"].is_number(), "{json}");
    fails(fewshot().arg("evaluate").arg(leo.path()).args(["--steps", "0..11"]), 2, "the most is 10");
    fails(fewshot().arg("evaluate").arg(leo.path()).args(["--data", "glyphs"]), 2, "feature vectors");
    fails(fewshot().arg("embed").arg(leo.path()).arg("--out").arg(&again), 2, "features already");
    let plots = fewshot().arg("plot").arg(leo.path()).arg("--out").arg(folder.path()).output().unwrap();
    assert!(plots.status.success() && folder.path().join("steps.svg").is_file());
}

#[test]
fn what_is_missing_is_named_with_what_to_run_first() {
    let mut leo = fewshot();
    leo.args(["train", "--preset", "leo-omniglot-5w1s", "--data", "features:nowhere"]);
    fails(&mut leo, 2, "fewshot embed runs/encoder --out nowhere");
    fails(fewshot().args(["train", "--preset", "leo-omniglot-5w1s"]), 2, "pretrain-omniglot-5w1s");
    fails(fewshot().args(["train", "leo"]), 2, "fewshot embed DIR --out FILE");
    let file = tempfile::NamedTempFile::new().unwrap();
    let data = format!("features:{}", file.path().display());
    fails(fewshot().args(["train", "leo", "--data", &data]), 2, "no safetensors file");
    let maml = trained("maml --iterations 1 --episodes 2 --meta-batch 1");
    fails(fewshot().arg("embed").arg(maml.path()).arg("--out").arg(file.path()), 2, "give a run of protonet");
}

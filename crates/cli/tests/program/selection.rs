//! Weights chosen on validation classes.

use std::fs;
use std::path::Path;

use crate::support::{evaluate, fewshot, last, train, trained};
use fewshot_meta::Checkpoint;

const CHOSEN: &str = "protonet --train-ways 6 --episodes 6 --outer-lr 0.03 --validate-every 2 --eval-queries 1 --ways 3 --threads 2";

/// Iterations and scores of `validation.csv`.
fn looks(run: &Path) -> Vec<(u64, f64)> {
    let text = fs::read_to_string(run.join("validation.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("iteration,score,interval"));
    let parsed = |line: &str| {
        let parts: Vec<&str> = line.split(',').collect();
        (parts[0].parse().unwrap(), parts[1].parse().unwrap())
    };
    lines.map(parsed).collect()
}

#[test]
fn the_best_weights_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let printed = train(folder.path(), &format!("{CHOSEN} --iterations 7"));
    let looks = looks(folder.path());
    assert_eq!(looks.iter().map(|look| look.0).collect::<Vec<_>>(), [2, 4, 6, 7]);
    let mut best = looks[0];
    looks.iter().for_each(|&look| best = if look.1 > best.1 { look } else { best });
    assert!(looks.iter().any(|look| look.1 < best.1), "one as good as the other: nothing is shown");
    let selected = format!("selected    iteration {}, accuracy {:.2} %", best.0, 100.0 * best.1);
    assert!(printed.contains(&selected), "{selected}: {printed}");
    let checkpoint = Checkpoint::read(&folder.path().join("model.safetensors")).unwrap();
    assert_eq!(checkpoint.metadata()["iteration"], best.0.to_string());
    assert_eq!(last(&printed), last(&evaluate(folder.path(), &[])));
    // the weights are those of a run that ends there
    let shorter = trained(&format!("{} --iterations {}", CHOSEN.replace("every 2", "every 0"), best.0));
    assert!(!shorter.path().join("validation.csv").exists());
    assert_eq!(last(&printed), last(&evaluate(shorter.path(), &[])));
}

#[test]
fn a_run_that_goes_on_knows_what_was_best() {
    let whole = trained(&format!("{CHOSEN} --iterations 6"));
    let parts = trained(&format!("{CHOSEN} --iterations 4"));
    let mut command = fewshot();
    command.arg("train").arg("--resume").arg(parts.path()).args(["--iterations", "6"]);
    assert!(command.output().unwrap().status.success());
    for name in ["metrics.csv", "validation.csv", "model.safetensors"] {
        let read = |run: &Path| fs::read(run.join(name)).unwrap();
        assert!(read(whole.path()) == read(parts.path()), "{name}");
    }
}

#[test]
fn a_run_ends_when_waiting_is_over() {
    let arguments =
        "--data sinusoid --meta-batch 4 --episodes 2 --outer-lr 0.01 --validate-every 1 --patience 3";
    let whole = tempfile::tempdir().unwrap();
    let printed = train(whole.path(), &format!("{arguments} --iterations 60"));
    let seen = looks(whole.path());
    let best = seen.iter().map(|look| look.1).fold(f64::INFINITY, f64::min);
    let best = seen.iter().find(|look| look.1 == best).unwrap().0;
    assert_eq!(seen.last().unwrap().0, best + 3);
    assert!(best + 3 < 60 && printed.contains(", ending after 3 without a better one"), "{printed}");
    let ended = "ended       early, for 3 measurements on validation classes were no better";
    assert!(printed.contains(ended), "{printed}");
    // waiting goes on where it was interrupted, and does not begin anew once over
    let parts = trained(&format!("{arguments} --iterations {}", best + 1));
    for _ in 0..2 {
        let mut command = fewshot();
        command.arg("train").arg("--resume").arg(parts.path()).args(["--iterations", "60"]);
        assert!(String::from_utf8(command.output().unwrap().stdout).unwrap().contains(ended));
        for name in ["config.toml", "metrics.csv", "validation.csv", "model.safetensors"] {
            let read = |run: &Path| fs::read(run.join(name)).unwrap();
            assert!(read(whole.path()) == read(parts.path()), "{name}");
        }
    }
}

//! `--quiet` and `--verbose`: how much is printed.

use std::process::Output;

use crate::support::pictures::drawings;
use crate::support::{fails, fewshot, last, trained};

const WAVES: &str = "--data sinusoid --meta-batch 1 --iterations 2 --episodes 4";

#[track_caller]
fn output(arguments: &str) -> (String, String) {
    let output: Output = fewshot().args(arguments.split_whitespace()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{err}");
    (out, err)
}

#[test]
fn quiet_prints_the_result_alone() {
    let usual = output(&format!("train {WAVES}"));
    assert!(usual.0.lines().count() > 5 && !usual.1.is_empty());
    let result = last(&usual.0);
    for arguments in [format!("train -q {WAVES}"), format!("--quiet train {WAVES}")] {
        assert_eq!(output(&arguments), (format!("{result}\n"), String::new()), "{arguments}");
    }
    let run = trained(WAVES);
    let run = run.path().display().to_string();
    assert_eq!(output(&format!("evaluate {run} -q")), (format!("{result}\n"), String::new()));
    let json = output(&format!("evaluate {run} --json"));
    assert_eq!(output(&format!("evaluate {run} --json -q")), json);
    assert_eq!(output(&format!("runs {run} -q")), output(&format!("runs {run}")));
    assert_eq!(output("algorithms -q"), output("algorithms"));
    fails(fewshot().args(["-q", "train", "--ways", "0"]), 2, "--ways 0");
    fails(fewshot().args(["-q", "-v", "algorithms"]), 2, "--verbose");
}

#[test]
fn quiet_answers_are_those_of_the_pictures() {
    let run = trained("--train-ways 5 --queries 1 --iterations 1 --episodes 2");
    let support = drawings(&[2, 2, 2], 0);
    let picture = support.path().join("class1/0.png").display().to_string();
    let (run, support) = (run.path().display(), support.path().display());
    let usual = output(&format!("predict {run} --support {support} --invert {picture}"));
    let quiet = output(&format!("predict {run} --support {support} --invert {picture} -q"));
    assert_eq!(quiet, (format!("{}\n", last(&usual.0)), String::new()));
    assert!(quiet.0.starts_with(&picture));
}

#[test]
fn a_doubtful_result_is_told_of_however_quiet() {
    let data = drawings(&[6; 12], 0);
    let place = data.path().display().to_string();
    let run = trained(&format!(
        "--data folder:{place} --train-ways 3 --ways 3 --queries 1 --eval-queries 1 --iterations 1 --episodes 2"
    ));
    std::fs::remove_dir_all(data.path().join("class3")).unwrap();
    let (_, errors) = output(&format!("evaluate {} -q", run.path().display()));
    assert!(errors.contains("have changed") && errors.lines().count() == 1, "{errors}");
}

#[test]
fn verbose_tells_of_the_machine_the_files_and_the_pace() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run").display().to_string();
    let usual = output(&format!("train {WAVES}"));
    let (results, told) = output(&format!("train -v --threads 1 {WAVES} --out {out}"));
    assert_eq!(last(&results), last(&usual.0));
    let line =
        |word: &str| told.lines().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("{told}"));
    assert!(line("machine ").contains(" 1 thread, kernels for "), "{told}");
    assert!(line("files ").ends_with(&out), "{told}");
    let pace = line("pace ").split_whitespace().nth(1).unwrap();
    assert!(pace.parse::<f64>().unwrap() > 0.0, "{told}");
    let (_, told) = output(&format!("evaluate {out} -v --threads 2"));
    assert_eq!(told.lines().filter(|line| line.contains("2 threads")).count(), 1, "{told}");
    assert!(!usual.1.contains("machine"));
}

//! Files of a run that are empty, cut or missing: said by what they are, and mended where that can be done.

use std::fs;
use std::path::Path;

use crate::support::{evaluate, fails, fewshot, train, trained};

const WAVES: &str = "--data sinusoid --episodes 2 --iterations 6 --validate-every 0";

fn command(words: &str, run: &Path) -> assert_cmd::Command {
    let mut command = fewshot();
    command.args(words.split(' ')).arg(run);
    command
}

/// Standard error of a command that succeeds.
#[track_caller]
fn notes(words: &str, run: &Path) -> String {
    let mut command = command(words, run);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}

#[test]
fn settings_that_are_cut_are_called_so_wherever_they_are_cut() {
    let run = trained("--data sinusoid --episodes 2 --iterations 6 --seed 1234 anil --inner-lr 0.02");
    let path = run.path().join("config.toml");
    let whole = fs::read_to_string(&path).unwrap();
    assert!(whole.ends_with('\n'));
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let often = if length % 16 == 0 { &["evaluate", "train --resume"][..] } else { &["evaluate"] };
        for words in often {
            let output = command(words, run.path()).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            // nothing but the end of the last line is missing
            if output.status.success() {
                assert_eq!(length, whole.len() - 1);
                continue;
            }
            let called =
                ["is empty, or cut", "is cut", "may be cut"].iter().any(|words| said.contains(words));
            let named = said.contains("config.toml") && !said.contains("of another run than");
            assert!(called && named && said.lines().count() == 1, "{length} bytes: {said}");
        }
    }
    fs::write(&path, "").unwrap();
    fails(&mut command("train --config", &path), 2, "is empty");
    // the way out
    train(run.path(), "--data sinusoid --episodes 2 --iterations 2 --overwrite");
    evaluate(run.path(), &[]);
}

#[test]
fn logs_that_are_missing_are_begun_again_as_empty_ones_are() {
    for damage in [None, Some(""), Some("iteration,lo")] {
        let run = trained(WAVES);
        for name in ["metrics.csv", "timing.csv"] {
            let path = run.path().join(name);
            match damage {
                None => fs::remove_file(&path).unwrap(),
                Some(text) => fs::write(&path, text).unwrap(),
            }
        }
        let said = notes("train --iterations 8 --resume", run.path());
        for name in ["metrics.csv", "timing.csv"] {
            let line = said.lines().find(|line| line.contains(name)).unwrap_or_default();
            assert!(line.contains("it lacks iterations 1 to 6"), "{damage:?}: {said}");
            assert_eq!(line.contains("was missing"), damage.is_none(), "{said}");
        }
        let metrics = fs::read_to_string(run.path().join("metrics.csv")).unwrap();
        let first: Vec<&str> = metrics.lines().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(first, ["iteration", "7", "8"]);
        assert_eq!(fs::read_to_string(run.path().join("timing.csv")).unwrap().lines().count(), 3);
    }
}

#[test]
fn a_learning_curve_that_cannot_be_drawn_is_missed_aloud() {
    let run = trained(&WAVES.replace("every 0", "every 2"));
    let [metrics, validation] = ["metrics.csv", "validation.csv"].map(|name| run.path().join(name));
    let [rows, looks] = [&metrics, &validation].map(|path| fs::read_to_string(path).unwrap());
    let svg = run.path().join("learning.svg");
    assert_eq!(notes("plot", run.path()), "");
    let drawn = fs::read_to_string(&svg).unwrap();
    let check = |text: Option<&[u8]>, said: &str, is_drawn: bool| {
        match text {
            Some(text) => fs::write(&metrics, text).unwrap(),
            None => fs::remove_file(&metrics).unwrap(),
        }
        let _ = fs::remove_file(&svg);
        let notes = notes("plot", run.path());
        assert!(notes.contains("metrics.csv") && notes.contains(said), "{said}: {notes}");
        assert_eq!((svg.exists(), notes.lines().count()), (is_drawn, 1), "{notes}");
    };
    check(None, "learning.svg is left out", false);
    check(Some(b""), "it lacks iterations 1 to 6: learning.svg is left out", false);
    check(Some(&[0xff; 9]), "it lacks iterations 1 to 6: learning.svg is left out", false);
    check(Some(&rows.as_bytes()[..rows.len() - 3]), "it lacks iteration 6: learning.svg shows", true);
    let holed: Vec<&str> =
        rows.lines().enumerate().filter(|(i, _)| ![2, 3].contains(i)).map(|(_, line)| line).collect();
    let holed = holed.join("\n") + "\n";
    check(Some(holed.as_bytes()), "it lacks iterations 2 to 3: learning.svg shows", true);
    fs::write(&metrics, &rows).unwrap();
    for (text, said) in [(None, "validation.csv: "), (Some(looks.replace('2', "x")), "damaged lines")] {
        match text {
            Some(text) => fs::write(&validation, text).unwrap(),
            None => fs::remove_file(&validation).unwrap(),
        }
        let notes = notes("plot", run.path());
        assert!(notes.contains("validation.csv") && notes.contains(said), "{notes}");
        assert!(fs::read_to_string(&svg).unwrap() != drawn);
    }
    // a run that has not begun yet is not damaged
    let new = trained("--data sinusoid --episodes 2 --iterations 1 --validate-every 0");
    fs::write(new.path().join("metrics.csv"), &rows[..rows.find('\n').unwrap() + 1]).unwrap();
    assert!(notes("plot", new.path()).contains("it lacks iteration 1"));
}

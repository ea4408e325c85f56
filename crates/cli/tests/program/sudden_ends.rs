//! Runs that are killed, runs that meet in one folder, and files that are not what they should be.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::pictures::drawings;
use crate::support::{evaluate, fails, fewshot, train, trained};

const WAVES: &str = "--data sinusoid --episodes 2 --validate-every 40";
const FOREVER_WAVES: &str = "--data sinusoid --iterations 100000000 --episodes 10";
const FOREVER: &str = "train --data sinusoid --iterations 100000000 --episodes 10 --out";

fn start(arguments: &str, dir: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewshot"));
    command.args(arguments.split_whitespace()).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn resume(dir: &Path, iterations: u64) -> assert_cmd::Command {
    let mut command = fewshot();
    command.args(["train", "--iterations", &iterations.to_string(), "--resume"]).arg(dir);
    command
}

#[track_caller]
fn succeeds(command: &mut assert_cmd::Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command:?}\n{stderr}");
    stderr
}

fn wait_for(what: impl Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(60), "it does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_killed_at_any_moment_works_and_goes_on_to_the_same_bits() {
    let (whole, longer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train(whole.path(), &format!("{WAVES} --iterations 400"));
    train(longer.path(), &format!("{WAVES} --iterations 800"));
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let killed = |arguments: &str, milliseconds: u64| {
        let mut child = start(arguments, &dir);
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    };
    let same = |other: &Path| {
        for name in
            ["config.toml", "metrics.csv", "model.safetensors", "progress.safetensors", "validation.csv"]
        {
            assert!(fs::read(dir.join(name)).unwrap() == fs::read(other.join(name)).unwrap(), "{name}");
        }
    };
    for milliseconds in [3, 8, 20, 45, 90] {
        let _ = fs::remove_dir_all(&dir);
        killed(&format!("train {WAVES} --iterations 400 --out"), milliseconds);
        if !dir.join("config.toml").exists() {
            // before there was a run
            succeeds(
                fewshot()
                    .args(["train", "--overwrite"])
                    .args(format!("{WAVES} --iterations 400 --out").split(' '))
                    .arg(&dir),
            );
        }
        evaluate(&dir, &[]);
        succeeds(&mut resume(&dir, 400));
        same(whole.path());
        killed("train --iterations 800 --resume", milliseconds);
        evaluate(&dir, &[]);
        succeeds(&mut resume(&dir, 800));
        same(longer.path());
    }
    let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[test]
fn what_is_overwritten_does_not_come_back() {
    let run = trained(&format!("{WAVES} --iterations 3"));
    let replaced = start(
        "train --data sinusoid --seed 9 --iterations 100000000 --episodes 10 --overwrite --out",
        run.path(),
    );
    let config = || fs::read_to_string(run.path().join("config.toml")).unwrap_or_default();
    wait_for(|| config().contains("seed = 9"));
    kill_hard(replaced);
    assert!(!run.path().join("validation.csv").exists());
    let json: serde_json::Value = serde_json::from_str(&evaluate(run.path(), &["--json"])).unwrap();
    assert_eq!(json["iterations"], 0, "the new run had not saved yet");
    let mut again = start("train --resume", run.path());
    wait_for(|| fs::read_to_string(run.path().join("metrics.csv")).unwrap().lines().count() > 3);
    again.kill().unwrap();
    again.wait().unwrap();
}

#[test]
fn a_run_killed_while_it_replaces_another_leaves_one_of_them() {
    let run = trained(&format!("{WAVES} --iterations 3 --seed 1"));
    let seed = || {
        let json: serde_json::Value = serde_json::from_str(&evaluate(run.path(), &["--json"])).unwrap();
        json["seed"].as_u64().unwrap()
    };
    // kills are spread over twice the time that a run takes to begin, on this machine as it is now
    let begun = std::time::Instant::now();
    let first = start(&format!("train {FOREVER_WAVES} --seed 2 --overwrite --out"), run.path());
    let config = || fs::read_to_string(run.path().join("config.toml")).unwrap_or_default();
    wait_for(|| config().contains("seed = 2\n"));
    let step = begun.elapsed() / 10;
    kill_hard(first);
    let (mut before, mut old, mut new) = (2, 0, 0);
    for (turn, next) in (1..21).zip(3_u64..) {
        let replaced = start(&format!("train {FOREVER_WAVES} --seed {next} --overwrite --out"), run.path());
        std::thread::sleep(turn * step);
        kill_hard(replaced);
        let now = seed();
        assert!(now == before || now == next, "{now} is neither {before} nor {next}");
        (old, new) = if now == before { (old + 1, new) } else { (old, new + 1) };
        before = now;
        let mut again = start("train --resume", run.path());
        std::thread::sleep(turn * step);
        again.kill().unwrap();
        again.wait().unwrap();
        assert_eq!(seed(), now);
    }
    assert!(new > 0, "old {old}, new {new}");
}

fn kill_hard(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_second_run_in_the_folder_is_refused_and_readers_are_not() {
    let run = tempfile::tempdir().unwrap();
    let first = start(FOREVER, run.path());
    wait_for(|| {
        fs::read_to_string(run.path().join("metrics.csv")).is_ok_and(|text| text.lines().count() > 3)
    });
    let refused = "another run is writing into it";
    let mut second = fewshot();
    second.args("train --data sinusoid --iterations 2 --overwrite --out".split(' ')).arg(run.path());
    fails(&mut second, 2, refused);
    fails(&mut resume(run.path(), 200_000_000), 2, refused);
    evaluate(run.path(), &[]);
    kill_hard(first);
    succeeds(&mut second);
    // two that begin in a folder that is not there yet: one of them comes first
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("new");
    let arguments = format!("train {WAVES} --iterations 300 --out");
    let mut both = [start(&arguments, &dir), start(&arguments, &dir)];
    let ended: Vec<_> = both.iter_mut().map(|child| child.wait().unwrap().code()).collect();
    assert!(ended == [Some(0), Some(2)] || ended == [Some(2), Some(0)], "{ended:?}");
}

#[test]
fn logs_with_holes_are_mended_aloud() {
    let run = trained("--data sinusoid --episodes 2 --iterations 6");
    let path = run.path().join("metrics.csv");
    let text = fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> =
        text.lines().enumerate().filter(|(i, _)| ![3, 4].contains(i)).map(|(_, line)| line).collect();
    fs::write(&path, kept.join("\n") + "\n").unwrap();
    let stderr = succeeds(&mut resume(run.path(), 8));
    assert!(stderr.contains("metrics.csv") && stderr.contains("it lacks iterations 3 to 4"), "{stderr}");
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(&kept.join("\n")) && after.lines().count() == 7, "{after}");
}

#[test]
fn what_was_seen_on_validation_classes_is_not_forgotten() {
    let run = trained("--data sinusoid --episodes 2 --iterations 4 --validate-every 1 --patience 2");
    let path = run.path().join("validation.csv");
    fs::remove_file(&path).unwrap();
    fails(&mut resume(run.path(), 9), 2, "validation.csv");
    fs::write(&path, [0xff; 3]).unwrap();
    fails(&mut resume(run.path(), 9), 2, "validation.csv");
}

/// A named pipe, which nobody writes to.
fn pipe(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn pipes_and_devices_are_not_waited_for() {
    let run = trained("--data sinusoid --episodes 2 --iterations 2");
    for name in ["metrics.csv", "config.toml"] {
        let path = run.path().join(name);
        let text = fs::read(&path).unwrap();
        pipe(&path);
        fails(&mut resume(run.path(), 3), 2, name);
        fs::remove_file(&path).unwrap();
        fs::write(&path, text).unwrap();
    }
    let fifo = run.path().join("fifo");
    pipe(&fifo);
    fails(fewshot().args(["train", "--config"]).arg(&fifo), 2, "no regular file");
    fails(fewshot().args(["train", "--config", "/dev/zero"]), 2, "no regular file");
}

#[test]
fn files_are_written_as_plain_files_are() {
    let run = tempfile::tempdir().unwrap();
    let (dir, program) = (run.path().join("run"), env!("CARGO_BIN_EXE_fewshot"));
    let command = format!(
        "umask 077; exec {program} train --ways 2 --train-ways 2 --iterations 2 --episodes 2 --out {}",
        dir.display()
    );
    assert!(Command::new("sh").args(["-c", &command]).output().unwrap().status.success());
    for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    let support = drawings(&[1, 1], 0);
    let predict = |to: &Path| {
        let mut command = fewshot();
        command.arg("predict").arg(&dir).arg("--support").arg(support.path()).arg("--save").arg(to);
        command
    };
    succeeds(&mut predict(Path::new("/dev/null")));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let (target, link) = (run.path().join("target"), run.path().join("link"));
    symlink(&target, &link).unwrap();
    succeeds(&mut predict(&link));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && target.is_file());
}

#[test]
fn names_give_no_orders_to_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a\u{1b}[31mb");
    let mut missing = fewshot();
    fails(missing.arg("evaluate").arg(&dir), 2, r"a\u{1b}[31mb");
    train(&dir, "--data sinusoid --episodes 2 --iterations 2");
    let said = evaluate(&dir, &[]);
    assert!(said.contains(r"a\u{1b}[31mb") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn a_run_that_is_not_kept_says_so() {
    let output =
        fewshot().args("train --data sinusoid --episodes 2 --iterations 2".split(' ')).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("kept        nothing; --out DIR"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    assert!(!train(folder.path(), "--data sinusoid --episodes 2 --iterations 2").contains("kept  "));
}

/// A disc without space, as the system has it for one process: files end at 4 KB or so.
fn on_full_disc(arguments: &str, dir: &Path) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_fewshot");
    let command =
        format!("trap '' XFSZ; ulimit -f 4; exec {program} train {arguments} --out {}", dir.display());
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_full_disc_keeps_what_was_there_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let options = "--data sinusoid --episodes 2 --iterations 2";
    let (status, said) = on_full_disc(options, &folder.path().join("a/b"));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("model.safetensors: ") && said.contains("; nothing was kept; choose"), "{said}");
    assert!(said.lines().count() == 1 && !said.contains("untouched"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the folders made for it are gone");
    let run = trained(options);
    let files = || -> Vec<_> {
        let mut entries: Vec<_> =
            fs::read_dir(run.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect()
    };
    let before = files();
    let (status, said) = on_full_disc(&format!("{options} --overwrite --seed 9"), run.path());
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("the run that it holds is as it was"), "{said}");
    assert!(files() == before);
    evaluate(run.path(), &[]);
}

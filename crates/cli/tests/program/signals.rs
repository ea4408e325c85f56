//! Signals, a reader that goes away, and a disc that runs full.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{evaluate, last};

const FOREVER: &str = "train --data sinusoid --iterations 100000000 --episodes 10 --out";

fn start(arguments: &str, out: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_fewshot"))
        .args(arguments.split(' '))
        .arg(out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a run has finished so many iterations.
fn wait_for_iterations(run: &Path, iterations: usize) {
    let started = Instant::now();
    let count = || fs::read_to_string(run.join("metrics.csv")).map_or(0, |text| text.lines().count());
    while count() <= iterations {
        assert!(started.elapsed() < Duration::from_secs(60), "the run does not get going");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The iteration that an interrupted run ended after, which all its files are of.
#[track_caller]
fn ended_whole(child: Child, run: &Path) -> u64 {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    let said = last(&stderr).strip_prefix("error: interrupted after iteration ");
    let said = said.unwrap_or_else(|| panic!("{stderr}")).split(';').next().unwrap();
    assert_eq!(stderr.matches("interrupted").count(), 1, "one line: {stderr}");
    // metrics end with a whole line, and the model is of the same iteration
    let metrics = fs::read_to_string(run.join("metrics.csv")).unwrap();
    assert!(metrics.ends_with('\n'));
    assert_eq!(last(&metrics).split(',').next().unwrap(), said);
    let json: serde_json::Value = serde_json::from_str(&evaluate(run, &["--json"])).unwrap();
    assert_eq!(json["iterations"].to_string(), said);
    said.parse().unwrap()
}

/// Whether this process, and so those it starts, ignores SIGHUP, as under nohup.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn signals_save_the_last_good_weights() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        if signal == "-HUP" && ignores_hangup() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let child = start(FOREVER, folder.path());
        wait_for_iterations(folder.path(), 5);
        send(signal, &child);
        assert!(ended_whole(child, folder.path()) >= 5, "{signal}");
    }
}

#[test]
fn a_second_signal_does_not_wait_for_the_iteration_and_loses_nothing_either() {
    let slow = "train maml --shots 5 --meta-batch 8 --iterations 1000 --episodes 2 --out";
    for (signals, pause) in [(["-INT", "-INT"], 1), (["-TERM", "-INT"], 20), (["-INT", "-TERM"], 300)] {
        let folder = tempfile::tempdir().unwrap();
        let child = start(slow, folder.path());
        wait_for_iterations(folder.path(), 1);
        for signal in signals {
            send(signal, &child);
            std::thread::sleep(Duration::from_millis(pause));
        }
        let asked = Instant::now();
        let iteration = ended_whole(child, folder.path());
        assert!(iteration < 20, "{signals:?} waited for iterations");
        assert!(asked.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script =
        format!("trap '' HUP; exec {} {FOREVER} {}", env!("CARGO_BIN_EXE_fewshot"), folder.path().display());
    let mut command = Command::new("sh");
    let child = command.args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_iterations(folder.path(), 5);
    send("-HUP", &child);
    let before = fs::read_to_string(folder.path().join("metrics.csv")).unwrap().lines().count();
    wait_for_iterations(folder.path(), before + 5);
    send("-TERM", &child);
    ended_whole(child, folder.path());
}

#[test]
fn other_commands_end_at_once_with_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let trained = start("train --data sinusoid --iterations 2 --episodes 2 --out", folder.path());
    assert!(trained.wait_with_output().unwrap().status.success());
    for signal in ["-INT", "-TERM"] {
        let child = start("evaluate --episodes 1000000", folder.path());
        std::thread::sleep(Duration::from_millis(300));
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(130), "error: interrupted\n"), "{signal}");
    }
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("train --data sinusoid --iterations 50 --episodes 10 --out", folder.path());
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    evaluate(folder.path(), &[]);
}

/// Runs the program where no file may grow beyond so many blocks of 512 bytes.
fn with_small_disc(blocks: usize, arguments: &str, out: &Path) -> std::process::Output {
    let program = env!("CARGO_BIN_EXE_fewshot");
    let script = format!("ulimit -f {blocks}; trap '' XFSZ; exec {program} {arguments} {}", out.display());
    Command::new("sh").args(["-c", &script]).output().unwrap()
}

#[test]
fn a_disc_that_is_full_is_found_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let output = with_small_disc(1, "train --data sinusoid --iterations 100000000 --out", folder.path());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("error: --out ") && stderr.lines().count() == 1, "{stderr}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing half-written stays");
}

#[test]
fn a_disc_that_fills_up_loses_no_result() {
    let folder = tempfile::tempdir().unwrap();
    // room for the model (8 kB), not for 1500 lines of metrics
    let output =
        with_small_disc(40, "train --data sinusoid --iterations 1500 --episodes 10 --out", folder.path());
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(last(&stderr).starts_with("error: ") && last(&stderr).contains("metrics.csv"), "{stderr}");
    assert!(last(&stdout).starts_with("mse "), "{stdout}");
    assert!(fs::read_to_string(folder.path().join("metrics.csv")).unwrap().ends_with('\n'));
    assert_eq!(last(&evaluate(folder.path(), &[])), last(&stdout));
}

#[test]
fn results_that_cannot_be_printed_are_an_error() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fewshot"))
        .args("train --data sinusoid --iterations 5 --out".split(' '))
        .arg(folder.path())
        .stdout(full)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("standard output"), "{stderr}");
}

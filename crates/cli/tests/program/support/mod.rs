//! What the tests of the program share.

pub mod pictures;
pub mod svg;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// The program.
pub fn fewshot() -> Command {
    Command::cargo_bin("fewshot").expect("cargo builds the program before its tests")
}

/// Runs a command that must fail with this status and exactly one line, `error: ...`, that names something.
#[track_caller]
pub fn fails(command: &mut Command, status: i32, named: &str) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{command:?}\n{stderr}");
    let errors: Vec<&str> = stderr.lines().collect();
    assert_eq!(errors.len(), 1, "one line expected: {command:?}\n{stderr}");
    assert!(
        errors[0].starts_with("error: ") && errors[0].contains(named),
        "{named:?} expected: {command:?}\n{stderr}"
    );
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Runs `fewshot train` into a folder and returns what it prints.
#[track_caller]
pub fn train(out: &Path, arguments: &str) -> String {
    let mut command = fewshot();
    command.arg("train").args(arguments.split_whitespace()).arg("--out").arg(out);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with a finished run.
#[track_caller]
pub fn trained(arguments: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), arguments);
    folder
}

/// What `fewshot evaluate` prints.
#[track_caller]
pub fn evaluate(run: &Path, arguments: &[&str]) -> String {
    let output = fewshot().arg("evaluate").arg(run).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The last line.
pub fn last(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

/// The Omniglot archives, if they are there: `$FEWSHOT_SHARED/data/omniglot`, or `../shared` of the workspace.
pub fn omniglot() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("FEWSHOT_SHARED").map_or(workspace.join("../shared"), PathBuf::from);
    let folder = shared.join("data/omniglot");
    if folder.join("images_background.zip").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no Omniglot archives in {}; set FEWSHOT_SHARED", folder.display());
    None
}

//! What shells and manuals are told of the program.

use std::fs;

use crate::support::{fails, fewshot};

const COMMANDS: [&str; 11] = [
    "train",
    "algorithms",
    "presets",
    "evaluate",
    "learn",
    "predict",
    "embed",
    "plot",
    "runs",
    "completions",
    "man",
];
/// Algorithms, which are commands below `train`.
const ALGORITHMS: usize = 20;

#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = fewshot().args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_completes_commands_and_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        for word in COMMANDS.iter().chain(&["inner-lr", "overwrite", "protonet"]) {
            assert!(script.contains(word) || shell == "elvish" || shell == "powershell", "{shell}: {word}");
        }
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    fails(fewshot().args(["completions", "tcsh"]), 2, "bash");
    fails(fewshot().arg("completions"), 2, "SHELL");
}

#[test]
fn manual_pages_have_their_sections() {
    let page = printed(&["man"]);
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SUBCOMMANDS", "VERSION"] {
        assert!(page.contains(&format!("\n.SH {section}")), "{section}: {page}");
    }
    for command in COMMANDS {
        assert!(page.contains(&format!("fewshot\\-{command}(1)")), "{command}: {page}");
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("share/man1");
    let paths = printed(&["man", "--out", out.to_str().unwrap()]);
    assert_eq!(paths.lines().count(), 1 + COMMANDS.len() + ALGORITHMS);
    for path in paths.lines() {
        let page = fs::read_to_string(path).unwrap();
        assert!(
            [".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"].iter().all(|section| page.contains(section)),
            "{path}"
        );
    }
    let train = fs::read_to_string(out.join("fewshot-train.1")).unwrap();
    assert!(train.contains(".SH NOTES") && train.contains("runs/protonet"));
    let maml = fs::read_to_string(out.join("fewshot-train-maml.1")).unwrap();
    assert!(maml.contains("inner\\-lr") && !maml.contains("train\\-ways"), "{maml}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    fails(fewshot().args(["man", "--out"]).arg(&file), 2, "file");
}

//! Names of classes and files from the folder to the answers.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::support::pictures::{drawing, write};
use crate::support::{fewshot, trained};
use serde_json::Value;

/// Names that lists, terminals or JSON could stumble over.
const NAMES: [&str; 7] = [
    "crane, bird",
    "crane, machine",
    "say \"crane\"",
    "two\nlines",
    "red\u{1b}[31m",
    "고양이",
    "\u{1100}\u{1161} \u{202e}",
];

fn predict(model: &Path, support: Option<&Path>, arguments: &[&OsStr]) -> (String, String) {
    let mut command = fewshot();
    command.arg("predict").arg(model).args(arguments);
    if let Some(support) = support {
        command.arg("--support").arg(support);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn names_keep_their_identity_and_are_shown_harmlessly() {
    use std::os::unix::ffi::OsStrExt;
    let run = trained("--ways 2 --train-ways 2 --filters 4 --iterations 1 --episodes 2");
    let support = tempfile::tempdir().unwrap();
    for (class, name) in (0..).zip(NAMES) {
        write(&support.path().join(name).join("1.png"), &drawing(class, 0));
    }
    for (class, name) in (7..).zip([&b"caf\xe9"[..], b"caf\xe8"]) {
        write(&support.path().join(OsStr::from_bytes(name)).join("1.png"), &drawing(class, 0));
    }
    let image = support.path().join(OsStr::from_bytes(b"caf\xe8/1.png"));
    let saved = support.path().join("saved");
    let flags = [OsStr::new("--json"), image.as_os_str(), OsStr::new("--save"), saved.as_os_str()];
    let (learned, _) = predict(run.path(), Some(support.path()), &flags);
    let (kept, _) = predict(&saved, None, &flags[..2]);
    for json in [&learned, &kept] {
        let json: Value = serde_json::from_str(json).unwrap();
        let classes = json["classes"].as_array().unwrap();
        let mut found: Vec<&str> = classes.iter().map(|class| class["name"].as_str().unwrap()).collect();
        let mut expected = [&NAMES[..], &[r"caf\xE9", r"caf\xE8"]].concat();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        let answer = &json["answers"][0];
        assert!(answer["image"].as_str().unwrap().ends_with(r"caf\xE8/1.png"), "{answer}");
        assert_eq!(answer["probabilities"].as_object().unwrap().len(), expected.len(), "none became another");
    }
    // each is the likeliest for its own picture, shown on one line
    for (name, shown) in NAMES.into_iter().zip([
        "crane, bird",
        "crane, machine",
        "say \"crane\"",
        r"two\u{a}lines",
        r"red\u{1b}[31m",
        "고양이",
        "\u{1100}\u{1161} \\u{202e}",
    ]) {
        let image = support.path().join(name).join("1.png");
        let (said, _) = predict(run.path(), Some(support.path()), &[image.as_os_str()]);
        assert_eq!(said.lines().count(), 4, "{said}");
        assert!(!said.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{said}");
        assert!(said.contains(&format!("{shown}/1.png  {shown} ")), "{shown}: {said}");
    }
    fs::remove_dir_all(support.path().join("two\nlines")).unwrap();
}

//! What is printed on a terminal is as wide as the terminal, and no word is broken.
#![cfg(unix)]

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use crate::support::pictures::{drawing, write};
use crate::support::trained;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use unicode_width::UnicodeWidthStr;

const TINY: &str = "--iterations 2 --episodes 3 --meta-batch 1 --threads 1";

/// Where the program prints.
#[derive(Clone, Copy, PartialEq)]
enum Printed {
    Results,
    Remarks,
}

/// Both ends of a terminal.
fn terminal(columns: u16) -> (OwnedFd, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = File::options().read(true).write(true).open(name).unwrap();
    tcsetwinsize(&theirs, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (ours, theirs)
}

/// What the program prints on a terminal of so many columns.
fn on_terminal(columns: u16, printed: Printed, arguments: &[&str]) -> String {
    on_terminal_with(&[("TERM", "xterm")], columns, printed, arguments)
}

/// What it prints there with these variables.
fn on_terminal_with(
    variables: &[(&str, &str)],
    columns: u16,
    printed: Printed,
    arguments: &[&str],
) -> String {
    let (ours, theirs) = terminal(columns);
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewshot"));
    command
        .args(arguments)
        .env_remove("COLUMNS")
        .env_remove("CI")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("NO_COLOR")
        .env_remove("TERM")
        .stdin(Stdio::null());
    command.envs(variables.iter().copied());
    match printed {
        Printed::Results => command.stdout(theirs).stderr(Stdio::null()),
        Printed::Remarks => command.stdout(Stdio::null()).stderr(theirs),
    };
    let mut child = command.spawn().unwrap();
    // nobody but the program holds their end from here on
    drop(command);
    let reading = std::thread::spawn(move || {
        let (mut ours, mut bytes) = (File::from(ours), Vec::new());
        // ends with an error once their end is closed
        let _ = ours.read_to_end(&mut bytes);
        bytes
    });
    child.wait().unwrap();
    String::from_utf8(reading.join().unwrap()).unwrap().replace("\r\n", "\n")
}

/// What it prints into a pipe.
fn piped(arguments: &[&str]) -> String {
    let output = crate::support::fewshot().args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn is_drawn(word: &str) -> bool {
    word.chars().all(|c| ('\u{2800}'..='\u{28ff}').contains(&c))
}

/// How long something took, which differs.
fn is_time(word: &str) -> bool {
    word.contains(':') && word.chars().all(|c| c == ':' || c.is_ascii_digit())
}

/// Asserts that lines fit, but for words that are wider, and that the words are those of the text as it is.
#[track_caller]
fn fits(text: &str, columns: usize, plain: &str) {
    for line in text.lines() {
        let alone = line.split_whitespace().count() == 1;
        assert!(line.width() <= columns || alone, "{} columns of {columns}: {line:?}\n{text}", line.width());
    }
    let words = |text: &str| -> Vec<String> {
        text.split_whitespace().filter(|word| !is_drawn(word) && !is_time(word)).map(str::to_owned).collect()
    };
    assert_eq!(words(text), words(plain), "at {columns} columns");
    let drawn = |text: &str| text.split_whitespace().filter(|word| is_drawn(word)).count();
    assert_eq!(drawn(text), drawn(plain), "drawings are whole at {columns} columns:\n{text}");
}

#[test]
fn training_and_evaluation_fit() {
    let train = format!("train --train-ways 5 --queries 1 {TINY}");
    let maml = format!("train maml --queries 1 --filters 4 {TINY}");
    let run = trained(&format!("maml --queries 1 --filters 4 {TINY}"));
    let run = run.path().display().to_string();
    for (arguments, widths) in [
        (train, &[40, 60, 80, 120][..]),
        (maml, &[40]),
        (format!("evaluate {run} --steps 0..3"), &[40, 60]),
        ("algorithms".to_owned(), &[40, 60, 80, 120]),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let plain = piped(&arguments);
        for &columns in widths {
            fits(&on_terminal(columns, Printed::Results, &arguments), usize::from(columns), &plain);
        }
    }
    let json = on_terminal(40, Printed::Results, &["evaluate", &run, "--json"]);
    assert_eq!(json.lines().count(), 1, "other programs read it: {json}");
}

#[test]
fn names_of_two_columns_a_letter_fit() {
    let data = tempfile::tempdir().unwrap();
    let name = |class: u32| ["고양이", "강아지", "토끼", "거북이", "앵무새", "다람쥐"][class as usize];
    for class in 0..6 {
        for number in 0..3 {
            write(&data.path().join(name(class)).join(format!("{number}.png")), &drawing(class, number));
        }
    }
    let data = data.path().display().to_string();
    let train = format!("train --data folder:{data} --invert --ways 3 --queries 2 --eval-queries 2 {TINY}");
    let train: Vec<&str> = train.split(' ').collect();
    let plain = piped(&train);
    assert!((0..6).filter(|&class| plain.contains(name(class))).count() >= 3, "{plain}");
    let run = trained(&train[1..].join(" "));
    let images = ["토끼/0.png", "고양이/1.png"].map(|image| format!("{data}/{image}"));
    let run = run.path().display().to_string();
    let predict = ["predict", &run, "--support", &data, &images[0], &images[1]];
    let answers = piped(&predict);
    for columns in [40, 60, 80, 120] {
        fits(&on_terminal(columns, Printed::Results, &train), usize::from(columns), &plain);
        fits(&on_terminal(columns, Printed::Results, &predict), usize::from(columns), &answers);
    }
    // the shorter path is filled up to where the classes begin
    let begins: Vec<usize> = answers
        .lines()
        .filter_map(|line| line.split_once(".png"))
        .map(|(path, rest)| path.width() + rest.width() - rest.trim_start().width())
        .collect();
    assert_eq!((begins.len(), begins[0]), (2, begins[1]), "{answers}");
}

#[test]
fn help_fits() {
    for help in ["", "train ", "evaluate ", "predict ", "plot ", "embed ", "runs ", "completions ", "man "]
        .map(|of| format!("{of}--help"))
    {
        let arguments: Vec<&str> = help.split(' ').collect();
        let plain = piped(&arguments);
        for columns in [40, 60, 80, 120] {
            let text = on_terminal(columns, Printed::Results, &arguments);
            fits(&without_escapes(&text), usize::from(columns), &plain);
        }
    }
}

#[test]
fn progress_and_errors_fit() {
    let train = "train --train-ways 5 --queries 1 --iterations 30 --episodes 3 --meta-batch 1";
    let train: Vec<&str> = train.split(' ').collect();
    for columns in [40, 60, 80, 120] {
        let text = without_escapes(&on_terminal(columns, Printed::Remarks, &train));
        let lines: Vec<&str> = text.split(['\r', '\n']).collect();
        for line in &lines {
            assert!(line.width() <= usize::from(columns), "{columns}: {line:?}");
        }
        let told = |line: &&str| line.contains("loss ") && line.contains("accuracy ") && line.contains('%');
        assert!(lines.iter().any(told), "at {columns} columns: {lines:?}");
        let left = |line: &&str| line.contains("loss ") && line.trim_end().ends_with(" left");
        assert!(lines.iter().any(left), "no time left at {columns} columns: {lines:?}");
    }
    // a terminal that does not know its width has the usual one
    let unknown = without_escapes(&on_terminal(0, Printed::Remarks, &train));
    let lines: Vec<&str> = unknown.split(['\r', '\n']).collect();
    assert!(
        lines.iter().any(|line| line.contains("/30  loss ") && line.trim_end().ends_with(" left")),
        "{lines:?}"
    );
    assert!(lines.iter().all(|line| line.width() <= 80), "{lines:?}");
    let algorithms = ["algorithms"];
    fits(&on_terminal(0, Printed::Results, &algorithms), 80, &piped(&algorithms));
    let wrong = ["train", "--preset", "protonet-omniglot-5w1s", "--data", "sinusoid"];
    let error = on_terminal(40, Printed::Remarks, &wrong);
    let plain = crate::support::fewshot().args(wrong).output().unwrap().stderr;
    fits(&error, 40, &String::from_utf8(plain).unwrap());
    assert!(error.lines().count() > 1, "{error}");
}

#[test]
fn a_narrow_bar_says_how_many_iterations_are_done() {
    let train = "train --train-ways 5 --queries 1 --iterations 30 --episodes 3 --meta-batch 1";
    let train: Vec<&str> = train.split(' ').collect();
    let text = without_escapes(&on_terminal(60, Printed::Remarks, &train));
    let bar = |line: &str| {
        let drawn = line.starts_with(['━', '╸', '─']) && line.trim_end().ends_with(" left");
        drawn && line.contains("/30  loss ") && line.contains("  accuracy ")
    };
    assert!(text.split(['\r', '\n']).any(bar), "{text}");
}

#[test]
fn colours_and_movements_of_the_cursor_are_left_out_where_they_are_not_wanted() {
    let train = "train --train-ways 5 --queries 1 --iterations 30 --episodes 3 --meta-batch 1";
    let train: Vec<&str> = train.split(' ').collect();
    let coloured = |text: &str| {
        text.split("\u{1b}[")
            .skip(1)
            .any(|code| code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
    };
    let help =
        |variables: &[(&str, &str)]| on_terminal_with(variables, 80, Printed::Results, &["train", "--help"]);
    let progress = |variables: &[(&str, &str)]| on_terminal_with(variables, 80, Printed::Remarks, &train);
    assert!(coloured(&help(&[("TERM", "xterm")])), "this test sees colours");
    let plain = [("TERM", "xterm"), ("NO_COLOR", "1")];
    assert!(!help(&plain).contains('\u{1b}'));
    let drawn = progress(&plain);
    assert!(drawn.contains("\u{1b}[") && !coloured(&drawn), "a bar without colours: {drawn:?}");
    // without a cursor that moves there are lines, as in a file
    for variables in [&[("TERM", "dumb")][..], &[]] {
        let lines = progress(variables);
        assert!(!lines.contains(['\u{1b}', '\r']), "{lines:?}");
        assert!(lines.lines().any(|line| line.starts_with("iteration 30/30")), "{lines:?}");
    }
    for variables in [&[("TERM", "dumb")][..], &[("TERM", "dumb"), ("CI", "true")]] {
        assert!(!help(variables).contains('\u{1b}'), "{variables:?}");
    }
    let quiet = [&train[..], &["--quiet"]].concat();
    assert_eq!(on_terminal(80, Printed::Remarks, &quiet), "");
}

#[test]
fn the_list_of_runs_fits() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a-long-name-of-an-experiment/with-a-seed-of-its-own";
    let out = folder.path().join(name);
    crate::support::train(&out, "--data sinusoid --iterations 1 --episodes 2");
    let folder = folder.path().display().to_string();
    for columns in [40, 60, 80, 120] {
        let text = on_terminal(columns, Printed::Results, &["runs", &folder]);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(|line| line.width() <= usize::from(columns)), "{columns}: {text}");
        assert!(text.contains(" ± "), "{text}");
    }
    assert!(piped(&["runs", &folder]).contains(name));
}

#[test]
fn what_the_user_says_of_the_terminal_comes_first() {
    let (ours, theirs) = terminal(120);
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewshot"));
    command.arg("algorithms").env("COLUMNS", "50").stdin(Stdio::null()).stdout(theirs);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut bytes = Vec::new();
    let _ = File::from(ours).read_to_end(&mut bytes);
    child.wait().unwrap();
    let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    fits(&text, 50, &piped(&["algorithms"]));
    // into a pipe, lines stay as they are
    let output = crate::support::fewshot().arg("algorithms").env("COLUMNS", "50").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), piped(&["algorithms"]));
}

/// Without colours, and what moves the cursor as the end of a line.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, code)) = rest.split_once("\u{1b}[") {
        let end = code.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(code.len() - 1);
        plain += before;
        if !code[..=end].ends_with('m') {
            plain.push('\n');
        }
        rest = &code[end + 1..];
    }
    plain + rest
}

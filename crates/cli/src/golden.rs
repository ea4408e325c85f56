//! What options come to, against the files of `tests/golden/`: the resolved configuration and the protocol lines of every preset and of
//! some hundred sets of options. `FEWSHOT_GOLDEN=write cargo test -p fewshot-cli golden` writes the files anew; what changes in them is to be meant.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use fewshot_episodes::Outputs;

use crate::algorithms::ALL;
use crate::config;
use crate::options::Options;
use crate::presets::Preset;
use crate::protocol;
use crate::settings::Settings;

/// Classes that pretraining has for training.
const TRAINING_CLASSES: usize = 1100;
const DATA: [&str; 5] = ["glyphs", "omniglot:/data", "folder:/data", "features:/data", "sinusoid"];
/// Beside algorithm and data; the first is what the others are shown as changes of.
const BESIDE: [&str; 4] = ["", "ways = 5; shots = 5", "ways = 20; shots = 1", "ways = 20; shots = 5"];

/// The options of a set, which are lines of a `config.toml` with semicolons between them.
fn options(set: &str) -> Options {
    Options(set.replace("; ", "\n").parse().unwrap())
}

/// Configuration and protocol, line by line.
fn resolved(options: &Options) -> Result<Vec<String>, String> {
    let settings = Settings::resolve(options).map_err(|error| error.to_string())?;
    let learner = settings.algorithm.trained(&settings, TRAINING_CLASSES);
    let config = config::text(&settings);
    let mut lines: Vec<String> =
        config.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    lines.extend(protocol::of_settings(&settings, Outputs::Classes(TRAINING_CLASSES), &*learner));
    Ok(lines)
}

/// What is new in `lines` and what is gone.
fn changes(base: &[String], lines: &[String]) -> Vec<String> {
    let gone = base.iter().filter(|line| !lines.contains(line)).map(|line| format!("- {line}"));
    let new = lines.iter().filter(|line| !base.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

/// Compares with the file of a name, or writes it.
fn check(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("FEWSHOT_GOLDEN").as_deref() == Ok("write") {
        fs::write(path, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap();
    for (number, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(expected, found, "{name}, line {}", number + 1);
    }
    assert_eq!(expected.len(), found.len(), "{name}: one of them has more lines");
}

#[test]
fn algorithms_on_data_resolve_as_before() {
    let mut text = String::new();
    for algorithm in ALL.iter().map(|algorithm| algorithm.about().name).filter(|name| *name != "made-up") {
        for data in DATA {
            let set = format!("algorithm = '{algorithm}'; data = '{data}'");
            let Ok(base) = resolved(&options(&set)) else {
                writeln!(text, "## {set}\nrefused\n").unwrap();
                continue;
            };
            writeln!(text, "## {set}\n{}\n", base.join("\n")).unwrap();
            for beside in &BESIDE[1..] {
                let set = format!("{set}; {beside}");
                let shown = resolved(&options(&set)).map(|lines| changes(&base, &lines).join("\n"));
                writeln!(text, "## {set}\n{}\n", shown.unwrap_or("refused".into())).unwrap();
            }
        }
    }
    check("algorithms.txt", &text);
}

#[test]
fn sets_of_options_resolve_as_before() {
    let sets =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sets.txt")).unwrap();
    let mut text = String::new();
    for set in sets.lines() {
        let base = resolved(&base_of(&options(set))).unwrap_or_default();
        let shown = match resolved(&options(set)) {
            Ok(lines) => changes(&base, &lines).join("\n"),
            Err(error) => error,
        };
        writeln!(text, "## {set}\n{shown}\n").unwrap();
    }
    check("resolved.txt", &text);
}

/// The same algorithm on the same data, without other options.
fn base_of(options: &Options) -> Options {
    let mut base = options.clone();
    base.0.retain(|name, _| name == "algorithm" || name == "data");
    base
}

#[test]
fn presets_resolve_as_before() {
    let mut text = String::new();
    let mut bases = BTreeMap::new();
    for preset in Preset::all().into_iter().filter(|preset| !preset.name.starts_with("made-up")) {
        let data = match (preset.name.split('-').nth(1), preset.name.starts_with("leo")) {
            (_, true) => "data = 'features:/data'",
            _ if preset.name.contains("-omniglot") => "data = 'omniglot:/data'",
            _ if preset.name.contains("-cifar-fs") || preset.name.contains("-fc100") => {
                "data = 'folder:/data'"
            }
            _ => "",
        };
        let given = options(data);
        let described = preset.describe(&given);
        let lines = resolved(&given.clone().or(preset.options(&given).unwrap())).unwrap();
        let base = bases.entry(lines[0].clone()).or_insert_with(Vec::new);
        let shown = changes(base, &lines).join("\n");
        if base.is_empty() {
            *base = lines;
        }
        writeln!(text, "## {described}\n{shown}\n").unwrap();
    }
    check("presets.txt", &text);
}

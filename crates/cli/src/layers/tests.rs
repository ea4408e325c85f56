//! How layers come over each other, and that what presets say was reached stands in the results.

use std::fs;

use super::*;
use crate::algorithms::{ALL, text_of};

/// The figures of a text with their intervals.
fn figures(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches([',', ';', '|'])).collect();
    words.windows(3).filter(|words| words[1] == "±").map(|words| words.join(" ")).collect()
}

#[test]
fn what_presets_reached_stands_in_the_results() {
    let pages = ["cifar-fs", "glyphs", "omniglot", "sinusoids"];
    let page = |name| format!("{}/../../docs/results/{name}.md", env!("CARGO_MANIFEST_DIR"));
    let results: String = pages.iter().map(|name| fs::read_to_string(page(name)).unwrap()).collect();
    let results = figures(&results);
    for about in ALL.iter().map(|algorithm| algorithm.about()) {
        for row in Published::parse(about.name, about.published).presets() {
            for figure in row.reached.iter().flat_map(|text| figures(text)) {
                assert!(results.contains(&figure), "{figure}: {row:?}");
            }
            let mut said = [&row.published, &row.reached].into_iter().flatten();
            assert!(said.all(|text| text.starts_with(|first: char| first.is_ascii_digit())), "{row:?}");
            assert!(row.minutes != Some(0), "{row:?}");
        }
    }
}

#[test]
fn later_layers_replace_earlier_ones() {
    let text = r#"
        like = "protonet"
        [[settings]]
        for = { shots = "2..5" }
        outer-schedule = "linear"
        queries = "ways * shots + 1"
        [[settings]]
        for = { data = ["glyphs", "omniglot"], ways = "20" }
        without = ["distance"]
        clip-norm = 1.0
        [[settings]]
        for = { network = "koch" }
        clip-value = 0.5
        clip-norm = 0.25
        [[settings]]
        for = { data = "folder" }
        clip-value = 2.0
        at-least = { train-ways = 7 }
    "#;
    let own = Published::parse("own", text);
    let table = |data, ways, shots, network| {
        own.settings(&text_of, &Conditions { data, ways, shots, network, split: None })
    };
    let plain = table("sinusoid", 5, 1, None);
    assert_eq!((plain["halve-every"].as_integer(), plain.get("outer-schedule")), (Some(2000), None));
    assert_eq!((plain["train-ways"].as_integer(), plain["distance"].as_str()), (Some(60), Some("euclidean")));
    let some = table("omniglot", 20, 5, None);
    assert_eq!((some.get("halve-every"), some["outer-schedule"].as_str()), (None, Some("linear")));
    assert_eq!((some.get("distance"), some["clip-norm"].as_float()), (None, Some(1.0)));
    let both = table("glyphs", 20, 1, Some("koch"));
    assert_eq!((both["clip-norm"].as_float(), both["clip-value"].as_float()), (Some(0.25), Some(0.5)));
    // glyphs first, then folders
    let folder = table("folder", 20, 5, Some("koch"));
    assert_eq!((folder.get("clip-norm"), folder["clip-value"].as_float()), (None, Some(2.0)));
    assert_eq!((folder["split"].as_str(), folder["train-ways"].as_integer()), (Some("own"), Some(20)));
    assert_eq!(table("folder", 3, 1, None)["train-ways"].as_integer(), Some(7));
    assert_eq!(folder["queries"].as_integer(), Some(4));
}

#[test]
fn options_are_named_in_place_of_numbers_only() {
    let mut table: Table = toml::from_str(
        "ways = 5\nshots = 3\nbatch = 8\nnorm = 'batch'\nnames = 'shots'\ntrain-shots = '1..9'\nqueries = 'shots'\n\
         eval-queries = 'queries'\ninner-batch = 'ways * shots'\nlanes = 'meta-batch'\ntrain-ways = '2 * ways + 1'",
    )
    .unwrap();
    resolve_names(&mut table);
    let whole = |option: &str| table[option].as_integer();
    assert_eq!(["queries", "eval-queries", "inner-batch", "train-ways"].map(whole), [3, 3, 15, 11].map(Some));
    let text = |option: &str| table[option].as_str().unwrap();
    assert_eq!(["norm", "names", "train-shots", "lanes"].map(text), ["batch", "shots", "1..9", "meta-batch"]);
}

#[test]
fn a_mistake_in_a_file_is_named() {
    for (text, cause) in [
        ("[[settings]]\nfor = { data = 'glyph' }", "there are no data glyph"),
        ("[[settings]]\nfor = { ways = '9..1' }", "no range such as"),
        ("[[settings]]\nfor = { ways = '' }", "no range such as"),
        ("[[settings]]\nfor = { class = '1' }", "unknown field `class`"),
        ("setting = 1", "unknown field `setting`"),
    ] {
        let parsed = std::panic::catch_unwind(|| Published::parse("own", text));
        let message = *parsed.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("algorithms/own.toml") && message.contains(cause), "{message}");
    }
}

#[test]
#[should_panic(expected = "algorithms/one.toml: it is like itself")]
fn algorithms_like_each_other_are_refused() {
    let like = |_: &str| "like = 'one'";
    let at = Conditions { data: "glyphs", ways: 5, shots: 1, network: None, split: None };
    Published::parse("two", "like = 'one'").settings(&like, &at);
}

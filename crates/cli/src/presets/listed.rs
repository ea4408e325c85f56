//! What `fewshot algorithms` and `fewshot presets` print.

use super::{Preset, distance};
use crate::algorithms::{self, ALL, Algorithm};
use crate::error::Error;

/// A row for each algorithm: name, what it does, paper.
pub fn algorithms() -> Vec<String> {
    let widest = ALL.iter().map(|algorithm| algorithm.about().name.len()).max().unwrap_or(0);
    let indent = " ".repeat(widest + 2);
    let mut lines = Vec::new();
    for about in ALL.iter().map(|algorithm| algorithm.about()) {
        lines.push(format!("{:<widest$}  {}", about.name, about.summary));
        lines.push(format!("{indent}{}", about.cited()));
    }
    lines.push(String::new());
    lines.push("fewshot train ALGORITHM --help  its options and their defaults".into());
    lines.push("fewshot presets [ALGORITHM]     published settings under one name".into());
    lines
}

/// The presets of an algorithm, or of all: name, published result, what was reached here, time, and for each kind of settings their source.
pub fn presets(algorithm: Option<&str>) -> Result<Vec<String>, Error> {
    let asked: Vec<&'static dyn Algorithm> = match algorithm {
        None => ALL.to_vec(),
        Some(name) => vec![algorithms::named(name).ok_or_else(|| unknown(name))?],
    };
    let all: Vec<Preset> = asked.into_iter().flat_map(Preset::of).collect();
    let widest = all.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    let mut lines =
        vec![format!("{:<widest$}  {:<14} {:<16} time here", "preset", "published", "reached here")];
    let mut last = String::new();
    for preset in &all {
        let source = preset.source();
        if source != last {
            lines.push(format!("# {source}"));
            last = source;
        }
        let row = &preset.row;
        let shown = |text: &Option<String>| text.as_deref().map_or("-", figure).to_owned();
        let (published, reached) = (shown(&row.published), shown(&row.reached));
        let line = format!("{:<widest$}  {published:<14} {reached:<16} {}", preset.name, time(row.minutes));
        lines.push(line.trim_end().to_owned());
    }
    lines.push(String::new());
    lines.push("fewshot train --preset NAME trains with one; - stands for what is not known.".into());
    Ok(lines)
}

fn unknown(name: &str) -> Error {
    let mut names: Vec<&str> = ALL.iter().map(|algorithm| algorithm.about().name).collect();
    names.sort_by_key(|known| distance(known, name));
    let near = names[..3].join(", ");
    Error::Combination(format!(
        "presets {name}: there is no such algorithm; near it are {near}; `fewshot algorithms` lists all of them"
    ))
}

/// The figure that a result begins with.
fn figure(result: &str) -> &str {
    let end = match (result.find('%'), result.find(',')) {
        (Some(end), _) => end + 1,
        (None, Some(end)) => end,
        (None, None) => result.len(),
    };
    &result[..end]
}

/// Minutes in the unit that suits them.
fn time(minutes: Option<u64>) -> String {
    match minutes {
        None => "-".into(),
        Some(minutes @ 0..=90) => format!("{minutes} min"),
        Some(minutes @ ..=2880) => format!("{} h", (minutes + 30) / 60),
        Some(minutes) => format!("{} days", (minutes + 720) / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_fit_80_columns() {
        let lines = [super::algorithms(), presets(None).unwrap()].concat();
        for line in lines.iter().filter(|line| !line.starts_with('#')) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn every_algorithm_and_preset_is_listed() {
        let text = super::algorithms().join("\n");
        for about in ALL.iter().map(|algorithm| algorithm.about()) {
            assert!(text.contains(about.name) && text.contains(about.summary), "{text}");
        }
        let text = presets(None).unwrap().join("\n");
        assert!(text.contains("mamlpp-omniglot-5w1s") && text.contains("cavia-sinusoid"), "{text}");
        let maml = presets(Some("maml")).unwrap().join("\n");
        assert!(maml.contains("maml-glyphs-20w5s") && !maml.contains("protonet"), "{maml}");
        assert!(presets(Some("mamml")).unwrap_err().to_string().contains("near it are maml"));
    }

    #[test]
    fn times_have_a_unit_that_suits_them() {
        assert_eq!([Some(1), Some(300), Some(10_000), None].map(time), ["1 min", "5 h", "7 days", "-"]);
    }
}

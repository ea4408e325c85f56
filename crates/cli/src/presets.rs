//! Presets: the published settings of an algorithm on some data, under one name.

mod refused;

use crate::algorithm::Algorithm;
use crate::choices::{Data, Twin};
use crate::defaults;
use crate::error::Error;
use crate::options::Options;
use crate::settings::Settings;

/// Ways and shots of the presets of drawings: those of the published tables.
const EPISODES: [(usize, usize); 4] = [(5, 1), (5, 5), (20, 1), (20, 5)];
/// Those of LEO.
const FIVE_WAYS: [(usize, usize); 2] = [(5, 1), (5, 5)];
/// Classes of the presets of sequences: those of the published tables.
const CLASSES: [usize; 2] = [5, 15];
/// What a preset is called.
pub const PATTERN: &str =
    "ALGORITHM-DATA-WAYSwSHOTSs, or ALGORITHM-sinusoid, siamese-DATA, siamese-DATA-koch, mann-DATA-CLASSES";
/// Data with presets, by name.
const DATA: [&str; 3] = ["omniglot", "glyphs", "sinusoid"];
/// Names shown when one is unknown.
const SHOWN: usize = 3;

/// A preset by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The name.
    pub name: String,
    algorithm: Algorithm,
    data: &'static str,
    /// Ways and shots; none for regression.
    episodes: Option<(usize, usize)>,
    /// Network, for an algorithm that has a choice.
    network: Option<Twin>,
}

impl Preset {
    /// All presets.
    pub fn all() -> Vec<Preset> {
        Algorithm::all()
            .iter()
            .flat_map(|algorithm| data_of(*algorithm).flat_map(|data| on(*algorithm, data)))
            .collect()
    }

    /// The preset of a name.
    pub fn named(name: &str) -> Result<Preset, Error> {
        let mut all = Preset::all();
        if let Some(place) = all.iter().position(|preset| preset.name == name) {
            return Ok(all.swap_remove(place));
        }
        all.sort_by_key(|preset| distance(&preset.name, name));
        let near: Vec<&str> = all.iter().take(SHOWN).map(|preset| preset.name.as_str()).collect();
        let cause =
            format!("there is no such preset; near it are {}; the pattern is {PATTERN}", near.join(", "));
        Err(Error::option("preset", name, cause))
    }

    /// The options it stands for, with the data of `given`, whose options come first.
    pub fn options(&self, given: &Options) -> Result<Options, Error> {
        let own = self.data(given)?;
        if let Some(other) = given.algorithm.filter(|other| *other != self.algorithm) {
            return Err(self.other_algorithm(other));
        }
        let named = Options {
            algorithm: Some(self.algorithm),
            data: Some(own),
            ways: self.episodes.map(|(ways, _)| ways),
            shots: self.episodes.map(|(_, shots)| shots),
            network: self.network,
            ..Options::default()
        };
        Ok(Settings::resolve(&named)?.options())
    }

    /// Where its settings come from, and which of them other options replace.
    pub fn describe(&self, given: &Options) -> String {
        let data = if self.data == "sinusoid" { Data::Sinusoid } else { Data::Glyphs };
        let (ways, shots) = self.episodes.unwrap_or((defaults::WAYS, defaults::SINUSOID_SHOTS));
        let default = defaults::of(self.algorithm, &data, ways, shots);
        let source =
            if self.network == Some(Twin::Koch) { defaults::koch(default).source } else { default.source };
        let replaced: Vec<String> = given
            .given()
            .into_iter()
            .filter(|option| !["data", "algorithm", "seed"].contains(&option.as_str()))
            .map(|option| format!("--{option}"))
            .collect();
        let replaced =
            if replaced.is_empty() { String::new() } else { format!("; beside it {}", replaced.join(" ")) };
        let shorter = match self.data {
            "glyphs" => ", for Omniglot; here about a minute of iterations",
            _ => "",
        };
        format!("{}: {source}{shorter}{replaced}", self.name)
    }

    fn data(&self, given: &Options) -> Result<Data, Error> {
        match (&given.data, self.data) {
            (Some(data @ Data::Features(_)), _) if self.algorithm == Algorithm::Leo => Ok(data.clone()),
            (other, _) if self.algorithm == Algorithm::Leo => Err(self.needs_features(other.as_ref())),
            (Some(data), own) if data.name() == own => Ok(data.clone()),
            (Some(other), _) => Err(self.other_data(other)),
            (None, "glyphs") => Ok(Data::Glyphs),
            (None, "sinusoid") => Ok(Data::Sinusoid),
            (None, _) => Err(Error::Combination(format!(
                "--preset {} needs the drawings: add --data omniglot:PATH, the folder with images_background.zip and \
                 images_evaluation.zip",
                self.name
            ))),
        }
    }
}

/// Data an algorithm has presets for.
fn data_of(algorithm: Algorithm) -> impl Iterator<Item = &'static str> {
    DATA.into_iter().filter(move |data| match algorithm {
        Algorithm::Cavia => *data == "sinusoid",
        Algorithm::Leo => *data == "omniglot",
        other if other.classifies_alone() => *data != "sinusoid",
        _ => true,
    })
}

fn on(algorithm: Algorithm, data: &'static str) -> Vec<Preset> {
    let name = algorithm.name();
    if data == "sinusoid" {
        return vec![Preset {
            name: format!("{name}-{data}"),
            algorithm,
            data,
            episodes: None,
            network: None,
        }];
    }
    if algorithm == Algorithm::Siamese {
        // it is trained on pairs, whatever the episodes
        let of =
            |name, network| Preset { name, algorithm, data, episodes: Some((20, 1)), network: Some(network) };
        let small = of(format!("{name}-{data}"), Twin::Small);
        return vec![small, of(format!("{name}-{data}-koch"), Twin::Koch)];
    }
    if algorithm == Algorithm::Mann {
        // of sequences, which are no support and query
        let of = |ways| {
            let name = format!("{name}-{data}-{ways}");
            Preset { name, algorithm, data, episodes: Some((ways, 1)), network: None }
        };
        return CLASSES.map(of).to_vec();
    }
    let of = |(ways, shots)| {
        let name = format!("{name}-{data}-{ways}w{shots}s");
        Preset { name, algorithm, data, episodes: Some((ways, shots)), network: None }
    };
    if algorithm == Algorithm::Leo {
        return FIVE_WAYS.map(of).to_vec();
    }
    EPISODES.into_iter().map(of).collect()
}

/// What `fewshot algorithms` prints.
pub fn list() -> Vec<String> {
    let line = |algorithm: &Algorithm| {
        let data: Vec<&str> = data_of(*algorithm).collect();
        let name = algorithm.name();
        format!(
            "{name:<18}{:<64}{}; presets {name}-{}",
            algorithm.summary(),
            algorithm.paper(),
            data.join("|")
        )
    };
    let mut lines: Vec<String> = Algorithm::all().iter().map(line).collect();
    lines.push(String::new());
    lines.push(format!("Presets: fewshot train --preset {PATTERN}"));
    let episodes: Vec<String> = EPISODES.map(|(ways, shots)| format!("{ways}w{shots}s")).into();
    lines.push(format!("Of drawings: {}. Where their settings come from:", episodes.join(", ")));
    for algorithm in Algorithm::all() {
        for data in data_of(*algorithm) {
            let preset = on(*algorithm, data).swap_remove(0);
            let (name, source) = (algorithm.name(), preset.describe(&Options::default()));
            let source = source.split_once(": ").map_or("", |(_, source)| source).to_owned();
            lines.push(format!("  {:<28}{source}", format!("{name}-{data}")));
        }
    }
    lines
}

/// Letters to insert, delete or replace to make one name of the other (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(preset: &str, given: &Options) -> Result<Settings, Error> {
        let options = Preset::named(preset)?.options(given)?;
        Settings::resolve(&given.clone().or(options))
    }

    fn omniglot() -> Options {
        Options { data: Some(Data::Omniglot("/data".into())), ..Options::default() }
    }

    fn features() -> Options {
        Options { data: Some(Data::Features("/data".into())), ..Options::default() }
    }

    #[test]
    fn every_preset_is_the_defaults_of_its_algorithm() {
        for preset in Preset::all() {
            let given = match (preset.algorithm, preset.data) {
                (Algorithm::Leo, _) => features(),
                (_, "omniglot") => omniglot(),
                _ => Options::default(),
            };
            let settings = resolved(&preset.name, &given).unwrap();
            let plain = Options {
                algorithm: Some(preset.algorithm),
                data: Some(settings.data.clone()),
                ways: preset.episodes.map(|(ways, _)| ways),
                shots: preset.episodes.map(|(_, shots)| shots),
                network: preset.network,
                ..Options::default()
            };
            assert_eq!(settings, Settings::resolve(&plain).unwrap(), "{}", preset.name);
        }
    }

    #[test]
    fn options_beside_a_preset_replace_its_own_and_nothing_else() {
        let given = Options { ways: Some(5), meta_batch: Some(3), ..omniglot() };
        let settings = resolved("reptile-omniglot-20w1s", &given).unwrap();
        let twenty = resolved("reptile-omniglot-20w1s", &omniglot()).unwrap();
        assert_eq!(settings.classes.as_ref().map(|classes| classes.ways), Some(5));
        assert_eq!(settings.iterations, twenty.iterations);
        assert_eq!(settings.method.steps(), twenty.method.steps());
        assert_eq!(settings.options().lanes, Some(3));
    }

    #[test]
    fn what_fits_no_preset_is_refused_with_the_way_out() {
        let message = |name: &str, given: Options| resolved(name, &given).unwrap_err().to_string();
        let none = Options::default;
        assert!(message("maml-omniglot-5w1s", none()).contains("--data omniglot:PATH"));
        assert!(message("maml-omniglot-5w1", none()).contains("near it are maml-omniglot-5w1s"));
        assert!(message("nonsense", none()).contains(PATTERN));
        assert!(message("cavia-glyphs-5w1s", none()).contains("no such preset"));
        assert!(
            message("maml-glyphs-5w1s", omniglot())
                .contains("other data; give --data glyphs, or --preset maml-omniglot-5w1s")
        );
        let folder = || Options { data: Some(Data::Folder("/data".into())), ..none() };
        assert!(
            message("protonet-omniglot-20w5s", folder()).contains("--algorithm protonet --ways 20 --shots 5")
        );
        assert!(
            message("siamese-omniglot-koch", folder())
                .contains("--algorithm siamese --ways 20 --network koch")
        );
        assert!(message("cavia-sinusoid", folder()).ends_with("or another algorithm"));
        assert!(message("leo-omniglot-5w1s", folder()).contains("--algorithm pretrain --data folder:/data"));
        assert!(message("leo-omniglot-5w1s", none()).contains("fewshot embed runs/encoder"));
        assert!(message("leo-omniglot-5w5s", omniglot()).contains("fewshot embed runs/encoder"));
        let anil = Options { algorithm: Some(Algorithm::Anil), ..none() };
        assert!(
            message("maml-sinusoid", anil).contains("leave --algorithm out, or take --preset anil-sinusoid")
        );
    }

    #[test]
    fn distances_between_names() {
        assert_eq!(["", "maml", "anil", "nil"].map(|name| distance(name, "anil")), [4, 3, 0, 1]);
    }

    #[test]
    fn the_list_names_every_algorithm_and_source() {
        let text = list().join("\n");
        for algorithm in Algorithm::all() {
            assert!(text.contains(algorithm.paper()) && !algorithm.summary().is_empty(), "{text}");
        }
        assert!(text.contains("  mamlpp-omniglot") && text.contains("  cavia-sinusoid"), "{text}");
    }
}

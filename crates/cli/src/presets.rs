//! Presets: the published settings of an algorithm on some data, under one name.

mod listed;
mod refused;

pub use listed::{algorithms, presets};

use crate::algorithms::{self, ALL, Algorithm};
use crate::error::Error;
use crate::layers::PresetRow;
use crate::options::Options;
use crate::places::Data;
use crate::settings::{Settings, defaults};

/// Names shown when one is unknown.
const SHOWN: usize = 3;

/// A preset of an algorithm.
#[derive(Clone)]
pub struct Preset {
    /// The whole name.
    pub name: String,
    algorithm: &'static dyn Algorithm,
    row: PresetRow,
}

impl Preset {
    /// All presets.
    pub fn all() -> Vec<Preset> {
        ALL.iter().flat_map(|algorithm| Preset::of(*algorithm)).collect()
    }

    /// Those of an algorithm.
    pub fn of(algorithm: &'static dyn Algorithm) -> Vec<Preset> {
        let name = algorithm.about().name;
        let published = algorithms::published(algorithm);
        let preset = |row: &PresetRow| Preset { name: row.full_name(name), algorithm, row: row.clone() };
        published.presets().iter().map(preset).collect()
    }

    /// The preset of a name, which may lack the name of the algorithm where that is given.
    pub fn named(name: &str, algorithm: Option<&str>) -> Result<Preset, Error> {
        let mut all = Preset::all();
        let whole = algorithm.map(|algorithm| format!("{algorithm}-{name}"));
        let is = |preset: &Preset| preset.name == name || whole.as_ref() == Some(&preset.name);
        if let Some(place) = all.iter().position(is) {
            return Ok(all.swap_remove(place));
        }
        let near_to = whole.as_deref().unwrap_or(name);
        all.sort_by_key(|preset| distance(&preset.name, name).min(distance(&preset.name, near_to)));
        let near: Vec<&str> = all.iter().take(SHOWN).map(|preset| preset.name.as_str()).collect();
        let cause = format!(
            "there is no such preset; near it are {}; `fewshot presets` lists all of them",
            near.join(", ")
        );
        Err(Error::option("preset", name, cause))
    }

    /// The options it stands for, with the data of `given`, whose options come first.
    pub fn options(&self, given: &Options) -> Result<Options, Error> {
        let name = self.algorithm.about().name;
        if let Some(other) = given.text("algorithm").filter(|other| *other != name) {
            return Err(self.other_algorithm(other));
        }
        let own = self.data(given)?;
        let mut named = self.named_options().with("data", own.to_string());
        if let Some(size) = given.get("feature-size") {
            named.set("feature-size", size.clone());
        }
        Ok(Settings::resolve(&named)?.options())
    }

    /// Algorithm, ways, shots, network and split.
    fn named_options(&self) -> Options {
        let PresetRow { ways, shots, network, split, .. } = &self.row;
        let mut options = Options::default().with("algorithm", self.algorithm.about().name);
        for (name, number) in [("ways", ways), ("shots", shots)] {
            if let Some(number) = number {
                options.set(name, *number as i64);
            }
        }
        for (name, text) in [("network", network), ("split", split)] {
            if let Some(text) = text {
                options.set(name, text.as_str());
            }
        }
        options
    }

    /// Where its settings come from, and which of them other options replace.
    pub fn describe(&self, given: &Options) -> String {
        let beside =
            given.0.keys().filter(|option| !["data", "algorithm", "seed"].contains(&option.as_str()));
        let replaced: Vec<String> = beside.map(|option| format!("--{option}")).collect();
        let replaced =
            if replaced.is_empty() { String::new() } else { format!("; beside it {}", replaced.join(" ")) };
        format!("{}: {}{replaced}", self.name, self.source())
    }

    /// Where its settings come from.
    fn source(&self) -> String {
        let options = defaults(self.algorithm, &self.placeless(), &self.named_options());
        let shorter = match self.row.data.as_str() {
            "glyphs" => ", for Omniglot; here about a minute of iterations",
            _ => "",
        };
        format!("{}{shorter}", options.text("source").unwrap_or_default())
    }

    /// Its data, lying nowhere in particular.
    fn placeless(&self) -> Data {
        Data::of_kind(if self.needs_vectors() { "features" } else { &self.row.data })
    }

    /// Its algorithm, data, ways, shots and network.
    pub fn protocol(&self) -> Options {
        self.named_options().with("data", self.placeless().to_string())
    }

    fn needs_vectors(&self) -> bool {
        self.algorithm.about().data == ["features"]
    }

    fn data(&self, given: &Options) -> Result<Data, Error> {
        let data: Option<Data> = given.read("data");
        match (data, self.row.data.as_str()) {
            (Some(data @ Data::Features(_)), _) if self.needs_vectors() => Ok(data),
            (other, _) if self.needs_vectors() => Err(self.needs_features(other.as_ref())),
            (Some(data), own) if data.name() == own => Ok(data),
            (Some(other), _) => Err(self.other_data(&other)),
            (None, "glyphs") => Ok(Data::Glyphs),
            (None, "sinusoid") => Ok(Data::Sinusoid),
            (None, "folder") => Err(Error::Combination(format!(
                "--preset {} needs the pictures: add --data folder:PATH, a folder with a folder for each class of CIFAR-100, under its \
                 fine label, such as aquarium_fish",
                self.name
            ))),
            (None, _) => Err(Error::Combination(format!(
                "--preset {} needs the drawings: add --data omniglot:PATH, the folder with images_background.zip and \
                 images_evaluation.zip",
                self.name
            ))),
        }
    }
}

/// Letters to insert, delete or replace to make one name of the other (Levenshtein 1966).
pub fn distance(a: &str, b: &str) -> usize {
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

    fn given(text: &str) -> Options {
        Options(text.parse().unwrap())
    }

    fn resolved(preset: &str, given: &Options) -> Result<Settings, Error> {
        let options = Preset::named(preset, None)?.options(given)?;
        Settings::resolve(&given.clone().or(options))
    }

    #[test]
    fn every_preset_is_the_defaults_of_its_algorithm() {
        for preset in Preset::all() {
            let data = given(&format!("data = '{}'", preset.placeless()));
            let settings = resolved(&preset.name, &data).unwrap();
            let plain = preset.named_options().with("data", settings.data.to_string());
            assert_eq!(settings.options(), Settings::resolve(&plain).unwrap().options(), "{}", preset.name);
        }
    }

    #[test]
    fn a_preset_goes_by_two_names() {
        let name = |name, algorithm| Preset::named(name, algorithm).map(|preset| preset.name).ok();
        let whole = Some("maml-omniglot-5w1s".to_owned());
        assert_eq!(name("omniglot-5w1s", Some("maml")), whole);
        assert_eq!(name("maml-omniglot-5w1s", Some("maml")), whole);
        assert_eq!(name("maml-omniglot-5w1s", None), whole);
        assert_eq!(name("omniglot-5w1s", None), None);
    }

    #[test]
    fn options_beside_a_preset_replace_its_own_and_nothing_else() {
        let omniglot = "data = 'omniglot:/data'";
        let settings =
            resolved("reptile-omniglot-20w1s", &given(&format!("ways = 5\nmeta-batch = 3\n{omniglot}")));
        let settings = settings.unwrap();
        let twenty = resolved("reptile-omniglot-20w1s", &given(omniglot)).unwrap();
        assert_eq!((settings.ways(), settings.iterations), (5, twenty.iterations));
        assert_eq!(settings.count("inner-steps"), twenty.count("inner-steps"));
        assert_eq!(settings.count("lanes"), 3);
    }

    #[test]
    fn what_fits_no_preset_is_refused_with_the_way_out() {
        let message = |name: &str, text: &str| resolved(name, &given(text)).err().unwrap().to_string();
        assert!(message("maml-omniglot-5w1s", "").contains("--data omniglot:PATH"));
        assert!(message("maml-omniglot-5w1", "").contains("near it are maml-omniglot-5w1s"));
        assert!(message("nonsense", "").contains("fewshot presets"));
        assert!(message("cavia-glyphs-5w1s", "").contains("no such preset"));
        let (omniglot, folder) = ("data = 'omniglot:/data'", "data = 'folder:/data'");
        assert!(
            message("maml-glyphs-5w1s", omniglot)
                .contains("other data; give --data glyphs, or --preset maml-omniglot-5w1s")
        );
        assert!(
            message("protonet-omniglot-20w5s", folder).contains("fewshot train protonet --ways 20 --shots 5")
        );
        assert!(
            message("siamese-omniglot-koch", folder)
                .contains("fewshot train siamese --ways 20 --network koch")
        );
        assert!(message("cavia-sinusoid", folder).ends_with("or another algorithm"));
        assert!(message("leo-omniglot-5w1s", folder).contains("fewshot train pretrain --data folder:/data"));
        assert!(message("leo-omniglot-5w1s", "").contains("fewshot embed runs/encoder"));
        assert!(message("leo-omniglot-5w5s", omniglot).contains("fewshot embed runs/encoder"));
        assert!(message("maml-sinusoid", "algorithm = 'anil'").contains("or take --preset anil-sinusoid"));
    }

    #[test]
    fn distances_between_names() {
        assert_eq!(["", "maml", "anil", "nil"].map(|name| distance(name, "anil")), [4, 3, 0, 1]);
    }
}

//! What a command line says before it is parsed.

use std::ffi::OsString;
use std::path::Path;

use crate::algorithms::{self, ALL, Algorithm};
use crate::files;
use crate::options::{Kind, Options};
use crate::places::Data;
use crate::run_files::LARGEST_TEXT;
use crate::settings::Settings;

/// What the words of a command line say of the algorithm and of that on which defaults depend, before they are parsed.
pub struct Asked {
    /// The algorithm that they name, by its name, a preset or a configuration; the usual one of the data else.
    pub algorithm: &'static dyn Algorithm,
    /// Those of data, ways, shots and network that they give.
    options: Options,
}

impl Asked {
    /// What these words say.
    pub fn of(words: Vec<OsString>) -> Asked {
        let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let value = |option: &str| {
            let flag = format!("--{option}");
            let mut pairs = words.iter().zip(words.iter().skip(1).map(Some).chain([None]));
            pairs.find_map(|(word, next)| match word.strip_prefix(&flag)? {
                "" => next.cloned(),
                rest => rest.strip_prefix('=').map(str::to_owned),
            })
        };
        let mut options = Options::default();
        for name in ["data", "ways", "shots", "network"] {
            let read = |text: String| crate::config::option(name)?.kind.parse(&text).ok();
            options.0.extend(value(name).and_then(read).map(|value| (name.to_owned(), value)));
        }
        let pairs = words.iter().zip(words.iter().skip(1)).skip_while(|(word, _)| *word != "train");
        let named =
            pairs.filter(|(before, _)| !takes_next(before)).find_map(|(_, word)| algorithms::named(word));
        let of_preset = || {
            let preset = value("preset")?;
            ALL.iter().copied().find(|other| preset.strip_prefix(other.about().name).is_some_and(follows))
        };
        let of_config = || {
            let text = files::read(Path::new(&value("config")?), LARGEST_TEXT).ok()?;
            let table: toml::Table = text.parse().ok()?;
            algorithms::named(table.get("algorithm")?.as_str()?)
        };
        let by_name = || algorithms::named(&value("algorithm")?);
        let algorithm = named.or_else(by_name).or_else(of_preset).or_else(of_config);
        let data = options.read("data").unwrap_or(Data::Glyphs);
        Asked { algorithm: algorithm.unwrap_or_else(|| algorithms::usual(&data)), options }
    }

    /// The data.
    pub fn data(&self) -> Data {
        self.options.read("data").unwrap_or(Data::Glyphs)
    }

    /// The options that a run of an algorithm has where these are all that are given; where they do not go together, or the algorithm does not
    /// learn from the data, those of its first kind of data.
    pub fn defaults(&self, algorithm: &dyn Algorithm) -> Options {
        let about = algorithm.about();
        let given = self.options.clone().with("algorithm", about.name);
        let first = about.data[0];
        let usual = || {
            let data = if first == "features" { "features:FILE" } else { first };
            Settings::resolve(&Options::default().with("algorithm", about.name).with("data", data))
        };
        let mut resolved = Settings::resolve(&given).or_else(|_| usual()).map(|settings| settings.options);
        if let Ok(options) = &mut resolved {
            options.remove("data");
            options.remove("algorithm");
        }
        resolved.unwrap_or_default()
    }
}

/// Whether a word is an option whose value is the next word.
fn takes_next(word: &str) -> bool {
    let alone = |name: &str| {
        ["overwrite", "quiet", "verbose", "help"].contains(&name)
            || crate::config::option(name).is_some_and(|option| matches!(option.kind, Kind::Flag))
    };
    word.strip_prefix("--").is_some_and(|name| !name.contains('=') && !alone(name))
}

/// Whether the rest of a preset's name begins with what follows the name of its algorithm.
fn follows(rest: &str) -> bool {
    ["-omniglot", "-glyphs", "-sinusoid"].iter().any(|data| rest.starts_with(data))
}

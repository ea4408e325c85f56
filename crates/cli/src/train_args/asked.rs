//! What a command line says before it is parsed.

use std::ffi::OsString;
use std::path::Path;

use crate::algorithms::{self, ALL, Algorithm};
use crate::options::{Kind, Options};
use crate::places::Data;
use crate::presets::Preset;
use crate::settings::Settings;

/// What the words of a command line say of the algorithm and of that on which defaults depend, before they are parsed.
pub struct Asked {
    /// The algorithm that they name, by its name, a preset or a configuration; the usual one of the data else.
    pub algorithm: &'static dyn Algorithm,
    /// Those of data, split, ways, shots and network that they give.
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
        for name in ["data", "split", "ways", "shots", "network"] {
            let read = |text: String| algorithms::option(name)?.kind.parse(&text).ok();
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
            let options = of_file(&value("config")?)?;
            algorithms::named(options.text("algorithm")?)
        };
        let by_name = || algorithms::named(&value("algorithm")?);
        let beside = value("preset").and_then(|preset| {
            let own = named.map(|algorithm| algorithm.about().name);
            Preset::named(&preset, own).ok().map(|preset| preset.protocol())
        });
        options = options.or(beside.or_else(|| of_file(&value("config")?)).unwrap_or_default());
        let algorithm = named.or_else(by_name).or_else(of_preset).or_else(of_config);
        let data = options.read("data").unwrap_or(Data::Glyphs);
        Asked { algorithm: algorithm.unwrap_or_else(|| algorithms::usual(&data)), options }
    }

    /// The data.
    pub fn data(&self) -> Data {
        self.options.read("data").unwrap_or(Data::Glyphs)
    }

    /// The data as far as an algorithm learns from them; else the first kind from which it does.
    pub fn data_for(&self, algorithm: &dyn Algorithm) -> Data {
        let (asked, kinds) = (self.data(), algorithm.about().data);
        if kinds.contains(&asked.name()) { asked } else { Data::of_kind(kinds[0]) }
    }

    /// The options that a run of an algorithm has where these are all that are given; where they do not go together, or the algorithm does not
    /// learn from the data, those of its first kind of data.
    pub fn defaults(&self, algorithm: &dyn Algorithm) -> Options {
        let about = algorithm.about();
        let given = self.options.clone().with("algorithm", about.name);
        let data = self.data_for(algorithm);
        let usual = Options::default().with("algorithm", about.name).with("data", data.to_string());
        let resolved = Settings::resolve(&given).or_else(|_| Settings::resolve(&usual));
        let mut options = resolved.map(|settings| settings.options).unwrap_or_default();
        options.remove("algorithm");
        // those of a file have no usual place
        if !options.is("data", "glyphs") && !options.is("data", "sinusoid") {
            options.remove("data");
        }
        options
    }
}

/// Whether a word is an option whose value is the next word.
fn takes_next(word: &str) -> bool {
    let alone = |name: &str| {
        ["overwrite", "quiet", "verbose", "help"].contains(&name)
            || algorithms::option(name).is_some_and(|option| matches!(option.kind, Kind::Flag))
    };
    word.strip_prefix("--").is_some_and(|name| !name.contains('=') && !alone(name))
}

/// The options of a configuration that can be read.
fn of_file(path: &str) -> Option<Options> {
    crate::config::read(Path::new(path)).ok()
}

/// Whether the rest of a preset's name begins with what follows the name of its algorithm.
fn follows(rest: &str) -> bool {
    ["-omniglot", "-glyphs", "-sinusoid", "-cifar-fs", "-fc100"].iter().any(|data| rest.starts_with(data))
}

//! `config.toml`: the settings of a run, under the names of the options.

use std::collections::BTreeMap;
use std::path::Path;

use crate::algorithms::option;
use crate::config_place::{self, Place};
use crate::error::{Error, one_line};
use crate::files;
use crate::options::Options;
use crate::settings::{self, Settings};

/// Settings that only evaluation reads: a model does not depend on them.
const EVALUATION_ONLY: [&str; 6] =
    ["episodes", "eval-queries", "eval-steps", "eval-rotations", "eval-inner-batch", "decay"];

/// Key and value that mark a model file of this program.
const FORMAT: &str = "fewshot-run";
const VERSION: &str = "1";
/// Key of the iterations a model was trained for.
const ITERATION: &str = "iteration";
const VALIDATION: &str = "validation";

/// Key of the checksum of the division a model was trained by.
const DIVISION: &str = "division";
/// Key of the iterations asked for, which a run that goes on may be given more of.
const ITERATIONS: &str = "iterations";
/// Key of the outputs of a pretrained network: one for each class it was trained on.
const OUTPUTS: &str = "outputs";
/// Most outputs read; a real network has some thousands.
const MOST_OUTPUTS: usize = 1_000_000;

/// Largest configuration read; a real one has some hundred bytes.
const LARGEST: u64 = 1 << 20;

/// Said of a file beside an error.
const CUT: &str = " (the last line has no end: the file may be cut)";

/// The text of `config.toml`.
pub fn text(settings: &Settings) -> String {
    let options = settings.options();
    let listed = settings::listed(settings.algorithm).into_iter();
    let lines =
        listed.filter_map(|option| Some(format!("{} = {}\n", option.name, options.get(option.name)?)));
    format!(
        "# Settings of a run of fewshot {}. To repeat it: fewshot train --config THIS_FILE --out NEW_FOLDER\n{}",
        env!("CARGO_PKG_VERSION"),
        lines.collect::<String>()
    )
}

/// Options as a file gives them.
pub struct Written {
    pub options: Options,
    /// Whether its last line has an end.
    ended: bool,
}

impl Written {
    /// What is said beside an error where the file may not be whole.
    pub fn end(&self) -> &'static str {
        if self.ended { "" } else { CUT }
    }

    /// How settings that a file stands for show that it is not whole beside a model of its run: lines at its end are missing.
    pub fn cut(&self, model: &BTreeMap<String, String>, settings: &Settings) -> Option<String> {
        let mut known: Vec<String> = metadata(settings).into_keys().collect();
        known.retain(|key| model.contains_key(key) && !self.options.has(key));
        match (&known[..], self.ended) {
            ([], true) => None,
            ([], false) => {
                difference(model, settings).map(|(key, ..)| format!("is cut within a line, at '{key}'"))
            }
            ([one], _) => Some(format!("is cut: it lacks '{one}', which the model beside it has")),
            ([one, more @ ..], _) => {
                let more = more.len();
                Some(format!(
                    "is cut: it lacks '{one}' and {more} more settings, which the model beside it has"
                ))
            }
        }
    }
}

/// Reads the options a configuration file sets.
pub fn read(path: &Path) -> Result<Options, Error> {
    read_written(path).map(|written| written.options)
}

/// Reads the options a configuration file sets, and what shows whether the file is whole.
pub fn read_written(path: &Path) -> Result<Written, Error> {
    let wrong = |cause: String| Error::Config { path: path.to_owned(), cause };
    let text = files::read(path, LARGEST)
        .map_err(|error| wrong(format!("{error}; give the config.toml of a run")))?;
    let ended = text.ends_with('\n');
    let cut = if ended { "" } else { CUT };
    let refused = |place: Option<Place>, said: String| {
        let cause = format!("{said}{cut}; mend it or take the config.toml of another run");
        match place {
            Some(place) => Error::ConfigAt { path: path.to_owned(), place, cause },
            None => wrong(cause),
        }
    };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let place = error.span().map(|span| Place::at(&text, span.start));
        refused(place, one_line(error.message()))
    })?;
    let mut options = Options::default();
    for (key, value) in table {
        let read = typed(&key, value);
        let (name, value) =
            read.map_err(|cause| refused(config_place::of(&text, &key, option(&key).is_some()), cause))?;
        if options.has(name) {
            let cause =
                format!("'{key}' is what '{name}' was called before, and both are given; give one of them");
            return Err(refused(config_place::of(&text, &key, false), cause));
        }
        options.set(name, value);
    }
    match options.0.is_empty() {
        true => Err(wrong("is empty, or cut before its first setting; put the file of a run back".into())),
        false => Ok(Written { options, ended }),
    }
}

/// Names of options in files of earlier versions, and what they are called now.
const EARLIER_NAMES: [(&str, &str); 1] = [("pull", "proximal-at")];

/// The name and value of an option of a file, as they are now.
fn typed(key: &str, value: toml::Value) -> Result<(&'static str, toml::Value), String> {
    let earlier = EARLIER_NAMES.iter().find(|(before, _)| *before == key);
    let name = earlier.map_or(key, |(_, now)| now);
    let option = option(name).ok_or_else(|| format!("there is no option '{key}'"))?;
    let given = value.to_string();
    match option.kind.typed(value) {
        Ok(value) => Ok((option.name, value)),
        Err(cause) => Err(format!("{key} = {given}: {cause}")),
    }
}

/// Options that come from anywhere, with the names and in the forms of now.
pub fn understood(options: &Options) -> Result<Options, Error> {
    let mut understood = Options::default();
    for (key, value) in options.0.clone() {
        let (key, value) = typed(&key, value).map_err(|cause| Error::Combination(format!("--{cause}")))?;
        understood.set(key, value);
    }
    Ok(understood)
}

/// What a model file says about its run: all settings but paths, as text.
fn metadata(settings: &Settings) -> BTreeMap<String, String> {
    let options = settings.options().0.into_iter();
    let text = |value: toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut metadata: BTreeMap<String, String> = options.map(|(key, value)| (key, text(value))).collect();
    metadata.insert("data".into(), settings.data.name().into());
    metadata.remove("teacher");
    if let Some(classes) = &settings.classes {
        metadata.insert("split".into(), classes.split.name().into());
    }
    metadata
}

/// The metadata of a model of so many outputs, trained for so many iterations.
pub fn model_metadata(settings: &Settings, iteration: u64, outputs: usize) -> BTreeMap<String, String> {
    let mut metadata = metadata(settings);
    if settings.algorithm.saves_outputs() {
        metadata.insert(OUTPUTS.into(), outputs.to_string());
    }
    metadata.insert(FORMAT.into(), VERSION.into());
    metadata.insert(ITERATION.into(), iteration.to_string());
    metadata
}

/// The iterations a model was trained for; none if its file is of another origin.
pub fn iteration(metadata: &BTreeMap<String, String>) -> Option<u64> {
    metadata.get(FORMAT).filter(|version| *version == VERSION)?;
    metadata.get(ITERATION)?.parse().ok()
}

/// What metadata say of the score on validation classes for which weights were chosen.
pub fn validated(score: f64) -> (String, String) {
    (VALIDATION.into(), score.to_string())
}

/// That score; none for weights that were not chosen.
pub fn validation(metadata: &BTreeMap<String, String>) -> Option<f64> {
    metadata.get(VALIDATION)?.parse().ok()
}

/// What metadata say of the division of the run's classes: the checksum of its text.
pub fn divided(checksum: String) -> (String, String) {
    (DIVISION.into(), checksum)
}

/// That checksum; none for a model of an earlier version.
pub fn division(metadata: &BTreeMap<String, String>) -> Option<&String> {
    metadata.get(DIVISION)
}

/// The outputs of a pretrained network; none if its file does not say.
pub fn outputs(metadata: &BTreeMap<String, String>) -> Option<usize> {
    metadata.get(OUTPUTS)?.parse().ok().filter(|outputs| (1..=MOST_OUTPUTS).contains(outputs))
}

/// The first setting in which a model file differs from the settings beside it: name, in the model, in the settings. Settings that
/// the version which wrote the model did not have do not count, and neither do the iterations asked for: a run that goes on gets its new
/// ones before its first save.
pub fn difference(model: &BTreeMap<String, String>, settings: &Settings) -> Option<(String, String, String)> {
    let own = settings.algorithm.evaluation_only();
    let free = |key: &str| EVALUATION_ONLY.contains(&key) || key == ITERATIONS || own.contains(&key);
    let before =
        |key: &str| EARLIER_NAMES.iter().find(|(_, now)| *now == key).map_or("", |(before, _)| before);
    metadata(settings).into_iter().filter(|(key, _)| !free(key)).find_map(|(key, value)| {
        let other = model.get(&key).or_else(|| model.get(before(&key)));
        let other = other.filter(|other| **other != value)?.clone();
        Some((key, other, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::resolve(&Options(text.parse().unwrap())).unwrap()
    }

    fn resolved(text: &str) -> Result<Settings, Error> {
        Settings::resolve(&Options(text.parse().unwrap()))
    }

    #[test]
    fn text_reads_back_to_the_same_settings() {
        for options in ["", "algorithm = 'maml'\nouter-lr = 0.30000000000000004", "data = 'sinusoid'"] {
            let settings = settings(options);
            let read = resolved(&text(&settings)).unwrap();
            assert_eq!(read.options(), settings.options());
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        let refused = |text: &str| resolved(text).err().unwrap().to_string();
        assert!(refused("wayz = 5").contains("wayz"));
        assert!(refused("algorithm = 'maml'\norder = 3").contains("order = 3"));
        assert!(refused("data = \"moon\"").contains("moon"));
    }

    #[test]
    fn names_of_before_are_understood() {
        let now = settings("algorithm = 'imaml'\nproximal-at = 'every-step'");
        let before = settings("algorithm = 'imaml'\npull = 'every-step'");
        assert_eq!(before.options, now.options);
        let mut model = metadata(&now);
        model.insert("pull".into(), model["proximal-at"].clone());
        model.remove("proximal-at");
        assert_eq!(difference(&model, &before), None);
        let other = settings("algorithm = 'imaml'");
        assert_eq!(difference(&model, &other).unwrap().0, "proximal-at");
    }

    #[test]
    fn metadata_hold_no_paths_and_tell_runs_apart() {
        let here = settings("data = 'omniglot:/here'");
        let there = settings("data = 'omniglot:/there'");
        assert_eq!(metadata(&here), metadata(&there));
        assert_eq!(difference(&metadata(&here), &there), None);
        let more = settings("data = 'omniglot:/here'\nways = 7\ntrain-ways = 60");
        let (key, model, beside) = difference(&metadata(&here), &more).unwrap();
        assert_eq!((key.as_str(), model.as_str(), beside.as_str()), ("ways", "5", "7"));
        let longer = settings("data = 'omniglot:/here'\nepisodes = 1000");
        assert_eq!(difference(&metadata(&here), &longer), None);
        let on = settings("data = 'omniglot:/here'\niterations = 9");
        assert_eq!(difference(&metadata(&here), &on), None);
        let mut earlier = metadata(&here);
        assert!(earlier.remove("outer-schedule").or(earlier.remove("train-shots")).is_some());
        assert_eq!(difference(&earlier, &here), None, "a model of a version without that setting");
    }
}

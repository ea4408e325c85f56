//! `config.toml`: the settings of a run, under the names of the options.

use std::collections::BTreeMap;
use std::path::Path;

use crate::algorithm::Algorithm;
use crate::config_place::Place;
use crate::error::{Error, one_line};
use crate::files;
use crate::options::Options;
use crate::settings::Settings;

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
    let values = toml::to_string(&settings.options()).expect("names, numbers and paths have a form in TOML");
    format!(
        "# Settings of a run of fewshot {}. To repeat it: fewshot train --config THIS_FILE --out NEW_FOLDER\n{values}",
        env!("CARGO_PKG_VERSION")
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
        let given = self.options.given();
        let mut known: Vec<String> = metadata(settings).into_keys().collect();
        known.retain(|key| model.contains_key(key) && !given.contains(key));
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
    let options: Options = toml::from_str(&text).map_err(|error| {
        let cut = if ended { "" } else { CUT };
        let said = one_line(error.message());
        let cause = format!("{said}{cut}; mend it or take the config.toml of another run");
        match error.span() {
            Some(span) => {
                Error::ConfigAt { path: path.to_owned(), place: Place::at(&text, span.start), cause }
            }
            None => wrong(cause),
        }
    })?;
    match options.given().is_empty() {
        true => Err(wrong("is empty, or cut before its first setting; put the file of a run back".into())),
        false => Ok(Written { options, ended }),
    }
}

/// What a model file says about its run: all settings but paths, as text.
fn metadata(settings: &Settings) -> BTreeMap<String, String> {
    let table =
        toml::Table::try_from(settings.options()).expect("names, numbers and paths have a form in TOML");
    let mut metadata: BTreeMap<String, String> = table
        .into_iter()
        .map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key, text)
        })
        .collect();
    metadata.insert("data".into(), settings.data.name().into());
    if let Some(classes) = &settings.classes {
        metadata.insert("split".into(), classes.split.name().into());
    }
    metadata
}

/// The metadata of a model of so many outputs, trained for so many iterations.
pub fn model_metadata(settings: &Settings, iteration: u64, outputs: usize) -> BTreeMap<String, String> {
    let mut metadata = metadata(settings);
    if settings.algorithm() == Algorithm::Pretrain {
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
    let tuned = settings.algorithm() == Algorithm::Pretrain;
    let free =
        |key: &str| EVALUATION_ONLY.contains(&key) || key == ITERATIONS || (tuned && key == "inner-lr");
    metadata(settings).into_iter().filter(|(key, _)| !free(key)).find_map(|(key, value)| {
        let other = model.get(&key).filter(|other| **other != value)?.clone();
        Some((key, other, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::Data;

    fn settings(options: Options) -> Settings {
        Settings::resolve(&options).unwrap()
    }

    #[test]
    fn text_reads_back_to_the_same_settings() {
        let maml =
            Options { algorithm: Some(Algorithm::Maml), outer_lr: Some(0.1 + 0.2), ..Options::default() };
        let sinusoid = Options { data: Some(Data::Sinusoid), ..Options::default() };
        for options in [Options::default(), maml, sinusoid] {
            let settings = settings(options);
            let read: Options = toml::from_str(&text(&settings)).unwrap();
            assert_eq!(Settings::resolve(&read).unwrap(), settings);
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(toml::from_str::<Options>("wayz = 5").unwrap_err().message().contains("wayz"));
        assert!(toml::from_str::<Options>("order = 3").unwrap_err().message().contains("order 3"));
        assert!(toml::from_str::<Options>("data = \"moon\"").unwrap_err().message().contains("moon"));
    }

    #[test]
    fn metadata_hold_no_paths_and_tell_runs_apart() {
        let here = settings(Options { data: Some(Data::Omniglot("/here".into())), ..Options::default() });
        let there = settings(Options { data: Some(Data::Omniglot("/there".into())), ..Options::default() });
        assert_eq!(metadata(&here), metadata(&there));
        assert_eq!(difference(&metadata(&here), &there), None);
        let more = settings(Options { ways: Some(7), ..here.options() });
        let (key, model, beside) = difference(&metadata(&here), &more).unwrap();
        assert_eq!((key.as_str(), model.as_str(), beside.as_str()), ("ways", "5", "7"));
        let longer = settings(Options { episodes: Some(1000), ..here.options() });
        assert_eq!(difference(&metadata(&here), &longer), None);
        let on = settings(Options { iterations: Some(9), ..here.options() });
        assert_eq!(difference(&metadata(&here), &on), None);
        let mut earlier = metadata(&here);
        assert!(earlier.remove("outer-schedule").or(earlier.remove("train-shots")).is_some());
        assert_eq!(difference(&earlier, &here), None, "a model of a version without that setting");
    }
}

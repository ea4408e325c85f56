//! The official within-alphabet one-shot runs of Omniglot.

use std::path::Path;

use fewshot_episodes::{Episode, OneShot, nearest, omniglot};
use fewshot_meta::evaluate;
use serde::Serialize;

use crate::error::Error;
use crate::evaluate::NIL;
use crate::measure::{Head, Subject, learner};
use crate::places::Data;
use crate::report;
use crate::settings::Settings;

/// Characters of a run.
pub const WAYS: usize = 20;
/// Height and width of the drawings that pixels are compared in.
const DRAWING: usize = 105;

/// How many of the 400 decisions are right.
#[derive(Serialize)]
pub struct Official {
    learner: String,
    right: usize,
    decisions: usize,
    /// Accuracy in per cent.
    value: f64,
    /// Right answers in each run.
    runs: Vec<usize>,
    /// Right answers of pixel nearest neighbour.
    nearest_neighbour: usize,
    iterations: u64,
}

/// Lets the learner take the runs of `all_runs.zip`.
pub fn measure(path: &Path, subject: &Subject<'_>) -> Result<Official, Error> {
    let settings = subject.settings;
    let refused = |what: &str| {
        Err(Error::Combination(format!("--runs: they are of drawings, the model is of {what}; leave it out")))
    };
    let Some(classes) = &settings.classes else { return refused("sinusoids") };
    if classes.features.is_some() {
        return refused("feature vectors");
    }
    if classes.pictures.channels() != 1 {
        return refused("pictures in colour");
    }
    let runs = omniglot::runs(path, classes.pictures.size)?;
    let evaluation = evaluate(&*learner(subject), subject.meta, &runs, runs.len() as u64)
        .map_err(|error| Error::Evaluation(error.to_string()))?;
    let counted = |accuracy: &f64| (accuracy * WAYS as f64).round() as usize;
    let right: Vec<usize> = evaluation.values.iter().map(counted).collect();
    let pixels = omniglot::runs(path, DRAWING)?;
    let by_pixels = |run: &Episode| counted(&nearest::accuracy(run, nearest::Distance::Cosine));
    Ok(Official {
        learner: match subject.head {
            Head::Kept => settings.name().into(),
            Head::LeftAway => "nil".into(),
        },
        right: right.iter().sum(),
        decisions: WAYS * runs.len(),
        value: 100.0 * evaluation.mean,
        runs: right,
        nearest_neighbour: pixels.iter().map(by_pixels).sum(),
        iterations: subject.iterations,
    })
}

/// Runs of a validation: 320 trials, as Koch et al. (2015, section 3.2) have them.
pub const VALIDATION_RUNS: u64 = 16;

/// The accuracy on trials of the same kind within validation alphabets, as a line.
pub fn validation(subject: &Subject<'_>, trials: &OneShot) -> Result<String, Error> {
    let evaluation = evaluate(&*learner(subject), subject.meta, trials, VALIDATION_RUNS)
        .map_err(|error| Error::Evaluation(error.to_string()))?;
    Ok(format!("validation  {:.2} % of {}", 100.0 * evaluation.mean, validation_words(subject.settings)))
}

/// What they are.
pub fn validation_words(settings: &Settings) -> String {
    format!("{} one-shot trials {}", VALIDATION_RUNS * WAYS as u64, among(settings))
}

/// Of which classes the images of a pair or of a trial are.
pub fn among(settings: &Settings) -> &'static str {
    match settings.data {
        Data::Folder(_) => "within parent folders, if any",
        _ => "within alphabets",
    }
}

impl Official {
    /// Prints the result.
    pub fn say(&self, nil: bool) -> Result<(), Error> {
        if nil {
            report::say(NIL)?;
        }
        let Official { right, decisions, value, runs, nearest_neighbour, .. } = self;
        let runs: Vec<String> = runs.iter().map(ToString::to_string).collect();
        let share = 100.0 * *nearest_neighbour as f64 / *decisions as f64;
        report::say(format!("right of {WAYS} in each run  {}", runs.join(" ")))?;
        report::say(format!("pixel nearest neighbour {share:.2} %, {nearest_neighbour} of {decisions}"))?;
        report::result(format!(
            "accuracy {value:.2} % on the official one-shot runs, {right} of {decisions} right"
        ))
    }

    /// Everything as one JSON object on one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a struct of numbers and names has a form in JSON")
    }
}

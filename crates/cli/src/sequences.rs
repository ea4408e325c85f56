//! Sequences of images: how a memory-augmented network is trained, and measured instance by instance.

use fewshot_episodes::{ImageSet, Purpose, SequenceProtocol, Sequences, Tasks};
use fewshot_meta::{Evaluation, Meta, Metric, by_instance};
use serde::Serialize;
use std::sync::Arc;

use crate::args::Part;
use crate::data::episodes;
use crate::error::Error;
use crate::measure::Subject;
use crate::settings::Settings;

/// Instances shown in one line, as published.
const SHOWN: [usize; 6] = [1, 2, 3, 4, 5, 10];
/// The instance whose accuracy counts: the first time a class can be known.
const COUNTED: usize = 2;

/// Sequences of some classes.
pub fn drawn(
    images: &Arc<ImageSet>,
    classes: &[fewshot_episodes::ClassId],
    protocol: SequenceProtocol,
    seed: u64,
    purpose: Purpose,
) -> Result<Box<dyn Tasks>, Error> {
    let what = "sequences (--ways, --per-class, --batch)";
    episodes(what, Sequences::new(images.clone(), classes, protocol, seed, purpose))
}

/// Accuracy at each instance of a class.
pub struct Instances {
    learner: String,
    scores: Vec<Evaluation>,
    sequences: u64,
    classes: usize,
    part: Part,
    seed: u64,
    iterations: u64,
}

/// What `--json` prints; accuracies in per cent.
#[derive(Serialize)]
struct Json<'a> {
    learner: &'a str,
    metric: &'static str,
    unit: &'static str,
    value: f64,
    interval: f64,
    instance: usize,
    by_instance: Vec<AtInstance>,
    sequences: u64,
    ways: usize,
    classes: &'static str,
    seed: u64,
    iterations: u64,
}

/// The accuracy at the k-th instance of a class.
#[derive(Serialize)]
struct AtInstance {
    instance: usize,
    value: f64,
    interval: f64,
    /// Classes of sequences it is the mean over.
    count: usize,
}

/// The scores of a network on so many sequences, rounded up to whole batches.
pub fn scores(
    settings: &Settings,
    meta: &Meta,
    tasks: &dyn Tasks,
    sequences: u64,
) -> Result<(Vec<Evaluation>, u64), fewshot_meta::Error> {
    let network = settings.algorithm.reader(settings).expect("only what reads sequences is measured on them");
    let batches = sequences.div_ceil(network.batch as u64).max(1);
    let scores = by_instance(&network, meta, tasks, batches)?;
    Ok((scores, batches * network.batch as u64))
}

/// The score over all instances at which a class can be known; over the first where there is no other.
pub fn known(scores: &[Evaluation]) -> Evaluation {
    let later = if scores.len() < COUNTED { scores } else { &scores[COUNTED - 1..] };
    let values = later.iter().flat_map(|score| score.values.iter().copied()).collect();
    Evaluation::new(Metric::Accuracy, values)
}

/// Lets the network read test sequences.
pub fn measure(subject: &Subject<'_>, tasks: &dyn Tasks, part: Part) -> Result<Instances, Error> {
    let settings = subject.settings;
    let scored = scores(settings, subject.meta, tasks, settings.episodes as u64);
    let (scores, sequences) = scored.map_err(|error| Error::Evaluation(error.to_string()))?;
    Ok(Instances {
        learner: settings.name().into(),
        scores,
        sequences,
        classes: settings.classes.as_ref().map_or(0, |classes| classes.ways),
        part,
        seed: settings.seed,
        iterations: subject.iterations,
    })
}

impl Instances {
    /// The accuracy at the instance that counts, the only one where classes come once.
    fn counted(&self) -> (usize, &Evaluation) {
        let instance = COUNTED.min(self.scores.len());
        (instance, &self.scores[instance - 1])
    }

    /// The result in lines, the last of which counts.
    pub fn lines(&self) -> Vec<String> {
        let of = |instance: usize| self.scores.get(instance - 1).map(|score| (instance, score));
        let row: Vec<String> = SHOWN
            .into_iter()
            .filter_map(of)
            .map(|(instance, score)| format!("{instance}: {:.2} %", 100.0 * score.mean))
            .collect();
        let (instance, score) = self.counted();
        let (sequences, classes) = (self.sequences, self.classes);
        vec![
            format!("by instance  {}", row.join("  ")),
            format!(
                "accuracy {score} (instance {instance}, {sequences} sequences of {classes} {} classes)",
                self.part.words()
            ),
        ]
    }

    /// Everything as one JSON object on one line.
    pub fn json(&self) -> String {
        let at = |(k, score): (usize, &Evaluation)| AtInstance {
            instance: k + 1,
            value: 100.0 * score.mean,
            interval: 100.0 * score.interval,
            count: score.values.len(),
        };
        let (instance, score) = self.counted();
        let json = Json {
            learner: &self.learner,
            metric: "accuracy",
            unit: "%",
            value: 100.0 * score.mean,
            interval: 100.0 * score.interval,
            instance,
            by_instance: self.scores.iter().enumerate().map(at).collect(),
            sequences: self.sequences,
            ways: self.classes,
            classes: self.part.words(),
            seed: self.seed,
            iterations: self.iterations,
        };
        serde_json::to_string(&json).expect("a struct of numbers and names has a form in JSON")
    }
}

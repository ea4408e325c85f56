//! Measuring what was learned on test episodes, beside what pixels alone achieve.

use std::collections::{BTreeMap, BTreeSet};

use fewshot_episodes::{Episode, Outputs, Tasks, nearest};
use fewshot_meta::{
    Evaluation, Learner, Meta, Metric, Nil, QueryLogits, Verification, evaluate, evaluate_with_logits, verify,
};
use fewshot_nn::NormPolicy;
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::args::{Part, StepRange};
use crate::baselines::Baselines;
use crate::calibrate::Calibrated;
use crate::data::{Source, TestEpisodes};
use crate::error::Error;
use crate::features;
use crate::network;
use crate::norm;
use crate::official;
use crate::progress::episodes_bar;
use crate::settings::Settings;

/// Regression is measured after up to so many steps, as in the paper of MAML.
const REGRESSION_STEPS: usize = 10;

/// Pairs of a batch of verification: with 600 batches about the 10,000 of Koch et al. (2015, section 3.2).
const PAIRS: usize = 16;

/// Up to so many steps, all are shown.
const MOST_SHOWN: usize = 10;

/// What becomes of the last layer at test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The learner adapts it.
    Kept,
    /// Features are compared instead (NIL).
    LeftAway,
}

/// What is measured, and how.
pub struct Subject<'a> {
    /// Settings of the run, with what replaces them.
    pub settings: &'a Settings,
    /// What becomes of the last layer.
    pub head: Head,
    /// What was learned.
    pub meta: &'a Meta,
    /// How many outer updates it was trained for.
    pub iterations: u64,
    /// Inner steps to be shown one by one.
    pub curve: Option<StepRange>,
}

/// A learner's score on test episodes.
pub struct Measured {
    /// The algorithm, or `nil`.
    pub learner: String,
    /// After some numbers of inner steps, the one that counts among them; a learner without steps has one entry.
    pub stages: BTreeMap<usize, Evaluation>,
    /// The number that counts: the steps at test.
    pub stage: usize,
    /// Stages to be shown one by one.
    pub curve: Option<StepRange>,
    /// Batch-norm policy, for networks with batch norm.
    pub norm: Option<NormPolicy>,
    /// The score under the other policy that results are published for.
    pub other_norm: Option<(NormPolicy, Evaluation)>,
    /// Nearest neighbour by pixels, or by features where they are the data, on the same episodes, for classification.
    pub nearest: Option<Evaluation>,
    /// A linear classifier trained on each support alone, for feature vectors.
    pub linear_head: Option<Evaluation>,
    /// What stands beside fine-tuning of a pretrained network, on the same episodes.
    pub baselines: Option<Baselines>,
    /// How well pairs are told apart, where that is measured, and of which classes a pair is.
    pub verification: Option<(Verification, &'static str)>,
    /// What the learner gave for the queries of all episodes together, for classification.
    pub logits: Option<QueryLogits>,
    /// A temperature fitted for probabilities, where one was asked for.
    pub calibrated: Option<Calibrated>,
    /// The episodes.
    pub episodes: TestEpisodes,
    /// Outer updates it was trained for.
    pub iterations: u64,
}

/// Lets the learner adapt to each episode and scores its answers.
pub fn measure(subject: &Subject<'_>, tasks: &dyn Tasks, episodes: TestEpisodes) -> Result<Measured, Error> {
    let settings = subject.settings;
    let count = settings.episodes as u64;
    let learner = learner(subject);
    let wanted = wanted(subject);
    let stage = steps(subject);
    let (stages, logits) = at_steps(&*learner, subject.meta, tasks, settings.episodes, &wanted, stage)?;
    let beside = if subject.curve.is_none() { &wanted } else { &BTreeSet::from([stage]) };
    let baselines = settings.algorithm.baselines(settings, subject.meta, tasks, beside)?;
    let nearest = settings.classes.as_ref().map(|_| {
        let accuracy = |i| nearest::accuracy(&tasks.episode(i), nearest::Distance::Cosine);
        Evaluation::new(Metric::Accuracy, (0..count).into_par_iter().map(accuracy).collect())
    });
    Ok(Measured {
        learner: learner_name(subject),
        stages,
        stage,
        curve: subject.curve,
        norm: settings
            .classes
            .as_ref()
            .map(|classes| classes.norm)
            .filter(|_| !subject.meta.statistics.is_empty()),
        other_norm: other_norm(subject, tasks)?,
        nearest,
        linear_head: features::linear_head(settings, tasks)?,
        baselines,
        verification: None,
        logits: pooled(&logits),
        calibrated: None,
        episodes,
        iterations: subject.iterations,
    })
}

/// Lets a Siamese network tell pairs of a part's classes apart, for each episode a batch; nothing for other learners.
pub fn verification(
    subject: &Subject<'_>,
    source: &Source,
    part: Part,
) -> Result<Option<(Verification, &'static str)>, Error> {
    let settings = subject.settings;
    if !settings.algorithm.verifies() {
        return Ok(None);
    }
    let Some(pairs) = source.pairs(settings, part, PAIRS) else { return Ok(None) };
    verify(&*learner(subject), subject.meta, &pairs, settings.episodes as u64)
        .map(|found| Some((found, official::among(settings))))
        .map_err(|error| Error::Evaluation(error.to_string()))
}

/// What answers: the algorithm, or `nil`.
pub fn learner_name(subject: &Subject<'_>) -> String {
    match subject.head {
        Head::Kept => subject.settings.name().into(),
        Head::LeftAway => "nil".into(),
    }
}

/// What the learner of these settings gives for the queries of so many episodes, after its steps at test.
pub fn query_logits(
    settings: &Settings,
    meta: &Meta,
    tasks: &dyn Tasks,
    episodes: usize,
) -> Result<QueryLogits, Error> {
    let steps = settings.algorithm.eval_steps(settings).unwrap_or(0);
    let learner = settings.algorithm.build(settings);
    let (_, logits) = at_steps(&*learner, meta, tasks, episodes, &BTreeSet::from([steps]), steps)?;
    Ok(QueryLogits::pooled(&logits))
}

/// The queries of all episodes together; nothing of regression.
pub fn pooled(logits: &[QueryLogits]) -> Option<QueryLogits> {
    (!logits.is_empty()).then(|| QueryLogits::pooled(logits))
}

/// Scores after these numbers of steps, of which one must not fail, with a bar that moves meanwhile; and the logits of each episode after that one.
pub fn at_steps(
    learner: &dyn Learner,
    meta: &Meta,
    tasks: &dyn Tasks,
    episodes: usize,
    steps: &BTreeSet<usize>,
    needed: usize,
) -> Result<(BTreeMap<usize, Evaluation>, Vec<QueryLogits>), Error> {
    let (evaluated, logits) = watched(tasks, episodes, |tasks| {
        evaluate_with_logits(learner, meta, tasks, episodes as u64, steps, needed)
    });
    let mut scores = BTreeMap::new();
    for (&step, evaluated) in steps.iter().zip(evaluated) {
        match evaluated {
            Ok(evaluation) => drop(scores.insert(step, evaluation)),
            Err(error) if step == needed => return Err(Error::Evaluation(error.to_string())),
            // shown beside the result, which stands without it
            Err(_) => {}
        }
    }
    Ok((scores, logits))
}

/// Measures on so many episodes, with a bar that moves meanwhile.
pub fn watched<T>(tasks: &dyn Tasks, episodes: usize, measure: impl FnOnce(&dyn Tasks) -> T) -> T {
    let bar = episodes_bar(episodes);
    let measured = measure(&Watched { tasks, bar: &bar });
    bar.finish_and_clear();
    measured
}

/// The learner, taking as many steps as are to be shown.
pub fn learner(subject: &Subject<'_>) -> Box<dyn Learner> {
    let settings = subject.settings;
    let shown = subject.curve.map_or(0, |curve| curve.last);
    match subject.head {
        Head::LeftAway => nil(settings),
        Head::Kept => with_steps(settings, shown.max(usual(settings))),
    }
}

/// Compares features of the same network, of which the last layer is left away.
pub fn nil(settings: &Settings) -> Box<dyn Learner> {
    Box::new(Nil { policy: settings.policy(), ..Nil::new(network::model(settings)) })
}

/// The learner of a run, taking at least so many steps at test where it takes any.
pub fn with_steps(settings: &Settings, least: usize) -> Box<dyn Learner> {
    let mut settings = settings.clone();
    if let Some(steps) = settings.options.count("eval-steps") {
        // more than may be asked for is never shown
        settings.options.set("eval-steps", steps.max(least) as i64);
    }
    settings.algorithm.build(&settings)
}

/// The inner steps at test.
fn steps(subject: &Subject<'_>) -> usize {
    match subject.head {
        Head::LeftAway => 0,
        Head::Kept => subject.settings.algorithm.eval_steps(subject.settings).unwrap_or(0),
    }
}

/// The numbers of steps after which answers are scored: those asked for, or all, of which there may be too many.
fn wanted(subject: &Subject<'_>) -> BTreeSet<usize> {
    let last = steps(subject);
    let mut wanted: BTreeSet<usize> = match (subject.head, subject.curve) {
        (Head::LeftAway, _) => BTreeSet::new(),
        (Head::Kept, Some(curve)) => (0..=curve.last).filter(|step| curve.has(*step)).collect(),
        // a new head knows nothing until the last step
        (Head::Kept, None) if subject.settings.algorithm.has_new_head(subject.settings) => BTreeSet::new(),
        (Head::Kept, None) if last <= MOST_SHOWN => (0..=last.max(usual(subject.settings))).collect(),
        (Head::Kept, None) => BTreeSet::from([0, 1, 2, 5, 10]),
    };
    wanted.insert(last);
    wanted
}

/// Steps that show how the error of regression falls; learned rates are made for their own number of steps, and diverge beyond.
fn usual(settings: &Settings) -> usize {
    let shown = settings.classes.is_none() && settings.algorithm.shows_regression();
    if shown { REGRESSION_STEPS } else { 0 }
}

/// The result for queries that are normalised the other way, where results are published for both.
fn other_norm(subject: &Subject<'_>, tasks: &dyn Tasks) -> Result<Option<(NormPolicy, Evaluation)>, Error> {
    let mut settings = subject.settings.clone();
    if !settings.algorithm.has_two_norms() || settings.classes.is_none() {
        return Ok(None);
    }
    let other = match settings.policy() {
        NormPolicy::Batch => NormPolicy::SupportPlusOne,
        _ => NormPolicy::Batch,
    };
    settings.set("norm", norm::name(other))?;
    let learner = settings.algorithm.build(&settings);
    let evaluation = evaluate(&*learner, subject.meta, tasks, settings.episodes as u64)
        .map_err(|error| Error::Evaluation(error.to_string()))?;
    Ok(Some((other, evaluation)))
}

/// Tasks that move a bar with each episode drawn.
struct Watched<'a> {
    tasks: &'a dyn Tasks,
    bar: &'a ProgressBar,
}

impl Tasks for Watched<'_> {
    fn episode(&self, i: u64) -> Episode {
        self.bar.inc(1);
        self.tasks.episode(i)
    }

    fn input_shape(&self) -> Vec<usize> {
        self.tasks.input_shape()
    }

    fn outputs(&self) -> Outputs {
        self.tasks.outputs()
    }
}

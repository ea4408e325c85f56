//! Accuracy or error of a learner over test episodes, with a 95 % interval.

use std::collections::BTreeSet;
use std::fmt;

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::Tasks;
use rayon::prelude::*;

use crate::calibration::query_logits::QueryLogits;
use crate::error::Error;
use crate::fit::{self, of_episode};
use crate::labels::{Labels, Metric};
use crate::learner::Learner;
use crate::meta::Meta;
use crate::predictor::Predictor;
use crate::task::Task;

/// What a learner scored on test episodes. The unit is the episode: each gives one value.
///
/// ```
/// use fewshot_meta::{Evaluation, Metric};
/// let values: Vec<f64> = (0..600).map(|i| if i % 2 == 0 { 0.4 } else { 0.6 }).collect();
/// let evaluation = Evaluation::new(Metric::Accuracy, values);
/// assert_eq!(evaluation.to_string(), "50.00 ± 0.80 %");
/// assert_eq!(format!("{evaluation:.1}"), "50.0 ± 0.8 %");
/// assert_eq!(Evaluation { metric: Metric::Mse, ..evaluation }.to_string(), "0.500 ± 0.008");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What was measured.
    pub metric: Metric,
    /// Mean over the episodes.
    pub mean: f64,
    /// Half width of the 95 % interval: `1.96 s / sqrt(E)`, `s` the population standard deviation over `E` episodes.
    pub interval: f64,
    /// Value of each episode.
    pub values: Vec<f64>,
}

impl Evaluation {
    /// Mean and interval of the values of the episodes.
    ///
    /// # Panics
    /// When there are none.
    #[track_caller]
    pub fn new(metric: Metric, values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "Evaluation::new: no episode");
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        Evaluation { metric, mean, interval: 1.96 * (variance / count).sqrt(), values }
    }
}

/// Mean and interval: accuracy in per cent with two digits, an error with three, or as many as are asked for.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scale, digits, unit) = match self.metric {
            Metric::Accuracy => (100.0, 2, " %"),
            Metric::Mse => (1.0, 3, ""),
        };
        let digits = f.precision().unwrap_or(digits);
        write!(f, "{:.digits$} ± {:.digits$}{unit}", scale * self.mean, scale * self.interval)
    }
}

/// Lets the learner adapt to each of the episodes `0..episodes` and scores its answers.
///
/// Episodes run in parallel on the ambient rayon pool; values come in episode order, equal for any number of threads.
///
/// # Errors
/// When the meta-parameters are not the learner's, an episode does not fit it, such as one without queries, or predictions are not finite.
/// When the predictor of the first episode gives other answers to the same queries when it is asked again ([`Error::Unsteady`]).
///
/// # Panics
/// When there are no episodes.
#[track_caller]
#[inline(never)]
pub fn evaluate<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    episodes: u64,
) -> Result<Evaluation, Error> {
    let adapt = |task: &Task<Array<F>>| vec![learner.adapt(meta, &task.support)];
    let (stages, _) = by_stage(learner, meta, tasks, episodes, adapt, (|_| true, None))?;
    stages.into_iter().next().expect("adapting has one stage")
}

/// [`evaluate`] after each stage of adapting: for gradient steps, after 0, 1, 2, ... of them.
///
/// # Errors
/// As [`evaluate`].
///
/// # Panics
/// When there are no episodes.
#[track_caller]
#[inline(never)]
pub fn evaluate_by_step<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    episodes: u64,
) -> Result<Vec<Evaluation>, Error> {
    let adapt = |task: &Task<Array<F>>| learner.adapt_by_step(meta, &task.support);
    by_stage(learner, meta, tasks, episodes, adapt, (|_| true, None))?.0.into_iter().collect()
}

/// [`evaluate`] after these numbers of steps alone, in ascending order, which saves answering after all others. Each number stands for
/// itself: a learner that diverges after many steps still has its results after few.
///
/// # Errors
/// For each number of steps, when predictions are not finite; for all of them, what [`evaluate`] fails for beside.
///
/// # Panics
/// When there are no episodes, or the learner takes fewer steps than one of the numbers.
#[track_caller]
#[inline(never)]
pub fn evaluate_at_steps<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    episodes: u64,
    steps: &BTreeSet<usize>,
) -> Vec<Result<Evaluation, Error>> {
    at_steps(learner, meta, tasks, episodes, (steps, None)).0
}

/// [`evaluate_at_steps`] that keeps the logits of the queries after one of the numbers of steps, `kept`, episode by episode: what a
/// [`Calibration`](crate::Calibration) is taken of. They are the very predictions that were scored, so that nothing is answered twice. There are none of
/// regression, nor where a prediction after so many steps is not finite, or evaluating failed.
///
/// # Errors
/// As [`evaluate_at_steps`].
///
/// # Panics
/// As [`evaluate_at_steps`], and when `kept` is not among the numbers of steps.
#[track_caller]
#[inline(never)]
pub fn evaluate_with_logits<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    episodes: u64,
    steps: &BTreeSet<usize>,
    kept: usize,
) -> (Vec<Result<Evaluation, Error>>, Vec<QueryLogits<F>>) {
    assert!(steps.contains(&kept), "evaluate_with_logits: {kept} is not among the steps {steps:?}");
    at_steps(learner, meta, tasks, episodes, (steps, Some(kept)))
}

#[track_caller]
fn at_steps<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    episodes: u64,
    (steps, kept): (&BTreeSet<usize>, Option<usize>),
) -> (Vec<Result<Evaluation, Error>>, Vec<QueryLogits<F>>) {
    let adapt = |task: &Task<Array<F>>| learner.adapt_by_step(meta, &task.support);
    let wanted = |step| steps.contains(&step);
    let (stages, logits) = match by_stage(learner, meta, tasks, episodes, adapt, (wanted, kept)) {
        Ok(found) => found,
        Err(error) => return (steps.iter().map(|_| Err(error.again())).collect(), Vec::new()),
    };
    assert_eq!(stages.len(), steps.len(), "evaluate_at_steps: the learner does not take {steps:?} steps");
    (stages, logits)
}

/// What an episode gave.
struct Seen<F: Float> {
    metric: Metric,
    /// At each stage that is wanted; nothing where predictions are not finite.
    scores: Vec<Option<f64>>,
    /// At the stage whose logits are kept, of classes.
    logits: Option<QueryLogits<F>>,
}

type Stages<F> = (Vec<Result<Evaluation, Error>>, Vec<QueryLogits<F>>);

/// The scores at the stages that are `wanted`, and the logits at the one that is `kept`.
#[track_caller]
fn by_stage<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    episodes: u64,
    adapt: impl Fn(&Task<Array<F>>) -> Vec<Box<dyn Predictor<F>>> + Sync,
    (wanted, kept): (impl Fn(usize) -> bool + Sync, Option<usize>),
) -> Result<Stages<F>, Error> {
    assert!(episodes > 0, "evaluate: no episodes");
    learner.check_meta(meta)?;
    let scored = |episode| {
        let task = Task::from(tasks.episode(episode));
        let fits = learner.check_support(&task.support).and_then(|()| asked(learner, &task));
        fits.map_err(|error| of_episode(episode, error))?;
        let stages = adapt(&task);
        let mut seen = Seen { metric: task.query.y.metric(), scores: Vec::new(), logits: None };
        for (stage, predictor) in stages.iter().enumerate().filter(|(stage, _)| wanted(*stage)) {
            let predictions = predictor.predict(&task.query.x);
            if episode == 0 && seen.scores.is_empty() {
                steady(&**predictor, &task.query.x, &predictions)?;
            }
            let score = predictions.all_finite().then(|| task.query.y.score(&predictions));
            if score.is_some_and(|score| !score.is_finite()) {
                let cause = "its score is not finite: the targets of the query are not, or too large".into();
                return Err(Error::Task { episode, cause });
            }
            seen.scores.push(score);
            if let (Some(_), Labels::Classes(classes), true) = (score, &task.query.y, kept == Some(stage)) {
                seen.logits = Some(QueryLogits::new(predictions, classes.clone()));
            }
        }
        Ok(seen)
    };
    // all of them, then the first error: which it is must not depend on threads
    let seen: Vec<Result<Seen<F>, Error>> = (0..episodes).into_par_iter().map(scored).collect();
    summed_up(seen.into_iter().collect::<Result<_, _>>()?)
}

/// The result of each stage over all episodes.
fn summed_up<F: Float>(seen: Vec<Seen<F>>) -> Result<Stages<F>, Error> {
    let (metric, count) = (seen[0].metric, seen[0].scores.len());
    if let Some(other) = seen.iter().position(|other| other.metric != metric) {
        let cause = format!("it is measured by {}, those before it by {metric}", seen[other].metric);
        return Err(Error::Task { episode: other as u64, cause });
    }
    let of_stage = |stage: usize| {
        let value = |(episode, seen): (usize, &Seen<F>)| {
            seen.scores[stage].ok_or(Error::Predictions { episode: episode as u64 })
        };
        let values: Result<Vec<f64>, Error> = seen.iter().enumerate().map(value).collect();
        Ok(Evaluation::new(metric, values?))
    };
    let stages = (0..count).map(of_stage).collect();
    let logits: Option<Vec<QueryLogits<F>>> = seen.into_iter().map(|seen| seen.logits).collect();
    Ok((stages, logits.unwrap_or_default()))
}

/// Whether the first predictor gives the same answers when it is asked again.
pub(crate) fn steady<F: Float>(
    predictor: &dyn Predictor<F>,
    queries: &Array<F>,
    first: &Array<F>,
) -> Result<(), Error> {
    if same(first, &predictor.predict(queries)) { Ok(()) } else { Err(Error::Unsteady { episode: 0 }) }
}

/// Whether the queries of a task can be answered and scored after its support.
fn asked<F: Float>(learner: &dyn Learner<F>, task: &Task<Array<F>>) -> Result<(), Error> {
    match task.support.y.is_empty() {
        // a learner that needs none
        true => fit::counted("query", &task.query),
        false => fit::query(task, learner.answers_with()),
    }
}

/// Whether two answers have the same bits.
fn same<F: Float>(a: &Array<F>, b: &Array<F>) -> bool {
    let bits = |x: &F| x.as_f64().to_bits();
    a.shape() == b.shape() && a.data().iter().map(bits).eq(b.data().iter().map(bits))
}

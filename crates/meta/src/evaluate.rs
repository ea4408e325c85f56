//! Accuracy or error of a learner over test episodes, with a 95 % interval.

use std::collections::BTreeSet;

use fewshot_autodiff::Float;
use fewshot_episodes::Tasks;
use rayon::prelude::*;

use crate::error::Error;
use crate::learner::{Learner, Meta, Predictor};
use crate::task::{Metric, Task};

/// What a learner scored on test episodes. The unit is the episode: each gives one value.
///
/// ```
/// use fewshot_meta::{Evaluation, Metric};
/// let values: Vec<f64> = (0..600).map(|i| if i % 2 == 0 { 0.4 } else { 0.6 }).collect();
/// let evaluation = Evaluation::new(Metric::Accuracy, values);
/// assert_eq!(format!("{:.4} +- {:.4}", evaluation.mean, evaluation.interval), "0.5000 +- 0.0080");
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

/// Lets the learner adapt to each of the episodes `0..episodes` and scores its answers.
///
/// Episodes run in parallel on the ambient rayon pool; values come in episode order, equal for any number of threads.
///
/// # Errors
/// When predictions are not finite.
///
/// # Panics
/// When there are no episodes.
#[track_caller]
pub fn evaluate<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<F>,
    tasks: &dyn Tasks,
    episodes: u64,
) -> Result<Evaluation, Error> {
    let adapt = |task: &Task<F>| vec![learner.adapt(meta, &task.support)];
    by_stage(tasks, episodes, adapt, |_| true).pop().expect("adapting has one stage")
}

/// The same after each stage of adapting: for gradient steps, after 0, 1, 2, ... of them.
///
/// # Errors
/// When predictions are not finite.
///
/// # Panics
/// When there are no episodes.
#[track_caller]
pub fn evaluate_by_step<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<F>,
    tasks: &dyn Tasks,
    episodes: u64,
) -> Result<Vec<Evaluation>, Error> {
    let adapt = |task: &Task<F>| learner.adapt_by_step(meta, &task.support);
    by_stage(tasks, episodes, adapt, |_| true).into_iter().collect()
}

/// The same after these numbers of steps alone, in ascending order, which saves answering after all others. Each number stands for
/// itself: a learner that diverges after many steps still has its results after few.
///
/// # Errors
/// For each number of steps, when predictions are not finite.
///
/// # Panics
/// When there are no episodes, or the learner takes fewer steps than one of the numbers.
#[track_caller]
pub fn evaluate_at_steps<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<F>,
    tasks: &dyn Tasks,
    episodes: u64,
    steps: &BTreeSet<usize>,
) -> Vec<Result<Evaluation, Error>> {
    let adapt = |task: &Task<F>| learner.adapt_by_step(meta, &task.support);
    let stages = by_stage(tasks, episodes, adapt, |step| steps.contains(&step));
    assert_eq!(stages.len(), steps.len(), "evaluate_at_steps: the learner does not take {steps:?} steps");
    stages
}

#[track_caller]
fn by_stage<F: Float>(
    tasks: &dyn Tasks,
    episodes: u64,
    adapt: impl Fn(&Task<F>) -> Vec<Box<dyn Predictor<F>>> + Sync,
    wanted: impl Fn(usize) -> bool + Sync,
) -> Vec<Result<Evaluation, Error>> {
    assert!(episodes > 0, "evaluate: no episodes");
    let scores: Vec<(Metric, Vec<Option<f64>>)> = (0..episodes)
        .into_par_iter()
        .map(|episode| {
            let task = Task::from(tasks.episode(episode));
            let stages = adapt(&task);
            let stages = stages.iter().enumerate().filter(|(stage, _)| wanted(*stage));
            let scores = stages.map(|(_, predictor)| {
                let predictions = predictor.predict(&task.query.x);
                predictions.all_finite().then(|| task.query.y.score(&predictions))
            });
            (task.query.y.metric(), scores.collect())
        })
        .collect();
    let (metric, first) = &scores[0];
    let of_stage = |stage: usize| {
        let value = |(episode, (_, scores)): (usize, &(Metric, Vec<Option<f64>>))| {
            scores[stage].ok_or(Error::Predictions { episode: episode as u64 })
        };
        let values: Result<Vec<f64>, Error> = scores.iter().enumerate().map(value).collect();
        Ok(Evaluation::new(*metric, values?))
    };
    (0..first.len()).map(of_stage).collect()
}

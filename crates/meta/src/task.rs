//! One task as arrays: examples and labels.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{Episode, Set, Targets};
use fewshot_nn::correct;

use crate::task_vars::{ExampleVars, LabelVars, TaskVars};

/// The answers that go with examples.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels<F: Float = f32> {
    /// Class of each example, `0..ways`.
    Classes(Vec<usize>),
    /// Real targets, shape `[examples, outputs]`.
    Values(Array<F>),
}

/// What the predictions of a learner are measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Share of right classes, 0 to 1.
    Accuracy,
    /// Mean squared error over examples and outputs.
    Mse,
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Metric::Accuracy => "accuracy",
            Metric::Mse => "mse",
        })
    }
}

impl<F: Float> Labels<F> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Labels::Classes(classes) => classes.len(),
            Labels::Values(values) => values.shape().first().copied().unwrap_or(0),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The mean loss of predictions, as [`LabelVars::loss`].
    ///
    /// # Panics
    /// When the predictions do not fit the labels.
    #[track_caller]
    pub fn loss<'t>(&self, predictions: Var<'t, F>) -> Var<'t, F> {
        self.on(predictions.tape()).loss(predictions)
    }

    /// The labels as values on a tape.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> LabelVars<'t, F> {
        match self {
            Labels::Classes(classes) => {
                LabelVars::Classes { classes: tape.index(classes), ways: self.ways() }
            }
            Labels::Values(values) => LabelVars::Values(tape.var(values)),
        }
    }

    /// How many classes there are, 0 for real targets.
    pub fn ways(&self) -> usize {
        match self {
            Labels::Classes(classes) => classes.iter().max().map_or(0, |largest| largest + 1),
            Labels::Values(_) => 0,
        }
    }

    /// What [`Labels::score`] measures.
    pub fn metric(&self) -> Metric {
        match self {
            Labels::Classes(_) => Metric::Accuracy,
            Labels::Values(_) => Metric::Mse,
        }
    }

    /// The quality of predictions: accuracy for classes (as [`correct`] counts: of equal logits the first wins, NaN is never right), mean
    /// squared error for real targets.
    ///
    /// # Panics
    /// When there are no labels, or the predictions do not fit them.
    #[track_caller]
    pub fn score(&self, predictions: &Array<F>) -> f64 {
        let shape = predictions.shape();
        assert!(!self.is_empty(), "score: there are no labels to score predictions {shape:?} by");
        match self {
            Labels::Classes(classes) => {
                assert!(
                    shape.len() == 2 && shape[0] == classes.len(),
                    "score: predictions {shape:?} and {} classes: expected logits [examples, ways]",
                    classes.len()
                );
                correct(predictions, classes) as f64 / classes.len() as f64
            }
            Labels::Values(values) => {
                assert_eq!(shape, values.shape(), "score: shapes of predictions and targets differ");
                let pairs = predictions.data().iter().zip(values.data());
                let sum: f64 = pairs.map(|(a, b)| (a.as_f64() - b.as_f64()).powi(2)).sum();
                sum / values.len() as f64
            }
        }
    }

    /// The classes.
    ///
    /// # Panics
    /// For real targets.
    #[track_caller]
    pub(crate) fn classes(&self, who: &str) -> &[usize] {
        match self {
            Labels::Classes(classes) => classes,
            Labels::Values(_) => {
                panic!("{who}: {NOT_CLASSES}")
            }
        }
    }
}

pub(crate) const NOT_CLASSES: &str = "real targets given, but it tells classes apart: use Labels::Classes";

/// Examples with their labels: one side of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples<F: Float = f32> {
    /// Examples along axis 0: images `[n, height, width, channels]` or points `[n, features]`.
    pub x: Array<F>,
    /// One label per example.
    pub y: Labels<F>,
}

impl<F: Float> Examples<F> {
    /// Examples with their labels.
    ///
    /// # Panics
    /// When their numbers differ.
    #[track_caller]
    pub fn new(x: Array<F>, y: Labels<F>) -> Self {
        let (shape, labels) = (x.shape(), y.len());
        assert!(
            shape.first() == Some(&labels),
            "Examples::new: x {shape:?} and {labels} labels: axis 0 of x counts the examples"
        );
        Examples { x, y }
    }
}

impl<F: Float> Examples<F> {
    /// The examples as values on a tape.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> ExampleVars<'t, F> {
        ExampleVars { x: tape.var(&self.x), y: self.y.on(tape) }
    }
}

/// Without a copy in f32. Whether there is one label per example is looked at where the examples are used.
impl<F: Float> From<Set> for Examples<F> {
    fn from(set: Set) -> Self {
        let y = match set.y {
            Targets::Classes(classes) => Labels::Classes(classes),
            Targets::Values(values) => Labels::Values(Array::from(values).cast()),
        };
        Examples { x: Array::from(set.x).cast(), y }
    }
}

impl<F: Float> From<&Set> for Examples<F> {
    fn from(set: &Set) -> Self {
        Examples::from(set.clone())
    }
}

/// One task: learn from `support`, be measured on `query`.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, Labels, Task};
/// let support = Examples::new(Array::<f32>::zeros(&[2, 3]), Labels::Classes(vec![0, 1]));
/// let task = Task { query: support.clone(), support };
/// assert_eq!(task.query.y.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Task<F: Float = f32> {
    /// What the learner sees with its labels.
    pub support: Examples<F>,
    /// What the learner is asked about.
    pub query: Examples<F>,
}

impl<F: Float> Task<F> {
    /// The task as values on a tape.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> TaskVars<'t, F> {
        TaskVars { support: self.support.on(tape), query: self.query.on(tape) }
    }
}

/// Without a copy in f32.
impl<F: Float> From<Episode> for Task<F> {
    fn from(episode: Episode) -> Self {
        Task { support: Examples::from(episode.support), query: Examples::from(episode.query) }
    }
}

impl<F: Float> From<&Episode> for Task<F> {
    fn from(episode: &Episode) -> Self {
        Task::from(episode.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_logits_with_nan_is_no_right_answer() {
        let rows = vec![f32::NAN, 1.0, 2.0, f32::NAN, 3.0, 3.0];
        let labels = |classes: [usize; 3]| Labels::<f32>::Classes(classes.to_vec());
        let logits = Array::new(&[3, 2], rows);
        assert_eq!(labels([0, 0, 0]).score(&logits), 1.0 / 3.0);
        assert_eq!(labels([1, 1, 1]).score(&logits), 0.0);
    }
}

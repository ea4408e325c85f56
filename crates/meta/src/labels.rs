//! The answers that go with examples, at rest or on a tape.

use std::fmt;

use fewshot_autodiff::{Array, Float, Shape, Tape, Var};
use fewshot_nn::correct;

/// Where the values of a task are: at rest in an [`Array`], on a tape as a [`Var`], or known by their [`Shape`] alone.
pub trait Storage {
    /// The class of each example.
    type Classes: Clone + fmt::Debug;
}

impl<F: Float> Storage for Array<F> {
    type Classes = Vec<usize>;
}

impl<F: Float> Storage for Var<'_, F> {
    type Classes = ClassNumbers<Self>;
}

impl Storage for Shape {
    type Classes = ClassNumbers<Self>;
}

/// Nothing is known of the values.
impl Storage for () {
    type Classes = ClassNumbers<()>;
}

/// The class of each example where values cannot be looked at, as on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassNumbers<T> {
    /// Numbers `0..ways`, shape `[examples]`.
    pub numbers: T,
    /// One more than the largest of them.
    pub ways: usize,
}

/// The answers that go with examples: at rest (`T = Array<F>`) or on a tape (`T = Var<'t, F>`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Labels<T: Storage = Array<f32>> {
    /// Class of each example, `0..ways`.
    Classes(T::Classes),
    /// Real targets, shape `[examples, outputs]`.
    Values(T),
}

/// What the predictions of a learner are measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Share of right classes, 0 to 1.
    Accuracy,
    /// Mean squared error over examples and outputs.
    Mse,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Metric::Accuracy => "accuracy",
            Metric::Mse => "mse",
        })
    }
}

impl<F: Float> Labels<Array<F>> {
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

    /// The mean loss of predictions on a tape: cross-entropy for classes, mean squared error for real targets.
    ///
    /// # Panics
    /// When the predictions do not fit the labels.
    #[track_caller]
    pub fn loss<'t>(&self, predictions: Var<'t, F>) -> Var<'t, F> {
        self.on(predictions.tape()).loss(predictions)
    }

    /// The labels as values on a tape.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> Labels<Var<'t, F>> {
        match self {
            Labels::Classes(classes) => {
                Labels::Classes(ClassNumbers { numbers: tape.index(classes), ways: self.ways() })
            }
            Labels::Values(values) => Labels::Values(tape.var(values)),
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
    pub(crate) fn class_list(&self, who: &str) -> &[usize] {
        match self {
            Labels::Classes(classes) => classes,
            Labels::Values(_) => {
                panic!("{who}: {NOT_CLASSES}")
            }
        }
    }
}

pub(crate) const NOT_CLASSES: &str = "real targets given, but it tells classes apart: use Labels::Classes";

impl<T: Storage<Classes = ClassNumbers<T>>> Labels<T> {
    /// `f` of the values behind the labels, which are class numbers or targets.
    pub fn map<U: Storage<Classes = ClassNumbers<U>>>(self, f: impl FnOnce(T) -> U) -> Labels<U> {
        match self {
            Labels::Classes(ClassNumbers { numbers, ways }) => {
                Labels::Classes(ClassNumbers { numbers: f(numbers), ways })
            }
            Labels::Values(values) => Labels::Values(f(values)),
        }
    }

    /// The values behind the labels: class numbers or targets.
    pub fn into_values(self) -> T {
        match self {
            Labels::Classes(ClassNumbers { numbers, .. }) => numbers,
            Labels::Values(values) => values,
        }
    }
}

impl<'t, F: Float> Labels<Var<'t, F>> {
    /// The mean loss of predictions: cross-entropy of logits `[n, ways]` for classes, mean squared error of values
    /// `[n, outputs]` for real targets (no factor one half).
    ///
    /// # Panics
    /// When the predictions do not fit the labels.
    #[track_caller]
    pub fn loss(&self, predictions: Var<'t, F>) -> Var<'t, F> {
        match *self {
            Labels::Classes(ClassNumbers { numbers, .. }) => predictions.cross_entropy(numbers),
            Labels::Values(values) => predictions.mse(values),
        }
    }

    /// Class numbers `[examples]` and how many classes there are.
    ///
    /// # Panics
    /// For real targets.
    #[track_caller]
    pub fn classes(&self, who: &str) -> (Var<'t, F>, usize) {
        match *self {
            Labels::Classes(ClassNumbers { numbers, ways }) => (numbers, ways),
            Labels::Values(_) => panic!("{who}: {NOT_CLASSES}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_logits_with_nan_is_no_right_answer() {
        let rows = vec![f32::NAN, 1.0, 2.0, f32::NAN, 3.0, 3.0];
        let labels = |classes: [usize; 3]| Labels::<Array<f32>>::Classes(classes.to_vec());
        let logits = Array::new(&[3, 2], rows);
        assert_eq!(labels([0, 0, 0]).score(&logits), 1.0 / 3.0);
        assert_eq!(labels([1, 1, 1]).score(&logits), 0.0);
    }
}

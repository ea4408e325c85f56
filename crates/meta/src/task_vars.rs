//! One task on a tape, as the learners see it.

use fewshot_autodiff::{Float, Var};

use crate::task::NOT_CLASSES;

/// Labels on a tape.
#[derive(Clone, Copy, Debug)]
pub enum LabelVars<'t, F: Float = f32> {
    /// Class of each example.
    Classes {
        /// Numbers `0..ways`, shape `[examples]`.
        classes: Var<'t, F>,
        /// One more than the largest of them.
        ways: usize,
    },
    /// Real targets, shape `[examples, outputs]`.
    Values(Var<'t, F>),
}

impl<'t, F: Float> LabelVars<'t, F> {
    /// The mean loss of predictions: cross-entropy of logits `[n, ways]` for classes, mean squared error of values
    /// `[n, outputs]` for real targets (no factor one half).
    ///
    /// # Panics
    /// When the predictions do not fit the labels.
    #[track_caller]
    #[inline(never)]
    pub fn loss(&self, predictions: Var<'t, F>) -> Var<'t, F> {
        match *self {
            LabelVars::Classes { classes, .. } => predictions.cross_entropy(classes),
            LabelVars::Values(values) => predictions.mse(values),
        }
    }

    /// The values behind the labels: class numbers or targets.
    pub fn var(&self) -> Var<'t, F> {
        match *self {
            LabelVars::Classes { classes, .. } => classes,
            LabelVars::Values(values) => values,
        }
    }

    pub(crate) fn form(&self) -> LabelForm {
        match *self {
            LabelVars::Classes { ways, .. } => LabelForm::Classes { ways },
            LabelVars::Values(_) => LabelForm::Values,
        }
    }

    /// Class numbers `[examples]` and how many classes there are.
    ///
    /// # Panics
    /// For real targets.
    #[track_caller]
    pub fn classes(&self, who: &str) -> (Var<'t, F>, usize) {
        match *self {
            LabelVars::Classes { classes, ways } => (classes, ways),
            LabelVars::Values(_) => panic!("{who}: {NOT_CLASSES}"),
        }
    }
}

/// What is known of labels beside their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelForm {
    Classes { ways: usize },
    Values,
}

impl LabelForm {
    /// Labels of this form with these values.
    pub(crate) fn on<'t, F: Float>(self, values: Var<'t, F>) -> LabelVars<'t, F> {
        match self {
            LabelForm::Classes { ways } => LabelVars::Classes { classes: values, ways },
            LabelForm::Values => LabelVars::Values(values),
        }
    }
}

/// Examples with their labels, on a tape.
#[derive(Clone, Copy, Debug)]
pub struct ExampleVars<'t, F: Float = f32> {
    /// Examples along axis 0.
    pub x: Var<'t, F>,
    /// One label per example.
    pub y: LabelVars<'t, F>,
}

impl<'t, F: Float> ExampleVars<'t, F> {
    /// The examples at these places, an index `[n]`.
    ///
    /// # Panics
    /// When a place leaves them.
    #[track_caller]
    pub fn pick(&self, places: Var<'t, F>) -> Self {
        let y = self.y.form().on(self.y.var().gather(0, places));
        ExampleVars { x: self.x.gather(0, places), y }
    }
}

/// A task on a tape: what a [`Learner`](crate::Learner) works with. Values are not looked at, so that the work can be recorded.
#[derive(Clone, Copy, Debug)]
pub struct TaskVars<'t, F: Float = f32> {
    /// What the learner sees with its labels.
    pub support: ExampleVars<'t, F>,
    /// What the learner is asked about.
    pub query: ExampleVars<'t, F>,
}

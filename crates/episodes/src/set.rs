//! What an episode is made of.

use ndarray::ArrayD;

/// The targets of a set, one per example.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Class labels `0..ways`, one per example.
    Classes(Vec<usize>),
    /// Real targets, shape `[examples, outputs]`.
    Values(ArrayD<f32>),
}

impl Targets {
    /// Number of targets.
    pub fn len(&self) -> usize {
        match self {
            Targets::Classes(labels) => labels.len(),
            Targets::Values(values) => values.shape().first().copied().unwrap_or(0),
        }
    }

    /// Whether there are no targets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels, or `None` for real targets.
    pub fn classes(&self) -> Option<&[usize]> {
        match self {
            Targets::Classes(labels) => Some(labels),
            Targets::Values(_) => None,
        }
    }

    /// The real targets, or `None` for labels.
    pub fn values(&self) -> Option<&ArrayD<f32>> {
        match self {
            Targets::Classes(_) => None,
            Targets::Values(values) => Some(values),
        }
    }
}

/// Examples with their targets: one side of an episode.
///
/// ```
/// use fewshot_episodes::{Set, Targets};
/// use ndarray::arr2;
/// let points = Set::new(
///     arr2(&[[0.0], [1.5]]).into_dyn(),
///     Targets::Values(arr2(&[[0.0], [0.99]]).into_dyn()),
/// );
/// assert_eq!((points.len(), points.y.classes()), (2, None));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// The examples along axis 0: images `[n, height, width, channels]` with
    /// ink = 1 and paper = 0, or points `[n, features]`.
    pub x: ArrayD<f32>,
    /// The targets, in the order of the examples.
    pub y: Targets,
}

impl Set {
    /// Examples with their targets.
    ///
    /// # Panics
    /// When axis 0 of `x` and the number of targets differ.
    #[track_caller]
    pub fn new(x: ArrayD<f32>, y: Targets) -> Self {
        let examples = x.shape().first().copied().unwrap_or(0);
        assert_eq!(
            examples,
            y.len(),
            "Set::new: x of shape {:?} has {examples} examples and y has {} targets",
            x.shape(),
            y.len()
        );
        Self { x, y }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One few-shot task: learn from `support`, be measured on `query`.
///
/// The two sets need not hold the same number of examples per class.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// What the learner sees with its targets.
    pub support: Set,
    /// What the learner is asked about.
    pub query: Set,
    /// Number of classes, or `None` for regression.
    pub ways: Option<usize>,
}

//! One task: examples with their labels, at rest or on a tape.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{Episode, Set, Targets};

use crate::labels::{Labels, Storage};

/// Examples with their labels, one side of a task: at rest (`T = Array<F>`) or on a tape (`T = Var<'t, F>`).
#[derive(Clone, Debug)]
pub struct Examples<T: Storage = Array<f32>> {
    /// Examples along axis 0: images `[n, height, width, channels]` or points `[n, features]`.
    pub x: T,
    /// One label per example.
    pub y: Labels<T>,
}

impl<T: Storage<Classes: Copy> + Copy> Copy for Examples<T> {}

impl<T: Storage<Classes: PartialEq> + PartialEq> PartialEq for Examples<T> {
    fn eq(&self, other: &Self) -> bool {
        self.x == other.x && self.y == other.y
    }
}

impl<F: Float> Examples<Array<F>> {
    /// Examples with their labels.
    ///
    /// # Panics
    /// When their numbers differ.
    #[track_caller]
    pub fn new(x: Array<F>, y: Labels<Array<F>>) -> Self {
        let (shape, labels) = (x.shape(), y.len());
        assert!(
            shape.first() == Some(&labels),
            "Examples::new: x {shape:?} and {labels} labels: axis 0 of x counts the examples"
        );
        Examples { x, y }
    }

    /// The examples as values on a tape.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> Examples<Var<'t, F>> {
        Examples { x: tape.var(&self.x), y: self.y.on(tape) }
    }
}

impl<'t, F: Float> Examples<Var<'t, F>> {
    /// The examples at these places, an index `[n]`.
    ///
    /// # Panics
    /// When a place leaves them.
    #[track_caller]
    pub fn pick(&self, places: Var<'t, F>) -> Self {
        let y = self.y.map(|values| values.gather(0, places));
        Examples { x: self.x.gather(0, places), y }
    }
}

/// Without a copy in f32. Whether there is one label per example is looked at where the examples are used.
impl<F: Float> From<Set> for Examples<Array<F>> {
    fn from(set: Set) -> Self {
        let y = match set.y {
            Targets::Classes(classes) => Labels::Classes(classes),
            Targets::Values(values) => Labels::Values(Array::from(values).cast()),
        };
        Examples { x: Array::from(set.x).cast(), y }
    }
}

impl<F: Float> From<&Set> for Examples<Array<F>> {
    fn from(set: &Set) -> Self {
        Examples::from(set.clone())
    }
}

/// One task, learn from `support` and be measured on `query`: at rest (`T = Array<F>`), or on a tape (`T = Var<'t, F>`) as a
/// [`Learner`](crate::Learner) works with it. On a tape values are not looked at, so that the work can be recorded.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, Labels, Task};
/// let support = Examples::new(Array::<f32>::zeros(&[2, 3]), Labels::Classes(vec![0, 1]));
/// let task = Task { query: support.clone(), support };
/// assert_eq!(task.query.y.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Task<T: Storage = Array<f32>> {
    /// What the learner sees with its labels.
    pub support: Examples<T>,
    /// What the learner is asked about.
    pub query: Examples<T>,
}

impl<T: Storage<Classes: Copy> + Copy> Copy for Task<T> {}

impl<T: Storage<Classes: PartialEq> + PartialEq> PartialEq for Task<T> {
    fn eq(&self, other: &Self) -> bool {
        self.support == other.support && self.query == other.query
    }
}

impl<F: Float> Task<Array<F>> {
    /// The task as values on a tape.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> Task<Var<'t, F>> {
        Task { support: self.support.on(tape), query: self.query.on(tape) }
    }
}

/// Without a copy in f32.
impl<F: Float> From<Episode> for Task<Array<F>> {
    fn from(episode: Episode) -> Self {
        Task { support: Examples::from(episode.support), query: Examples::from(episode.query) }
    }
}

impl<F: Float> From<&Episode> for Task<Array<F>> {
    fn from(episode: &Episode) -> Self {
        Task::from(episode.clone())
    }
}

//! What is meta-learned, at rest or on a tape.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Params, Signature};

/// What is meta-learned, and what training keeps beside it: at rest (`T = Array<F>`) or on a tape (`T = Var<'t, F>`).
#[derive(Clone, Debug)]
pub struct Meta<T = Array<f32>> {
    /// The meta-parameters, which the outer optimiser moves.
    pub theta: Params<T>,
    /// Running mean and variance of the batch norms; empty where a model has none.
    pub statistics: Params<T>,
    /// What each lane of the meta-batch carries from task to task, for an algorithm that carries something ([`Learner::lanes`](crate::Learner::lanes)).
    /// On a tape that of the task's own lane alone.
    pub lanes: Vec<Params<T>>,
    /// Outer updates that made it. What a learner writes on a tape depends on it through [`Learner::stage`](crate::Learner::stage) alone: it is
    /// recorded once for all updates of a stage.
    pub iteration: u64,
    /// What distinguishes the learner it was made for from others of equal names and shapes ([`ParamSpec::signature`](fewshot_nn::ParamSpec::signature)): saved with it, and
    /// compared when it is loaded. Empty where that is not known.
    pub signature: Signature,
}

impl<T> Meta<T> {
    /// Meta-parameters and statistics, nothing carried, before the first update, of a learner that is not known.
    pub fn new(theta: Params<T>, statistics: Params<T>) -> Self {
        Meta { theta, statistics, lanes: Vec::new(), iteration: 0, signature: Signature::default() }
    }

    /// Theta, statistics and what the first lane carries, with `f` of every value.
    pub(crate) fn of_first_lane<U>(&self, mut f: impl FnMut(&T) -> U) -> Meta<U> {
        Meta {
            theta: self.theta.map(&mut f),
            statistics: self.statistics.map(&mut f),
            lanes: self.lanes.first().map(|lane| lane.map(&mut f)).into_iter().collect(),
            iteration: self.iteration,
            signature: self.signature.clone(),
        }
    }
}

impl<T: Clone> Meta<T> {
    /// What the first lane carries, on a tape the task's own; nothing where nothing is carried.
    pub fn carried(&self) -> Params<T> {
        self.lanes.first().cloned().unwrap_or_default()
    }
}

impl<F: Float> Meta<Array<F>> {
    /// The values on a tape, for a task of the first lane.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> Meta<Var<'t, F>> {
        self.of_first_lane(|x| tape.var(x))
    }
}

impl<'t, F: Float> Meta<Var<'t, F>> {
    /// The tape.
    ///
    /// # Panics
    /// When there is not a single meta-parameter.
    #[track_caller]
    pub fn tape(&self) -> &'t Tape<F> {
        self.theta.values().first().expect("a learner has meta-parameters").tape()
    }
}

//! What is meta-learned, at rest and on a tape.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Params, Signature};

/// What is meta-learned, and what training keeps beside it.
#[derive(Clone, Debug)]
pub struct Meta<F: Float = f32> {
    /// The meta-parameters, which the outer optimiser moves.
    pub theta: Params<Array<F>>,
    /// Running mean and variance of the batch norms; empty where a model has none.
    pub statistics: Params<Array<F>>,
    /// What each lane of the meta-batch carries from task to task, for an algorithm that carries something ([`Learner::lanes`](crate::Learner::lanes)).
    pub lanes: Vec<Params<Array<F>>>,
    /// Outer updates that made it.
    pub iteration: u64,
    /// What distinguishes the learner it was made for from others of equal names and shapes ([`ParamSpec::signature`](fewshot_nn::ParamSpec::signature)): saved with it, and
    /// compared when it is loaded. Empty where that is not known.
    pub signature: Signature,
}

impl<F: Float> Meta<F> {
    /// Meta-parameters and statistics, nothing carried, before the first update, of a learner that is not known.
    pub fn new(theta: Params<Array<F>>, statistics: Params<Array<F>>) -> Self {
        Meta { theta, statistics, lanes: Vec::new(), iteration: 0, signature: Signature::default() }
    }
}

/// What is meta-learned and kept, on a tape.
#[derive(Clone, Debug)]
pub struct MetaVars<'t, F: Float = f32> {
    /// The meta-parameters.
    pub theta: Params<Var<'t, F>>,
    /// Running mean and variance of the batch norms.
    pub statistics: Params<Var<'t, F>>,
    /// What the task's lane carries over from the task before.
    pub carried: Params<Var<'t, F>>,
    /// The stage of training ([`Learner::stage`](crate::Learner::stage)).
    pub stage: u64,
}

impl<F: Float> Meta<F> {
    /// The values on a tape, for a task of the first lane, at a stage of training.
    pub fn on<'t>(&self, tape: &'t Tape<F>, stage: u64) -> MetaVars<'t, F> {
        let carried = self.lanes.first().map(|lane| lane.on(tape)).unwrap_or_default();
        MetaVars { theta: self.theta.on(tape), statistics: self.statistics.on(tape), carried, stage }
    }
}

impl<'t, F: Float> MetaVars<'t, F> {
    /// The tape.
    ///
    /// # Panics
    /// When there is not a single meta-parameter.
    #[track_caller]
    pub fn tape(&self) -> &'t Tape<F> {
        self.theta.values().first().expect("a learner has meta-parameters").tape()
    }
}

//! The interface all algorithms stand on.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{ChaCha8Rng, Purpose, stream};
use fewshot_nn::{NormPolicy, Params, Spec};

use crate::task::{Examples, Metric, Task};

/// Weight of a new batch in running statistics unless a policy says otherwise (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// The weight of a new batch that a policy asks for.
pub(crate) fn momentum(policy: NormPolicy) -> f64 {
    match policy {
        NormPolicy::Running { momentum } => momentum,
        _ => MOMENTUM,
    }
}

/// What is meta-learned, and what training keeps beside it.
#[derive(Clone, Debug)]
pub struct Meta<F: Float = f32> {
    /// The meta-parameters, which the outer optimiser moves.
    pub theta: Params<Array<F>>,
    /// Running mean and variance of the batch norms; empty where a model has none.
    pub statistics: Params<Array<F>>,
}

/// What a learner makes of one task, on a tape.
pub struct Outcome<'t, F: Float = f32> {
    /// Mean loss on the query: the number whose gradient is the meta-gradient.
    pub loss: Var<'t, F>,
    /// Predictions for the query: logits `[n, ways]` or values `[n, outputs]`.
    pub predictions: Var<'t, F>,
    /// Batch statistics of the query pass, to be averaged over tasks; none where a model has none.
    pub statistics: Option<Params<Array<F>>>,
}

/// The meta-gradient of one task.
#[derive(Clone, Debug)]
pub struct TaskGradient<F: Float = f32> {
    /// Mean loss on the query.
    pub loss: f64,
    /// Share of right answers on the query, for classification.
    pub accuracy: Option<f64>,
    /// Gradient of the query loss with respect to theta.
    pub gradient: Params<Array<F>>,
    /// Batch statistics of the query pass, to be averaged over tasks; none where a model has none.
    pub statistics: Option<Params<Array<F>>>,
}

/// A few-shot learning algorithm together with its model.
///
/// `episode` says what the algorithm does, as operations on a tape; the meta-gradient follows from it. After training,
/// `adapt` turns a support set into a [`Predictor`].
pub trait Learner<F: Float = f32>: Send + Sync {
    /// Names, shapes and initial values of the meta-parameters and statistics.
    fn spec(&self) -> &Spec;

    /// Fresh meta-parameters; equal seeds give equal ones.
    fn init(&self, seed: u64) -> Meta<F> {
        let mut rng = stream(seed, Purpose::Init, 0);
        Meta { theta: self.spec().init(&mut rng), statistics: self.spec().statistics() }
    }

    /// Learns from the support and answers the query, recorded on the tape of `theta`; `rng` feeds dropout and other noise.
    fn episode<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        meta: &Meta<F>,
        task: &Task<F>,
        rng: &mut ChaCha8Rng,
    ) -> Outcome<'t, F>;

    /// The meta-gradient of one task. An algorithm whose meta-gradient is no derivative overrides this.
    fn meta_gradient(&self, meta: &Meta<F>, task: &Task<F>, rng: &mut ChaCha8Rng) -> TaskGradient<F> {
        let tape = Tape::new();
        let theta = meta.theta.on(&tape);
        let Outcome { loss, predictions, statistics } = self.episode(&theta, meta, task, rng);
        let value = loss.item().as_f64();
        let labels = &task.query.y;
        let accuracy = (labels.metric() == Metric::Accuracy).then(|| labels.score(&predictions.value()));
        let gradient = meta.theta.with_values(loss.backward(theta.values()));
        TaskGradient { loss: value, accuracy, gradient, statistics }
    }

    /// Weight of one task's batch statistics in the running ones.
    fn momentum(&self) -> f64 {
        MOMENTUM
    }

    /// Learns from the support, for use: nothing is recorded, and no randomness enters.
    fn adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Box<dyn Predictor<F>>;

    /// Predictors after each stage of learning, the last of them equal to that of [`Learner::adapt`]. For gradient steps
    /// the first has taken none; an algorithm that learns in one go has one stage.
    fn adapt_by_step(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Box<dyn Predictor<F>>> {
        vec![self.adapt(meta, support)]
    }
}

/// What has been learned from a support set: answers queries.
pub trait Predictor<F: Float = f32>: Send + Sync {
    /// Logits `[n, ways]` or values `[n, outputs]` for examples along axis 0 of `x`.
    fn predict(&self, x: &Array<F>) -> Array<F>;
}

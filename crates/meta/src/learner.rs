//! The interface all algorithms stand on.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{ChaCha8Rng, Purpose, stream};
use fewshot_nn::{Model, Noise, NormPolicy, Params, Pass, Spec};

use crate::error::Error;
use crate::learned::Learned;
use crate::task::{Examples, Labels, Metric, Task};
use crate::task_vars::{ExampleVars, TaskVars};

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
    /// What each lane of the meta-batch carries from task to task, for an algorithm that carries something ([`Learner::lanes`]).
    pub lanes: Vec<Params<Array<F>>>,
    /// Outer updates that made it.
    pub iteration: u64,
}

impl<F: Float> Meta<F> {
    /// Meta-parameters and statistics, nothing carried, before the first update.
    pub fn new(theta: Params<Array<F>>, statistics: Params<Array<F>>) -> Self {
        Meta { theta, statistics, lanes: Vec::new(), iteration: 0 }
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
    /// The stage of training ([`Learner::stage`]).
    pub stage: u64,
}

impl<F: Float> Meta<F> {
    /// These values on a tape, for a task of the first lane, at a stage of training.
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

/// What a learner makes of one task, on a tape.
pub struct Outcome<'t, F: Float = f32> {
    /// Mean loss on the query: the number whose gradient is the meta-gradient.
    pub loss: Var<'t, F>,
    /// Predictions for the query: logits `[n, ways]` or values `[n, outputs]`.
    pub predictions: Var<'t, F>,
    /// Batch statistics of the query pass, to be averaged over tasks; none where a model has none.
    pub statistics: Option<Params<Var<'t, F>>>,
}

impl<'t, F: Float> Outcome<'t, F> {
    /// A model's answers to the query with these weights, normalised with the query's statistics.
    pub(crate) fn of_query(
        model: &impl Model<F>,
        weights: &Params<Var<'t, F>>,
        query: &ExampleVars<'t, F>,
        noise: &Noise,
    ) -> Self {
        let mut pass = Pass::batch().with_noise(noise).once();
        let predictions = model.forward(weights, query.x, &mut pass);
        Outcome { loss: query.y.loss(predictions), predictions, statistics: pass.into_statistics() }
    }
}

/// The meta-gradient of one task, on a tape.
pub struct Gradient<'t, F: Float = f32> {
    /// Mean loss on the query.
    pub loss: Var<'t, F>,
    /// Predictions for the query.
    pub predictions: Var<'t, F>,
    /// Gradient of the query loss with respect to theta.
    pub gradient: Params<Var<'t, F>>,
    /// Batch statistics of the query pass; none where a model has none.
    pub statistics: Option<Params<Var<'t, F>>>,
    /// What the lane carries to its next task.
    pub carried: Params<Var<'t, F>>,
}

impl<'t, F: Float> Gradient<'t, F> {
    /// The derivative of an outcome's loss; nothing is carried on.
    pub(crate) fn of(outcome: Outcome<'t, F>, theta: &Params<Var<'t, F>>) -> Self {
        let Outcome { loss, predictions, statistics } = outcome;
        Gradient {
            loss: loss.detach(),
            predictions: predictions.detach(),
            statistics: statistics.map(|s| s.map(|x| x.detach())),
            carried: Params::default(),
            // last: it frees the values it passes
            gradient: theta.with_values(loss.constant_grads(theta.values())),
        }
    }
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
    /// What the lane carries to its next task.
    pub carried: Params<Array<F>>,
}

/// Share of right answers, for classification.
pub(crate) fn accuracy<F: Float>(labels: &Labels<F>, predictions: &Array<F>) -> Option<f64> {
    (labels.metric() == Metric::Accuracy).then(|| labels.score(predictions))
}

/// A few-shot learning algorithm together with its model.
///
/// `episode` says what the algorithm does, as operations on a tape; the meta-gradient follows from it. As it sees no values, its
/// work is recorded once for episodes of one shape and replayed ([`Runner`](crate::Runner)). After training, `adapt` turns a support set
/// into a [`Predictor`].
pub trait Learner<F: Float = f32>: Send + Sync {
    /// Names, shapes and initial values of the meta-parameters and statistics.
    fn spec(&self) -> Spec;

    /// Fresh meta-parameters; equal seeds give equal ones.
    fn init(&self, seed: u64) -> Meta<F> {
        let mut rng = stream(seed, Purpose::Init, 0);
        let spec = self.spec();
        let theta = spec.init(&mut rng);
        let lanes = self.lanes(&theta);
        Meta { lanes, ..Meta::new(theta, spec.statistics()) }
    }

    /// What each lane of the meta-batch carries before the first task: one element a lane; empty when nothing is carried.
    ///
    /// Task `j` of a meta-batch runs in lane `j mod lanes`, after that lane's earlier tasks; lanes run in parallel.
    fn lanes(&self, theta: &Params<Array<F>>) -> Vec<Params<Array<F>>> {
        let _ = theta;
        Vec::new()
    }

    /// The stage of training after so many outer updates: equal stages do the same operations. For algorithms whose meta-gradient
    /// changes during training.
    fn stage(&self, iteration: u64) -> u64 {
        let _ = iteration;
        0
    }

    /// Learns from the support and answers the query, as operations on the tape of `meta` and `task`; dropout and other randomness
    /// come from `noise`.
    fn episode<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Outcome<'t, F>;

    /// The meta-gradient of one task, the derivative of `episode`'s loss. An algorithm whose meta-gradient is none overrides this.
    fn gradient<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Gradient<'t, F> {
        Gradient::of(self.episode(meta, task, noise), &meta.theta)
    }

    /// Whether `gradient` does the same work for all tasks of one shape, whatever their values, so that it can be recorded.
    fn is_recordable(&self) -> bool {
        true
    }

    /// The meta-gradient of one task, in the first lane, executed operator by operator on a tape of its own.
    fn meta_gradient(&self, meta: &Meta<F>, task: &Task<F>, rng: ChaCha8Rng) -> TaskGradient<F> {
        let tape = Tape::new();
        let noise = Noise::new(rng);
        let g = self.gradient(&meta.on(&tape, self.stage(meta.iteration)), &task.on(&tape), &noise);
        TaskGradient {
            loss: g.loss.item().as_f64(),
            accuracy: accuracy(&task.query.y, &g.predictions.value()),
            gradient: meta.theta.with_values(g.gradient.arrays().values().to_vec()),
            statistics: g.statistics.map(|s| s.arrays()),
            carried: g.carried.arrays(),
        }
    }

    /// Weight of one task's batch statistics in the running ones.
    fn momentum(&self) -> f64 {
        MOMENTUM
    }

    /// Learns from the support, for use: nothing is recorded, and no randomness enters.
    fn adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Box<dyn Predictor<F>>;

    /// The predictor that held these arrays ([`Predictor::learned`]), with the same bits.
    ///
    /// # Errors
    /// When they are of another learner, or this one does not say how.
    fn restore(&self, learned: &Learned<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let _ = learned;
        Err(Error::OtherLearner { cause: "this learner restores no predictors".into() })
    }

    /// Predictors after each stage of learning, the last of them equal to that of [`Learner::adapt`]. For gradient steps
    /// the first has taken none; an algorithm that learns in one go has one stage.
    fn adapt_by_step(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Box<dyn Predictor<F>>> {
        vec![self.adapt(meta, support)]
    }
}

/// What has been learned from a support set: answers queries.
pub trait Predictor<F: Float = f32>: Send + Sync {
    /// Logits `[n, ways]` or values `[n, outputs]` for examples along axis 0 of `x`.
    ///
    /// On the calling thread alone; under [`with_split`](fewshot_autodiff::with_split) on all threads, with the same bits, which pays from
    /// a dozen images on.
    fn predict(&self, x: &Array<F>) -> Array<F>;

    /// Probabilities of the classes `[n, ways]` for examples along axis 0 of `x`: the softmax of the logits.
    fn probabilities(&self, x: &Array<F>) -> Array<F> {
        Tape::new().var(&self.predict(x)).softmax(1).value()
    }

    /// Embeddings `[n, d]` of examples along axis 0 of `x`, by which they are compared with the support; nothing for a predictor that does
    /// not compare.
    fn embed(&self, x: &Array<F>) -> Option<Array<F>> {
        let _ = x;
        None
    }

    /// What it holds, to be saved or made again by [`Learner::restore`]; nothing for a predictor that does not say.
    fn learned(&self) -> Option<Learned<F>> {
        None
    }
}

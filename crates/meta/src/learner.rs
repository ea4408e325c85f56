//! The interface all algorithms stand on.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{ChaCha8Rng, Purpose, stream};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, ParamSpec, Params, Pass};

use crate::error::Error;
use crate::fit::{self, Answers, or_panic};
pub use crate::meta::{Meta, MetaVars};
pub use crate::predictor::Predictor;
use crate::predictor::state::Learned;
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

/// The spec of an algorithm on a model, signed with both and, where there are norms, with what normalises in use.
pub(crate) fn signed(model: ParamSpec, algorithm: &str, policy: NormPolicy) -> ParamSpec {
    let spec = model.signed("algorithm", algorithm);
    let normed = spec.statistic_shapes().len() > 0;
    let words = match policy {
        NormPolicy::Batch => "batch",
        NormPolicy::Running { .. } => "running",
        NormPolicy::SupportOnly => "support-only",
        NormPolicy::SupportPlusOne => "support-plus-one",
    };
    if normed { spec.signed("batch norm", words) } else { spec }
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
        let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
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
///
/// **The rule of recording**: for tasks of one shape, at one stage of training, `episode` and `gradient` write the same operations with the
/// same constants each time they are called, as does the model inside. What is random comes from the [`Noise`] that is given; a mask or a
/// count of one's own would be frozen into the program, the same for all tasks and updates. Work is recorded twice and compared, and once
/// more after 1, 2, 4, 8, ... meta-batches, so that this is refused ([`Error::Changing`]); a learner that must depend on state of its own says so
/// with `is_recordable`, or is trained with [`Execution::Eager`](crate::Execution::Eager). What depends on the progress of training belongs
/// into [`Learner::stage`].
///
/// Meta-parameters, tasks and supports are compared with the learner where they are handed over. What is known of that comes from `spec`
/// (names, shapes, [`ParamSpec::input`]) and from `answers_with`; the defaults of the `check_` methods serve most learners.
///
/// A panic about what does not fit names the caller's line for learners by their type and in a `Box<dyn Learner>`; called through a plain
/// `&dyn Learner` it names a line of this crate, for Rust does not pass the caller on through such calls.
pub trait Learner<F: Float = f32>: Send + Sync {
    /// Names, shapes and initial values of the meta-parameters and statistics; the examples it takes; and its signature, to which settings
    /// belong that change what it answers while names and shapes stay the same ([`ParamSpec::signed`]).
    fn spec(&self) -> ParamSpec;

    /// Fresh meta-parameters; equal seeds give equal ones.
    fn init(&self, seed: u64) -> Meta<F> {
        let mut rng = stream(seed, Purpose::Init, 0);
        let spec = self.spec();
        let theta = spec.init(&mut rng);
        let lanes = self.lanes(&theta);
        let signature = spec.signature().clone();
        Meta { lanes, signature, ..Meta::new(theta, spec.statistics()) }
    }

    /// What labels it answers with.
    fn answers_with(&self) -> Answers {
        Answers::Unknown
    }

    /// Whether these meta-parameters are such as `init` makes: the same names and shapes.
    ///
    /// # Errors
    /// [`Error::Unfit`], with the first name or shape that differs.
    fn check_meta(&self, meta: &Meta<F>) -> Result<(), Error> {
        let spec = self.spec();
        fit::weights(&spec, meta)?;
        fit::lanes(&self.lanes(&meta.theta), &meta.lanes)
    }

    /// Whether an example of this shape can be taken.
    ///
    /// # Errors
    /// [`Error::Unfit`], with what is taken.
    fn check_example(&self, example: &[usize]) -> Result<(), Error> {
        let spec = self.spec();
        let cause = || format!("the support has examples {example:?}, the learner takes {}", spec.input());
        if spec.input().takes(example) { Ok(()) } else { Err(Error::Unfit { cause: cause() }) }
    }

    /// Whether `adapt` can learn from a support.
    ///
    /// # Errors
    /// [`Error::Unfit`]: when it is empty, or its examples or labels are none for this learner.
    fn check_support(&self, support: &Examples<F>) -> Result<(), Error> {
        fit::support(support, self.answers_with())?;
        self.check_example(fit::example(&support.x))
    }

    /// Whether `episode` can learn a task: support and query. A learner that needs no support, or whose query is of another kind, says here
    /// what it does need.
    ///
    /// # Errors
    /// [`Error::Unfit`]: as `check_support`, and when the query is empty or does not go with the support.
    fn check_task(&self, task: &Task<F>) -> Result<(), Error> {
        self.check_support(&task.support)?;
        fit::query(task, self.answers_with())
    }

    /// What each lane of the meta-batch carries before the first task: one element a lane; empty when nothing is carried.
    ///
    /// Task `j` of a meta-batch runs in lane `j mod lanes`, after that lane's earlier tasks; lanes run in parallel.
    fn lanes(&self, theta: &Params<Array<F>>) -> Vec<Params<Array<F>>> {
        let _ = theta;
        Vec::new()
    }

    /// The stage of training after `iteration` outer updates: equal stages do the same operations. For algorithms whose
    /// meta-gradient changes during training.
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
    ///
    /// # Panics
    /// When the meta-parameters or the task do not fit.
    #[track_caller]
    fn meta_gradient(&self, meta: &Meta<F>, task: &Task<F>, rng: ChaCha8Rng) -> TaskGradient<F> {
        or_panic("meta_gradient", self.check_meta(meta).and_then(|()| self.check_task(task)));
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
    ///
    /// # Panics
    /// The learners of this crate panic at the caller's line when meta-parameters or support do not fit; `try_adapt` gives an error
    /// instead.
    #[track_caller]
    fn adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Box<dyn Predictor<F>>;

    /// `adapt`, for meta-parameters and supports from outside.
    ///
    /// # Errors
    /// [`Error::Unfit`], when they do not fit.
    fn try_adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        self.check_meta(meta)?;
        self.check_support(support)?;
        Ok(self.adapt(meta, support))
    }

    /// The predictor that held these arrays ([`Predictor::learned`]), with the same bits.
    ///
    /// A learner of one's own takes them by name from [`Learned::fitted`] and [`Learned::known`], and compares signatures by
    /// [`Learned::check`].
    ///
    /// # Errors
    /// When they are of another learner, or this one does not say how.
    fn restore(&self, learned: &Learned<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let _ = learned;
        Err(Error::OtherLearner { cause: "this learner restores no predictors".into() })
    }

    /// Predictors after each stage of learning, the last of them equal to that of [`Learner::adapt`]. For gradient steps
    /// the first has taken none; an algorithm that learns in one go has one stage.
    ///
    /// # Panics
    /// As `adapt`.
    #[track_caller]
    fn adapt_by_step(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Box<dyn Predictor<F>>> {
        vec![self.adapt(meta, support)]
    }
}

//! The interface all algorithms stand on.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_episodes::{Purpose, stream};
use fewshot_nn::{Noise, NormPolicy, ParamSpec, Params};

use crate::error::Error;
use crate::fit::{self, Answers, ready};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// Weight of a new batch in running statistics unless a policy says otherwise (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// The weight of a new batch that a policy asks for.
pub(crate) fn momentum(policy: NormPolicy) -> f64 {
    match policy {
        NormPolicy::Running { momentum } => momentum,
        _ => MOMENTUM,
    }
}

/// The spec of an algorithm on a model for [`Learner::spec`], signed with both and, where there are norms, with what normalises in use: so a
/// saved model or predictor of another algorithm or policy is refused.
pub fn learner_spec(model: ParamSpec, algorithm: &str, policy: NormPolicy) -> ParamSpec {
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

/// A few-shot learning algorithm together with its model.
///
/// `episode` says what the algorithm does, as operations on a tape; the meta-gradient follows from it. As it sees no values, its
/// work is recorded once for episodes of one shape and replayed ([`Runner`](crate::Runner)). `predictors` says what it learns from a support
/// for use; after training, `adapt` gives the last of them. So a learner of one's own writes `spec`, `episode` and `predictors`, and where
/// its predictors are to be saved `restore`. Algorithms that adapt weights build on [`InnerLoop`](crate::InnerLoop) and
/// [`AdaptedModel`](crate::AdaptedModel), those that compare embeddings on [`MetricLearner`](crate::MetricLearner).
///
/// **The rule of recording**: for tasks of one shape, at one stage of training, `episode` and `gradient` write the same operations with the
/// same constants each time they are called, as does the model inside. What is random comes from the [`Noise`] that is given; a mask or a
/// count of one's own would be frozen into the program, the same for all tasks and updates. Work is recorded twice and compared, and once
/// more after 1, 2, 4, 8, ... meta-batches, so that this is refused ([`Error::Changing`]); a learner that must depend on state of its own
/// is trained with [`Execution::Eager`](crate::Execution::Eager). What depends on the progress of training belongs into [`Learner::stage`].
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
    fn init(&self, seed: u64) -> Meta<Array<F>> {
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
    fn check_meta(&self, meta: &Meta<Array<F>>) -> Result<(), Error> {
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
    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        fit::support(support, self.answers_with())?;
        self.check_example(fit::example(&support.x))
    }

    /// Whether `episode` can learn a task: support and query. A learner that needs no support, or whose query is of another kind, says here
    /// what it does need.
    ///
    /// # Errors
    /// [`Error::Unfit`]: as `check_support`, and when the query is empty or does not go with the support.
    fn check_task(&self, task: &Task<Array<F>>) -> Result<(), Error> {
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
    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>>;

    /// The meta-gradient of one task, the derivative of `episode`'s loss. An algorithm whose meta-gradient is none overrides this.
    fn gradient<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        self.episode(meta, task, noise).differentiated(&meta.theta)
    }

    /// What normalises queries in use. The weight of one task's batch statistics in the running ones of training follows from it: the momentum
    /// of [`NormPolicy::Running`], and 0.1 for all others.
    fn policy(&self) -> NormPolicy {
        NormPolicy::Batch
    }

    /// Learns from the support, for use: nothing is recorded, and no randomness enters. Meta-parameters and support have been compared with
    /// the learner.
    ///
    /// The predictors after the steps that are wanted ([`Steps::of`]); an algorithm that learns in one go has one predictor, whatever is wanted.
    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>>;

    /// Learns from the support, for use: the last of the `predictors`.
    ///
    /// # Panics
    /// When meta-parameters or support do not fit; `try_adapt` gives an error instead.
    #[track_caller]
    fn adapt(&self, meta: &Meta<Array<F>>, support: &Examples<Array<F>>) -> Box<dyn Predictor<F>> {
        ready(self, meta, support);
        self.predictors(meta, support, Steps::Last).pop().expect("learning ends with a predictor")
    }

    /// `adapt`, for meta-parameters and supports from outside.
    ///
    /// # Errors
    /// [`Error::Unfit`], when they do not fit.
    fn try_adapt(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> Result<Box<dyn Predictor<F>>, Error> {
        self.check_meta(meta)?;
        self.check_support(support)?;
        Ok(self.adapt(meta, support))
    }

    /// The predictor that held these arrays ([`Predictor::state`]), with the same bits.
    ///
    /// [`AdaptedModel::restored`](crate::AdaptedModel::restored) and [`MetricLearner::restored`](crate::MetricLearner::restored) do it for their
    /// predictors. A learner with predictors of its own takes the arrays by name from [`PredictorState::fitted`] and [`PredictorState::known`],
    /// and compares signatures by [`PredictorState::check`].
    ///
    /// # Errors
    /// When they are of another learner, or this one does not say how.
    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let _ = state;
        Err(Error::OtherLearner { cause: "this learner restores no predictors".into() })
    }

    /// The predictors before the first step of learning and after each, the last of them equal to that of [`Learner::adapt`]; one for an
    /// algorithm that learns in one go.
    ///
    /// # Panics
    /// As `adapt`.
    #[track_caller]
    fn adapt_by_step(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> Vec<Box<dyn Predictor<F>>> {
        ready(self, meta, support);
        self.predictors(meta, support, Steps::All)
    }
}

/// After which steps of learning predictors are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Steps {
    /// After the last.
    Last,
    /// Before the first and after each.
    All,
}

impl Steps {
    /// `make` of what is wanted of `all`, which yields the values before the first step and after each; it is told the number of steps
    /// taken.
    ///
    /// ```
    /// use fewshot_meta::Steps;
    /// let weights = || [1.0, 0.5, 0.25].into_iter();
    /// assert_eq!(Steps::All.of(weights(), |steps, w| (steps, w)), [(0, 1.0), (1, 0.5), (2, 0.25)]);
    /// assert_eq!(Steps::Last.of(weights(), |steps, w| (steps, w)), [(2, 0.25)]);
    /// ```
    pub fn of<W, P>(self, all: impl Iterator<Item = W>, make: impl Fn(usize, W) -> P) -> Vec<P> {
        let all = all.enumerate();
        let made = |(steps, value)| make(steps, value);
        match self {
            Steps::Last => all.last().map(made).into_iter().collect(),
            Steps::All => all.map(made).collect(),
        }
    }
}

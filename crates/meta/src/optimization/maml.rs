//! MAML (Finn, Abbeel, Levine 2017: "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML).
//!
//! `phi_0 = theta`, `phi_t = phi_{t-1} - inner_lr * grad L_S(phi_{t-1})`, and theta moves against
//! `grad_theta mean_i L_Q(phi_k^(i))`. With [`Order::First`] it is first-order MAML (their section 5.2). What Meta-SGD
//! ([`Maml::meta_sgd`]) and MAML++ ([`Maml::plus_plus`]) add are fields of the same learner.

pub(crate) mod meta_sgd;
pub(crate) mod multi_step;
pub(crate) mod steps;

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Clip, Init, Model, Noise, NormPolicy, ParamSpec, Params};

use crate::error::Error;
use crate::fit::Answers;
use crate::inner_loop::adapt::Order;
use crate::inner_loop::filter::Filter;
use crate::inner_loop::rematerialize::Checkpointing;
use crate::inner_loop::rules::Rule;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::optimization::maml::multi_step::MultiStep;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// The rates of the inner steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Rates {
    /// One number, `inner_lr`.
    #[default]
    Fixed,
    /// Meta-learned, one for each single number of the adapted parameters (Meta-SGD): drawn at first from `[low, high)`.
    Each {
        /// Smallest rate at first.
        low: f64,
        /// Bound of the rates at first.
        high: f64,
    },
    /// Meta-learned, one for each adapted parameter tensor and training step, `inner_lr` at first (MAML++).
    PerStep,
}

/// Whether something is one for all inner steps or there is one for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// One set for all inner steps.
    #[default]
    Shared,
    /// One set for each training step; steps beyond use the last.
    PerStep,
}

/// Model-agnostic meta-learning, for classification and regression.
///
/// ```
/// use fewshot_meta::{Maml, Order};
/// use fewshot_nn::{Conv4, Conv4Config};
/// // the paper's 5-way Omniglot classifier, first order
/// let model = Conv4::new(&Conv4Config::strided_gap().with_head(5));
/// let learner = Maml { inner_lr: 2.0, eval_steps: 3, order: Order::First, ..Maml::new(model) };
/// assert_eq!(learner.train_steps, 1);
/// ```
///
/// Every loss is a mean over examples, in the inner loop too. The released code of the paper divides the *sum* over the
/// support by the shots instead, which is `ways` times the mean: its rate 0.4 at 5 ways is 2.0 here, 0.1 at 20 ways is 2.0.
///
/// Support and query are separate forward passes. While weights are learned or adapted, each pass is normalised with its own
/// batch statistics; `policy` says how a query is normalised when the adapted model is used.
///
/// Meta-parameters are the model's weights and, where they are learned, the rates `inner_lr.NAME`.
#[derive(Debug)]
pub struct Maml<M> {
    /// The network.
    pub model: Arc<M>,
    /// Inner gradient steps in training.
    pub train_steps: usize,
    /// Inner gradient steps when adapting for use.
    pub eval_steps: usize,
    /// Rate of the inner steps, for the mean loss over the support.
    pub inner_lr: f64,
    /// Whether rates are learned.
    pub rates: Rates,
    /// What an inner step makes of the gradient.
    pub rule: Rule,
    /// Clipping of inner gradients.
    pub clip: Option<Clip>,
    /// Support examples of an inner step, drawn as [`Batches`](fewshot_nn::Batches) say; nothing: all of them.
    pub batch: Option<usize>,
    /// Order of the meta-gradient.
    pub order: Order,
    /// Outer updates that are of first order before `order` applies (MAML++ anneals the order this way).
    pub first_order_until: u64,
    /// The query loss after every step instead of the last alone, for the first updates (MAML++).
    pub multi_step: Option<MultiStep>,
    /// What is kept of the inner steps for the second order.
    pub checkpointing: Checkpointing,
    /// Parameters the inner loop adapts; the others are meta-learned only ([`Maml::not_adapted`] names them).
    pub adapted: Filter,
    /// Scales and shifts of norms, which the model's spec knows ([`ParamSpec::norms`]) (MAML++).
    pub norm_weights: Sharing,
    /// Running statistics of norms: shared ones are those of the query, those per step of the step's support (MAML++).
    pub norm_statistics: Sharing,
    /// Normalisation of queries by the adapted model: `Batch`, statistics of all queries of a call together (transductive, as in
    /// the paper); `Running`, the averages kept in training; `SupportOnly`, those of the support under the adapted weights;
    /// `SupportPlusOne`, those of the whole support and the one query. With running statistics per step, these normalise the support
    /// too when the model adapts for use.
    pub policy: NormPolicy,
}

impl<M> Clone for Maml<M> {
    fn clone(&self) -> Self {
        Maml { model: Arc::clone(&self.model), adapted: self.adapted.clone(), ..*self }
    }
}

/// The scope of learned rates among the meta-parameters.
pub(crate) const RATES: &str = "inner_lr";

/// The parameters of norms alone.
pub(crate) fn norms(model: &ParamSpec) -> Filter {
    Filter::Only(model.norms().map(str::to_owned).collect())
}

impl<M> Maml<M> {
    /// The paper's choices for regression: 1 step of 0.01, second order, batch statistics; parameters of norms are
    /// meta-learned but not adapted.
    ///
    /// The paper's classifiers differ in rate and steps (appendix A.1): on Omniglot with 5 ways
    /// `Maml { inner_lr: 2.0, eval_steps: 3, ..Maml::new(model) }`.
    pub fn new(model: M) -> Self {
        Maml {
            model: Arc::new(model),
            train_steps: 1,
            eval_steps: 1,
            inner_lr: 0.01,
            rates: Rates::Fixed,
            rule: Rule::Sgd,
            clip: None,
            batch: None,
            order: Order::Second,
            first_order_until: 0,
            multi_step: None,
            checkpointing: Checkpointing::Keep,
            adapted: Filter::ButNorms,
            norm_weights: Sharing::Shared,
            norm_statistics: Sharing::Shared,
            policy: NormPolicy::Batch,
        }
    }
}

impl<M> Maml<M> {
    /// Names of the model's weights that the inner loop leaves alone.
    ///
    /// ```
    /// use fewshot_meta::Maml;
    /// use fewshot_nn::Mlp;
    /// let maml = Maml::new(Mlp::with_batch_norm(&[784, 64, 5]));
    /// assert_eq!(maml.not_adapted::<f32>(), ["layer1.norm.shift"]);
    /// ```
    pub fn not_adapted<F: Float>(&self) -> Vec<String>
    where
        M: Model<F>,
    {
        let spec = self.model.spec();
        let adapted = self.adapted.on(spec);
        spec.weights().map(|(name, _)| name).filter(|name| !adapted.has(name)).map(str::to_owned).collect()
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Maml<M> {
    /// # Panics
    /// When something is to be there for each of 0 training steps.
    #[inline(never)]
    fn spec(&self) -> ParamSpec {
        let stepwise = [self.norm_weights, self.norm_statistics].contains(&Sharing::PerStep);
        assert!(
            self.train_steps > 0 || !(stepwise || self.rates == Rates::PerStep),
            "Maml: what there is for each training step needs train_steps of 1 or more"
        );
        let mut spec = learner_spec(self.model.spec().clone(), "Maml", self.policy);
        let (norms, adapted) = (norms(&spec), self.adapted.on(&spec));
        let weights: Vec<(String, Vec<usize>)> =
            spec.weights().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
        let statistics: Vec<String> = spec.statistics::<F>().names().to_vec();
        let per_step = |name: &str| match statistics.iter().any(|s| s == name) {
            true => self.norm_statistics == Sharing::PerStep,
            false => self.norm_weights == Sharing::PerStep && norms.has(name),
        };
        spec = spec.per_step(self.train_steps, per_step);
        for (name, shape) in weights.iter().filter(|(name, _)| adapted.has(name)) {
            let name = format!("{RATES}.{name}");
            spec = match self.rates {
                Rates::Fixed => spec,
                Rates::Each { low, high } => spec.with(&name, shape, Init::Between { low, high }),
                Rates::PerStep => spec.with(&name, &[self.train_steps], Init::Constant(self.inner_lr)),
            };
        }
        spec
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    /// Twice the epoch of the multi-step loss, and one more while the order is first.
    fn stage(&self, iteration: u64) -> u64 {
        let epoch = self.multi_step.map_or(0, |m| m.epoch_at(iteration));
        2 * epoch + u64::from(iteration < self.first_order_until)
    }

    #[inline(never)]
    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let stage = Learner::<F>::stage(self, meta.iteration);
        let inner = self.inner::<F>(stage);
        let (fast, supports) = self.trajectory(&inner, &meta.theta, &task.support, noise);
        let query = &task.query;
        let last = inner.steps;
        let losses = self.multi_step.map_or(Vec::new(), |m| m.weights(last, stage / 2));
        let answer = |step: usize| {
            let weights = self.weights_at(&fast[step], step.saturating_sub(1));
            Outcome::of_query(&*self.model, &weights, query, noise)
        };
        let earlier: Vec<Var<'t, F>> = (1..last)
            .filter(|&step| losses.get(step - 1).is_some_and(|&w| w != 0.0))
            .map(|step| answer(step).loss * F::of(losses[step - 1]))
            .collect();
        let Outcome { loss, predictions, statistics, .. } = answer(last);
        let loss = match losses.last() {
            Some(&weight) if !earlier.is_empty() => {
                earlier.into_iter().fold(loss * F::of(weight), |sum, l| sum + l)
            }
            _ => loss,
        };
        let statistics = match self.norm_statistics {
            Sharing::Shared => statistics,
            Sharing::PerStep => stacked(&supports),
        };
        Outcome { statistics, ..Outcome::new(loss, predictions) }
    }

    fn policy(&self) -> NormPolicy {
        self.policy
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        AdaptedModel::restored(&self.model, &Learner::<F>::spec(self), self.policy, state)
    }

    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let all = self.inner_loop(meta, support);
        wanted.of(all, |step, weights| self.predictor(meta, weights, step, support))
    }
}

/// Statistics of each step along a new first axis; the numbers of rows, one for all, stay as they are.
fn stacked<'t, F: Float>(steps: &[Params<Var<'t, F>>]) -> Option<Params<Var<'t, F>>> {
    let first = steps.first()?;
    Some(first.map_named(|name, one| {
        if one.shape().is_empty() {
            return *one;
        }
        Var::stack(&steps.iter().map(|s| s[name]).collect::<Vec<_>>(), 0)
    }))
}

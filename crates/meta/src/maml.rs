//! MAML (Finn, Abbeel, Levine 2017: "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML).
//!
//! `phi_0 = theta`, `phi_t = phi_{t-1} - inner_lr * grad L_S(phi_{t-1})`, and theta moves against
//! `grad_theta mean_i L_Q(phi_k^(i))`. With [`Order::First`] it is first-order MAML (their section 5.2).

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape};
use fewshot_nn::{Model, Noise, NormPolicy, Params, Pass, Spec};

use crate::adapt::{InnerLoop, Memory, Order, Rate};
use crate::filter::Filter;
use crate::forward::{forward, forward_batch, forward_beside, has_statistics};
use crate::learner::{Learner, Meta, MetaVars, Outcome, Predictor, momentum};
use crate::task::Examples;
use crate::task_vars::TaskVars;

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
#[derive(Clone, Debug)]
pub struct Maml<M> {
    /// The network.
    pub model: Arc<M>,
    /// Inner gradient steps in training.
    pub train_steps: usize,
    /// Inner gradient steps when adapting for use.
    pub eval_steps: usize,
    /// Rate of the inner steps, for the mean loss over the support.
    pub inner_lr: f64,
    /// Order of the meta-gradient.
    pub order: Order,
    /// What is kept of the inner steps for the second order.
    pub memory: Memory,
    /// Parameters the inner loop adapts; the others are meta-learned only.
    pub adapted: Filter,
    /// Normalisation of queries by the adapted model: `Batch`, statistics of all queries of a call together (transductive, as in
    /// the paper); `Running`, the averages kept in training; `SupportOnly`, those of the support under the adapted weights;
    /// `SupportPlusOne`, those of the whole support and the one query.
    pub policy: NormPolicy,
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
            order: Order::Second,
            memory: Memory::Keep,
            adapted: Filter::except(&["*norm.*"]),
            policy: NormPolicy::Batch,
        }
    }

    /// One step from `weights`, of which nothing but the result is kept.
    fn descend<F: Float>(&self, weights: &Params<Array<F>>, support: &Examples<F>) -> Params<Array<F>>
    where
        M: Model<F>,
    {
        let tape = Tape::new();
        let inner = InnerLoop { steps: 1, order: Order::First, adapted: &self.adapted };
        let loss = |fast: &Params<_>| {
            support.y.loss(self.model.forward(fast, tape.var(&support.x), &mut Pass::batch().once()))
        };
        inner.run(&weights.on(&tape), Rate::Scalar(self.inner_lr), loss).arrays()
    }

    fn predictor<F: Float>(
        &self,
        meta: &Meta<F>,
        weights: Params<Array<F>>,
        support: &Examples<F>,
    ) -> Box<dyn Predictor<F>>
    where
        M: Model<F> + 'static,
    {
        let model = Arc::clone(&self.model);
        let norm = match self.policy {
            NormPolicy::Batch => Norm::Batch,
            _ if !has_statistics(&meta.statistics) => Norm::Given(meta.statistics.clone()),
            NormPolicy::Running { .. } => Norm::Given(meta.statistics.clone()),
            NormPolicy::SupportOnly => Norm::Given(forward_batch(&*model, &weights, &support.x).1),
            NormPolicy::SupportPlusOne => Norm::Beside(support.x.clone()),
        };
        Box::new(Adapted { model, weights, norm })
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Maml<M> {
    fn spec(&self) -> &Spec {
        self.model.spec()
    }

    fn episode<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Outcome<'t, F> {
        let inner = InnerLoop { steps: self.train_steps, order: self.order, adapted: &self.adapted };
        let (support, query) = (&task.support, &task.query);
        let rate = Rate::Scalar(self.inner_lr);
        let fast = match self.memory {
            Memory::Keep => inner.run(&meta.theta, rate, |fast| {
                let mut pass = inner_pass(self.order).with_noise(noise);
                support.y.loss(self.model.forward(fast, support.x, &mut pass))
            }),
            Memory::Recompute => {
                let model = Arc::clone(&self.model);
                let order = self.order;
                inner.run_recomputed(&meta.theta, rate, support, move |fast, support| {
                    let mut pass = inner_pass(order).with_noise(&Noise::refused());
                    support.y.loss(model.forward(fast, support.x, &mut pass))
                })
            }
        };
        let mut pass = Pass::batch().with_noise(noise).once();
        let predictions = self.model.forward(&fast, query.x, &mut pass);
        Outcome { loss: query.y.loss(predictions), predictions, statistics: pass.into_statistics() }
    }

    fn momentum(&self) -> f64 {
        momentum(self.policy)
    }

    fn adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Box<dyn Predictor<F>> {
        let mut weights = meta.theta.clone();
        for _ in 0..self.eval_steps {
            weights = self.descend(&weights, support);
        }
        self.predictor(meta, weights, support)
    }

    fn adapt_by_step(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Box<dyn Predictor<F>>> {
        let mut weights = vec![meta.theta.clone()];
        for t in 0..self.eval_steps {
            weights.push(self.descend(&weights[t], support));
        }
        weights.into_iter().map(|weights| self.predictor(meta, weights, support)).collect()
    }
}

/// The pass of an inner step, of which the first order takes one gradient only.
fn inner_pass<'t, F: Float>(order: Order) -> Pass<'t, F> {
    match order {
        Order::First => Pass::batch().once(),
        Order::Second => Pass::batch(),
    }
}

/// Where the statistics that normalise a query come from.
enum Norm<F: Float> {
    Batch,
    Given(Params<Array<F>>),
    Beside(Array<F>),
}

/// A model with weights adapted to a support set.
struct Adapted<M, F: Float> {
    model: Arc<M>,
    weights: Params<Array<F>>,
    norm: Norm<F>,
}

impl<F: Float, M: Model<F>> Predictor<F> for Adapted<M, F> {
    fn predict(&self, x: &Array<F>) -> Array<F> {
        let Adapted { model, weights, norm } = self;
        match norm {
            Norm::Batch => forward(&**model, weights, x, None),
            Norm::Given(statistics) => forward(&**model, weights, x, Some(statistics)),
            Norm::Beside(support) => forward_beside(&**model, weights, support, x),
        }
    }
}

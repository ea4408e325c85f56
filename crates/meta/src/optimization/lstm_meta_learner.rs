//! The LSTM meta-learner (Ravi, Larochelle 2017: "Optimization as a Model for Few-Shot Learning", ICLR).
//!
//! A step of gradient descent is an update of an LSTM's cell state with forget gate 1 and input gate the rate. So the gates are learned
//! ([`LearnedUpdate`]), and the state before the first step, `theta_0`, with them: what a network starts each task from. Both move against
//! the gradient of the query loss at `theta_T` (their algorithm 1).

pub(crate) mod gates;
pub(crate) mod steps;
pub(crate) mod update;

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Model, Noise, NormPolicy, ParamSpec};

use crate::error::Error;
use crate::fit::{Answers, ready};
use crate::inner_loop::adapt::Order;
use crate::inner_loop::rematerialize::Checkpointing;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::optimization::lstm_meta_learner::gates::Gates;
use crate::optimization::lstm_meta_learner::update::LearnedUpdate;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// What the meta-learner takes for the gradient of a step's examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InnerGradient {
    /// The gradient of their mean loss.
    Mean,
    /// The gradient of their mean loss, divided by their number once more, as in the released code.
    #[default]
    DividedMean,
}

/// Learns how to learn: which part of a gradient to take, which part of a weight to forget, and where to start.
///
/// ```
/// use fewshot_meta::{Learner, LstmMetaLearner};
/// use fewshot_nn::{Conv4, Conv4Config};
/// // the paper's learner for 5-way miniImageNet: each of its 32,901 weights is a coordinate
/// let images = Conv4Config { size: 84, channels: 3, ..Conv4Config::pooled_32() };
/// let learner = LstmMetaLearner::new(Conv4::new(&images.with_head(5)));
/// assert_eq!(Learner::<f32>::spec(&learner).count(), 32_901 + 4 * 80 + 20 * 80 + 80 + 2 * 23);
/// ```
///
/// Meta-parameters are the network's weights `theta_0`, then those of the update. In training every pass is normalised with
/// the statistics of its own batch. In use, under [`NormPolicy::SupportOnly`], queries are normalised with running statistics that start
/// anew (mean 0, variance 1) for every support and take in the batches of the steps (section 3.4): no query and no other task is in them.
#[derive(Debug)]
pub struct LstmMetaLearner<M> {
    /// The network.
    pub model: Arc<M>,
    /// What makes a step of a gradient.
    pub update: LearnedUpdate,
    /// Steps in training.
    pub train_steps: usize,
    /// Steps when adapting for use.
    pub eval_steps: usize,
    /// Support examples of a step, drawn as [`Batches`](fewshot_nn::Batches) say; nothing: all of them, which is the paper's choice
    /// with 5 ways.
    pub batch: Option<usize>,
    /// What counts as the gradient.
    pub gradient: InnerGradient,
    /// Whether gradients and losses on the support are constants for the meta-gradient, as in the paper ([`Order::First`], section
    /// 3.3.1), or differentiated too.
    pub order: Order,
    /// What is kept of the updates of the coordinates.
    pub checkpointing: Checkpointing,
    /// Weight of a step's batch in the running statistics of a support.
    pub norm_momentum: f64,
    /// Normalisation of queries by the adapted network: `SupportOnly` as said above; `Batch`, all queries of a call together;
    /// `Running`, the averages of training; `SupportPlusOne`, each query with the support.
    pub policy: NormPolicy,
}

impl<M> Clone for LstmMetaLearner<M> {
    fn clone(&self) -> Self {
        LstmMetaLearner { model: Arc::clone(&self.model), update: self.update.clone(), ..*self }
    }
}

impl<M> LstmMetaLearner<M> {
    /// The released settings for one shot: 20 hidden units, 12 steps, new batches of weight 0.9 in the statistics. With five shots they are
    /// `train_steps: 8, eval_steps: 8, norm_momentum: 0.95` (the paper's text has 5 steps).
    pub fn new(model: M) -> Self {
        LstmMetaLearner {
            model: Arc::new(model),
            update: LearnedUpdate::new(20),
            train_steps: 12,
            eval_steps: 12,
            batch: None,
            gradient: InnerGradient::DividedMean,
            order: Order::First,
            checkpointing: Checkpointing::Recompute,
            norm_momentum: 0.9,
            policy: NormPolicy::SupportOnly,
        }
    }

    /// The gates of each step on a support, of the steps taken in use.
    ///
    /// # Panics
    /// When meta-parameters or support do not fit.
    #[track_caller]
    pub fn gates<F: Float>(&self, meta: &Meta<Array<F>>, support: &Examples<Array<F>>) -> Vec<Gates>
    where
        M: Model<F> + 'static,
    {
        ready(self, meta, support);
        self.adapted(meta, support).into_iter().skip(1).map(|step| Gates::of(&step.gates)).collect()
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for LstmMetaLearner<M> {
    fn spec(&self) -> ParamSpec {
        let gradient = match self.gradient {
            InnerGradient::Mean => "mean",
            InnerGradient::DividedMean => "divided mean",
        };
        let spec = self.model.spec().clone().and(self.update.spec());
        learner_spec(spec, "LstmMetaLearner", self.policy).signed("inner gradient", gradient)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let mut all = self.inner_loop(self.train_steps, &meta.theta, &task.support, noise);
        let last = all.pop().expect("there is one more than steps");
        Outcome::of_query(&*self.model, &last.weights, &task.query, noise)
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
        let all = self.adapted(meta, support).into_iter();
        wanted.of(all, |_, step| self.predictor(meta, step, support))
    }
}

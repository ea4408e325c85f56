//! Fine-tuning (Ravi and Larochelle 2017: "Optimization as a Model for Few-Shot Learning", ICLR, section 5.1).

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_episodes::{Purpose, stream};
use fewshot_nn::{Headed, Noise, NormPolicy, ParamSpec, Params};

use crate::baselines::descent::{Descent, NetworkState};
use crate::error::Error;
use crate::fit::Answers;
use crate::inner_loop::filter::Filter;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

const HEAD: &str = "head.*";

/// The head that fine-tuning starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Head {
    /// Zeros: all classes are equally likely at first, and the first step moves the head alone.
    #[default]
    Zeros,
    /// As the network's spec draws it, the same for every support.
    Drawn {
        /// Equal seeds give equal heads.
        seed: u64,
    },
    /// The head of the meta-parameters, for outputs that mean the same in every task, as in regression.
    Kept,
}

/// A pretrained network that learns a support set by gradient descent: a new head, then steps on the whole support, of all layers.
///
/// `w_{t+1} = w_t - rate_t grad L_S(w_t)` with `rate_t = inner_lr / (1 + decay t)`, `t` from 0 (Torch's rule). In the paper 15 steps, with
/// a rate of 0.5, 0.1, ..., 1e-5 and a decay of 1, 0.1, ..., 1e-5, 0 chosen on validation episodes.
///
/// Batch statistics normalise while weights change, and move the running averages by the policy's momentum, which normalise queries
/// afterwards; momentum 0 keeps the pretrained ones.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, FineTune, Labels, Learner, Pretrain};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let encoder = Conv4Config { filters: 8, ..Conv4Config::pooled_64() };
/// let pretrain = Pretrain::new(Conv4::new(&encoder.with_head(64)));
/// let trained = Learner::<f32>::init(&pretrain, 1); // and then trained
///
/// let fine_tune = FineTune { steps: 2, inner_lr: 0.1, ..FineTune::new(Conv4::new(&encoder.with_head(5))) };
/// let images = |n: usize| Array::from_fn(&[n, 28, 28, 1], |i| (i % 7) as f32 / 7.0);
/// let support = Examples::new(images(5), Labels::Classes((0..5).collect()));
/// let predictor = fine_tune.adapt(&fine_tune.meta(&trained), &support);
/// assert_eq!(predictor.predict(&images(3)).shape(), [3, 5]);
/// ```
#[derive(Debug)]
pub struct FineTune<M> {
    /// The network; its head has as many outputs as there are ways.
    pub model: Arc<M>,
    /// The head before the first step.
    pub head: Head,
    /// Steps on the support.
    pub steps: usize,
    /// Rate of the first step, for the mean loss.
    pub inner_lr: f64,
    /// How fast the rate falls: `inner_lr / (1 + decay t)`.
    pub decay: f64,
    /// Normalisation of queries.
    pub policy: NormPolicy,
}

impl<M> Clone for FineTune<M> {
    fn clone(&self) -> Self {
        FineTune { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> FineTune<M> {
    /// 15 steps of 0.01 without decay from a head of zeros, running statistics of momentum 0.1.
    pub fn new(model: M) -> Self {
        FineTune {
            model: Arc::new(model),
            head: Head::Zeros,
            steps: 15,
            inner_lr: 0.01,
            decay: 0.0,
            policy: NormPolicy::Running { momentum: 0.1 },
        }
    }

    /// A pretrained network's encoder and running statistics by name, with a head of this network's size.
    ///
    /// # Panics
    /// When the encoders differ in names or shapes.
    #[must_use]
    #[track_caller]
    pub fn meta<F: Float>(&self, pretrained: &Meta<Array<F>>) -> Meta<Array<F>>
    where
        M: Headed<F> + 'static,
    {
        let fresh = match self.head {
            Head::Kept => Filter::only(&[]),
            _ => Filter::only(&[HEAD]),
        };
        let meta = pretrained.transfer(self, &fresh, 0);
        let theta = match self.new_head() {
            Some(head) => meta.theta.replace(&head),
            None => meta.theta.clone(),
        };
        Meta { theta, ..meta }
    }

    /// The head before the first step, if it is not that of the meta-parameters.
    fn new_head<F: Float>(&self) -> Option<Params<Array<F>>>
    where
        M: Headed<F>,
    {
        let seed = match self.head {
            Head::Kept => return None,
            Head::Zeros => 0,
            Head::Drawn { seed } => seed,
        };
        let own = Filter::only(&[HEAD]);
        let drawn = self.model.spec().init(&mut stream(seed, Purpose::Init, 0)).select(|name| own.has(name));
        Some(match self.head {
            Head::Zeros => drawn.map(|w| Array::zeros(w.shape())),
            _ => drawn,
        })
    }

    fn descent(&self) -> Descent<'_, M> {
        let FineTune { steps, inner_lr, decay, policy, .. } = *self;
        Descent { model: &self.model, steps, inner_lr, decay, policy }
    }
}

impl<F: Float, M: Headed<F> + 'static> Learner<F> for FineTune<M> {
    fn spec(&self) -> ParamSpec {
        let head = match self.head {
            Head::Zeros => "zeros",
            Head::Drawn { .. } => "drawn",
            Head::Kept => "kept",
        };
        learner_spec(self.model.spec().clone(), "FineTune", self.policy).signed("head", head)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    /// The steps on the tape, and the query normalised by its batch: trained this way it is MAML with a new head for each task.
    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let start = match self.new_head() {
            Some(head) => meta.theta.replace(&head.on(meta.tape())),
            None => meta.theta.clone(),
        };
        self.descent().outcome(&start, task, noise)
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
        let weights = match self.new_head() {
            Some(head) => meta.theta.replace(&head),
            None => meta.theta.clone(),
        };
        let start = NetworkState { weights, statistics: meta.statistics.clone() };
        self.descent().predictors(&Learner::<F>::spec(self), start, support, wanted)
    }
}

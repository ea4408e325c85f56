//! Training from scratch: what the support alone teaches.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_episodes::{Purpose, stream};
use fewshot_nn::{Model, Noise, NormPolicy, ParamSpec, Params};

use crate::baselines::descent::{Descent, NetworkState};
use crate::error::Error;
use crate::fit::Answers;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// A network of random weights, trained on the support alone by gradient descent: nothing is taken from other tasks.
///
/// `w_{t+1} = w_t - rate_t grad L_S(w_t)` with `rate_t = inner_lr / (1 + decay t)`, from the same random `w_0` for every support.
/// The meta-parameters are not looked at: the meta-gradient is 0.
///
/// ```
/// use fewshot_episodes::{Purpose, Sinusoid};
/// use fewshot_meta::{Learner, Scratch, evaluate_by_step};
/// use fewshot_nn::Mlp;
/// let test = Sinusoid::new(10, 10, 1, Purpose::Test)?;
/// let scratch = Scratch { steps: 20, ..Scratch::new(Mlp::new(&[1, 40, 40, 1])) };
/// let curve = evaluate_by_step(&scratch, &Learner::<f32>::init(&scratch, 1), &test, 10)?;
/// assert_eq!(curve.len(), 21);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scratch<M> {
    /// The network.
    pub model: Arc<M>,
    /// Steps on the support.
    pub steps: usize,
    /// Rate of the first step, for the mean loss.
    pub inner_lr: f64,
    /// How fast the rate falls: `inner_lr / (1 + decay t)`.
    pub decay: f64,
    /// The initial weights follow from it.
    pub seed: u64,
    /// Normalisation of queries. Running averages begin at mean 0 and variance 1 for each support.
    pub policy: NormPolicy,
}

impl<M> Clone for Scratch<M> {
    fn clone(&self) -> Self {
        Scratch { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> Scratch<M> {
    /// 15 steps of 0.01 without decay, seed 0, queries normalised with the support's statistics.
    pub fn new(model: M) -> Self {
        Scratch {
            model: Arc::new(model),
            steps: 15,
            inner_lr: 0.01,
            decay: 0.0,
            seed: 0,
            policy: NormPolicy::SupportOnly,
        }
    }

    fn start<F: Float>(&self) -> Params<Array<F>>
    where
        M: Model<F>,
    {
        self.model.spec().init(&mut stream(self.seed, Purpose::Init, 0))
    }

    fn descent(&self) -> Descent<'_, M> {
        let Scratch { steps, inner_lr, decay, policy, .. } = *self;
        Descent { model: &self.model, steps, inner_lr, decay, policy }
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Scratch<M> {
    fn spec(&self) -> ParamSpec {
        learner_spec(self.model.spec().clone(), "Scratch", self.policy)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    /// Whatever is given: it is not looked at.
    fn check_meta(&self, _: &Meta<Array<F>>) -> Result<(), Error> {
        Ok(())
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        self.descent().outcome(&self.start().on(meta.tape()), task, noise)
    }

    fn policy(&self) -> NormPolicy {
        self.policy
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        AdaptedModel::restored(&self.model, &Learner::<F>::spec(self), self.policy, state)
    }

    fn predictors(
        &self,
        _: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let start = NetworkState { weights: self.start(), statistics: self.model.spec().statistics() };
        self.descent().predictors(&Learner::<F>::spec(self), start, support, wanted)
    }
}

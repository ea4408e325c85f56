//! CAVIA (Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019: "Fast Context Adaptation via Meta-Learning", ICML).
//!
//! Only a small vector of context parameters is adapted, from 0 for each task: `c_t = c_{t-1} - inner_lr grad_c L_S(theta, c_{t-1})`;
//! the network theta, which takes the context as further inputs, is meta-learned by the gradient of `L_Q(theta, c_k)`.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Init, Input, Model, Noise, NormPolicy, ParamSpec, Params, Pass};

use crate::error::Error;
use crate::fit::Answers;
use crate::inner_loop::adapt::{InnerLoop, Order, Rate};
use crate::inner_loop::filter::Filter;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

const CONTEXT: &str = "context";

/// A network that gets a context vector, its last weight, as further entries of the last axis of its input.
#[derive(Debug)]
struct WithContext<M> {
    model: Arc<M>,
    spec: ParamSpec,
}

impl<F: Float, M: Model<F>> Model<F> for WithContext<M> {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    #[track_caller]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let context = params[CONTEXT];
        let mut shape = x.shape().to_vec();
        let last = shape.len() - 1;
        shape[last] = context.shape()[0];
        let spread = context.broadcast_to(&shape);
        self.model.forward(params, Var::concat(&[x, spread], last), pass)
    }
}

/// Learning by context parameters, for classification and regression.
///
/// ```
/// use fewshot_meta::Cavia;
/// use fewshot_nn::Mlp;
/// // the paper's network for sinusoids: one input and 5 context parameters
/// let learner = Cavia::new(Mlp::new(&[1 + 5, 40, 40, 1]), 5);
/// assert_eq!(learner.inner_lr, 1.0);
/// ```
///
/// The context enters where the network takes its input, as further columns or channels: with batch norm right after it, a
/// channel that is the same everywhere is taken away again (the paper's convolutional variant modulates features instead, which is not
/// built).
#[derive(Debug)]
pub struct Cavia<M> {
    /// The network; its input is wider than the data by `context`.
    pub model: Arc<M>,
    /// Number of context parameters.
    pub context: usize,
    /// Inner gradient steps in training.
    pub train_steps: usize,
    /// Inner gradient steps when adapting for use.
    pub eval_steps: usize,
    /// Rate of the inner steps, for the mean loss over the support.
    pub inner_lr: f64,
    /// Order of the meta-gradient.
    pub order: Order,
    /// Normalisation of queries by the adapted model, as in [`Maml`](crate::Maml).
    pub policy: NormPolicy,
}

impl<M> Clone for Cavia<M> {
    fn clone(&self) -> Self {
        Cavia { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> Cavia<M> {
    /// The paper's choices for sinusoids: one step of 1.0, second order.
    pub fn new(model: M, context: usize) -> Self {
        Cavia {
            model: Arc::new(model),
            context,
            train_steps: 1,
            eval_steps: 1,
            inner_lr: 1.0,
            order: Order::Second,
            policy: NormPolicy::Batch,
        }
    }

    fn network<F: Float>(&self) -> WithContext<M>
    where
        M: Model<F>,
    {
        let spec = self.model.spec().clone().with(CONTEXT, &[self.context], Init::Zeros);
        WithContext { model: Arc::clone(&self.model), spec }
    }

    /// All weights before the first step and after each.
    fn trajectory<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        steps: usize,
        order: Order,
        noise: Option<&Noise>,
    ) -> Vec<Params<Var<'t, F>>>
    where
        M: Model<F>,
    {
        let network = self.network::<F>();
        let blank = support.x.tape().var(&Array::zeros(&[self.context]));
        let named = |(name, w): (&str, &Var<'t, F>)| (name.to_owned(), *w);
        let start =
            Params::new(theta.iter().map(named).chain([(CONTEXT.to_owned(), blank)]).collect::<Vec<_>>());
        let inner = InnerLoop { steps, order, adapted: Filter::only(&[CONTEXT]), ..InnerLoop::default() };
        inner.trajectory(&start, Rate::Scalar(self.inner_lr), |_, fast| {
            let mut pass = noise.map_or_else(Pass::batch, |noise| Pass::batch().with_noise(noise));
            support.y.loss(network.forward(fast, support.x, &mut pass))
        })
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Cavia<M> {
    fn spec(&self) -> ParamSpec {
        let spec =
            learner_spec(self.model.spec().clone(), "Cavia", self.policy).signed("context", self.context);
        let input = match spec.input() {
            Input::Shape(shape) => {
                let mut shape = shape.clone();
                if let Some(last) = shape.last_mut() {
                    *last = last.saturating_sub(self.context);
                }
                Input::Shape(shape)
            }
            // of several axes the last is made wider
            Input::Numbers(_) | Input::Any => Input::Any,
        };
        spec.with_input(input)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    fn check_example(&self, example: &[usize]) -> Result<(), Error> {
        let mut wider = example.to_vec();
        if let Some(last) = wider.last_mut() {
            *last += self.context;
        }
        let (input, context) = (self.model.spec().input(), self.context);
        let cause = || {
            format!(
                "the support has examples {example:?}, the network takes {input} with {context} of context"
            )
        };
        let fits = !example.is_empty() && input.takes(&wider);
        if fits { Ok(()) } else { Err(Error::Unfit { cause: cause() }) }
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let mut all = self.trajectory(&meta.theta, &task.support, self.train_steps, self.order, Some(noise));
        let fast = all.pop().expect("there is one more than steps");
        Outcome::of_query(&self.network::<F>(), &fast, &task.query, noise)
    }

    fn policy(&self) -> NormPolicy {
        self.policy
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        AdaptedModel::restored(&Arc::new(self.network::<F>()), &Learner::<F>::spec(self), self.policy, state)
    }

    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let (tape, spec) = (Tape::new(), Learner::<F>::spec(self));
        let theta = meta.theta.on(&tape);
        let all = self.trajectory(&theta, &support.on(&tape), self.eval_steps, Order::First, None);
        let network = Arc::new(self.network::<F>());
        wanted.of(all.iter(), |_, w| {
            AdaptedModel::predictor(&network, &spec, self.policy, w.arrays(), &meta.statistics, support)
        })
    }
}

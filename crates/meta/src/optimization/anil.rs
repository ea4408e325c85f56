//! ANIL (Raghu, Raghu, Bengio, Vinyals 2020: "Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of
//! MAML", ICLR). NIL is [`Nil`](crate::Nil).

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Headed, Mode, Noise, NormPolicy, ParamSpec, Params, Pass};

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

const HEAD: &str = "head.*";

/// Almost no inner loop: MAML in which the inner steps adapt the last layer alone, on features of the support that are computed once.
///
/// Inner: `w_t = w_{t-1} - inner_lr grad_w L_S(body, w_{t-1})`; outer: the gradient of `L_Q(body, w_k)` with respect to body and head,
/// through the features of the support too. The gradient is that of [`Maml`](crate::Maml) with `adapted: Filter::only(&["head.*"])`, for
/// less work. The loss is a mean; the paper's rates are for MAML's convention (see there).
///
/// ```
/// use fewshot_meta::{Anil, Learner};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let learner = Anil { inner_lr: 2.0, ..Anil::new(Conv4::new(&Conv4Config::strided_gap().with_head(20))) };
/// assert_eq!(Learner::<f32>::spec(&learner).count(), 111_680 + 64 * 20 + 20);
/// ```
#[derive(Clone, Debug)]
pub struct Anil<M> {
    /// The network; its head has as many outputs as there are ways.
    pub model: Arc<M>,
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

impl<M> Anil<M> {
    /// 5 steps of 0.1, second order, batch statistics.
    pub fn new(model: M) -> Self {
        Anil {
            model: Arc::new(model),
            train_steps: 5,
            eval_steps: 5,
            inner_lr: 0.1,
            order: Order::Second,
            policy: NormPolicy::Batch,
        }
    }

    fn inner(&self, steps: usize, order: Order) -> InnerLoop {
        InnerLoop { steps, order, adapted: Filter::only(&[HEAD]), ..InnerLoop::default() }
    }

    /// The weights before the first step and after each, nothing kept of the steps.
    fn inner_loop<F: Float>(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> Vec<Params<Array<F>>>
    where
        M: Headed<F>,
    {
        let tape = Tape::new();
        let (theta, support) = (meta.theta.on(&tape), support.on(&tape));
        let features =
            self.model.features(&theta, support.x, &mut Pass::batch().with_mode(Mode::Inference)).detach();
        let inner = self.inner(self.eval_steps, Order::First);
        let all = inner.trajectory(&theta, Rate::Scalar(self.inner_lr), |_, fast| {
            support.y.loss(self.model.head(fast, features))
        });
        all.iter().map(Params::arrays).collect()
    }
}

impl<F: Float, M: Headed<F> + 'static> Learner<F> for Anil<M> {
    fn spec(&self) -> ParamSpec {
        learner_spec(self.model.spec().clone(), "Anil", self.policy)
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
        let (support, query) = (&task.support, &task.query);
        let known = self.model.features(
            &meta.theta,
            support.x,
            &mut Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder),
        );
        let inner = self.inner(self.train_steps, self.order);
        let fast = inner.run(&meta.theta, Rate::Scalar(self.inner_lr), |_, fast| {
            support.y.loss(self.model.head(fast, known))
        });
        let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
        let asked = self.model.features(&meta.theta, query.x, &mut pass);
        let predictions = self.model.head(&fast, asked);
        let loss = query.y.loss(predictions);
        Outcome { statistics: pass.into_statistics(), ..Outcome::new(loss, predictions) }
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
        let spec = Learner::<F>::spec(self);
        let one = |_, weights| {
            AdaptedModel::predictor(&self.model, &spec, self.policy, weights, &meta.statistics, support)
        };
        wanted.of(self.inner_loop(meta, support).into_iter(), one)
    }
}

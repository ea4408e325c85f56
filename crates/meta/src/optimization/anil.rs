//! ANIL (Raghu, Raghu, Bengio, Vinyals 2020: "Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of
//! MAML", ICLR). NIL is [`Nil`](crate::Nil).

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape};
use fewshot_nn::{Headed, Mode, Noise, NormPolicy, ParamSpec, Params, Pass};

use crate::error::Error;
use crate::fit::{Answers, ready};
use crate::inner_loop::adapt::{InnerLoop, Order, Rate};
use crate::inner_loop::filter::Filter;
use crate::learner::{Learner, Meta, MetaVars, Outcome, Predictor, momentum, signed};
use crate::predictor::adapted::{predictor, restored};
use crate::predictor::state::Learned;
use crate::task::Examples;
use crate::task_vars::TaskVars;

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
    fn descend<F: Float>(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Params<Array<F>>>
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
        signed(self.model.spec().clone(), "Anil", self.policy)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    fn episode<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Outcome<'t, F> {
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
        Outcome { loss: query.y.loss(predictions), predictions, statistics: pass.into_statistics() }
    }

    fn momentum(&self) -> f64 {
        momentum(self.policy)
    }

    fn restore(&self, learned: &Learned<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        restored(&self.model, &Learner::<F>::spec(self), self.policy, learned)
    }

    #[track_caller]
    fn adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Box<dyn Predictor<F>> {
        ready(self, meta, support);
        let last = self.descend(meta, support).pop().expect("there is one more than steps");
        let spec = Learner::<F>::spec(self);
        predictor(&self.model, &spec, self.policy, last, &meta.statistics, support)
    }

    #[track_caller]
    fn adapt_by_step(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Box<dyn Predictor<F>>> {
        ready(self, meta, support);
        let spec = Learner::<F>::spec(self);
        let one = |weights| predictor(&self.model, &spec, self.policy, weights, &meta.statistics, support);
        self.descend(meta, support).into_iter().map(one).collect()
    }
}

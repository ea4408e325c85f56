//! Reptile (Nichol, Achiam, Schulman 2018: "On First-Order Meta-Learning Algorithms").
//!
//! Serial: `phi = InnerOpt_k(theta, task)`, `theta <- theta + eps (phi - theta)`; batched: the mean of `phi_i - theta` over the tasks
//! of a meta-batch. As a meta-gradient that is `theta - phi`, for plain SGD with rate `eps` as the outer optimiser.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, ParamSpec, Params, Pass, Tail};

use crate::error::Error;
use crate::fit::Answers;
use crate::inner_loop::adapt::{InnerLoop, InnerState, Order, Rate};
use crate::inner_loop::rules::{Moments, Rule};
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// What of the inner steps makes the outer step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Displacement {
    /// All inner steps: `theta - phi_k` (Reptile).
    #[default]
    Whole,
    /// The last inner step alone, `phi_{k-1} - phi_k`: first-order MAML with mini-batches (their sections 3 and 6), whose
    /// last mini-batch is made of examples as they come, or of examples that no earlier step has seen.
    Last(Tail),
}

/// Moves the initialisation towards where training on each task ends. No query is trained on, nothing is differentiated twice.
///
/// ```
/// use fewshot_episodes::{Purpose, Sinusoid};
/// use fewshot_meta::{Reptile, Trainer, Training};
/// use fewshot_nn::{Mlp, Schedule, Sgd};
/// let waves = Sinusoid::new(20, 1, 1, Purpose::Train)?;
/// let learner = Reptile::new(Mlp::new(&[1, 40, 40, 1]));
/// // the step size falls from 1 to 0
/// let schedule = Schedule::Linear { iterations: 1000, last: 0.0 };
/// let training = Training { meta_batch: 5, outer_lr: 1.0, schedule, ..Training::default() };
/// let mut trainer = Trainer::new(&learner, &waves, Sgd::default(), training);
/// trainer.step()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The moments of the inner optimiser are not reset between tasks: they carry over from task to task along each lane, in training;
/// in use every task starts from those of the first lane. With one lane and one task in a meta-batch this is the paper's serial
/// form. All parameters take part, those of norms too. The query, of one example per class, only shows how training goes.
#[derive(Debug)]
pub struct Reptile<M> {
    /// The network.
    pub model: Arc<M>,
    /// Inner steps in training.
    pub train_steps: usize,
    /// Inner steps when adapting for use.
    pub eval_steps: usize,
    /// Rate of the inner steps, for the mean loss of a mini-batch.
    pub inner_lr: f64,
    /// The inner optimiser.
    pub rule: Rule,
    /// Support examples of an inner step in training; nothing: all of them.
    pub batch: Option<usize>,
    /// Support examples of an inner step when adapting for use; nothing: all of them.
    pub eval_batch: Option<usize>,
    /// Lanes of the meta-batch that carry moments of their own; as many as tasks in a meta-batch keep all of them parallel.
    pub lanes: usize,
    /// What makes the outer step.
    pub outer: Displacement,
    /// Normalisation of queries by the adapted model: `Batch`, all queries of a call together ("transductive" in the paper's tables);
    /// `SupportPlusOne`, each query with the support.
    pub policy: NormPolicy,
}

impl<M> Clone for Reptile<M> {
    fn clone(&self) -> Self {
        Reptile { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> Reptile<M> {
    /// The released settings for Omniglot with 5 ways: 5 steps on mini-batches of 10, 50 on mini-batches of 5 in use, Adam with
    /// beta1 0 and rate 1e-3, 5 lanes, queries with the support.
    pub fn new(model: M) -> Self {
        Reptile {
            model: Arc::new(model),
            train_steps: 5,
            eval_steps: 50,
            inner_lr: 1e-3,
            rule: Rule::reptile_adam(),
            batch: Some(10),
            eval_batch: Some(5),
            lanes: 5,
            outer: Displacement::Whole,
            policy: NormPolicy::SupportPlusOne,
        }
    }

    fn inner(&self, steps: usize) -> InnerLoop {
        InnerLoop { steps, order: Order::First, rule: self.rule, ..InnerLoop::default() }
    }

    /// Weights before the first step and after each, and the moments after the last.
    fn steps<'t, F: Float>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> (Vec<Params<Var<'t, F>>>, Moments<Var<'t, F>>)
    where
        M: Model<F>,
    {
        let inner = self.inner(self.train_steps);
        let tail = match self.outer {
            Displacement::Whole => Tail::Shared,
            Displacement::Last(tail) => tail,
        };
        let batches = task.support.mini_batches(self.batch, inner.steps, tail, noise);
        let start = InnerState { fast: meta.theta.clone(), moments: meta.carried() };
        inner.trajectory_from(start, Rate::Scalar(self.inner_lr), |t, fast| {
            let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
            batches[t].y.loss(self.model.forward(fast, batches[t].x, &mut pass))
        })
    }

    /// Weights before the first step and after each, nothing kept of the steps.
    fn inner_loop<F: Float>(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> impl Iterator<Item = Params<Array<F>>>
    where
        M: Model<F>,
    {
        let inner = self.inner(self.eval_steps);
        let batches = support.mini_batches(self.eval_batch, inner.steps);
        let start = InnerState { fast: meta.theta.clone(), moments: meta.carried() };
        inner.adapt_from(start, Rate::Scalar(self.inner_lr), batches, move |_, fast, seen| {
            seen.y.loss(self.model.forward(fast, seen.x, &mut Pass::batch().with_mode(Mode::FirstOrder)))
        })
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Reptile<M> {
    fn spec(&self) -> ParamSpec {
        learner_spec(self.model.spec().clone(), "Reptile", self.policy)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    fn lanes(&self, theta: &Params<Array<F>>) -> Vec<Params<Array<F>>> {
        let fresh = self.rule.fresh(theta, |w| Array::zeros(w.shape()), Array::scalar(F::zero()));
        if fresh.is_empty() { Vec::new() } else { vec![fresh; self.lanes.max(1)] }
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let (all, _) = self.steps(meta, task, noise);
        Outcome::of_query(&*self.model, &all[self.train_steps], &task.query, noise)
    }

    /// Loss and predictions of the query after the last step; as gradient the displacement, which is the derivative of no loss.
    fn gradient<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let (all, carried) = self.steps(meta, task, noise);
        let last = &all[self.train_steps];
        let from = match self.outer {
            Displacement::Whole => &all[0],
            Displacement::Last(_) => &all[self.train_steps.saturating_sub(1)],
        };
        let gradient = from.zip(last, |&a, &b| (a - b).detach());
        let outcome = Outcome::of_query(&*self.model, last, &task.query, noise).detached();
        Outcome { carried: carried.map(|x| x.detach()), gradient, ..outcome }
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
        wanted.of(self.inner_loop(meta, support), one)
    }
}

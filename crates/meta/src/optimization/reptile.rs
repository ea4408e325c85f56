//! Reptile (Nichol, Achiam, Schulman 2018: "On First-Order Meta-Learning Algorithms").
//!
//! Serial: `phi = InnerOpt_k(theta, task)`, `theta <- theta + eps (phi - theta)`; batched: the mean of `phi_i - theta` over the tasks
//! of a meta-batch. As a meta-gradient that is `theta - phi`, for plain SGD with rate `eps` as the outer optimiser.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, ParamSpec, Params, Pass, Tail};

use crate::error::Error;
use crate::fit::{Answers, ready};
use crate::inner_loop::adapt::{InnerLoop, Order, Rate, State};
use crate::inner_loop::mini_batches::served;
use crate::inner_loop::rules::{Moments, Rule};
use crate::inner_loop::without_tape::{AtRest, Portions, stepwise};
use crate::learner::{Gradient, Learner, Meta, MetaVars, Outcome, Predictor, momentum, signed};
use crate::predictor::adapted::{predictor, restored};
use crate::predictor::state::Learned;
use crate::task::Examples;
use crate::task_vars::TaskVars;

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
/// let mut trainer = Trainer::<f32>::new(&learner, &waves, Box::new(Sgd::default()), training);
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
        meta: &MetaVars<'t, F>,
        task: &TaskVars<'t, F>,
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
        let served = served(&task.support, self.batch, inner.steps, tail, noise);
        let start = State { fast: meta.theta.clone(), moments: meta.carried.clone() };
        inner.trajectory_from(start, Rate::Scalar(self.inner_lr), |t, fast| {
            let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
            served[t].y.loss(self.model.forward(fast, served[t].x, &mut pass))
        })
    }

    /// Weights before the first step and after each, nothing kept of the steps.
    fn descend<F: Float>(
        &self,
        meta: &Meta<F>,
        support: &Examples<F>,
    ) -> impl Iterator<Item = Params<Array<F>>>
    where
        M: Model<F>,
    {
        let inner = self.inner(self.eval_steps);
        let portions = Portions::of(support, self.eval_batch, inner.steps);
        let moments = meta.lanes.first().cloned().unwrap_or_default();
        stepwise(inner.steps, AtRest { fast: meta.theta.clone(), moments }, move |t, tape, state| {
            let seen = portions.at(t, tape);
            inner.step(t, state, Rate::Scalar(self.inner_lr), &mut |_, fast| {
                seen.y.loss(self.model.forward(fast, seen.x, &mut Pass::batch().with_mode(Mode::FirstOrder)))
            })
        })
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Reptile<M> {
    fn spec(&self) -> ParamSpec {
        signed(self.model.spec().clone(), "Reptile", self.policy)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    fn lanes(&self, theta: &Params<Array<F>>) -> Vec<Params<Array<F>>> {
        let fresh = self.rule.fresh(theta, |w| Array::zeros(w.shape()), Array::scalar(F::zero()));
        if fresh.is_empty() { Vec::new() } else { vec![fresh; self.lanes.max(1)] }
    }

    fn episode<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Outcome<'t, F> {
        let (all, _) = self.steps(meta, task, noise);
        Outcome::of_query(&*self.model, &all[self.train_steps], &task.query, noise)
    }

    /// Loss and predictions of the query after the last step; as gradient the displacement, which is the derivative of no loss.
    fn gradient<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Gradient<'t, F> {
        let (all, carried) = self.steps(meta, task, noise);
        let last = &all[self.train_steps];
        let from = match self.outer {
            Displacement::Whole => &all[0],
            Displacement::Last(_) => &all[self.train_steps.saturating_sub(1)],
        };
        let gradient = from.zip(last, |&a, &b| (a - b).detach());
        let Outcome { loss, predictions, statistics } =
            Outcome::of_query(&*self.model, last, &task.query, noise);
        Gradient {
            loss: loss.detach(),
            predictions: predictions.detach(),
            statistics: statistics.map(|s| s.map(|x| x.detach())),
            carried: carried.map(|x| x.detach()),
            gradient,
        }
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
        let last = self.descend(meta, support).last().expect("there is one more than steps");
        let spec = Learner::<F>::spec(self);
        predictor(&self.model, &spec, self.policy, last, &meta.statistics, support)
    }

    #[track_caller]
    fn adapt_by_step(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Box<dyn Predictor<F>>> {
        ready(self, meta, support);
        let spec = Learner::<F>::spec(self);
        let one = |weights| predictor(&self.model, &spec, self.policy, weights, &meta.statistics, support);
        self.descend(meta, support).map(one).collect()
    }
}

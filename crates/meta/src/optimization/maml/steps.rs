//! The inner steps of [`Maml`]: on the tape in training, with nothing kept when adapting for use.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, Params, Pass, Tail};

use crate::inner_loop::adapt::{InnerLoop, Order, Rate, at_step};
use crate::inner_loop::rematerialize::Checkpointing;
use crate::learner::Learner;
use crate::meta::Meta;
use crate::optimization::maml::{Maml, RATES, Rates, Sharing, norms};
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::task::Examples;

/// One list of values for each step.
pub(crate) type Lists<'t, F> = Vec<Params<Var<'t, F>>>;

/// Weights and learned rates among the meta-parameters.
fn parts<F: Float, T: Clone>(model: &impl Model<F>, theta: &Params<T>) -> (Params<T>, Params<T>) {
    (theta.first(model.spec().weights().len()), theta.within(RATES))
}

fn rate<'a, T, M>(learner: &Maml<M>, rates: &'a Params<T>) -> Rate<'a, T> {
    match learner.rates {
        Rates::Fixed => Rate::Scalar(learner.inner_lr),
        Rates::Each { .. } => Rate::Each(rates),
        Rates::PerStep => Rate::PerStep(rates),
    }
}

impl<M> Maml<M> {
    /// The inner loop in training, at a stage of it.
    pub(crate) fn inner<F: Float>(&self, stage: u64) -> InnerLoop
    where
        M: Model<F>,
    {
        let order = if stage % 2 == 1 { Order::First } else { self.order };
        let (steps, adapted) = (self.train_steps, self.adapted.on(self.model.spec()));
        InnerLoop { steps, order, adapted, rule: self.rule, clip: self.clip }
    }

    /// The weights a pass after `step` steps works with: of norms with weights per step, those of the step.
    pub(crate) fn weights_at<'t, F: Float>(
        &self,
        fast: &Params<Var<'t, F>>,
        step: usize,
    ) -> Params<Var<'t, F>>
    where
        M: Model<F>,
    {
        match self.norm_weights {
            Sharing::Shared => fast.clone(),
            Sharing::PerStep => {
                let norms = norms(self.model.spec());
                fast.map_named(|name, w| if norms.has(name) { at_step(*w, step) } else { *w })
            }
        }
    }

    /// The weights before the first step and after each, and the statistics of each step's support.
    pub(crate) fn trajectory<'t, F: Float>(
        &self,
        inner: &InnerLoop,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        noise: &Noise,
    ) -> (Lists<'t, F>, Lists<'t, F>)
    where
        M: Model<F> + 'static,
    {
        let (weights, rates) = parts(&*self.model, theta);
        let rate = rate(self, &rates);
        match self.checkpointing {
            Checkpointing::Recompute if inner.order == Order::Second => {
                assert!(
                    self.batch.is_none() && self.norm_statistics == Sharing::Shared,
                    "Maml: Checkpointing::Recompute goes with the whole support in each step and shared norm statistics"
                );
                let (own, order) = (self.clone(), inner.order);
                let all = inner.trajectory_recomputed(&weights, rate, support, move |t, fast, support| {
                    let mut pass = inner_pass(order).with_noise(&Noise::refused());
                    support.y.loss(own.model.forward(&own.weights_at(fast, t), support.x, &mut pass))
                });
                (all, Vec::new())
            }
            _ => {
                let batches = support.mini_batches(self.batch, inner.steps, Tail::Shared, noise);
                let mut statistics = Vec::new();
                let all = inner.trajectory(&weights, rate, |t, fast| {
                    let mut pass = inner_pass(inner.order).with_noise(noise);
                    let y = self.model.forward(&self.weights_at(fast, t), batches[t].x, &mut pass);
                    statistics.extend(pass.into_statistics());
                    batches[t].y.loss(y)
                });
                (all, statistics)
            }
        }
    }

    /// The weights for use after each step, nothing kept of the steps.
    pub(crate) fn inner_loop<F: Float>(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> impl Iterator<Item = Params<Array<F>>>
    where
        M: Model<F> + 'static,
    {
        let (weights, rates) = parts(&*self.model, &meta.theta);
        let inner = InnerLoop { steps: self.eval_steps, ..self.inner::<F>(0) };
        let running = matches!(self.policy, NormPolicy::Running { .. });
        let given = running && self.norm_statistics == Sharing::PerStep && !meta.statistics.is_empty();
        let batches = support.mini_batches(self.batch, inner.steps);
        let all = inner.adapt(weights, rate(self, &rates), batches, move |t, fast, seen| {
            let pass = match given {
                true => Pass::given(&meta.statistics.on(seen.x.tape()).map(|s| at_step(*s, t))),
                false => Pass::batch(),
            };
            seen.y.loss(self.model.forward(
                &self.weights_at(fast, t),
                seen.x,
                &mut pass.with_mode(Mode::FirstOrder),
            ))
        });
        all.enumerate().map(|(step, fast)| {
            let tape = Tape::new();
            self.weights_at(&fast.on(&tape), step.saturating_sub(1)).arrays()
        })
    }

    /// The predictor of the weights after `step` steps.
    pub(crate) fn predictor<F: Float>(
        &self,
        meta: &Meta<Array<F>>,
        weights: Params<Array<F>>,
        step: usize,
        support: &Examples<Array<F>>,
    ) -> Box<dyn Predictor<F>>
    where
        M: Model<F> + 'static,
    {
        let statistics = match self.norm_statistics {
            Sharing::Shared => meta.statistics.clone(),
            Sharing::PerStep => {
                let tape = Tape::new();
                meta.statistics.on(&tape).map(|s| at_step(*s, step.saturating_sub(1)).value())
            }
        };
        AdaptedModel::predictor(
            &self.model,
            &Learner::<F>::spec(self),
            self.policy,
            weights,
            &statistics,
            support,
        )
    }
}

/// The pass of an inner step, of which the first order takes one gradient only.
fn inner_pass<'t, F: Float>(order: Order) -> Pass<'t, F> {
    match order {
        Order::First => Pass::batch().with_mode(Mode::FirstOrder),
        Order::Second => Pass::batch(),
    }
}

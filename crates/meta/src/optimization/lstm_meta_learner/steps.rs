//! The inner steps of [`LstmMetaLearner`]: on the tape in training, as arrays in use.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, Params, Pass, Tail, update_running};

use crate::inner_loop::adapt::Order;
use crate::inner_loop::mini_batches::fixed_noise;
use crate::inner_loop::rematerialize::Checkpointing;
use crate::learner::Learner;
use crate::meta::Meta;
use crate::optimization::lstm_meta_learner::update::Coordinates;
use crate::optimization::lstm_meta_learner::{InnerGradient, LstmMetaLearner};
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::forward::concat;
use crate::task::Examples;

/// Coordinates whose update is computed at a time: what it writes stays in a core's cache.
const BLOCK: usize = 512;

/// The network after a step, or before the first.
pub(crate) struct Step<'t, F: Float> {
    pub(crate) weights: Params<Var<'t, F>>,
    /// Statistics of the batch that the step has seen.
    statistics: Option<Params<Var<'t, F>>>,
    /// State of each block of coordinates.
    state: Vec<Coordinates<'t, F>>,
}

/// The network after a step, as arrays.
pub(crate) struct Adapted<F: Float> {
    weights: Params<Array<F>>,
    /// Running statistics over the steps so far.
    statistics: Params<Array<F>>,
    /// Before the sigmoid, `[coordinates, 2]`.
    pub(crate) gates: Array<F>,
}

/// All weights one below the other, `[coordinates, 1]`.
fn column<'t, F: Float>(weights: &[Var<'t, F>]) -> Var<'t, F> {
    let columns: Vec<Var<'t, F>> = weights.iter().map(|w| w.reshape(&[w.shape().count(), 1])).collect();
    Var::concat(&columns, 0)
}

/// A column as weights again.
fn weights<'t, F: Float>(column: Var<'t, F>, like: &Params<Var<'t, F>>) -> Params<Var<'t, F>> {
    let counts: Vec<usize> = like.values().iter().map(|w| w.shape().count()).collect();
    let parts = column.split(0, &counts);
    like.with_values(parts.iter().zip(like.values()).map(|(part, w)| part.reshape(&w.shape())).collect())
}

fn blocks<F: Float>(column: Var<'_, F>) -> Vec<Var<'_, F>> {
    let n = column.shape()[0];
    let sizes: Vec<usize> = (0..n).step_by(BLOCK).map(|from| BLOCK.min(n - from)).collect();
    column.split(0, &sizes)
}

impl<M> LstmMetaLearner<M> {
    /// The network before the first step and after each.
    pub(crate) fn inner_loop<'t, F: Float>(
        &self,
        steps: usize,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        noise: &Noise,
    ) -> Vec<Step<'t, F>>
    where
        M: Model<F>,
    {
        let (start, params) = self.parts(theta);
        let mut all = vec![self.before(start)];
        for batch in support.mini_batches(self.batch, steps, Tail::Shared, noise) {
            all.push(self.step(&params, all.last().expect("there is a first"), &batch, noise));
        }
        all
    }

    /// The network's weights, and those of the update.
    fn parts<F: Float, T: Clone>(&self, theta: &Params<T>) -> (Params<T>, Params<T>)
    where
        M: Model<F>,
    {
        let own = self.model.spec().weights().len();
        (theta.first(own), theta.after(own))
    }

    /// Before the first step.
    fn before<'t, F: Float>(&self, weights: Params<Var<'t, F>>) -> Step<'t, F> {
        let blocks = blocks(column(weights.values()));
        let state = blocks.into_iter().map(|theta| self.update.start(theta)).collect();
        Step { weights, statistics: None, state }
    }

    fn step<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        before: &Step<'t, F>,
        batch: &Examples<Var<'t, F>>,
        noise: &Noise,
    ) -> Step<'t, F>
    where
        M: Model<F>,
    {
        let (loss, gradients, statistics) = self.seen(&before.weights, batch, noise);
        let moved = before.state.iter().zip(blocks(gradients));
        let state: Vec<Coordinates<'t, F>> = moved
            .map(|(block, g)| self.update.step_with(self.checkpointing, params, block, g, loss))
            .collect();
        let theta: Vec<Var<'t, F>> = state.iter().map(|block| block.theta).collect();
        Step { weights: weights(Var::concat(&theta, 0), &before.weights), statistics, state }
    }

    /// Loss `[]` and gradient `[coordinates, 1]` on a batch, and its statistics.
    fn seen<'t, F: Float>(
        &self,
        weights: &Params<Var<'t, F>>,
        batch: &Examples<Var<'t, F>>,
        noise: &Noise,
    ) -> (Var<'t, F>, Var<'t, F>, Option<Params<Var<'t, F>>>)
    where
        M: Model<F>,
    {
        let pass = Pass::batch().with_noise(noise);
        let (here, mut pass) = match self.order {
            // on copies made just before the loss, so that the loss's own values are freed and nothing earlier
            Order::First => (weights.map(|w| w.detach()), pass.with_mode(Mode::FirstOrder)),
            Order::Second => (weights.clone(), pass),
        };
        let loss = batch.y.loss(self.model.forward(&here, batch.x, &mut pass));
        let (loss, gradients) = match self.order {
            Order::First => (loss.detach(), loss.constant_grads(here.values())),
            Order::Second => (loss, loss.grads(here.values())),
        };
        let gradient = column(&gradients);
        let gradient = match self.gradient {
            InnerGradient::Mean => gradient,
            InnerGradient::DividedMean => gradient * F::of(1.0 / batch.x.shape()[0] as f64),
        };
        (loss, gradient, pass.into_statistics())
    }

    /// The network for use before the first step and after each.
    pub(crate) fn adapted<F: Float>(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> Vec<Adapted<F>>
    where
        M: Model<F>,
    {
        // of a block of coordinates only its results are kept, too
        let how =
            LstmMetaLearner { order: Order::First, checkpointing: Checkpointing::Recompute, ..self.clone() };
        let (weights, params) = how.parts(&meta.theta);
        let batches = support.mini_batches(self.batch, self.eval_steps);
        let mut running = self.model.spec().statistics();
        let mut state = at_rest(&how.before(weights.on(&Tape::new())));
        let mut adapted = vec![Adapted { weights, statistics: running.clone(), gates: gates(&state) }];
        for t in 0..self.eval_steps {
            // a tape for each step, so that nothing is kept of it but its result
            let tape = Tape::new();
            let weights = adapted[t].weights.on(&tape);
            let before = Step { weights, statistics: None, state: on(&tape, &state) };
            let step = how.step(&params.on(&tape), &before, &batches.at(t, &tape), &fixed_noise());
            state = at_rest(&step);
            if let Some(batch) = step.statistics {
                running = update_running(&running, &batch.arrays(), self.norm_momentum);
            }
            let (weights, statistics) = (step.weights.arrays(), running.clone());
            adapted.push(Adapted { weights, statistics, gates: gates(&state) });
        }
        adapted
    }

    pub(crate) fn predictor<F: Float>(
        &self,
        meta: &Meta<Array<F>>,
        adapted: Adapted<F>,
        support: &Examples<Array<F>>,
    ) -> Box<dyn Predictor<F>>
    where
        M: Model<F> + 'static,
    {
        let (policy, statistics) = match self.policy {
            NormPolicy::SupportOnly => {
                (NormPolicy::Running { momentum: self.norm_momentum }, &adapted.statistics)
            }
            other => (other, &meta.statistics),
        };
        AdaptedModel::predictor(
            &self.model,
            &Learner::<F>::spec(self),
            policy,
            adapted.weights,
            statistics,
            support,
        )
    }
}

/// The coordinates as arrays.
fn at_rest<F: Float>(step: &Step<'_, F>) -> Vec<[Array<F>; 4]> {
    step.state.iter().map(|block| block.values().map(|x| x.value())).collect()
}

/// The coordinates on a tape, from arrays.
fn on<'t, F: Float>(tape: &'t Tape<F>, state: &[[Array<F>; 4]]) -> Vec<Coordinates<'t, F>> {
    state.iter().map(|block| Coordinates::of(&block.each_ref().map(|x| tape.var(x)))).collect()
}

fn gates<F: Float>(state: &[[Array<F>; 4]]) -> Array<F> {
    concat(&state.iter().map(|[.., gates]| gates).collect::<Vec<_>>())
}

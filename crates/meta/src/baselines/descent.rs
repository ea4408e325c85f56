//! Gradient descent on a whole support set, for use.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, ParamSpec, Params, Pass, update_running};

use crate::inner_loop::adapt::{InnerLoop, InnerState, Order, Rate};
use crate::inner_loop::without_tape::stepwise;
use crate::learner::{Steps, momentum};
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::task::{Examples, Task};

/// Steps on the whole support, of all layers: `w_{t+1} = w_t - rate_t grad L_S(w_t)`.
pub(crate) struct Descent<'m, M> {
    pub(crate) model: &'m Arc<M>,
    pub(crate) steps: usize,
    pub(crate) inner_lr: f64,
    pub(crate) decay: f64,
    pub(crate) policy: NormPolicy,
}

/// Weights, and the running statistics that belong to them.
pub(crate) struct NetworkState<F: Float> {
    pub(crate) weights: Params<Array<F>>,
    pub(crate) statistics: Params<Array<F>>,
}

impl<M> Descent<'_, M> {
    fn inner(&self, order: Order) -> InnerLoop {
        InnerLoop { steps: self.steps, order, ..InnerLoop::default() }
    }

    /// The rate of step `t`, counted from 0.
    fn rate(&self, t: usize) -> f64 {
        self.inner_lr / (1.0 + self.decay * t as f64)
    }

    /// The network before the first step and after each: batch statistics normalise, and move the running ones.
    fn states<F: Float>(&self, start: NetworkState<F>, support: &Examples<Array<F>>) -> Vec<NetworkState<F>>
    where
        M: Model<F>,
    {
        let inner = self.inner(Order::First);
        let mut statistics = vec![start.statistics];
        let all = stepwise(self.steps, InnerState::at_rest(&inner, start.weights), |t, tape, state| {
            let support = support.on(tape);
            let mut running = statistics[t].clone();
            let after = inner.step(t, state, Rate::Scalar(self.rate(t)), &mut |_, fast| {
                let mut pass = Pass::batch().with_mode(Mode::FirstOrder);
                let y = self.model.forward(fast, support.x, &mut pass);
                if let Some(batch) = pass.into_statistics() {
                    running = update_running(&running, &batch.arrays(), momentum(self.policy));
                }
                support.y.loss(y)
            });
            statistics.push(running);
            after
        });
        let all: Vec<Params<Array<F>>> = all.collect();
        all.into_iter()
            .zip(statistics)
            .map(|(weights, statistics)| NetworkState { weights, statistics })
            .collect()
    }

    /// The predictors of a learner before the first step and after each.
    pub(crate) fn predictors<F: Float>(
        &self,
        learner: &ParamSpec,
        start: NetworkState<F>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>>
    where
        M: Model<F> + 'static,
    {
        let states = self.states(start, support).into_iter();
        wanted.of(states, |_, s| {
            AdaptedModel::predictor(self.model, learner, self.policy, s.weights, &s.statistics, support)
        })
    }

    /// The weights after all steps on a tape, and the answers to the query.
    pub(crate) fn outcome<'t, F: Float>(
        &self,
        start: &Params<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>>
    where
        M: Model<F>,
    {
        let (support, query, inner) = (&task.support, &task.query, self.inner(Order::Second));
        let mut state = inner.start(start);
        for t in 0..self.steps {
            state = inner.step(t, &state, Rate::Scalar(self.rate(t)), &mut |_, fast| {
                support.y.loss(self.model.forward(fast, support.x, &mut Pass::batch().with_noise(noise)))
            });
        }
        Outcome::of_query(&**self.model, &state.fast, query, noise)
    }
}

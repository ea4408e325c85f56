//! Inner steps that are computed again when the meta-gradient passes, instead of being kept.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::Params;

use crate::inner_loop::adapt::{InnerLoop, InnerState, Rate, RateKind};
use crate::task::Examples;

/// What is kept of the inner steps until the meta-gradient has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Checkpointing {
    /// All values: memory grows with the steps.
    #[default]
    Keep,
    /// The weights before each step, from which the step is computed again: memory for the values of one step, for up to a third
    /// more work. The gradient is the same. A model with dropout panics: a step computed again would draw other masks.
    Recompute,
}

impl InnerLoop {
    /// [`InnerLoop::trajectory`] with each step under a checkpoint ([`Checkpointing::Recompute`]): of a step only the weights before it are
    /// kept.
    ///
    /// `loss` sees weights and support, and nothing else on a tape: dropout has no place in it.
    ///
    /// # Panics
    /// When the filter leaves nothing to adapt, or a rate is missing.
    #[track_caller]
    pub fn trajectory_recomputed<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        rate: Rate<'_, Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        loss: impl for<'s> Fn(usize, &Params<Var<'s, F>>, &Examples<Var<'s, F>>) -> Var<'s, F>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Vec<Params<Var<'t, F>>> {
        let mut state = self.start(theta);
        let names = Names::of(&state);
        let rate_names = rate.learned().map(|rates| rates.map(|_| ())).unwrap_or_default();
        let kind = RateKind::of(rate);
        let labels = support.y.map(|_| ());
        let mut given = vec![support.x, support.y.into_values()];
        given.extend(rate.learned().iter().flat_map(|rates| rates.values()));
        let mut all = vec![theta.clone()];
        for t in 0..self.steps {
            let inputs: Vec<Var<'t, F>> = state.values().chain(&given).copied().collect();
            let (inner, names, loss) = (self.clone(), names.clone(), loss.clone());
            let rate_names = rate_names.clone();
            let stepped = support.x.tape().checkpoint(&inputs, move |v| {
                let (state, given) = names.state(v);
                let support = Examples { x: given[0], y: labels.map(|()| given[1]) };
                let rates = rate_names.with_values(given[2..].to_vec());
                let next = inner
                    .step(t, &state, kind.rate(&rates), &mut |t, fast: &Params<_>| loss(t, fast, &support));
                next.values().copied().collect()
            });
            state = InnerState {
                fast: state.fast.with_values(stepped[..theta.len()].to_vec()),
                moments: state.moments.with_values(stepped[theta.len()..].to_vec()),
            };
            all.push(state.fast.clone());
        }
        all
    }
}

/// The names of a [`InnerState`].
#[derive(Clone)]
struct Names {
    fast: Params<()>,
    moments: Params<()>,
}

impl Names {
    fn of<T>(state: &InnerState<T>) -> Self {
        Names { fast: state.fast.map(|_| ()), moments: state.moments.map(|_| ()) }
    }

    /// The state these values stand for, and the values after it.
    fn state<'v, 't, F: Float>(&self, v: &'v [Var<'t, F>]) -> (InnerState<Var<'t, F>>, &'v [Var<'t, F>]) {
        let (fast, rest) = v.split_at(self.fast.len());
        let (moments, rest) = rest.split_at(self.moments.len());
        let state = InnerState {
            fast: self.fast.with_values(fast.to_vec()),
            moments: self.moments.with_values(moments.to_vec()),
        };
        (state, rest)
    }
}

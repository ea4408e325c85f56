//! Inner steps that are computed again when the meta-gradient passes, instead of being kept.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::Params;

use crate::inner_loop::adapt::{InnerLoop, Rate, State};
use crate::task::Examples;

/// What is kept of the inner steps until the meta-gradient has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Memory {
    /// All values: memory grows with the steps.
    #[default]
    Keep,
    /// The weights before each step, from which the step is computed again: memory for the values of one step, for up to a third
    /// more work. The gradient is the same. A model with dropout panics: a step computed again would draw other masks.
    Recompute,
}

impl InnerLoop {
    /// [`InnerLoop::trajectory`] with each step under a checkpoint ([`Memory::Recompute`]): of a step only the weights before it are
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
        rate: Rate<'_, 't, F>,
        support: &Examples<Var<'t, F>>,
        loss: impl for<'s> Fn(usize, &Params<Var<'s, F>>, &Examples<Var<'s, F>>) -> Var<'s, F>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Vec<Params<Var<'t, F>>> {
        let mut state = self.start(theta);
        let names = Names::of(&state);
        let fixed = Fixed::of(rate);
        let labels = support.y.map(|_| ());
        let mut given = vec![support.x, support.y.into_values()];
        given.extend(rate.learned().iter().flat_map(|rates| rates.values()));
        let mut all = vec![theta.clone()];
        for t in 0..self.steps {
            let inputs: Vec<Var<'t, F>> = state.values().chain(given.iter().copied()).collect();
            let (inner, names, fixed, loss) = (self.clone(), names.clone(), fixed.clone(), loss.clone());
            let stepped = support.x.tape().checkpoint(&inputs, move |v| {
                let (state, given) = names.state(v);
                let support = Examples { x: given[0], y: labels.map(|()| given[1]) };
                let rates = fixed.rates(&given[2..]);
                let next = inner
                    .step(t, &state, fixed.rate(&rates), &mut |t, fast: &Params<_>| loss(t, fast, &support));
                next.values().collect()
            });
            state = State {
                fast: state.fast.with_values(stepped[..theta.len()].to_vec()),
                moments: state.moments.with_values(stepped[theta.len()..].to_vec()),
            };
            all.push(state.fast.clone());
        }
        all
    }
}

/// The names of a [`State`].
#[derive(Clone)]
struct Names {
    fast: Params<()>,
    moments: Params<()>,
}

impl Names {
    fn of<F: Float>(state: &State<'_, F>) -> Self {
        Names { fast: state.fast.map(|_| ()), moments: state.moments.map(|_| ()) }
    }

    /// The state these values stand for, and the values after it.
    fn state<'v, 't, F: Float>(&self, v: &'v [Var<'t, F>]) -> (State<'t, F>, &'v [Var<'t, F>]) {
        let (fast, rest) = v.split_at(self.fast.len());
        let (moments, rest) = rest.split_at(self.moments.len());
        let state = State {
            fast: self.fast.with_values(fast.to_vec()),
            moments: self.moments.with_values(moments.to_vec()),
        };
        (state, rest)
    }
}

/// A [`Rate`] without values on a tape.
#[derive(Clone)]
enum Fixed {
    Scalar(f64),
    Each(Params<()>),
    PerStep(Params<()>),
}

impl Fixed {
    fn of<F: Float>(rate: Rate<'_, '_, F>) -> Self {
        match rate {
            Rate::Scalar(rate) => Fixed::Scalar(rate),
            Rate::Each(rates) => Fixed::Each(rates.map(|_| ())),
            Rate::PerStep(rates) => Fixed::PerStep(rates.map(|_| ())),
        }
    }

    fn rates<'t, F: Float>(&self, values: &[Var<'t, F>]) -> Params<Var<'t, F>> {
        match self {
            Fixed::Scalar(_) => Params::default(),
            Fixed::Each(names) | Fixed::PerStep(names) => names.with_values(values.to_vec()),
        }
    }

    fn rate<'a, 't, F: Float>(&self, rates: &'a Params<Var<'t, F>>) -> Rate<'a, 't, F> {
        match self {
            Fixed::Scalar(rate) => Rate::Scalar(*rate),
            Fixed::Each(_) => Rate::Each(rates),
            Fixed::PerStep(_) => Rate::PerStep(rates),
        }
    }
}

//! The inner loop: gradient steps on a support loss, as operations on the tape.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Clip, Params};

use crate::inner_loop::filter::Filter;
use crate::inner_loop::rules::{Moments, Rule, clipped};

/// How far differentiation looks through the inner gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Inner gradients are constants (first-order MAML): nothing of a step is recorded but its result.
    First,
    /// Inner gradients are recorded and differentiated (MAML).
    #[default]
    Second,
}

fewshot_nn::named!(Order, "order" { First = "1", Second = "2" });

/// The rate of the inner steps: with learned rates on a tape (`T = Var<'t, F>`) in training, at rest (`T = Array<F>`) in use.
#[derive(Debug)]
pub enum Rate<'a, T> {
    /// One number for all parameters.
    Scalar(f64),
    /// Rates that can be learned: one for each single parameter (Meta-SGD), or any shape that broadcasts to the parameter's. The names are
    /// those of theta, or of the adapted parameters alone.
    Each(&'a Params<T>),
    /// Rates for each parameter with a further first axis for the steps (MAML++); steps beyond it use the last entry.
    PerStep(&'a Params<T>),
}

impl<T> Clone for Rate<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rate<'_, T> {}

impl<'a, T> Rate<'a, T> {
    /// The learned rates, if there are any.
    pub(crate) fn learned(&self) -> Option<&'a Params<T>> {
        match *self {
            Rate::Scalar(_) => None,
            Rate::Each(rates) | Rate::PerStep(rates) => Some(rates),
        }
    }
}

/// A [`Rate`] without the learned rates.
#[derive(Clone, Copy)]
pub(crate) enum RateKind {
    Scalar(f64),
    Each,
    PerStep,
}

impl RateKind {
    pub(crate) fn of<T>(rate: Rate<'_, T>) -> Self {
        match rate {
            Rate::Scalar(rate) => RateKind::Scalar(rate),
            Rate::Each(_) => RateKind::Each,
            Rate::PerStep(_) => RateKind::PerStep,
        }
    }

    /// The rate of this kind with these learned rates.
    pub(crate) fn rate<T>(self, rates: &Params<T>) -> Rate<'_, T> {
        match self {
            RateKind::Scalar(rate) => Rate::Scalar(rate),
            RateKind::Each => Rate::Each(rates),
            RateKind::PerStep => Rate::PerStep(rates),
        }
    }
}

impl<'t, F: Float> Rate<'_, Var<'t, F>> {
    /// A parameter after step `t` along a direction.
    #[track_caller]
    fn moved(&self, name: &str, t: usize, w: Var<'t, F>, direction: Var<'t, F>) -> Var<'t, F> {
        match *self {
            // adding the negative: its gradient takes one operator less
            Rate::Scalar(rate) => w + direction * F::of(-rate),
            Rate::Each(rates) => w - direction * rates[name],
            Rate::PerStep(rates) => w - direction * at_step(rates[name], t),
        }
    }
}

/// Entry `t` along the first axis, or the last one beyond it.
pub(crate) fn at_step<'t, F: Float>(all: Var<'t, F>, t: usize) -> Var<'t, F> {
    let shape = all.shape();
    let t = t.min(shape[0] - 1);
    all.slice(0, t..t + 1).reshape(&shape[1..])
}

/// Gradient descent on a support loss from theta:
/// `phi_t = phi_{t-1} - rate * grad L_S(phi_{t-1})`, for t = 1 to `steps`; or another [`Rule`], and clipped gradients.
///
/// The loss is told the number of the step, from 0.
///
/// ```
/// use fewshot_autodiff::Tape;
/// use fewshot_meta::{InnerLoop, Rate};
/// use fewshot_nn::Params;
/// let tape = Tape::<f64>::new();
/// let theta = Params::new(vec![("w".to_string(), tape.scalar(1.0))]);
/// let inner = InnerLoop { steps: 1, ..InnerLoop::default() };
/// let fast = inner.run(&theta, Rate::Scalar(0.1), |_, p| (p["w"] - 3.0).square());
/// assert_eq!(fast["w"].item(), 1.4); // 1 - 0.1 * 2 (1 - 3)
/// assert_eq!(fast["w"].grad(theta["w"]).item(), 0.8); // 1 - 0.1 * 2
/// ```
#[derive(Clone, Debug)]
pub struct InnerLoop {
    /// Number of gradient steps.
    pub steps: usize,
    /// Whether the steps can be differentiated twice.
    pub order: Order,
    /// Parameters that take part; the others keep their value.
    pub adapted: Filter,
    /// What a step makes of the gradient.
    pub rule: Rule,
    /// Clipping of the gradient, before the rule; gradients pass through it.
    pub clip: Option<Clip>,
}

impl Default for InnerLoop {
    /// One step of plain gradient descent on all parameters, second order.
    fn default() -> Self {
        InnerLoop { steps: 1, order: Order::Second, adapted: Filter::All, rule: Rule::Sgd, clip: None }
    }
}

impl InnerLoop {
    /// The fast weights after the last step.
    ///
    /// # Panics
    /// When the filter leaves nothing to adapt, or a rate is missing.
    #[track_caller]
    pub fn run<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        rate: Rate<'_, Var<'t, F>>,
        mut loss: impl FnMut(usize, &Params<Var<'t, F>>) -> Var<'t, F>,
    ) -> Params<Var<'t, F>> {
        let mut state = self.start(theta);
        for t in 0..self.steps {
            state = self.step(t, &state, rate, &mut loss);
        }
        state.fast
    }

    /// The weights before the first step and after each: `steps + 1` of them.
    ///
    /// # Panics
    /// When the filter leaves nothing to adapt, or a rate is missing.
    #[track_caller]
    pub fn trajectory<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        rate: Rate<'_, Var<'t, F>>,
        loss: impl FnMut(usize, &Params<Var<'t, F>>) -> Var<'t, F>,
    ) -> Vec<Params<Var<'t, F>>> {
        self.trajectory_from(self.start(theta), rate, loss).0
    }

    /// [`InnerLoop::trajectory`] from moments carried over from other tasks, and the moments after it.
    #[track_caller]
    pub(crate) fn trajectory_from<'t, F: Float>(
        &self,
        mut state: InnerState<Var<'t, F>>,
        rate: Rate<'_, Var<'t, F>>,
        mut loss: impl FnMut(usize, &Params<Var<'t, F>>) -> Var<'t, F>,
    ) -> (Vec<Params<Var<'t, F>>>, Moments<Var<'t, F>>) {
        let mut all = vec![state.fast.clone()];
        for t in 0..self.steps {
            state = self.step(t, &state, rate, &mut loss);
            all.push(state.fast.clone());
        }
        (all, state.moments)
    }

    /// Weights before the first step, without moments.
    #[inline(never)]
    pub(crate) fn start<'t, F: Float>(&self, theta: &Params<Var<'t, F>>) -> InnerState<Var<'t, F>> {
        let mut state = InnerState { fast: theta.clone(), moments: Params::default() };
        if let Some(first) = theta.values().first() {
            let tape = first.tape();
            let adapted = theta.select(|name| self.adapted.has(name));
            let zeros = |w: &Var<'t, F>| tape.var(&Array::zeros(&w.shape()));
            state.moments = self.rule.fresh(&adapted, zeros, tape.scalar(F::zero()));
        }
        state
    }

    #[track_caller]
    pub(crate) fn step<'t, F: Float>(
        &self,
        t: usize,
        state: &InnerState<Var<'t, F>>,
        rate: Rate<'_, Var<'t, F>>,
        loss: &mut impl FnMut(usize, &Params<Var<'t, F>>) -> Var<'t, F>,
    ) -> InnerState<Var<'t, F>> {
        let fast = &state.fast;
        let gradients = match self.order {
            Order::Second => {
                let chosen = self.chosen(fast);
                loss(t, fast).grads(&chosen)
            }
            Order::First => {
                // on copies made just before the loss, so that the loss's own values are freed and nothing earlier
                let here = fast.map_named(|name, w| if self.adapted.has(name) { w.detach() } else { *w });
                let chosen = self.chosen(&here);
                loss(t, &here).constant_grads(&chosen)
            }
        };
        let (directions, moments) = self.rule.direction(clipped(self.clip, gradients), &state.moments);
        let mut directions = directions.values().iter();
        let fast = fast.map_named(|name, w| {
            if !self.adapted.has(name) {
                return *w;
            }
            let direction = *directions.next().expect("one direction per adapted parameter");
            rate.moved(name, t, *w, direction)
        });
        InnerState { fast, moments }
    }

    #[track_caller]
    fn chosen<'t, F: Float>(&self, fast: &Params<Var<'t, F>>) -> Params<Var<'t, F>> {
        let chosen = fast.select(|name| self.adapted.has(name));
        assert!(
            !chosen.is_empty(),
            "InnerLoop: no parameter matches {:?}; there are {:?}",
            self.adapted,
            fast.names()
        );
        chosen
    }
}

/// Weights and moments between two steps, on a tape or at rest.
#[derive(Clone)]
pub(crate) struct InnerState<T> {
    pub(crate) fast: Params<T>,
    pub(crate) moments: Moments<T>,
}

impl<T> InnerState<T> {
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.fast.values().iter().chain(self.moments.values())
    }
}

//! Inner steps for use: each on a tape of its own, so that of a step nothing stays in memory but its result.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Params, Tail};

use crate::inner_loop::adapt::{InnerLoop, State};
use crate::inner_loop::mini_batches::{batches, quiet};
use crate::inner_loop::rules::Moments;
use crate::task::Examples;

/// Weights and moments between two steps.
pub(crate) struct AtRest<F: Float> {
    pub(crate) fast: Params<Array<F>>,
    pub(crate) moments: Moments<Array<F>>,
}

impl<F: Float> AtRest<F> {
    /// Before the first step, with moments of a new start.
    pub(crate) fn start(inner: &InnerLoop, theta: Params<Array<F>>) -> Self {
        let adapted = theta.select(|name| inner.adapted.has(name));
        let zeros = |w: &Array<F>| Array::zeros(w.shape());
        AtRest { moments: inner.rule.fresh(&adapted, zeros, Array::scalar(F::zero())), fast: theta }
    }
}

/// The weights before the first step and after each, which is taken when it is asked for.
pub(crate) fn stepwise<F: Float>(
    steps: usize,
    start: AtRest<F>,
    mut step: impl for<'t> FnMut(usize, &'t Tape<F>, &State<'t, F>) -> State<'t, F>,
) -> impl Iterator<Item = Params<Array<F>>> {
    let first = start.fast.clone();
    let mut state = start;
    let after = (0..steps).map(move |t| {
        let tape = Tape::new();
        let before = State { fast: state.fast.on(&tape), moments: state.moments.on(&tape) };
        let State { fast, moments } = step(t, &tape, &before);
        state = AtRest { fast: fast.arrays(), moments: moments.arrays() };
        state.fast.clone()
    });
    std::iter::once(first).chain(after)
}

/// The support of each step in use: all of it, or mini-batches, the same for every support.
pub(crate) struct Portions<'a, F: Float> {
    support: &'a Examples<Array<F>>,
    places: Vec<Array<F>>,
}

impl<'a, F: Float> Portions<'a, F> {
    pub(crate) fn of(support: &'a Examples<Array<F>>, batch: Option<usize>, steps: usize) -> Self {
        let tape = Tape::new();
        let drawn = batches(support.x.shape()[0], batch, steps, Tail::Shared);
        let places = drawn.map(|drawn| quiet().batches(&tape, drawn)).unwrap_or_default();
        Portions { support, places: places.iter().map(|places| places.value()).collect() }
    }

    /// The support of step `t`: the whole, or its mini-batch.
    pub(crate) fn at<'t>(&self, t: usize, tape: &'t Tape<F>) -> Examples<Var<'t, F>> {
        let support = self.support.on(tape);
        self.places.get(t).map_or(support, |places| support.pick(tape.var(places)))
    }
}

//! Inner steps for use: each on a tape of its own, so that of a step nothing stays in memory but its result.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::Params;

use crate::inner_loop::adapt::{InnerLoop, InnerState, Order, Rate, RateKind};
use crate::inner_loop::mini_batches::MiniBatches;
use crate::task::Examples;

impl InnerLoop {
    /// The weights before the first step and after each, for use: [`InnerLoop::trajectory`] with nothing kept of a step but its result, on
    /// batches of the support ([`Examples::mini_batches`]). A step is taken when its weights are asked for.
    ///
    /// `loss` gets the number of the step, counted from 0, the weights and the step's examples, and computes on their tape.
    ///
    /// ```
    /// use fewshot_autodiff::Array;
    /// use fewshot_meta::{Examples, InnerLoop, Labels, Rate};
    /// use fewshot_nn::Params;
    /// let one = |v: f64| Array::new(&[1, 1], vec![v]);
    /// let support = Examples::new(one(1.0), Labels::Values(one(3.0)));
    /// let theta = Params::new(vec![("w".to_string(), Array::scalar(1.0))]);
    /// let inner = InnerLoop { steps: 2, ..InnerLoop::default() };
    /// let steps = inner.adapt(theta, Rate::Scalar(0.1), support.mini_batches(None, 2), |_, p, seen| seen.y.loss(seen.x * p["w"]));
    /// let weights: Vec<f64> = steps.map(|p| p["w"].item()).collect();
    /// assert_eq!(weights[..2], [1.0, 1.4]); // 1 - 0.1 * 2 (1 - 3)
    /// ```
    ///
    /// # Panics
    /// When the filter leaves nothing to adapt, or a rate is missing.
    pub fn adapt<'a, F: Float, L>(
        &self,
        weights: Params<Array<F>>,
        rate: Rate<'_, Array<F>>,
        batches: MiniBatches<'a, F>,
        loss: L,
    ) -> impl Iterator<Item = Params<Array<F>>> + use<'a, F, L>
    where
        L: for<'t> FnMut(usize, &Params<Var<'t, F>>, &Examples<Var<'t, F>>) -> Var<'t, F>,
    {
        self.adapt_from(InnerState::at_rest(self, weights), rate, batches, loss)
    }

    /// [`InnerLoop::adapt`] from moments carried over from other tasks.
    pub(crate) fn adapt_from<'a, F: Float, L>(
        &self,
        start: InnerState<Array<F>>,
        rate: Rate<'_, Array<F>>,
        batches: MiniBatches<'a, F>,
        mut loss: L,
    ) -> impl Iterator<Item = Params<Array<F>>> + use<'a, F, L>
    where
        L: for<'t> FnMut(usize, &Params<Var<'t, F>>, &Examples<Var<'t, F>>) -> Var<'t, F>,
    {
        let inner = InnerLoop { order: Order::First, ..self.clone() };
        let (kind, rates) = (RateKind::of(rate), rate.learned().cloned().unwrap_or_default());
        stepwise(self.steps, start, move |t, tape, state| {
            let (rates, seen) = (rates.on(tape), batches.at(t, tape));
            inner.step(t, state, kind.rate(&rates), &mut |t, fast| loss(t, fast, &seen))
        })
    }
}

impl<F: Float> InnerState<Array<F>> {
    /// Before the first step, with moments of a new start.
    pub(crate) fn at_rest(inner: &InnerLoop, theta: Params<Array<F>>) -> Self {
        let adapted = theta.select(|name| inner.adapted.has(name));
        let zeros = |w: &Array<F>| Array::zeros(w.shape());
        InnerState { moments: inner.rule.fresh(&adapted, zeros, Array::scalar(F::zero())), fast: theta }
    }
}

/// The weights before the first step and after each, which is taken when it is asked for.
pub(crate) fn stepwise<F: Float, S>(
    steps: usize,
    start: InnerState<Array<F>>,
    mut step: S,
) -> impl Iterator<Item = Params<Array<F>>> + use<F, S>
where
    S: for<'t> FnMut(usize, &'t Tape<F>, &InnerState<Var<'t, F>>) -> InnerState<Var<'t, F>>,
{
    let first = start.fast.clone();
    let mut state = start;
    let after = (0..steps).map(move |t| {
        let tape = Tape::new();
        let before = InnerState { fast: state.fast.on(&tape), moments: state.moments.on(&tape) };
        let InnerState { fast, moments } = step(t, &tape, &before);
        state = InnerState { fast: fast.arrays(), moments: moments.arrays() };
        state.fast.clone()
    });
    std::iter::once(first).chain(after)
}

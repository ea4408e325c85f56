//! Forward passes for use: arrays in, arrays out, nothing kept.

use std::ops::Range;

use fewshot_autodiff::{Array, Float, Tape};
use fewshot_nn::{Mode, Model, Params, Pass};

/// Whether a model keeps running statistics: one without batch norm does the same under every policy.
pub(crate) fn has_statistics<F: Float>(statistics: &Params<Array<F>>) -> bool {
    !statistics.is_empty()
}

/// A pass for use on given statistics, or on those of the batch.
pub(crate) fn inference<'t, F: Float>(tape: &'t Tape<F>, given: Option<&Params<Array<F>>>) -> Pass<'t, F> {
    given.map_or_else(Pass::batch, |given| Pass::given(&given.on(tape))).with_mode(Mode::Inference)
}

/// The outputs for `x`, normalised with given statistics or those of the batch.
pub(crate) fn forward<F: Float>(
    model: &impl Model<F>,
    weights: &Params<Array<F>>,
    x: &Array<F>,
    given: Option<&Params<Array<F>>>,
) -> Array<F> {
    let tape = Tape::new();
    let mut pass = inference(&tape, given);
    model.forward(&weights.on(&tape), tape.var(x), &mut pass).value()
}

/// The outputs for `x` as one batch, and the statistics of the batch.
pub(crate) fn forward_batch<F: Float>(
    model: &impl Model<F>,
    weights: &Params<Array<F>>,
    x: &Array<F>,
) -> (Array<F>, Params<Array<F>>) {
    let tape = Tape::new();
    let mut pass = inference(&tape, None);
    let y = model.forward(&weights.on(&tape), tape.var(x), &mut pass).value();
    (y, pass.into_statistics().map(|s| s.arrays()).unwrap_or_default())
}

/// The outputs for `x` one by one, each in a batch of the support and itself.
pub(crate) fn forward_beside<F: Float>(
    model: &impl Model<F>,
    weights: &Params<Array<F>>,
    support: &Array<F>,
    x: &Array<F>,
) -> Array<F> {
    let known = support.shape()[0];
    let one = |i| {
        let batch = concat(&[support, &rows(x, i..i + 1)]);
        rows(&forward(model, weights, &batch, None), known..known + 1)
    };
    let all: Vec<Array<F>> = (0..x.shape()[0]).map(one).collect();
    concat(&all.iter().collect::<Vec<_>>())
}

/// Arrays one after another along axis 0.
///
/// # Panics
/// When their shapes differ in another axis, or there are none.
#[track_caller]
pub(crate) fn concat<F: Float>(parts: &[&Array<F>]) -> Array<F> {
    let mut shape = parts.first().expect("concat: no arrays, so no examples").shape().to_vec();
    for part in parts {
        assert_eq!(part.shape()[1..], shape[1..], "concat: examples of different shapes");
    }
    shape[0] = parts.iter().map(|part| part.shape()[0]).sum();
    Array::new(&shape, parts.iter().flat_map(|part| part.data()).copied().collect())
}

/// Some rows along axis 0.
pub(crate) fn rows<F: Float>(x: &Array<F>, range: Range<usize>) -> Array<F> {
    let size: usize = x.shape()[1..].iter().product();
    let mut shape = x.shape().to_vec();
    shape[0] = range.len();
    Array::new(&shape, x.data()[range.start * size..range.end * size].to_vec())
}

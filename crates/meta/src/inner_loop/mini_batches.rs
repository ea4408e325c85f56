//! What of the support each inner step sees.

use fewshot_autodiff::{Float, Var};
use fewshot_episodes::{Purpose, stream};
use fewshot_nn::{Batches, Noise, Tail};

use crate::task::Examples;

/// The support of each step: all of it, or mini-batches.
pub(crate) fn served<'t, F: Float>(
    support: &Examples<Var<'t, F>>,
    batch: Option<usize>,
    steps: usize,
    tail: Tail,
    noise: &Noise,
) -> Vec<Examples<Var<'t, F>>> {
    match batches(support.x.shape()[0], batch, steps, tail) {
        Some(drawn) => {
            noise.batches(support.x.tape(), drawn).into_iter().map(|places| support.pick(places)).collect()
        }
        None => vec![*support; steps],
    }
}

/// The mini-batches of `batch` examples that are drawn for the steps, or nothing where steps see the whole support.
pub(crate) fn batches(examples: usize, batch: Option<usize>, steps: usize, tail: Tail) -> Option<Batches> {
    let size = batch.filter(|&size| size != examples && steps > 0)?;
    Some(Batches { examples, size, count: steps, tail })
}

/// The randomness of adapting for use: the same for every support.
pub(crate) fn quiet() -> Noise {
    Noise::new(stream(0, Purpose::Dropout, 0))
}

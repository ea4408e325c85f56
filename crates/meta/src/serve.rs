//! What of the support each inner step sees.

use fewshot_autodiff::Float;
use fewshot_episodes::{Purpose, stream};
use fewshot_nn::{Batches, Noise, Tail};

use crate::task_vars::ExampleVars;

/// The support of each step: all of it, or mini-batches.
pub(crate) fn served<'t, F: Float>(
    support: &ExampleVars<'t, F>,
    batch: Option<usize>,
    steps: usize,
    tail: Tail,
    noise: &Noise,
) -> Vec<ExampleVars<'t, F>> {
    let examples = support.x.shape()[0];
    match batch {
        Some(size) if size != examples && steps > 0 => noise
            .batches(support.x.tape(), Batches { examples, size, count: steps, tail })
            .into_iter()
            .map(|places| support.pick(places))
            .collect(),
        _ => vec![*support; steps],
    }
}

/// The randomness of adapting for use: the same for every support.
pub(crate) fn quiet() -> Noise {
    Noise::new(stream(0, Purpose::Dropout, 0))
}

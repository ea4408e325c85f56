//! What the glyphs draw from a random stream beside numbers.

use crate::{ChaCha8Rng, RngExt};

/// A positive factor around 1: its logarithm is normal with the given deviation.
pub(super) fn factor(rng: &mut ChaCha8Rng, deviation: f64) -> f64 {
    libm::exp(deviation * rng.normal())
}

/// True with the given probability.
pub(super) fn chance(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.unit() < probability
}

/// One of the items, all alike likely.
pub(super) fn pick<'a, T>(rng: &mut ChaCha8Rng, items: &'a [T]) -> &'a T {
    &items[rng.below(items.len())]
}

/// An index, likely in proportion to its weight.
pub(super) fn weighted(rng: &mut ChaCha8Rng, weights: &[f64]) -> usize {
    let mut rest = rng.uniform(0.0, weights.iter().sum());
    for (i, weight) in weights.iter().enumerate() {
        rest -= weight;
        if rest < 0.0 {
            return i;
        }
    }
    weights.len() - 1
}

//! Dropout.

use fewshot_autodiff::{Array, Float, Var};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::model::Pass;

/// Sets each value to 0 with probability `rate` and scales the others by `1 / (1 - rate)` (Srivastava et al. 2014), in passes with
/// a random stream ([`Pass::with_dropout`]); does nothing in others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// With this probability of dropping a value.
    ///
    /// # Panics
    /// When `rate` is not in [0, 1).
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        assert!((0.0..1.0).contains(&rate), "Dropout: rate {rate} is not in [0, 1)");
        Dropout { rate }
    }

    /// Applies the layer; the mask is a constant on the tape.
    #[track_caller]
    pub fn forward<'t, F: Float>(&self, x: Var<'t, F>, pass: &mut Pass<'_, F>) -> Var<'t, F> {
        match pass.dropout() {
            Some(rng) if self.rate > 0.0 => x * x.tape().var(&mask(&x.shape(), self.rate, rng)),
            _ => x,
        }
    }
}

/// 0 with probability `rate`, else `1 / (1 - rate)`.
fn mask<F: Float>(shape: &[usize], rate: f64, rng: &mut ChaCha8Rng) -> Array<F> {
    let kept = F::of(1.0 / (1.0 - rate));
    Array::from_fn(shape, |_| if rng.random::<f64>() < rate { F::zero() } else { kept })
}

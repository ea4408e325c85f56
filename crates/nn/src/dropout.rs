//! Dropout.

use fewshot_autodiff::{Float, Var};

use crate::model::Pass;

/// Sets each value to 0 with probability `rate` and scales the others by `1 / (1 - rate)` (Srivastava et al. 2014), in passes with
/// noise ([`Pass::with_noise`]); does nothing in others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// Dropout that drops a value with probability `rate`.
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
    pub fn forward<'t, F: Float>(&self, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        match pass.noise() {
            Some(noise) if self.rate > 0.0 => x * noise.mask(x.tape(), &x.shape(), self.rate),
            _ => x,
        }
    }
}

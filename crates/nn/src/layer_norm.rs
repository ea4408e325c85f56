//! Layer normalisation.

use fewshot_autodiff::{Float, Var};

use crate::init::Init;
use crate::params::{ParamId, Params};
use crate::spec::ParamBuilder;

/// Layer normalisation over the last axis (Ba, Kiros and Hinton 2016).
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    scale: ParamId,
    shift: ParamId,
    eps: f64,
}

impl LayerNorm {
    /// Weights `scale` (1 at first) and `shift` (0 at first), `[features]`.
    pub fn new(b: &mut ParamBuilder, features: usize, eps: f64) -> Self {
        b.sign("eps", eps);
        LayerNorm {
            scale: b.norm_weight("scale", &[features], Init::Ones),
            shift: b.norm_weight("shift", &[features], Init::Zeros),
            eps,
        }
    }

    /// Normalises each row of `x` `[.., features]`.
    ///
    /// # Panics
    /// When the features differ.
    #[track_caller]
    pub fn forward<'t, F: Float>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>) -> Var<'t, F> {
        x.layer_norm(Some(params[self.scale]), Some(params[self.shift]), F::of(self.eps))
    }
}

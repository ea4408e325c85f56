//! A dense layer.

use fewshot_autodiff::{Float, Var};

use crate::init::{Bias, Init, PYTORCH};
use crate::params::{ParamId, Params};
use crate::spec::ParamBuilder;

/// `x w + b`: `[n, inputs]` to `[n, outputs]`, weight `[inputs, outputs]`, bias `[outputs]`.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    weight: ParamId,
    bias: Option<ParamId>,
}

impl Linear {
    /// A layer with PyTorch's initial values: weight and bias uniform within `1 / sqrt(inputs)`.
    pub fn new(b: &mut ParamBuilder, inputs: usize, outputs: usize) -> Self {
        Self::with_init(b, inputs, outputs, PYTORCH, Bias::FanIn)
    }

    /// A layer with given initial values.
    pub fn with_init(b: &mut ParamBuilder, inputs: usize, outputs: usize, weight: Init, bias: Bias) -> Self {
        Linear {
            weight: b.weight("weight", &[inputs, outputs], weight),
            bias: bias.init(inputs).map(|init| b.weight("bias", &[outputs], init)),
        }
    }

    /// Applies the layer.
    ///
    /// # Panics
    /// When `x` has not `inputs` columns.
    #[track_caller]
    pub fn forward<'t, F: Float>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>) -> Var<'t, F> {
        let y = x.matmul(params[self.weight]);
        self.bias.map_or(y, |bias| y + params[bias])
    }
}

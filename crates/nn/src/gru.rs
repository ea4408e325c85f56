//! One step of a gated recurrent unit.

use fewshot_autodiff::{Array, Float, Tape, Var};

use crate::init::Init;
use crate::params::{ParamId, Params};
use crate::spec::ParamBuilder;

/// A gated recurrent unit (Cho et al. 2014, with the reset after the product, as PyTorch and cuDNN have it).
///
/// Gates in the order reset, update, candidate along the last axis: `r = sigmoid(x w_x + h w_h + b)`, `z` alike,
/// `g = tanh(x w_x + b + r (h w_h + b_h))`, `h' = (1 - z) g + z h`. Weights `w_x` `[inputs, 3 size]`, `w_h` `[size, 3 size]`, `b` and `b_h`
/// `[3 size]`.
#[derive(Debug, Clone, Copy)]
pub struct GruCell {
    w_x: ParamId,
    w_h: ParamId,
    b: ParamId,
    b_h: ParamId,
    size: usize,
}

impl GruCell {
    /// A cell with PyTorch's initial values: uniform within `1 / sqrt(size)`.
    pub fn new(b: &mut ParamBuilder, inputs: usize, size: usize) -> Self {
        let bound = 1.0 / (size.max(1) as f64).sqrt();
        Self::with_init(b, inputs, size, Init::Uniform { bound }, Init::Uniform { bound })
    }

    /// A cell with given initial values of the weights and of the biases.
    pub fn with_init(b: &mut ParamBuilder, inputs: usize, size: usize, weight: Init, bias: Init) -> Self {
        GruCell {
            w_x: b.weight("w_x", &[inputs, 3 * size], weight),
            w_h: b.weight("w_h", &[size, 3 * size], weight),
            b: b.weight("b", &[3 * size], bias),
            b_h: b.weight("b_h", &[3 * size], bias),
            size,
        }
    }

    /// The state before the first step of `n` sequences: zeros `[n, size]`.
    pub fn start<'t, F: Float>(&self, tape: &'t Tape<F>, n: usize) -> Var<'t, F> {
        tape.var(&Array::zeros(&[n, self.size]))
    }

    /// One step: input `x` `[n, inputs]`, state `[n, size]`; the next state, which is also the output.
    ///
    /// # Panics
    /// When sizes differ.
    #[track_caller]
    pub fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        state: Var<'t, F>,
    ) -> Var<'t, F> {
        let seen = (x.matmul(params[self.w_x]) + params[self.b]).split(1, &[self.size; 3]);
        let kept = (state.matmul(params[self.w_h]) + params[self.b_h]).split(1, &[self.size; 3]);
        let [reset, update] = [0, 1].map(|gate| (seen[gate] + kept[gate]).sigmoid());
        let candidate = (seen[2] + reset * kept[2]).tanh();
        // (1 - z) g + z h
        candidate + update * (state - candidate)
    }
}

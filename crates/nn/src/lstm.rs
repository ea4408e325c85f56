//! One step of an LSTM.

use fewshot_autodiff::{Array, Float, Tape, Var};

use crate::init::Init;
use crate::params::{ParamId, Params};
use crate::spec::ParamBuilder;

/// The state of an LSTM between steps: hidden and cell state, each `[n, size]`.
#[derive(Debug, Clone, Copy)]
pub struct LstmState<'t, F: Float = f32> {
    /// Hidden state, which is also the output.
    pub hidden: Var<'t, F>,
    /// Cell state.
    pub cell: Var<'t, F>,
}

impl<'t, F: Float> LstmState<'t, F> {
    /// The state after a step, from pre-activations of the gates `[n, 4 size]` and a cell state `[n, size]`.
    pub(crate) fn after(gates: Var<'t, F>, cell: Var<'t, F>) -> Self {
        let (hidden, cell) = gates.lstm_gates(cell);
        LstmState { hidden, cell }
    }
}

/// Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).
///
/// Gates `x w_x + h w_h + b` in the order input, forget, cell, output along the last axis:
/// `c' = sigmoid(f) c + sigmoid(i) tanh(g)`, `h' = sigmoid(o) tanh(c')`. Weights `w_x` `[inputs, 4 size]`, `w_h`
/// `[size, 4 size]`, `b` `[4 size]`.
#[derive(Debug, Clone, Copy)]
pub struct LstmCell {
    w_x: ParamId,
    w_h: ParamId,
    b: ParamId,
    size: usize,
}

impl LstmCell {
    /// A cell with PyTorch's initial values: uniform within `1 / sqrt(size)`.
    pub fn new(b: &mut ParamBuilder, inputs: usize, size: usize) -> Self {
        let bound = 1.0 / (size.max(1) as f64).sqrt();
        Self::with_init(b, inputs, size, Init::Uniform { bound }, Init::Uniform { bound })
    }

    /// A cell with given initial values of the weights and of the bias; [`Init::ForgetGate`] opens the forget gate.
    pub fn with_init(b: &mut ParamBuilder, inputs: usize, size: usize, weight: Init, bias: Init) -> Self {
        LstmCell {
            w_x: b.weight("w_x", &[inputs, 4 * size], weight),
            w_h: b.weight("w_h", &[size, 4 * size], weight),
            b: b.weight("b", &[4 * size], bias),
            size,
        }
    }

    /// The state before the first step of `n` sequences: zeros.
    pub fn start<'t, F: Float>(&self, tape: &'t Tape<F>, n: usize) -> LstmState<'t, F> {
        let zeros = tape.var(&Array::zeros(&[n, self.size]));
        LstmState { hidden: zeros, cell: zeros }
    }

    /// One step: input `x` `[n, inputs]`, states `[n, size]`.
    ///
    /// # Panics
    /// When sizes differ.
    #[track_caller]
    pub fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        state: LstmState<'t, F>,
    ) -> LstmState<'t, F> {
        let gates = x.matmul(params[self.w_x]) + state.hidden.matmul(params[self.w_h]) + params[self.b];
        LstmState::after(gates, state.cell)
    }
}

//! What the gates of an LSTM make of its cells, as one operator: value and first derivative written by hand, composed of simpler
//! operators beyond.

use crate::float::Float;
use crate::grad::Rule;
use crate::inputs::Inputs;
use crate::kernels::lstm::{lstm, lstm_backward};
use crate::op::Op;
use crate::shape::Shape;
use crate::var::Var;

/// The operators of LSTM gates. Both take gates `[.., 4 n]` and cells `[.., n]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LstmOp {
    /// To hidden states and next cells.
    Forward,
    /// With the next cells and the gradients of both outputs, to those of gates and cells.
    Backward,
}

/// The number of cells in a row.
fn size(cells: &Shape) -> usize {
    cells[cells.len() - 1]
}

impl LstmOp {
    pub(crate) fn name(self) -> &'static str {
        match self {
            LstmOp::Forward => "lstm_gates",
            LstmOp::Backward => "lstm_gates gradient",
        }
    }

    pub(crate) fn forward<F: Float>(self, x: &Inputs<'_, F>, out: &mut [&mut [F]]) {
        let (gates, cell) = (x.at(0).data(), x.at(1).data());
        let size = size(x.at(1).shape());
        match (self, out) {
            (LstmOp::Forward, [hidden, next]) => lstm(hidden, next, gates, cell, size),
            (LstmOp::Backward, [d_gates, d_cell]) => {
                let [next, d_hidden, d_next] = [2, 3, 4].map(|i| x.at(i).data());
                lstm_backward(d_gates, d_cell, gates, cell, next, d_hidden, d_next, size);
            }
            _ => unreachable!("the outputs were counted when the operator was written"),
        }
    }

    pub(crate) fn vjp<F: Float>(self, r: &mut Rule<'_, '_, F>) {
        match self {
            LstmOp::Forward => {
                let (gates, cell) = (r.x(0), r.x(1));
                let all = [gates, cell, r.y().output(1), r.u_or_zeros(0), r.u_or_zeros(1)];
                let op = Op::Lstm(LstmOp::Backward);
                let to_gates = gates.tape().push_many(op, &all, &[gates.shape(), cell.shape()]);
                r.give(0, || to_gates);
                r.give(1, || to_gates.output(1));
            }
            // the next cells are a function of gates and cells, whose shares hold theirs
            LstmOp::Backward => r.give_composed(|r| composed([r.x(0), r.x(1), r.x(3), r.x(4)]).to_vec()),
        }
    }
}

/// `Backward` in simpler operators, from gates, cells and the gradients of hidden states and next cells.
fn composed<F: Float>([gates, cell, d_hidden, d_next]: [Var<'_, F>; 4]) -> [Var<'_, F>; 2] {
    let axis = cell.shape().len() - 1;
    let parts = gates.split(axis, &[cell.shape()[axis]; 4]);
    let [i, f, o] = [parts[0], parts[1], parts[3]].map(Var::sigmoid);
    let (g, one) = (parts[2].tanh(), F::one());
    let t = (f * cell + i * g).tanh();
    let d = d_next + d_hidden * o * (-t.square() + one);
    let to_input = d * g * (i * (-i + one));
    let to_forget = d * cell * (f * (-f + one));
    let to_candidate = d * i * (-g.square() + one);
    let to_output = d_hidden * t * (o * (-o + one));
    [Var::concat(&[to_input, to_forget, to_candidate, to_output], axis), d * f]
}

impl<'t, F: Float> Var<'t, F> {
    /// One step of an LSTM from its gates before their functions (this value), which lie one behind the other along the last axis,
    /// input, forget, candidate, output: `c' = sigmoid(f) c + sigmoid(i) tanh(g)`, `h' = sigmoid(o) tanh(c')` (Hochreiter and
    /// Schmidhuber 1997; forget gate: Gers et al. 2000). `[.., 4 n]` and cells `[.., n]` to hidden states and next cells `[.., n]`.
    ///
    /// # Panics
    /// When shapes differ beside the last axis, or that of the gates is not four times that of the cells, or is 0.
    #[track_caller]
    pub fn lstm_gates(self, cell: Var<'t, F>) -> (Var<'t, F>, Var<'t, F>) {
        let (gates, cells) = (self.shape(), cell.shape());
        let fits = cells.last().is_some_and(|&n| n > 0 && gates == cells.with(cells.len() - 1, 4 * n));
        assert!(fits, "lstm_gates: gates {gates} and cells {cells}: [.., 4 n] and [.., n] are needed");
        let hidden = self.tape().push_many(Op::Lstm(LstmOp::Forward), &[self, cell], &[cells, cells]);
        (hidden, hidden.output(1))
    }
}

//! The gates of an LSTM as one operator. Value and first derivative are written by hand; higher derivatives are composed of simpler
//! operators.

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::var::Var;

/// The operators of LSTM gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LstmOp {
    /// Gates `[.., 4 n]` and cells `[.., n]` to hidden states, next cells, and the gates after their functions.
    Forward,
    /// These gates, cells, next cells, and the gradients of hidden states and next cells to the gradients for gates and cells.
    Backward,
}

impl LstmOp {
    fewshot_kernels::names! {
        LstmOp::Forward => "lstm_gates",
        LstmOp::Backward => "lstm_gates gradient",
    }

    /// Gates after their functions may lie where they lay before.
    pub(crate) fn overwrites(self, i: usize) -> Option<usize> {
        (self == LstmOp::Forward && i == 0).then_some(2)
    }

    pub(crate) fn forward<F: Float>(self, x: &Inputs<'_, F>, out: &mut [&mut [F]]) {
        let cell = x.at(1);
        let (cells, size) = (cell.data(), cell.shape()[cell.shape().len() - 1]);
        match (self, out) {
            (LstmOp::Forward, [hidden, next, active]) => {
                F::lstm(hidden, next, active, x.source(0), cells, size)
            }
            (LstmOp::Backward, [d_gates, d_cell]) => {
                let [active, next, d_hidden, d_next] = [0, 2, 3, 4].map(|i| x.at(i).data());
                F::lstm_backward(d_gates, d_cell, active, cells, next, d_hidden, d_next, size);
            }
            _ => unreachable!("the outputs were counted when the operator was written"),
        }
    }

    pub(crate) fn vjp<F: Float>(self, r: &mut GradientRule<'_, '_, F>) {
        match self {
            LstmOp::Forward => {
                let (cell, next, active) = (r.x(1), r.y().output(1), r.y().output(2));
                let all = [active, cell, next, r.u_or_zeros(0), r.u_or_zeros(1)];
                let shapes = [active.shape(), cell.shape()];
                let to_gates = cell.tape().push_many(Op::Lstm(LstmOp::Backward), &all, &shapes);
                let further = r.u_of(2);
                r.give(0, || match further {
                    Some(u) => to_gates + u * slopes(active, cell.shape().len() - 1),
                    None => to_gates,
                });
                r.give(1, || to_gates.output(1));
            }
            LstmOp::Backward => r.give_composed(|r| composed([0, 1, 2, 3, 4].map(|i| r.x(i))).to_vec()),
        }
    }
}

/// Gates after their functions one by one: input, forget, candidate, output.
fn gates<F: Float>(active: Var<'_, F>, axis: usize) -> [Var<'_, F>; 4] {
    let parts = active.split(axis, &[active.shape()[axis] / 4; 4]);
    [parts[0], parts[1], parts[2], parts[3]]
}

/// The derivatives of sigmoids and hyperbolic tangents by their values.
fn slopes<'t, F: Float>(active: Var<'t, F>, axis: usize) -> Var<'t, F> {
    let [i, f, g, o] = gates(active, axis);
    let of_sigmoid = |y: Var<'t, F>| y * (-y + F::one());
    Var::concat(&[of_sigmoid(i), of_sigmoid(f), -g.square() + F::one(), of_sigmoid(o)], axis)
}

/// `Backward` in simpler operators.
fn composed<F: Float>([active, cell, next, d_hidden, d_next]: [Var<'_, F>; 5]) -> [Var<'_, F>; 2] {
    let axis = cell.shape().len() - 1;
    let [i, f, g, o] = gates(active, axis);
    let t = next.tanh();
    let d = d_next + d_hidden * o * (-t.square() + F::one());
    let reached = Var::concat(&[d * g, d * cell, d * i, d_hidden * t], axis);
    [reached * slopes(active, axis), d * f]
}

impl<'t, F: Float> Var<'t, F> {
    /// One step of an LSTM from the pre-activations of its gates (this value), in the order input, forget, candidate, output along the
    /// last axis: `c' = sigmoid(f) c + sigmoid(i) tanh(g)`, `h' = sigmoid(o) tanh(c')` (Hochreiter and
    /// Schmidhuber 1997; forget gate: Gers et al. 2000). `[.., 4 n]` and cells `[.., n]` to hidden states and next cells `[.., n]`.
    ///
    /// # Panics
    /// When shapes differ in other axes than the last, or the last axis of the gates is 0 or not four times that of the cells.
    #[track_caller]
    pub fn lstm_gates(self, cell: Var<'t, F>) -> (Var<'t, F>, Var<'t, F>) {
        let (gates, cells) = (self.shape(), cell.shape());
        let fits = cells.last().is_some_and(|&n| n > 0 && gates == cells.with(cells.len() - 1, 4 * n));
        assert!(fits, "lstm_gates: gates {gates} and cells {cells}: [.., 4 n] and [.., n] are needed");
        let shapes = [cells, cells, gates];
        let hidden = self.tape().push_many(Op::Lstm(LstmOp::Forward), &[self, cell], &shapes);
        (hidden, hidden.output(1))
    }
}

//! What the gates of an LSTM make of its cells: rows of input, forget, candidate and output gates, `size` elements each.

use super::isa::{Isa, versions};
use super::map::{Four, One, Source, Three, Two, each};
use super::math::{sigmoid, tanh};
use crate::float::Float;

/// Elements worked on at once, whose functions stay in the nearest memory.
const BLOCK: usize = 64;

fn check(gates: usize, cells: &[usize], size: usize) {
    assert!(size > 0 && gates.is_multiple_of(4 * size), "lstm: {gates} elements in rows of 4 x {size}");
    assert!(cells.iter().all(|&cell| 4 * cell == gates), "lstm: {gates} gates of {cells:?} cells");
}

/// `c' = sigmoid(f) c + sigmoid(i) tanh(g)` and `h' = sigmoid(o) tanh(c')`.
#[inline(never)]
pub fn lstm<F: Float>(hidden: &mut [F], next: &mut [F], gates: &[F], cell: &[F], size: usize) {
    check(gates.len(), &[hidden.len(), next.len(), cell.len()], size);
    forward(hidden, next, gates, cell, size);
}

/// The gradients of [`lstm`] for gates and cells from those of hidden states and next cells.
#[inline(never)]
#[allow(clippy::too_many_arguments)]
pub fn lstm_backward<F: Float>(
    d_gates: &mut [F],
    d_cell: &mut [F],
    gates: &[F],
    cell: &[F],
    next: &[F],
    d_hidden: &[F],
    d_next: &[F],
    size: usize,
) {
    check(gates.len(), &[d_cell.len(), cell.len(), next.len(), d_hidden.len(), d_next.len()], size);
    assert_eq!(d_gates.len(), gates.len(), "lstm: gradients of the gates");
    backward(d_gates, d_cell, gates, cell, next, d_hidden, d_next, size);
}

versions! {
    fn forward<F>(hidden: &mut [F], next: &mut [F], gates: &[F], cell: &[F], size: usize)
        where [F: Float] = forward_body;
    fn backward<F>(d_gates: &mut [F], d_cell: &mut [F], gates: &[F], cell: &[F], next: &[F], d_hidden: &[F], d_next: &[F], size: usize)
        where [F: Float] = backward_body;
}

#[inline(always)]
fn forward_body<F: Float, I: Isa>(hidden: &mut [F], next: &mut [F], gates: &[F], cell: &[F], size: usize) {
    let rows = hidden.chunks_exact_mut(size).zip(next.chunks_exact_mut(size));
    for ((hidden, next), (gates, cell)) in rows.zip(gates.chunks_exact(4 * size).zip(cell.chunks_exact(size)))
    {
        let gate = |k: usize| Source::Slice(&gates[k * size..][..size]);
        let cells = |i, f, g, c| sigmoid(f) * c + sigmoid(i) * tanh(g);
        each(next, [gate(0), gate(1), gate(2), Source::Slice(cell)], Four(cells));
        each(hidden, [gate(3), Source::Slice(next)], Two(|o, c| sigmoid(o) * tanh(c)));
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn backward_body<F: Float, I: Isa>(
    d_gates: &mut [F],
    d_cell: &mut [F],
    gates: &[F],
    cell: &[F],
    next: &[F],
    d_hidden: &[F],
    d_next: &[F],
    size: usize,
) {
    let one = F::one();
    let mut held = [[F::zero(); BLOCK]; 6];
    for (row, (d_gates, gates)) in
        d_gates.chunks_exact_mut(4 * size).zip(gates.chunks_exact(4 * size)).enumerate()
    {
        for start in (0..size).step_by(BLOCK) {
            let width = BLOCK.min(size - start);
            let cells = row * size + start..row * size + start + width;
            let [i, f, g, o, t, d] = held.each_mut().map(|block| &mut block[..width]);
            let gate = |k: usize| Source::Slice(&gates[k * size + start..][..width]);
            each(i, [gate(0)], One(sigmoid));
            each(f, [gate(1)], One(sigmoid));
            each(g, [gate(2)], One(tanh));
            each(o, [gate(3)], One(sigmoid));
            each(t, [Source::Slice(&next[cells.clone()])], One(tanh));
            let [i, f, g, o, t] = [i, f, g, o, t].map(|block| Source::Slice(&*block));
            let [c, dh, dc] = [cell, d_hidden, d_next].map(|x| Source::Slice(&x[cells.clone()]));
            each(d, [dc, dh, o, t], Four(move |dc, dh, o, t| dc + dh * o * (one - t * t)));
            let d = Source::Slice(&*d);
            let to = |k: usize| k * size + start..k * size + start + width;
            each(&mut d_gates[to(0)], [d, g, i], Three(move |d, g, i| d * g * (i * (one - i))));
            each(&mut d_gates[to(1)], [d, c, f], Three(move |d, c, f| d * c * (f * (one - f))));
            each(&mut d_gates[to(2)], [d, i, g], Three(move |d, i, g| d * i * (one - g * g)));
            each(&mut d_gates[to(3)], [dh, t, o], Three(move |dh, t, o| dh * t * (o * (one - o))));
            each(&mut d_cell[cells], [d, f], Two(|d, f| d * f));
        }
    }
}

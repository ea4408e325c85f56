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

/// The gates' functions, `c' = sigmoid(f) c + sigmoid(i) tanh(g)` and `h' = sigmoid(o) tanh(c')`. The gates may lie in `active`.
#[inline(never)]
pub fn lstm<F: Float>(
    hidden: &mut [F],
    next: &mut [F],
    active: &mut [F],
    gates: Source<'_, F>,
    cell: &[F],
    size: usize,
) {
    check(active.len(), &[hidden.len(), next.len(), cell.len()], size);
    assert_eq!(gates.len(active.len()), active.len(), "lstm: gates");
    forward(hidden, next, active, gates, cell, size);
}

/// The gradients of [`lstm`] for gates and cells, from what it wrote and the gradients of hidden states and next cells.
#[inline(never)]
#[allow(clippy::too_many_arguments)]
pub fn lstm_backward<F: Float>(
    d_gates: &mut [F],
    d_cell: &mut [F],
    active: &[F],
    cell: &[F],
    next: &[F],
    d_hidden: &[F],
    d_next: &[F],
    size: usize,
) {
    check(active.len(), &[d_cell.len(), cell.len(), next.len(), d_hidden.len(), d_next.len()], size);
    assert_eq!(d_gates.len(), active.len(), "lstm: gradients of the gates");
    backward(d_gates, d_cell, active, cell, next, d_hidden, d_next, size);
}

versions! {
    fn forward<F>(hidden: &mut [F], next: &mut [F], active: &mut [F], gates: Source<'_, F>, cell: &[F], size: usize)
        where [F: Float] = forward_body;
    fn backward<F>(d_gates: &mut [F], d_cell: &mut [F], active: &[F], cell: &[F], next: &[F], d_hidden: &[F], d_next: &[F], size: usize)
        where [F: Float] = backward_body;
}

#[inline(always)]
fn forward_body<F: Float, I: Isa>(
    hidden: &mut [F],
    next: &mut [F],
    active: &mut [F],
    gates: Source<'_, F>,
    cell: &[F],
    size: usize,
) {
    for (row, active) in active.chunks_exact_mut(4 * size).enumerate() {
        let gate = |k: usize| gates.part((4 * row + k) * size..(4 * row + k + 1) * size);
        for (k, active) in active.chunks_exact_mut(size).enumerate() {
            match k {
                2 => each(active, [gate(k)], One(tanh)),
                _ => each(active, [gate(k)], One(sigmoid)),
            }
        }
        let active = |k: usize| Source::Slice(&active[k * size..][..size]);
        let cells = row * size..(row + 1) * size;
        let (next, hidden) = (&mut next[cells.clone()], &mut hidden[cells.clone()]);
        let cell = Source::Slice(&cell[cells]);
        each(next, [active(0), active(1), active(2), cell], Four(|i, f, g, c| f * c + i * g));
        each(hidden, [active(3), Source::Slice(next)], Two(|o, c| o * tanh(c)));
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn backward_body<F: Float, I: Isa>(
    d_gates: &mut [F],
    d_cell: &mut [F],
    active: &[F],
    cell: &[F],
    next: &[F],
    d_hidden: &[F],
    d_next: &[F],
    size: usize,
) {
    let one = F::one();
    let mut held = [[F::zero(); BLOCK]; 2];
    for (row, (d_gates, active)) in
        d_gates.chunks_exact_mut(4 * size).zip(active.chunks_exact(4 * size)).enumerate()
    {
        for start in (0..size).step_by(BLOCK) {
            let width = BLOCK.min(size - start);
            let cells = row * size + start..row * size + start + width;
            let [t, d] = held.each_mut().map(|block| &mut block[..width]);
            let [i, f, g, o] = [0, 1, 2, 3].map(|k| Source::Slice(&active[k * size + start..][..width]));
            let [c, dh, dc] = [cell, d_hidden, d_next].map(|x| Source::Slice(&x[cells.clone()]));
            each(t, [Source::Slice(&next[cells.clone()])], One(tanh));
            let t = Source::Slice(&*t);
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

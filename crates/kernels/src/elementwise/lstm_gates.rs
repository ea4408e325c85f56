//! What the gates of an LSTM make of its cells: rows of input, forget, candidate and output gates, `size` elements each.

use crate::cpu::isa::{Isa, versions};
use crate::cpu::math::{sigmoid, tanh};
use crate::cpu::vector::MOST_LANES;
use crate::element::Element;
use crate::elementwise::map::{Four, One, Source, Three, Two, each};

/// Elements worked on at once, whose functions stay in the nearest memory.
const BLOCK: usize = 64;
/// Elements of several short rows that are worked on at once.
const SHORT: usize = 512;

fn check(gates: usize, cells: &[usize], size: usize) {
    assert!(size > 0 && gates.is_multiple_of(4 * size), "lstm: {gates} elements in rows of 4 x {size}");
    assert!(cells.iter().all(|&cell| 4 * cell == gates), "lstm: {gates} gates of {cells:?} cells");
}

/// The gates' functions, `c' = sigmoid(f) c + sigmoid(i) tanh(g)` and `h' = sigmoid(o) tanh(c')`. The gates may lie in `active`.
#[inline(never)]
pub fn lstm<F: Element>(
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
pub fn lstm_backward<F: Element>(
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
        where [F: Element] = forward_body;
    fn backward<F>(d_gates: &mut [F], d_cell: &mut [F], active: &[F], cell: &[F], next: &[F], d_hidden: &[F], d_next: &[F], size: usize)
        where [F: Element] = backward_body;
}

#[inline(always)]
fn forward_body<F: Element, I: Isa>(
    hidden: &mut [F],
    next: &mut [F],
    active: &mut [F],
    gates: Source<'_, F>,
    cell: &[F],
    size: usize,
) {
    // rows that leave a fifth or more of their vectors empty fill them together
    let whole = 5 * size >= 4 * size.next_multiple_of(MOST_LANES);
    let rows = if whole { 1 } else { (SHORT / size).max(1) };
    let mut held = [F::zero(); SHORT];
    let each_rows = active.chunks_mut(rows * 4 * size).zip(next.chunks_mut(rows * size));
    let each_rows = each_rows.zip(hidden.chunks_mut(rows * size)).zip(cell.chunks(rows * size));
    for (block, (((active, next), hidden), cell)) in each_rows.enumerate() {
        let gates = gates.part(block * rows * 4 * size..block * rows * 4 * size + active.len());
        if rows == 1 {
            let [entering, candidate, output] = [0..2 * size, 2 * size..3 * size, 3 * size..4 * size];
            each(&mut active[entering.clone()], [gates.part(entering)], One(sigmoid));
            each(&mut active[candidate.clone()], [gates.part(candidate)], One(tanh));
            each(&mut active[output.clone()], [gates.part(output)], One(sigmoid));
        } else {
            for k in 0..4 {
                together(active, gates, size, k, &mut held);
            }
        }
        let cells = next.chunks_exact_mut(size).zip(cell.chunks_exact(size));
        for ((next, cell), active) in cells.zip(active.chunks_exact(4 * size)) {
            let [i, f, g] = [0, 1, 2].map(|k| Source::Slice(&active[k * size..][..size]));
            each(next, [i, f, g, Source::Slice(cell)], Four(|i, f, g, c| f * c + i * g));
        }
        each(hidden, [Source::Slice(next)], One(tanh));
        for (hidden, active) in hidden.chunks_exact_mut(size).zip(active.chunks_exact(4 * size)) {
            each(hidden, [Source::Slice(&active[3 * size..]), Source::Out], Two(|o, t| o * t));
        }
    }
}

/// The function of gate `k` of several rows.
#[inline(always)]
fn together<F: Element>(active: &mut [F], gates: Source<'_, F>, size: usize, k: usize, held: &mut [F]) {
    let held = &mut held[..active.len() / 4];
    for (held, gates) in held.chunks_exact_mut(size).zip(gates.slice(active).chunks_exact(4 * size)) {
        each(held, [Source::Slice(&gates[k * size..][..size])], One(|x| x));
    }
    match k {
        2 => each(held, [Source::Out], One(tanh)),
        _ => each(held, [Source::Out], One(sigmoid)),
    }
    for (held, active) in held.chunks_exact(size).zip(active.chunks_exact_mut(4 * size)) {
        each(&mut active[k * size..][..size], [Source::Slice(held)], One(|x| x));
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn backward_body<F: Element, I: Isa>(
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

//! Batch norm with a piecewise linear activation on batch statistics: forward pass, and what its derivatives share.
//!
//! Rows p = 1..P of a matrix `[P, C]`, per channel: mean m, biased variance v, s = 1/sqrt(v + eps), h = (x - m) s,
//! z = scale h + shift, y = z if z > 0 else slope z.

use crate::cpu::isa::{Isa, versions};
use crate::cpu::limits::Leaky;
use crate::cpu::raw::Reader;
use crate::cpu::strip::{load, store, strips};
use crate::element::Element;
use crate::parallel;

/// Rows added up in one accumulator.
pub(crate) const BLOCK: usize = 48;
/// Rows from the one that is computed to the one that is prefetched: the processor by itself does not foresee enough of them.
pub(crate) const PREFETCH_ROWS: usize = 16;
/// Rows of one task: fixed, so that sums do not depend on threads.
pub(crate) const TASK: usize = 16 * BLOCK;

/// The parts of the operation all its passes need.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a, F> {
    /// Rows.
    pub x: &'a [F],
    /// Channels.
    pub c: usize,
    /// Mean m of each channel.
    pub mean: &'a [F],
    /// Inverse deviation s of each channel.
    pub inverse: &'a [F],
    /// k = scale s of each channel.
    pub factor: &'a [F],
    /// Shift of each channel.
    pub shift: &'a [F],
    /// Activation: its slope where z <= 0.
    pub activation: Leaky<F>,
}

impl<'a, F: Element> Norm<'a, F> {
    /// The norm of rows `x` with mean and variance `stats` `[2, C]` and their [`constants`].
    pub fn new(x: &'a [F], stats: &'a [F], constants: &'a [F], slope: F) -> Self {
        let c = stats.len() / 2;
        let [inverse, factor, shift] = [0, 1, 2].map(|i| &constants[i * c..][..c]);
        Norm { x, c, mean: &stats[..c], inverse, factor, shift, activation: Leaky::new(slope) }
    }

    /// This norm for `count` rows from row `first` on.
    pub fn rows(&self, first: usize, count: usize) -> Self {
        Self { x: &self.x[first * self.c..][..count * self.c], ..*self }
    }
}

/// Inverse deviations, factors and shifts of the channels, in one allocation: `[3, C]`.
pub(crate) fn constants<F: Element>(
    variance: &[F],
    scale: Option<&[F]>,
    shift: Option<&[F]>,
    eps: F,
) -> Vec<F> {
    let c = variance.len();
    let mut all = vec![F::zero(); 3 * c];
    for j in 0..c {
        let shift = shift.map_or(F::zero(), |shift| shift[j]);
        let inverse = F::one() / (variance[j] + eps).sqrt();
        let factor = scale.map_or(inverse, |scale| scale[j] * inverse);
        all[j] = inverse;
        // a shift that is NaN makes NaN of the channel's gradients too
        all[c + j] = if shift.is_nan() { shift } else { factor };
        all[2 * c + j] = shift;
    }
    all
}

/// Checks what all three operations take.
pub(crate) fn check<F>(x: usize, stats: usize, scale: Option<&[F]>, shift: Option<&[F]>, c: usize) {
    assert!(c > 0 && x.is_multiple_of(c), "batch norm: {x} elements in rows of {c}");
    assert_eq!(stats, 2 * c, "batch norm: statistics of {c} channels");
    assert!(scale.is_none_or(|s| s.len() == c), "batch norm: scale of {c} channels");
    assert!(shift.is_none_or(|s| s.len() == c), "batch norm: shift of {c} channels");
}

/// `y = activation((x - mean) scale / sqrt(variance + eps) + shift)` over the rows of `x`; `stats` receives the mean and
/// the biased variance, `[2, c]`. A slope of one is the identity, zero is ReLU.
#[inline(never)]
#[allow(clippy::too_many_arguments)]
pub fn batch_norm<F: Element>(
    y: &mut [F],
    stats: &mut [F],
    x: &[F],
    scale: Option<&[F]>,
    shift: Option<&[F]>,
    c: usize,
    eps: F,
    slope: F,
) {
    check(x.len(), stats.len(), scale, shift, c);
    assert_eq!(y.len(), x.len(), "batch norm: output");
    statistics(stats, x, c);
    let constants = constants(&stats[c..], scale, shift, eps);
    let norm = Norm::new(x, stats, &constants, slope);
    parallel::chunks(y, TASK * c, |i, y| forward(y, &norm.rows(i * TASK, y.len() / c)));
}

/// Mean and biased variance of each column, `[2, c]`.
///
/// Each block of rows has its own mean and sum of squared deviations; pairs of them are merged by the formula of Chan,
/// Golub and LeVeque (1979), so that a mean far from zero costs no digits.
pub(crate) fn statistics<F: Element>(stats: &mut [F], x: &[F], c: usize) {
    let rows = x.len() / c;
    let mut parts = vec![F::zero(); rows.div_ceil(TASK) * 2 * c];
    parallel::chunks(&mut parts, 2 * c, |i, part| {
        let first = i * TASK;
        moments(part, &x[first * c..][..TASK.min(rows - first) * c], c);
    });
    let (mean, squares) = stats.split_at_mut(c);
    mean.fill(F::zero());
    squares.fill(F::zero());
    for (i, part) in parts.chunks_exact(2 * c).enumerate() {
        let (before, here) = (i * TASK, TASK.min(rows - i * TASK));
        let (weight, share) = merging::<F>(before, here);
        for j in 0..c {
            let delta = part[j] - mean[j];
            mean[j] += delta * share;
            squares[j] += part[c + j] + delta * delta * weight;
        }
    }
    let count = F::of(rows as f64);
    squares.iter_mut().for_each(|square| *square /= count);
}

/// Factors of the merged sum of squares and mean when `here` rows join `before` rows.
#[inline(always)]
fn merging<F: Element>(before: usize, here: usize) -> (F, F) {
    let share = here as f64 / (before + here) as f64;
    (F::of(before as f64 * share), F::of(share))
}

versions! {
    /// Means and sums of squared deviations of the columns, `[2, c]`.
    fn moments<F>(out: &mut [F], x: &[F], c: usize) where [F: Element] = moments_body;
    fn forward<F>(y: &mut [F], norm: &Norm<'_, F>) where [F: Element] = forward_body;
}

#[inline(always)]
fn moments_body<F: Element, I: Isa>(out: &mut [F], x: &[F], c: usize) {
    strips!(c, moments_strip::<F, I>(out, x, c));
}

#[inline(always)]
fn moments_strip<F: Element, I: Isa, const W: usize>(col: usize, out: &mut [F], x: &[F], c: usize) {
    let rows = x.len() / c;
    let (mut mean, mut squares) = ([F::zero(); W], [F::zero(); W]);
    for start in (0..rows).step_by(BLOCK) {
        let end = rows.min(start + BLOCK);
        let mut sum = [F::zero(); W];
        for row in start..end {
            let x: [F; W] = load(x, row * c + col);
            for j in 0..W {
                sum[j] += x[j];
            }
        }
        let scale = F::one() / F::of((end - start) as f64);
        let block = sum.map(|sum| sum * scale);
        let mut square = [F::zero(); W];
        for row in start..end {
            Reader::new(x).after(((row + BLOCK) * c + col) as isize).prefetch_row(W);
            let x: [F; W] = load(x, row * c + col);
            for j in 0..W {
                let d = x[j] - block[j];
                square[j] = I::mul_add(d, d, square[j]);
            }
        }
        let (weight, share) = merging::<F>(start, end - start);
        for j in 0..W {
            let delta = block[j] - mean[j];
            mean[j] += delta * share;
            squares[j] += square[j] + delta * delta * weight;
        }
    }
    store(out, col, mean);
    store(out, c + col, squares);
}

/// `z = (x - mean) factor + shift`: the same rounding in every pass, so that all agree on where z > 0.
#[inline(always)]
pub(crate) fn z<F: Element, I: Isa>(x: F, mean: F, factor: F, shift: F) -> F {
    I::mul_add(x - mean, factor, shift)
}

#[inline(always)]
fn forward_body<F: Element, I: Isa>(y: &mut [F], norm: &Norm<'_, F>) {
    strips!(norm.c, forward_strip::<F, I>(y, norm));
}

#[inline(always)]
fn forward_strip<F: Element, I: Isa, const W: usize>(col: usize, y: &mut [F], norm: &Norm<'_, F>) {
    let mean: [F; W] = load(norm.mean, col);
    let factor: [F; W] = load(norm.factor, col);
    let shift: [F; W] = load(norm.shift, col);
    let activation = norm.activation;
    for row in 0..y.len() / norm.c {
        let later = ((row + PREFETCH_ROWS) * norm.c + col) as isize;
        Reader::new(norm.x).after(later).prefetch_row(W);
        Reader::new(y).after(later).prefetch_row(W);
        let x: [F; W] = load(norm.x, row * norm.c + col);
        let mut out = [F::zero(); W];
        for j in 0..W {
            out[j] = activation.of(z::<F, I>(x[j], mean[j], factor[j], shift[j]));
        }
        store(y, row * norm.c + col, out);
    }
}

//! The derivative of batch norm with activation, in two passes over the rows.
//!
//! Words of [`crate::norm::batch_norm`]; M = 1 where z > 0, else the slope; dz = M dy; k = scale s.

use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::strip::{load, store, strips};
use crate::element::Element;
use crate::elementwise::map::Source;
use crate::norm::batch_norm::{BLOCK, Norm, PREFETCH_ROWS, TASK, check, constants, z};
use crate::norm::rows::{Dense, Rows};
use crate::parallel;

/// The gradient of [`crate::norm::batch_norm::batch_norm`] for x, scale and shift, where `dy` arrives; dx may be written over it.
///
/// `dshift = sum dz`, `dscale = sum dz h`, `dx = k (dz - mean dz - h mean(dz h))`.
#[inline(never)]
#[allow(clippy::too_many_arguments)]
pub fn batch_norm_backward<'a, F: Element>(
    dx: &mut [F],
    dscale: &mut [F],
    dshift: &mut [F],
    x: &[F],
    stats: &[F],
    scale: Option<&[F]>,
    shift: Option<&[F]>,
    dy: impl Into<Source<'a, F>>,
    c: usize,
    eps: F,
    slope: F,
) {
    let dy = dy.into();
    check(x.len(), stats.len(), scale, shift, c);
    assert_eq!([dx.len(), dy.len(dx.len())], [x.len(); 2], "batch norm: gradients of rows");
    assert_eq!((dscale.len(), dshift.len()), (c, c), "batch norm: gradients of channels");
    let constants = constants(&stats[c..], scale, shift, eps);
    let norm = Norm::new(x, stats, &constants, slope);
    let arrived = dy.slice(dx);
    let sums = summed(&norm, 2, |part, norm, rows| sums(part, norm, Dense::new(&arrived[rows], c)));
    put_terms([dscale, dshift], &sums, &norm);
    let means = means(sums, x.len() / c);
    parallel::chunks(dx, TASK * c, |i, dx| {
        let first = i * TASK;
        let dy = dy.part(first * c..first * c + dx.len());
        backward(dx, &norm.rows(first, dx.len() / c), Dense::new(dy, c), &means);
    });
}

/// Adds up the `k * c` sums `f` writes for each task's rows, in order.
pub(crate) fn summed<F: Element>(
    norm: &Norm<'_, F>,
    k: usize,
    f: impl Fn(&mut [F], &Norm<'_, F>, std::ops::Range<usize>) + Send + Sync,
) -> Vec<F> {
    let (c, rows) = (norm.c, norm.x.len() / norm.c);
    let mut parts = vec![F::zero(); rows.div_ceil(TASK).max(1) * k * c];
    parallel::chunks(&mut parts, k * c, |i, part| {
        let first = (i * TASK).min(rows);
        let count = TASK.min(rows - first);
        f(part, &norm.rows(first, count), first * c..(first + count) * c);
    });
    let (total, rest) = parts.split_at_mut(k * c);
    for part in rest.chunks_exact(k * c) {
        total.iter_mut().zip(part).for_each(|(total, &part)| *total += part);
    }
    parts.truncate(k * c);
    parts
}

/// The gradients of scale and shift, the sums of dz h and dz: NaN where z is, which is in no place of a channel or in all.
pub(crate) fn put_terms<F: Element>([dscale, dshift]: [&mut [F]; 2], sums: &[F], norm: &Norm<'_, F>) {
    let c = norm.c;
    for j in 0..c {
        let nan = (norm.mean[j] + norm.factor[j]).is_nan();
        [dshift[j], dscale[j]] = if nan { [F::nan(); 2] } else { [sums[j], sums[c + j]] };
    }
}

/// Sums over `rows` rows made means.
pub(crate) fn means<F: Element>(mut sums: Vec<F>, rows: usize) -> Vec<F> {
    let scale = F::one() / F::of(rows.max(1) as f64);
    sums.iter_mut().for_each(|sum| *sum *= scale);
    sums
}

versions! {
    /// Sums of dz and dz h.
    pub(crate) fn sums<F, R>(out: &mut [F], norm: &Norm<'_, F>, dy: R) where [F: Element, R: Rows<F>] = sums_body;
    pub(crate) fn backward<F, R>(dx: &mut [F], norm: &Norm<'_, F>, dy: R, means: &[F])
        where [F: Element, R: Rows<F>] = backward_body;
}

/// A channel's constants by value.
pub(crate) struct Strip<F, const W: usize> {
    mean: [F; W],
    inverse: [F; W],
    pub factor: [F; W],
    shift: [F; W],
    slope: F,
}

impl<F: Element, const W: usize> Strip<F, W> {
    #[inline(always)]
    pub fn new(norm: &Norm<'_, F>, col: usize) -> Self {
        Self {
            mean: load(norm.mean, col),
            inverse: load(norm.inverse, col),
            factor: load(norm.factor, col),
            shift: load(norm.shift, col),
            slope: norm.activation.slope,
        }
    }

    /// h and the mask of channel `j`.
    #[inline(always)]
    pub fn h_mask<I: Isa>(&self, j: usize, x: F) -> (F, F) {
        let positive = z::<F, I>(x, self.mean[j], self.factor[j], self.shift[j]) > F::zero();
        ((x - self.mean[j]) * self.inverse[j], if positive { F::one() } else { self.slope })
    }
}

#[inline(always)]
fn sums_body<F: Element, R: Rows<F>, I: Isa>(out: &mut [F], norm: &Norm<'_, F>, dy: R) {
    strips!(norm.c, sums_strip::<F, I>(out, norm, dy));
}

#[inline(always)]
fn sums_strip<F: Element, I: Isa, const W: usize>(
    col: usize,
    out: &mut [F],
    norm: &Norm<'_, F>,
    mut arrived: impl Rows<F>,
) {
    let strip = Strip::<F, W>::new(norm, col);
    let (c, rows) = (norm.c, norm.x.len() / norm.c);
    let mut total = [[F::zero(); W]; 2];
    for start in (0..rows).step_by(BLOCK) {
        let (mut s0, mut s1) = ([F::zero(); W], [F::zero(); W]);
        for row in start..rows.min(start + BLOCK) {
            let later = ((row + PREFETCH_ROWS) * c + col) as isize;
            Reader::new(norm.x).after(later).prefetch_row(W);
            let x: [F; W] = load(norm.x, row * c + col);
            let dy: [F; W] = arrived.row(&[], col);
            for j in 0..W {
                let (h, mask) = strip.h_mask::<I>(j, x[j]);
                let dz = dy[j] * mask;
                s0[j] += dz;
                s1[j] = I::mul_add(dz, h, s1[j]);
            }
            arrived.advance();
        }
        for j in 0..W {
            total[0][j] += s0[j];
            total[1][j] += s1[j];
        }
    }
    for (i, total) in total.into_iter().enumerate() {
        store(out, i * c + col, total);
    }
}

#[inline(always)]
fn backward_body<F: Element, R: Rows<F>, I: Isa>(dx: &mut [F], norm: &Norm<'_, F>, dy: R, means: &[F]) {
    strips!(norm.c, backward_strip::<F, I>(dx, norm, dy, means));
}

#[inline(always)]
fn backward_strip<F: Element, I: Isa, const W: usize>(
    col: usize,
    dx: &mut [F],
    norm: &Norm<'_, F>,
    mut arrived: impl Rows<F>,
    means: &[F],
) {
    let strip = Strip::<F, W>::new(norm, col);
    let c = norm.c;
    let a0: [F; W] = load(means, col);
    let a1: [F; W] = load(means, c + col);
    for row in 0..dx.len() / c {
        let later = ((row + PREFETCH_ROWS) * c + col) as isize;
        Reader::new(norm.x).after(later).prefetch_row(W);
        Reader::new(dx).after(later).prefetch_row(W);
        let x: [F; W] = load(norm.x, row * c + col);
        let dy: [F; W] = arrived.row(dx, col);
        let mut out = [F::zero(); W];
        for j in 0..W {
            let (h, mask) = strip.h_mask::<I>(j, x[j]);
            out[j] = strip.factor[j] * I::mul_add(-h, a1[j], dy[j] * mask - a0[j]);
        }
        store(dx, row * c + col, out);
        arrived.advance();
    }
}

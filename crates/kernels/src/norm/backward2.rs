//! The second derivative of batch norm with activation, in two passes over the rows.
//!
//! The derivative of `dx = k (dz - a0 - h a1)`, with a0 = mean dz and a1 = mean(dz h), for the arriving u. Words of
//! [`crate::norm::backward`]; u0 = mean u, u1 = mean(u h), t = mean(u dz) - a0 u0 - a1 u1.

use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::small_array;
use crate::cpu::strip::{load, store, strips};
use crate::element::Element;
use crate::elementwise::map::Source;
use crate::norm::backward::{Strip, means, summed};
use crate::norm::batch_norm::{BLOCK, Norm, PREFETCH_ROWS, TASK, check, constants};
use crate::norm::rows::{Dense, Rows};
use crate::parallel;

/// The gradient of [`batch_norm_backward`](crate::norm::batch_norm::batch_norm_backward) for x, dy and scale, where `u` arrives for dx, `u_scale` for dscale and
/// `u_shift` for dshift. It does not depend on the shift but through the mask. `to_dy` may be written over `dy`, `to_x`
/// over `u`.
#[inline(never)]
#[allow(clippy::too_many_arguments)]
pub fn batch_norm_backward2<'a, F: Element>(
    to_x: &mut [F],
    to_dy: &mut [F],
    to_scale: &mut [F],
    x: &[F],
    stats: &[F],
    scale: Option<&[F]>,
    shift: Option<&[F]>,
    dy: impl Into<Source<'a, F>>,
    u: impl Into<Source<'a, F>>,
    u_scale: &[F],
    u_shift: &[F],
    c: usize,
    eps: F,
    slope: F,
) {
    let (dy, u) = (dy.into(), u.into());
    check(x.len(), stats.len(), scale, shift, c);
    let arrived = [dy.len(to_dy.len()), u.len(to_x.len())];
    assert_eq!([to_x.len(), to_dy.len()], [x.len(); 2], "batch norm: gradients of rows");
    assert_eq!(arrived, [x.len(); 2], "batch norm: gradients of rows");
    assert_eq!([to_scale.len(), u_scale.len(), u_shift.len()], [c; 3], "batch norm: gradients of channels");
    let constants = constants(&stats[c..], scale, shift, eps);
    let norm = Norm::new(x, stats, &constants, slope);
    let rows = x.len() / c;
    let arrived = [dy.slice(to_dy), u.slice(to_x)];
    let sums = summed(&norm, 5, |part, norm, rows| {
        sums2(part, norm, Dense::new(&arrived[0][rows.clone()], c), &arrived[1][rows]);
    });
    let second = Second::new(&norm, &means(sums, rows), u_scale, u_shift, rows);
    to_scale.copy_from_slice(&second.to_scale);
    parallel::chunks2((to_x, TASK * c), (to_dy, TASK * c), |i, to_x, to_dy| {
        let first = i * TASK;
        let rows = first * c..first * c + to_x.len();
        backward2(
            to_x,
            to_dy,
            &norm.rows(first, to_x.len() / c),
            Dense::new(dy.part(rows.clone()), c),
            u.part(rows),
            &second.channels,
        );
    });
}

/// Constants of the second pass of the second derivative.
pub(crate) struct Second<F> {
    pub to_scale: Vec<F>,
    /// `[7, C]`: see [`Second::new`].
    pub channels: Vec<F>,
}

impl<F: Element> Second<F> {
    /// From the means `[5, C]` of dz, dz h, u, u h, u dz.
    ///
    /// `to dy = M (k u + b0 + b1 h)`, `to x = c0 u + c1 dz + c2 h + c3`; the channels are k, b0, b1, c0, c1, c2, c3.
    pub fn new(norm: &Norm<'_, F>, means: &[F], u_scale: &[F], u_shift: &[F], rows: usize) -> Self {
        let c = norm.c;
        let mut to_scale = vec![F::zero(); c];
        let mut channels = vec![F::zero(); 7 * c];
        let two = F::of(2.0);
        for j in 0..c {
            let [a0, a1, u0, u1, d] = small_array::of(|i| means[i * c + j]);
            let (s, k, us) = (norm.inverse[j], norm.factor[j], u_scale[j]);
            let t = d - a0 * u0 - a1 * u1;
            to_scale[j] = s * F::of(rows as f64) * t;
            let values = [
                k,
                u_shift[j] - k * u0,
                us - k * u1,
                -s * k * a1,
                s * (us - k * u1),
                -s * (us * a1 - two * k * u1 * a1) - k * s * t,
                -s * (us * a0 - k * (u0 * a1 + u1 * a0)),
            ];
            for (i, value) in values.into_iter().enumerate() {
                channels[i * c + j] = value;
            }
        }
        Self { to_scale, channels }
    }
}

versions! {
    /// Sums of dz, dz h, u, u h and u dz.
    pub(crate) fn sums2<F, R>(out: &mut [F], norm: &Norm<'_, F>, dy: R, u: &[F]) where [F: Element, R: Rows<F>] = sums2_body;
    pub(crate) fn backward2<F, R>(
        to_x: &mut [F], to_dy: &mut [F], norm: &Norm<'_, F>, dy: R, u: Source<'_, F>, channels: &[F],
    ) where [F: Element, R: Rows<F>] = backward2_body;
}

#[inline(always)]
fn sums2_body<F: Element, R: Rows<F>, I: Isa>(out: &mut [F], norm: &Norm<'_, F>, dy: R, u: &[F]) {
    strips!(norm.c, sums2_strip::<F, I>(out, norm, dy, u));
}

#[inline(always)]
fn sums2_strip<F: Element, I: Isa, const W: usize>(
    col: usize,
    out: &mut [F],
    norm: &Norm<'_, F>,
    mut arrived: impl Rows<F>,
    u: &[F],
) {
    let strip = Strip::<F, W>::new(norm, col);
    let (c, rows) = (norm.c, norm.x.len() / norm.c);
    let mut total = [[F::zero(); W]; 5];
    for start in (0..rows).step_by(BLOCK) {
        let mut sums = [[F::zero(); W]; 5];
        for row in start..rows.min(start + BLOCK) {
            let later = ((row + PREFETCH_ROWS) * c + col) as isize;
            Reader::new(norm.x).after(later).prefetch_row(W);
            Reader::new(u).after(later).prefetch_row(W);
            let x: [F; W] = load(norm.x, row * c + col);
            let dy: [F; W] = arrived.row(&[], col);
            let u: [F; W] = load(u, row * c + col);
            for j in 0..W {
                let (h, mask) = strip.h_mask::<I>(j, x[j]);
                let dz = dy[j] * mask;
                sums[0][j] += dz;
                sums[1][j] = I::mul_add(dz, h, sums[1][j]);
                sums[2][j] += u[j];
                sums[3][j] = I::mul_add(u[j], h, sums[3][j]);
                sums[4][j] = I::mul_add(u[j], dz, sums[4][j]);
            }
            arrived.advance();
        }
        for i in 0..5 {
            for j in 0..W {
                total[i][j] += sums[i][j];
            }
        }
    }
    for (i, total) in total.into_iter().enumerate() {
        store(out, i * c + col, total);
    }
}

#[inline(always)]
fn backward2_body<F: Element, R: Rows<F>, I: Isa>(
    to_x: &mut [F],
    to_dy: &mut [F],
    norm: &Norm<'_, F>,
    dy: R,
    u: Source<'_, F>,
    channels: &[F],
) {
    strips!(norm.c, backward2_strip::<F, I>(to_x, to_dy, norm, dy, u, channels));
}

#[inline(always)]
fn backward2_strip<F: Element, I: Isa, const W: usize>(
    col: usize,
    to_x: &mut [F],
    to_dy: &mut [F],
    norm: &Norm<'_, F>,
    mut arrived: impl Rows<F>,
    u: Source<'_, F>,
    channels: &[F],
) {
    let strip = Strip::<F, W>::new(norm, col);
    let c = norm.c;
    let [k, b0, b1, c0, c1, c2, c3]: [[F; W]; 7] = small_array::of(|i| load(channels, i * c + col));
    for row in 0..to_x.len() / c {
        let later = ((row + PREFETCH_ROWS) * c + col) as isize;
        Reader::new(norm.x).after(later).prefetch_row(W);
        Reader::new(to_x).after(later).prefetch_row(W);
        let x: [F; W] = load(norm.x, row * c + col);
        let dy: [F; W] = arrived.row(to_dy, col);
        let u: [F; W] = u.load(to_x, row * c + col);
        let (mut out_x, mut out_dy) = ([F::zero(); W], [F::zero(); W]);
        for j in 0..W {
            let (h, mask) = strip.h_mask::<I>(j, x[j]);
            let dz = dy[j] * mask;
            out_dy[j] = mask * I::mul_add(k[j], u[j], I::mul_add(b1[j], h, b0[j]));
            out_x[j] = I::mul_add(c0[j], u[j], I::mul_add(c1[j], dz, I::mul_add(c2[j], h, c3[j])));
        }
        store(to_x, row * c + col, out_x);
        arrived.put(to_dy, col, out_dy);
        arrived.advance();
    }
}

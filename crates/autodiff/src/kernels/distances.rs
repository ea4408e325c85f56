//! Squared Euclidean distances between the rows of two matrices.

use super::isa::{Isa, versions};
use super::split;
use crate::float::Float;

/// Partial sums of a distance: vectorises, and rounds less than one long sum.
const LANES: usize = 8;
/// Elements that a thread takes at once.
const PIECE: usize = 1 << 10;

/// `out[i, j]` between row `i` of `a` and row `j` of `b`, rows of `width` elements.
///
/// # Panics
/// When the lengths do not fit.
#[inline(never)]
pub fn squared_distances<F: Float>(out: &mut [F], a: &[F], b: &[F], width: usize) {
    if width == 0 || out.is_empty() {
        return out.fill(F::zero());
    }
    let rows = b.len() / width;
    assert_eq!((out.len() * width, b.len()), (a.len() * rows, rows * width), "squared_distances: lengths");
    let each = PIECE.div_ceil(rows);
    split::chunks(out, each * rows, |i, out| {
        from_rows(out, &a[i * each * width..][..out.len() / rows * width], b, width);
    });
}

versions! {
    fn from_rows<F>(out: &mut [F], a: &[F], b: &[F], width: usize) where [F: Float] = from_rows_body;
}

#[inline(always)]
fn from_rows_body<F: Float, I: Isa>(out: &mut [F], a: &[F], b: &[F], width: usize) {
    for (a, out) in a.chunks_exact(width).zip(out.chunks_exact_mut(b.len() / width)) {
        for (b, out) in b.chunks_exact(width).zip(out) {
            *out = distance(a, b);
        }
    }
}

#[inline(always)]
fn distance<F: Float>(a: &[F], b: &[F]) -> F {
    let mut sums = [F::zero(); LANES];
    let (a_runs, b_runs) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut tail = F::zero();
    for (&x, &y) in a_runs.remainder().iter().zip(b_runs.remainder()) {
        tail += (x - y) * (x - y);
    }
    for (x, y) in a_runs.zip(b_runs) {
        for i in 0..LANES {
            let d = x[i] - y[i];
            sums[i] += d * d;
        }
    }
    let mut sum = F::zero();
    for s in sums {
        sum += s;
    }
    sum + tail
}

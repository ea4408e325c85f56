//! Squared Euclidean distances between the rows of two matrices.

use crate::buffer::Buffer;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::strip::{load, strips};
use crate::element::Element;
use crate::layout::transpose::transpose;
use crate::matmul::dense;
use crate::parallel;

/// Partial sums of a distance: vectorises, and rounds less than one long sum.
const LANES: usize = 8;
/// Elements that a thread takes at once.
const PIECE: usize = 1 << 10;
/// Rows of B from which on distances are computed side by side, those of several rows in a vector.
const MANY: usize = 8;
/// Rows of B that are computed are a multiple of this.
const TOGETHER: usize = 16;
/// Squares added up in one accumulator.
const BLOCK: usize = 64;

/// `out[i, j]` between row `i` of `a` and row `j` of `b`, rows of `width` elements.
///
/// # Panics
/// When the lengths do not fit.
#[inline(never)]
pub fn squared_distances<F: Element>(out: &mut [F], a: &[F], b: &[F], width: usize) {
    if width == 0 || out.is_empty() {
        return out.fill(F::zero());
    }
    let rows = b.len() / width;
    assert_eq!((out.len() * width, b.len()), (a.len() * rows, rows * width), "squared_distances: lengths");
    let columns = (rows >= MANY).then(|| {
        let mut columns = Buffer::dirty(b.len());
        transpose(columns.data_mut(), b, rows, width);
        match rows.next_multiple_of(TOGETHER) {
            wide if wide > rows => dense::widened(columns.data(), rows, wide),
            _ => columns,
        }
    });
    let each = PIECE.div_ceil(rows);
    parallel::chunks(out, each * rows, |i, out| {
        let a = &a[i * each * width..][..out.len() / rows * width];
        match &columns {
            Some(columns) => from_columns(out, a, columns.data(), width),
            None => from_rows(out, a, b, width),
        }
    });
}

versions! {
    fn from_rows<F>(out: &mut [F], a: &[F], b: &[F], width: usize) where [F: Element] = from_rows_body;
    /// From columns of B, whose length is filled up to a multiple of [`TOGETHER`].
    fn from_columns<F>(out: &mut [F], a: &[F], columns: &[F], width: usize) where [F: Element] = from_columns_body;
}

#[inline(always)]
fn from_columns_body<F: Element, I: Isa>(out: &mut [F], a: &[F], columns: &[F], width: usize) {
    let (wide, rows) = (columns.len() / width, out.len() / (a.len() / width));
    for (a, out) in a.chunks(2 * width).zip(out.chunks_mut(2 * rows)) {
        strips!(wide, strip::<F, I>(out, a, columns, width));
    }
}

/// Distances of one row of A, or of two, to `W` rows of B from `col` on; those behind the last one are of no meaning.
#[inline(always)]
fn strip<F: Element, I: Isa, const W: usize>(
    col: usize,
    out: &mut [F],
    a: &[F],
    columns: &[F],
    width: usize,
) {
    let (wide, rows) = (columns.len() / width, out.len() * width / a.len());
    // a lone row twice
    let a = [&a[..width], &a[a.len() - width..]];
    let mut total = [[F::zero(); W]; 2];
    for start in (0..width).step_by(BLOCK) {
        let mut sums = [[F::zero(); W]; 2];
        for k in start..width.min(start + BLOCK) {
            let b: [F; W] = load(columns, k * wide + col);
            for i in 0..2 {
                for j in 0..W {
                    let d = a[i][k] - b[j];
                    sums[i][j] = I::mul_add(d, d, sums[i][j]);
                }
            }
        }
        for i in 0..2 {
            for j in 0..W {
                total[i][j] += sums[i][j];
            }
        }
    }
    let keep = W.min(rows - col);
    for (out, total) in out.chunks_exact_mut(rows).zip(&total) {
        out[col..col + keep].copy_from_slice(&total[..keep]);
    }
}

#[inline(always)]
fn from_rows_body<F: Element, I: Isa>(out: &mut [F], a: &[F], b: &[F], width: usize) {
    for (a, out) in a.chunks_exact(width).zip(out.chunks_exact_mut(b.len() / width)) {
        for (b, out) in b.chunks_exact(width).zip(out) {
            *out = distance(a, b);
        }
    }
}

#[inline(always)]
fn distance<F: Element>(a: &[F], b: &[F]) -> F {
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

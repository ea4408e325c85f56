//! Sums, greatest and least elements along axes.

use super::isa::{Isa, versions};
use super::split;
use super::strip::{load, store, strips};
use crate::float::Float;

/// Rows of one block of a column sum, elements per lane of one block of a row sum: blocks are added up apart, so that
/// the error grows with the block and the number of blocks, not with their product.
const BLOCK: usize = 64;
/// Lanes of a row sum.
const LANES: usize = 32;
/// Elements of one task of a split reduction.
const TASK: usize = 1 << 16;

/// How elements are joined: a sum, the greatest or the least.
trait Join: Send + Sync {
    fn join<F: Float>(a: F, b: F) -> F;
}

struct Sum;
struct Max;
struct Min;

impl Join for Sum {
    #[inline(always)]
    fn join<F: Float>(a: F, b: F) -> F {
        a + b
    }
}

impl Join for Max {
    #[inline(always)]
    fn join<F: Float>(a: F, b: F) -> F {
        // a NaN stays
        if b > a || b.is_nan() { b } else { a }
    }
}

impl Join for Min {
    #[inline(always)]
    fn join<F: Float>(a: F, b: F) -> F {
        if b < a || b.is_nan() { b } else { a }
    }
}

/// Sums over the axes where `over` holds; the others stay, in order. Sums of nothing are zero.
#[inline(never)]
pub fn sum_axes<F: Float>(out: &mut [F], x: &[F], shape: &[usize], over: &[bool]) {
    if x.is_empty() {
        out.fill(F::zero());
    } else {
        reduce::<F, Sum>(out, x, shape, over);
    }
}

/// The greatest elements over the axes where `over` holds; the others stay, in order.
#[inline(never)]
pub fn max_axes<F: Float>(out: &mut [F], x: &[F], shape: &[usize], over: &[bool]) {
    reduce::<F, Max>(out, x, shape, over);
}

/// The least elements over the axes where `over` holds; the others stay, in order.
#[inline(never)]
pub fn min_axes<F: Float>(out: &mut [F], x: &[F], shape: &[usize], over: &[bool]) {
    reduce::<F, Min>(out, x, shape, over);
}

/// For each row of `c` elements the position of the greatest, the first one on ties.
#[inline(never)]
pub fn argmax_last<F: Float>(x: &[F], c: usize) -> Vec<usize> {
    assert!(c > 0 && x.len().is_multiple_of(c), "argmax: {} elements in rows of {c}", x.len());
    let first = |row: &[F]| (1..c).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    x.chunks_exact(c).map(first).collect()
}

fn reduce<F: Float, J: Join>(out: &mut [F], x: &[F], shape: &[usize], over: &[bool]) {
    assert_eq!(shape.len(), over.len(), "reduce: {shape:?} over {over:?}");
    assert_eq!(x.len(), shape.iter().product::<usize>(), "reduce: {shape:?}");
    let kept = |(&size, &over): (&usize, &bool)| if over { 1 } else { size };
    assert_eq!(out.len(), shape.iter().zip(over).map(kept).product::<usize>(), "reduce: {shape:?} over {over:?}");
    if out.is_empty() {
        return;
    }
    assert!(!x.is_empty(), "reduce: no elements in {shape:?}");
    let mut groups: Vec<(usize, bool)> = Vec::with_capacity(shape.len());
    for (&size, &over) in shape.iter().zip(over).filter(|&(&size, _)| size != 1) {
        match groups.last_mut() {
            Some(last) if last.1 == over => last.0 *= size,
            _ => groups.push((size, over)),
        }
    }
    groups_of::<F, J>(out, x, &groups);
}

/// Reduces groups of axes that alternate between kept and reduced.
fn groups_of<F: Float, J: Join>(out: &mut [F], x: &[F], groups: &[(usize, bool)]) {
    match *groups {
        [] | [(_, false)] => out.copy_from_slice(x),
        [ref front @ .., (size, true)] => {
            let inner = |out: &mut [F], x: &[F]| {
                split::chunks(out, (TASK / size).max(1), |i, out| {
                    let first = i * (TASK / size).max(1);
                    rows::<F, J>(out, &x[first * size..][..out.len() * size], size);
                });
            };
            if front.len() < 2 {
                inner(out, x);
            } else {
                let mut sums = vec![F::zero(); x.len() / size];
                inner(&mut sums, x);
                groups_of::<F, J>(out, &sums, front);
            }
        }
        [ref front @ .., (rows, true), (cols, false)] => {
            let tall = |out: &mut [F], x: &[F]| columns_of_each::<F, J>(out, x, rows, cols);
            if front.len() < 2 {
                tall(out, x);
            } else {
                let mut sums = vec![F::zero(); x.len() / rows];
                tall(&mut sums, x);
                let mut groups = front.to_vec();
                let last = groups.len() - 1;
                groups[last].0 *= cols;
                groups_of::<F, J>(out, &sums, &groups);
            }
        }
        _ => unreachable!("groups alternate"),
    }
}

/// Reduces the rows of each matrix `[rows, cols]`; tall ones in fixed blocks.
fn columns_of_each<F: Float, J: Join>(out: &mut [F], x: &[F], rows: usize, cols: usize) {
    let tall = (TASK / cols / BLOCK * BLOCK).max(BLOCK);
    if rows <= tall || out.len() != cols {
        let each = (TASK / (rows * cols)).max(1);
        split::chunks(out, each * cols, |i, out| {
            let x = &x[i * each * rows * cols..];
            for (out, x) in out.chunks_exact_mut(cols).zip(x.chunks_exact(rows * cols)) {
                columns::<F, J>(out, x, cols);
            }
        });
        return;
    }
    let mut partial = vec![F::zero(); rows.div_ceil(tall) * cols];
    split::chunks(&mut partial, cols, |i, partial| {
        let x = &x[i * tall * cols..];
        columns::<F, J>(partial, &x[..x.len().min(tall * cols)], cols);
    });
    columns::<F, J>(out, &partial, cols);
}

versions! {
    /// Reduces each row of `size` elements to one.
    fn rows<F, J>(out: &mut [F], x: &[F], size: usize) where [F: Float, J: Join] = rows_body;
    /// Reduces a matrix with `cols` columns to one row.
    fn columns<F, J>(out: &mut [F], x: &[F], cols: usize) where [F: Float, J: Join] = columns_body;
}

#[inline(always)]
fn rows_body<F: Float, J: Join, I: Isa>(out: &mut [F], x: &[F], size: usize) {
    for (out, row) in out.iter_mut().zip(x.chunks_exact(size)) {
        *out = if size < 2 * LANES { short::<F, J>(row) } else { long::<F, J>(row) };
    }
}

#[inline(always)]
fn short<F: Float, J: Join>(row: &[F]) -> F {
    row[1..].iter().fold(row[0], |sum, &x| J::join(sum, x))
}

#[inline(always)]
fn long<F: Float, J: Join>(row: &[F]) -> F {
    let (lanes, rest) = row.as_chunks::<LANES>();
    let mut total: Option<[F; LANES]> = None;
    for block in lanes.chunks(BLOCK) {
        let mut acc = block[0];
        for &values in &block[1..] {
            for j in 0..LANES {
                acc[j] = J::join(acc[j], values[j]);
            }
        }
        total = Some(match total {
            Some(total) => std::array::from_fn(|j| J::join(total[j], acc[j])),
            None => acc,
        });
    }
    let mut acc = total.expect("a long row has a block");
    let mut lanes = LANES;
    while lanes > 1 {
        lanes /= 2;
        for j in 0..lanes {
            acc[j] = J::join(acc[j], acc[j + lanes]);
        }
    }
    rest.iter().fold(acc[0], |sum, &x| J::join(sum, x))
}

#[inline(always)]
fn columns_body<F: Float, J: Join, I: Isa>(out: &mut [F], x: &[F], cols: usize) {
    strips!(cols, strip_of::<F, I>(out, x, cols, J::join));
}

#[inline(always)]
fn strip_of<F: Float, I: Isa, const W: usize>(col: usize, out: &mut [F], x: &[F], cols: usize, join: impl Fn(F, F) -> F) {
    let rows = x.len() / cols;
    for start in (0..rows).step_by(BLOCK) {
        let mut acc: [F; W] = load(x, start * cols + col);
        for row in start + 1..rows.min(start + BLOCK) {
            let values: [F; W] = load(x, row * cols + col);
            for j in 0..W {
                acc[j] = join(acc[j], values[j]);
            }
        }
        if start > 0 {
            let total: [F; W] = load(out, col);
            for j in 0..W {
                acc[j] = join(total[j], acc[j]);
            }
        }
        store(out, col, acc);
    }
}

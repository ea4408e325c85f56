//! Transposes of dense matrices, in registers.

#![allow(unsafe_code)]

use crate::cpu::isa::{Isa, versions};
use crate::cpu::vector::{Vector, Vector128};
use crate::element::Element;

versions! {
    /// `out[j, i] = x[i, j]` for `x` of `rows` by `cols`.
    pub fn transpose<F>(out: &mut [F], x: &[F], rows: usize, cols: usize) where [F: Element] = transpose_body;
}

#[inline(always)]
fn transpose_body<F: Element, I: Isa>(out: &mut [F], x: &[F], rows: usize, cols: usize) {
    assert_eq!((out.len(), x.len()), (rows * cols, rows * cols), "transpose: [{rows}, {cols}]");
    let piece = Vector128::lanes::<F>();
    if cols >= piece && rows >= I::Vector::lanes::<F>() {
        blocks::<F, I::Vector>(out, x, rows, cols);
    } else if cols >= piece && rows >= piece {
        blocks::<F, Vector128>(out, x, rows, cols);
    } else if rows > 0 && cols > 0 {
        for (i, row) in x.chunks_exact(cols).enumerate() {
            out[i..].iter_mut().step_by(rows).zip(row).for_each(|(out, &value)| *out = value);
        }
    }
}

/// Blocks of as many rows as a vector has lanes, and as many columns as sixteen bytes hold; the last ones are moved back
/// to end with the matrix.
#[inline(always)]
fn blocks<F: Element, V: Vector>(out: &mut [F], x: &[F], rows: usize, cols: usize) {
    let (tall, wide) = (V::lanes::<F>(), Vector128::lanes::<F>());
    for i in (0..rows).step_by(tall) {
        let i = i.min(rows - tall);
        for j in (0..cols).step_by(wide) {
            let j = j.min(cols - wide);
            // one row of the block's last, and one column of it in the output, end the block
            let (from, to) = (
                &x[i * cols + j..][..(tall - 1) * cols + wide],
                &mut out[j * rows + i..][..(wide - 1) * rows + tall],
            );
            // SAFETY: the block's first and last elements lie in these slices, and this runs with the features of `V`.
            unsafe { block::<F, V>(to.as_mut_ptr(), from.as_ptr(), rows, cols) }
        }
    }
}

/// One block: vectors of sixteen bytes of every `wide`-th row, zipped until they are columns.
///
/// # Safety
/// `to` and `from` are a block's first elements in a matrix of `cols` by `rows` and of `rows` by `cols`.
#[inline(always)]
unsafe fn block<F: Element, V: Vector>(to: *mut F, from: *const F, rows: usize, cols: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        if size_of::<F>() == 8 {
            let [a, b] = [0, 1].map(|q| V::pieces(from.add(q * cols), 2 * cols));
            a.zip::<F>(b).into_iter().enumerate().for_each(|(c, v)| v.store(to.add(c * rows)));
        } else {
            let [a, b, c, d] = [0, 1, 2, 3].map(|q| V::pieces(from.add(q * cols), 4 * cols));
            let ([ab, ab2], [cd, cd2]) = (a.zip::<F>(b), c.zip::<F>(d));
            let columns = [ab.zip_wide(cd), ab2.zip_wide(cd2)];
            columns.into_iter().flatten().enumerate().for_each(|(c, v)| v.store(to.add(c * rows)));
        }
    }
}

//! Products of matrices and vectors.

#![allow(unsafe_code)]

use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::small_array;
use crate::cpu::vector::{Vector, Vector128};
use crate::element::Element;

/// Rows whose sums are added up together: as many as sixteen bytes hold.
const ROWS: usize = 4;
/// Elements of the widest vector.
const LANES: usize = 16;

versions! {
    /// `out[i] = sum of a[i, :] v` for each vector `v` of `width` elements, one after the other, and as many rows of `a`.
    pub fn dots<F>(out: &mut [F], a: &[F], vectors: &[F], width: usize) where [F: Element] = dots_body;
}

#[inline(always)]
fn dots_body<F: Element, I: Isa>(out: &mut [F], a: &[F], vectors: &[F], width: usize) {
    assert!(width > 0 && vectors.len().is_multiple_of(width), "dots: vectors of {width}");
    assert_eq!(out.len() * width, a.len(), "dots: rows of {width}");
    let (rows, together) = (out.len() * width / vectors.len(), Vector128::lanes::<F>());
    let matrices = out.chunks_exact_mut(rows).zip(a.chunks_exact(rows * width));
    for ((out, a), v) in matrices.zip(vectors.chunks_exact(width)) {
        for (out, a) in out.chunks_mut(together).zip(a.chunks(together * width)) {
            // SAFETY: this runs with the features of `I`.
            let sums = unsafe { sums_of::<F, I>(a, v) };
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
}

/// The sums of at most [`ROWS`] rows `a` times `v`.
///
/// # Safety
/// This runs with the features of `I`.
#[inline(always)]
unsafe fn sums_of<F: Element, I: Isa>(a: &[F], v: &[F]) -> [F; ROWS] {
    let (width, lanes) = (v.len(), I::Vector::lanes::<F>());
    let last = a.len() / width - 1;
    // missing rows are the last one again
    let rows: [Reader<'_, F>; ROWS] =
        small_array::of(|i| Reader::new(a).after((i.min(last) * width) as isize));
    let whole = width / lanes * lanes;
    // SAFETY: the caller's promise; every vector ends within its row.
    unsafe {
        let mut acc = [[I::Vector::splat(F::zero()); 2]; ROWS];
        for k in (0..whole).step_by(2 * lanes) {
            let count = if k + lanes < whole { 2 } else { 1 };
            for half in 0..count {
                let k = (k + half * lanes) as isize;
                let [y] = Reader::new(v).after(k).vectors::<I::Vector, 1>();
                for i in 0..ROWS {
                    let [x] = rows[i].after(k).vectors::<I::Vector, 1>();
                    acc[i][half] = x.mul_add::<F>(y, acc[i][half]);
                }
            }
        }
        if I::Vector::MASKED && whole < width {
            let (mask, rest) = (I::Vector::mask::<F>(0, width - whole), width - whole);
            let y: I::Vector = Reader::new(v).after(whole as isize).first_lanes(mask, rest);
            for i in 0..ROWS {
                let x: I::Vector = rows[i].after(whole as isize).first_lanes(mask, rest);
                acc[i][1] = x.mul_add::<F>(y, acc[i][1]);
            }
        }
        let mut sums = across::<F, I::Vector>(small_array::map(acc, |[x, y]| x.add::<F>(y)));
        if !I::Vector::MASKED {
            for k in whole..width {
                for i in 0..ROWS {
                    sums[i] = I::mul_add(rows[i].element(k), v[k], sums[i]);
                }
            }
        }
        sums
    }
}

/// The sums of the lanes of each vector; for elements of eight bytes, of the first two.
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
unsafe fn across<F: Element, V: Vector>([a, b, c, d]: [V; ROWS]) -> [F; ROWS] {
    let (mut all, piece) = ([F::zero(); LANES], Vector128::lanes::<F>());
    // SAFETY: the caller's promise; no vector has more lanes.
    unsafe {
        let ab = sum::<F, V>(a.zip::<F>(b));
        let sums = if piece == ROWS { sum::<F, V>(ab.zip_wide(sum::<F, V>(c.zip::<F>(d)))) } else { ab };
        sums.store(all.as_mut_ptr());
    }
    let mut sums = [F::zero(); ROWS];
    for part in all[..V::lanes::<F>()].chunks_exact(piece) {
        sums.iter_mut().zip(part).for_each(|(sum, &x)| *sum += x);
    }
    sums
}

/// `x + y`
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
unsafe fn sum<F: Element, V: Vector>([x, y]: [V; 2]) -> V {
    // SAFETY: the caller's promise.
    unsafe { x.add::<F>(y) }
}

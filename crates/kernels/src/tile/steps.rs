//! What register tiles of convolutions are made of: products added in registers, and rows stored.

#![allow(unsafe_code)]

use std::hint::black_box;

use crate::cpu::isa::Isa;
use crate::cpu::prefetch::PrefetchSteps;
use crate::cpu::raw::Reader;
use crate::cpu::small_array;
use crate::cpu::strip::store_parts;
use crate::cpu::vector::Vector;
use crate::element::Element;

/// Steps between two prefetches.
pub const STEPS: usize = 4;

/// Adds `len` products of elements of A and rows of B, and issues prefetches meanwhile.
///
/// # Safety
/// Every reader of `from` has `len` elements, and `rows` as many rows of `N` vectors at steps of `b_step`.
#[inline(always)]
pub unsafe fn multiply<F: Element, I: Isa, const R: usize, const N: usize>(
    acc: &mut [[I::Vector; N]; R],
    from: &[Reader<'_, F>; R],
    mut rows: Reader<'_, F>,
    b_step: usize,
    len: usize,
    prefetch: &mut PrefetchSteps<'_, F>,
) {
    // unknown to the compiler, which would load what four steps need before the first, and run out of registers
    let each = if I::REGISTERS < 32 { black_box(STEPS) } else { STEPS };
    for k in 0..len / STEPS {
        prefetch.issue();
        for i in 0..each {
            // SAFETY: the caller's promise.
            unsafe { step::<F, I, R, N>(acc, from, k * STEPS + i, rows) }
            rows = rows.after(b_step as isize);
        }
    }
    for k in len / STEPS * STEPS..len {
        // SAFETY: the caller's promise.
        unsafe { step::<F, I, R, N>(acc, from, k, rows) }
        rows = rows.after(b_step as isize);
    }
}

/// One value of the inner dimension: a row of B times an element of each row of A.
///
/// # Safety
/// `row` has `N` vectors, and every reader of `from` one at `at`.
#[inline(always)]
pub unsafe fn step<F: Element, I: Isa, const R: usize, const N: usize>(
    acc: &mut [[I::Vector; N]; R],
    from: &[Reader<'_, F>; R],
    at: usize,
    row: Reader<'_, F>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let values = row.vectors::<I::Vector, N>();
        for i in 0..R {
            let s = I::Vector::splat(from[i].element(at));
            for j in 0..N {
                acc[i][j] = s.mul_add::<F>(values[j], acc[i][j]);
            }
        }
    }
}

/// Writes the columns `keep` of a tile to rows of `out` that begin at `begins`; adds them if `add`.
#[inline(always)]
pub fn store_rows<F: Element, I: Isa, const R: usize, const N: usize>(
    out: &mut [F],
    begins: &[usize; R],
    mut acc: [[I::Vector; N]; R],
    keep: [usize; 2],
    add: bool,
) {
    let lanes = I::Vector::lanes::<F>();
    if keep != [0, N * lanes] {
        if I::Vector::MASKED {
            for i in 0..R {
                let row = &mut out[begins[i] + keep[0]..begins[i] + keep[1]];
                for j in 0..N {
                    let [from, to] =
                        small_array::map(keep, |column| column.clamp(j * lanes, (j + 1) * lanes) - j * lanes);
                    let at = row.as_mut_ptr().wrapping_sub(keep[0]).wrapping_add(j * lanes);
                    // SAFETY: the lanes of `keep` lie in the row, and this runs with the features of `I`.
                    unsafe {
                        let mask = I::Vector::mask::<F>(from, to);
                        if add {
                            acc[i][j] = acc[i][j].add::<F>(I::Vector::load_masked(at, mask));
                        }
                        acc[i][j].store_masked(at, mask);
                    }
                }
            }
            return;
        }
        // SAFETY: the accumulators are as many elements, one after the other.
        let rows = unsafe { std::slice::from_raw_parts((&raw const acc).cast::<F>(), R * N * lanes) };
        return store_parts(out, begins, rows, keep, add);
    }
    for i in 0..R {
        let row = &mut out[begins[i]..][..N * lanes];
        for j in 0..N {
            // SAFETY: the row has as many elements, and this runs with the features of `I`.
            unsafe {
                let at = row.as_mut_ptr().add(j * lanes);
                if add {
                    acc[i][j] = acc[i][j].add::<F>(I::Vector::load(at));
                }
                acc[i][j].store(at);
            }
        }
    }
}

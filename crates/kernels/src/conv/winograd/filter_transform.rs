//! The linear maps of Winograd's convolution between weights and their planes, on vectors of channels.
//!
//! Planes hold a number of all weights each, row after row of the squares.

#![allow(unsafe_code)]

use crate::conv::winograd::data_transform::{PIECE, vectors};
use crate::conv::winograd::f2_transform as squares;
use crate::conv::winograd::f4_transform::{self as lines, Line, SIDE, both};
use crate::conv::winograd::strided_transform::{self as strided, KINDS};
use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::vector::{Vector, Vector128};
use crate::element::Element;

versions! {
    /// `G g G^T` of weights `[3, 3, size]`: planes of `size`.
    pub fn of_weights<F>(planes: &mut [F], w: &[F], size: usize) where [F: Element] = of_weights_body;
    /// `G^T s G`, the adjoint of [`of_weights`].
    pub fn to_weights<F>(w: &mut [F], planes: &[F], size: usize) where [F: Element] = to_weights_body;
    /// [`of_weights`] for steps of two.
    pub fn of_strided_weights<F>(planes: &mut [F], w: &[F], size: usize) where [F: Element] = of_strided_weights_body;
    /// The adjoint of [`of_strided_weights`].
    pub fn to_strided_weights<F>(w: &mut [F], planes: &[F], size: usize) where [F: Element] = to_strided_weights_body;
    /// [`of_weights`] for squares of two by two outputs.
    pub fn of_square_weights<F>(planes: &mut [F], w: &[F], size: usize) where [F: Element] = of_square_weights_body;
    /// The adjoint of [`of_square_weights`].
    pub fn to_square_weights<F>(w: &mut [F], planes: &[F], size: usize) where [F: Element] = to_square_weights_body;
}

#[inline(always)]
fn of_weights_body<F: Element, I: Isa>(planes: &mut [F], w: &[F], size: usize) {
    map_planes::<F, I, lines::Weight, 3, SIDE>(planes, w, size);
}

#[inline(always)]
fn to_weights_body<F: Element, I: Isa>(w: &mut [F], planes: &[F], size: usize) {
    map_planes::<F, I, lines::WeightGradient, SIDE, 3>(w, planes, size);
}

#[inline(always)]
fn of_strided_weights_body<F: Element, I: Isa>(planes: &mut [F], w: &[F], size: usize) {
    map_planes::<F, I, strided::Weight, 3, KINDS>(planes, w, size);
}

#[inline(always)]
fn to_strided_weights_body<F: Element, I: Isa>(w: &mut [F], planes: &[F], size: usize) {
    map_planes::<F, I, strided::WeightGradient, KINDS, 3>(w, planes, size);
}

#[inline(always)]
fn of_square_weights_body<F: Element, I: Isa>(planes: &mut [F], w: &[F], size: usize) {
    map_planes::<F, I, squares::Weight, 3, { squares::SIDE }>(planes, w, size);
}

#[inline(always)]
fn to_square_weights_body<F: Element, I: Isa>(w: &mut [F], planes: &[F], size: usize) {
    map_planes::<F, I, squares::WeightGradient, { squares::SIDE }, 3>(w, planes, size);
}

/// Squares of `P` by `P` to those of `Q` by `Q`.
#[inline(always)]
fn map_planes<F: Element, I: Isa, L: Line<P, Q>, const P: usize, const Q: usize>(
    to: &mut [F],
    from: &[F],
    size: usize,
) {
    let sizes = to.len() == Q * Q * size && from.len() == P * P * size;
    assert!(sizes && size.is_multiple_of(PIECE), "winograd: sizes of weights");
    vectors!(size, map_vectors::<F, I; L, P, Q>(to, from, size));
}

/// # Safety
/// The slices hold planes of `size` that go on for a vector from `at`, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn map_vectors<F: Element, V: Vector, L: Line<P, Q>, const P: usize, const Q: usize>(
    at: usize,
    to: &mut [F],
    from: &[F],
    size: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let square = load::<F, V, P>(Reader::new(from).after(at as isize), size);
        store(to, size, at, &both::<F, V, L, P, Q>(square));
    }
}

/// A vector of each plane from `at` on.
///
/// # Safety
/// They lie in the reader's slice, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn load<F: Element, V: Vector, const N: usize>(planes: Reader<'_, F>, plane: usize) -> [[V; N]; N] {
    // SAFETY: the caller's promise.
    let mut square = unsafe { [[planes.vectors::<V, 1>()[0]; N]; N] };
    for i in 0..N {
        for j in 0..N {
            // SAFETY: as above.
            square[i][j] = unsafe { planes.after(((N * i + j) * plane) as isize).vectors::<V, 1>()[0] };
        }
    }
    square
}

/// Writes a vector to each plane from `at` on.
///
/// # Safety
/// They lie in the slice, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn store<F: Element, V: Vector, const N: usize>(
    planes: &mut [F],
    plane: usize,
    at: usize,
    values: &[[V; N]],
) {
    for (i, row) in values.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            let at = (N * i + j) * plane + at;
            debug_assert!(at + V::lanes::<F>() <= planes.len(), "a plane ends before {at}");
            // SAFETY: the caller's promise.
            unsafe { value.store(planes.as_mut_ptr().add(at)) }
        }
    }
}

//! Winograd's filter transforms: linear maps between filters of 3x3 and their planes, on vectors of channels.
//!
//! A plane holds one element of all transformed filters; planes follow each other row after row of a transformed filter.

#![allow(unsafe_code)]

use crate::conv::winograd::data_transform::{PIECE, vectors};
use crate::conv::winograd::f2_transform as f2;
use crate::conv::winograd::f4_transform::{self as f4, LinearMap, SIDE, both};
use crate::conv::winograd::strided_transform::{self as strided, KINDS};
use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::vector::{Vector, Vector128};
use crate::element::Element;

versions! {
    /// Filter transform of F(4x4, 3x3), `G g G^T` of weights `[3, 3, size]`: planes of `size`.
    pub fn filter_transform<F>(planes: &mut [F], w: &[F], size: usize) where [F: Element] = filter_transform_body;
    /// Adjoint of [`filter_transform`], `G^T s G`: the gradient of the filters from those of their transforms.
    pub fn filter_gradient<F>(w: &mut [F], planes: &[F], size: usize) where [F: Element] = filter_gradient_body;
    /// [`filter_transform`] for stride 2.
    pub fn strided_filter_transform<F>(planes: &mut [F], w: &[F], size: usize) where [F: Element] = strided_filter_transform_body;
    /// Adjoint of [`strided_filter_transform`].
    pub fn strided_filter_gradient<F>(w: &mut [F], planes: &[F], size: usize) where [F: Element] = strided_filter_gradient_body;
    /// [`filter_transform`] of F(2x2, 3x3).
    pub fn f2_filter_transform<F>(planes: &mut [F], w: &[F], size: usize) where [F: Element] = f2_filter_transform_body;
    /// Adjoint of [`f2_filter_transform`].
    pub fn f2_filter_gradient<F>(w: &mut [F], planes: &[F], size: usize) where [F: Element] = f2_filter_gradient_body;
}

#[inline(always)]
fn filter_transform_body<F: Element, I: Isa>(planes: &mut [F], w: &[F], size: usize) {
    map_planes::<F, I, f4::Weight, 3, SIDE>(planes, w, size);
}

#[inline(always)]
fn filter_gradient_body<F: Element, I: Isa>(w: &mut [F], planes: &[F], size: usize) {
    map_planes::<F, I, f4::WeightGradient, SIDE, 3>(w, planes, size);
}

#[inline(always)]
fn strided_filter_transform_body<F: Element, I: Isa>(planes: &mut [F], w: &[F], size: usize) {
    map_planes::<F, I, strided::Weight, 3, KINDS>(planes, w, size);
}

#[inline(always)]
fn strided_filter_gradient_body<F: Element, I: Isa>(w: &mut [F], planes: &[F], size: usize) {
    map_planes::<F, I, strided::WeightGradient, KINDS, 3>(w, planes, size);
}

#[inline(always)]
fn f2_filter_transform_body<F: Element, I: Isa>(planes: &mut [F], w: &[F], size: usize) {
    map_planes::<F, I, f2::Weight, 3, { f2::SIDE }>(planes, w, size);
}

#[inline(always)]
fn f2_filter_gradient_body<F: Element, I: Isa>(w: &mut [F], planes: &[F], size: usize) {
    map_planes::<F, I, f2::WeightGradient, { f2::SIDE }, 3>(w, planes, size);
}

/// Maps planes of `P` by `P` elements to planes of `Q` by `Q`.
#[inline(always)]
fn map_planes<F: Element, I: Isa, L: LinearMap<P, Q>, const P: usize, const Q: usize>(
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
unsafe fn map_vectors<F: Element, V: Vector, L: LinearMap<P, Q>, const P: usize, const Q: usize>(
    at: usize,
    to: &mut [F],
    from: &[F],
    size: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let filter = load::<F, V, P>(Reader::new(from).after(at as isize), size);
        store(to, size, at, &both::<F, V, L, P, Q>(filter));
    }
}

/// A vector of each plane from `at` on.
///
/// # Safety
/// They lie in the reader's slice, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn load<F: Element, V: Vector, const N: usize>(planes: Reader<'_, F>, plane: usize) -> [[V; N]; N] {
    // SAFETY: the caller's promise.
    let mut filter = unsafe { [[planes.vectors::<V, 1>()[0]; N]; N] };
    for i in 0..N {
        for j in 0..N {
            // SAFETY: as above.
            filter[i][j] = unsafe { planes.after(((N * i + j) * plane) as isize).vectors::<V, 1>()[0] };
        }
    }
    filter
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

//! The linear maps of Winograd's F(2x2, 3x3) along one axis, on vectors of pixels or of channels.
//!
//! With the points 0, 1, -1 and infinity: additions and halves alone, so errors are those of plain sums.

#![allow(unsafe_code)]

use crate::conv::winograd::f4_transform::{LinearMap, of_both, times};
use crate::cpu::vector::Vector;
use crate::element::Element;

/// Inputs of a window, and elements of a transformed window, down and across, for two outputs.
pub const SIDE: usize = 4;

/// `B^T`
pub struct Image;

impl LinearMap<SIDE, SIDE> for Image {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([d0, d1, d2, d3]: [V; SIDE]) -> [V; SIDE] {
        // SAFETY: the caller's promise.
        unsafe { [d0.sub::<F>(d2), d1.add::<F>(d2), d2.sub::<F>(d1), d3.sub::<F>(d1)] }
    }
}

/// `A^T`
pub struct Output;

impl LinearMap<SIDE, 2> for Output {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([m0, m1, m2, m3]: [V; SIDE]) -> [V; 2] {
        // SAFETY: the caller's promise.
        unsafe { [m0.add::<F>(m1).add::<F>(m2), m1.sub::<F>(m2).add::<F>(m3)] }
    }
}

/// `A`
pub struct Gradient;

impl LinearMap<2, SIDE> for Gradient {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([g0, g1]: [V; 2]) -> [V; SIDE] {
        // SAFETY: the caller's promise.
        unsafe {
            let [sum, difference] = of_both::<F, V>(g0, g1);
            [g0, sum, difference, g1]
        }
    }
}

/// `G`
pub struct Weight;

impl LinearMap<3, SIDE> for Weight {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([w0, w1, w2]: [V; 3]) -> [V; SIDE] {
        // SAFETY: the caller's promise.
        unsafe {
            let none = V::splat(F::zero());
            let [sum, difference] = of_both::<F, V>(w0.add::<F>(w2), w1);
            [w0, times::<F, V>(0.5, sum, none), times::<F, V>(0.5, difference, none), w2]
        }
    }
}

/// `G^T`
pub struct WeightGradient;

impl LinearMap<SIDE, 3> for WeightGradient {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([s0, s1, s2, s3]: [V; SIDE]) -> [V; 3] {
        // SAFETY: the caller's promise.
        unsafe {
            let none = V::splat(F::zero());
            let [sum, difference] = of_both::<F, V>(s1, s2);
            [times::<F, V>(0.5, sum, s0), times::<F, V>(0.5, difference, none), times::<F, V>(0.5, sum, s3)]
        }
    }
}

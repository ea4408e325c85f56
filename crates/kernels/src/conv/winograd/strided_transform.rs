//! The linear maps of Winograd's F(3x3, 3x3) with steps of two along one axis, on vectors of channels.
//!
//! Of three outputs `y_i = w0 e_i + w1 o_i + w2 e_(i+1)` the products of the taps around the middle are Winograd's F(3, 2) with the
//! points 0, 1, -1 and infinity: four instead of six. Those of the middle tap are left as they are, and share its weights.

#![allow(unsafe_code)]

use crate::conv::winograd::f4_transform::{LinearMap, of_both, times};
use crate::conv::winograd::planes::Axis;
use crate::cpu::vector::Vector;
use crate::element::Element;

/// Outputs of a window down and across.
pub const OUTPUTS: usize = 3;
/// Inputs of a window, and elements of a transformed window, down and across.
pub const INPUTS: usize = 7;
/// Gradients of outputs that six of the inputs, all but the first, take theirs from.
pub const GRADIENTS: usize = 4;
/// Inputs that do.
pub const TAKERS: usize = 6;
/// Different weights along an axis.
pub const KINDS: usize = 5;
/// Rows of a transformed window whose weights are not the middle tap's.
pub const HALF: usize = 4;

/// The elements of a transformed window along an axis.
pub const AXIS: Axis = Axis { shared: &[1, 1, 1, 1, 3], half: HALF };

/// `B^T` of F(3, 2)
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
unsafe fn points<F: Element, V: Vector>([d0, d1, d2, d3]: [V; 4]) -> [V; 4] {
    // SAFETY: the caller's promise.
    unsafe { [d0.sub::<F>(d2), d1.add::<F>(d2), d1.sub::<F>(d2), d3.sub::<F>(d1)] }
}

/// `A^T` of F(3, 2)
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
unsafe fn sums<F: Element, V: Vector>([m0, m1, m2, m3]: [V; 4]) -> [V; 3] {
    // SAFETY: the caller's promise.
    unsafe {
        let difference = m1.sub::<F>(m2);
        [m0.add::<F>(difference), m1.add::<F>(m2), difference.add::<F>(m3)]
    }
}

/// Input transform.
pub struct Image;

impl LinearMap<INPUTS, INPUTS> for Image {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([e0, o0, e1, o1, e2, o2, e3]: [V; INPUTS]) -> [V; INPUTS] {
        // SAFETY: the caller's promise.
        let [v0, v1, v2, v3] = unsafe { points::<F, V>([e0, e1, e2, e3]) };
        [v0, v1, v2, v3, o0, o1, o2]
    }
}

/// Output transform.
pub struct Output;

impl LinearMap<INPUTS, OUTPUTS> for Output {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([m0, m1, m2, m3, o0, o1, o2]: [V; INPUTS]) -> [V; OUTPUTS] {
        // SAFETY: the caller's promise.
        unsafe {
            let [y0, y1, y2] = sums::<F, V>([m0, m1, m2, m3]);
            [y0.add::<F>(o0), y1.add::<F>(o1), y2.add::<F>(o2)]
        }
    }
}

/// Transform of gradients of outputs, for [`InputGradient`].
pub struct Gradient;

impl LinearMap<GRADIENTS, INPUTS> for Gradient {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([g0, g1, g2, g3]: [V; GRADIENTS]) -> [V; INPUTS] {
        // SAFETY: the caller's promise.
        let [v0, v1, v2, v3] = unsafe { points::<F, V>([g0, g1, g2, g3]) };
        [v0, v1, v2, v3, g0, g1, g2]
    }
}

/// Output transform to the gradients of six inputs, with taps from the last to the first.
pub struct InputGradient;

impl LinearMap<INPUTS, TAKERS> for InputGradient {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([m0, m1, m2, m3, o0, o1, o2]: [V; INPUTS]) -> [V; TAKERS] {
        // SAFETY: the caller's promise.
        let [e1, e2, e3] = unsafe { sums::<F, V>([m0, m1, m2, m3]) };
        [o0, e1, o1, e2, o2, e3]
    }
}

/// The adjoint of [`Output`].
pub struct OutputAdjoint;

impl LinearMap<OUTPUTS, INPUTS> for OutputAdjoint {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([g0, g1, g2]: [V; OUTPUTS]) -> [V; INPUTS] {
        // SAFETY: the caller's promise.
        unsafe {
            let outer = g0.add::<F>(g2);
            [g0, outer.add::<F>(g1), g1.sub::<F>(outer), g2, g0, g1, g2]
        }
    }
}

/// `G` of F(3, 2), and the middle tap.
pub struct Weight;

impl LinearMap<3, KINDS> for Weight {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([w0, w1, w2]: [V; 3]) -> [V; KINDS] {
        // SAFETY: the caller's promise.
        unsafe {
            let none = V::splat(F::zero());
            let [sum, difference] = of_both::<F, V>(w0, w2);
            [w0, times::<F, V>(0.5, sum, none), times::<F, V>(0.5, difference, none), w2, w1]
        }
    }
}

/// The adjoint of [`Weight`].
pub struct WeightGradient;

impl LinearMap<KINDS, 3> for WeightGradient {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([s0, s1, s2, s3, middle]: [V; KINDS]) -> [V; 3] {
        // SAFETY: the caller's promise.
        unsafe {
            let [sum, difference] = of_both::<F, V>(s1, s2);
            [times::<F, V>(0.5, sum, s0), middle, times::<F, V>(0.5, difference, s3)]
        }
    }
}

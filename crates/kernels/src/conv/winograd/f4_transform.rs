//! The linear maps of Winograd's F(4x4, 3x3) along one axis, on vectors of channels.
//!
//! With the points 0, ±a, ±2a and infinity, `a = 1/sqrt(2)`: rounding errors are half of those with 0, ±1, ±2.

#![allow(unsafe_code)]

use crate::conv::winograd::planes::Axis;
use crate::cpu::vector::Vector;
use crate::element::Element;

/// Outputs of a window down and across.
pub const STEP: usize = 4;
/// Inputs of a window, and elements of a transformed window, down and across.
pub const SIDE: usize = STEP + 2;

/// The elements of a transformed window along an axis.
pub const AXIS: Axis = Axis { shared: &[1; SIDE], half: SIDE / 2 };

/// A linear map of `P` values to `Q`. Not a closure: closures compiled by themselves lack the kernel's instruction set.
pub trait LinearMap<const P: usize, const Q: usize> {
    /// Applies it.
    ///
    /// # Safety
    /// The machine has the vector's instruction set.
    unsafe fn of<F: Element, V: Vector>(x: [V; P]) -> [V; Q];
}

/// A map along both axes of a square.
///
/// # Safety
/// As of [`LinearMap::of`].
#[inline(always)]
pub unsafe fn both<F: Element, V: Vector, L: LinearMap<P, Q>, const P: usize, const Q: usize>(
    x: [[V; P]; P],
) -> [[V; Q]; Q] {
    let mut rows = [[x[0][0]; P]; Q];
    for j in 0..P {
        let mut column = [x[0][j]; P];
        for i in 1..P {
            column[i] = x[i][j];
        }
        // SAFETY: the caller's promise.
        let column = unsafe { L::of::<F, V>(column) };
        for i in 0..Q {
            rows[i][j] = column[i];
        }
    }
    let mut square = [[x[0][0]; Q]; Q];
    for i in 0..Q {
        // SAFETY: the caller's promise.
        square[i] = unsafe { L::of::<F, V>(rows[i]) };
    }
    square
}

/// The point `a`; the other is `2 a`.
const POINT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// `factor * b + c`
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
pub unsafe fn times<F: Element, V: Vector>(factor: f64, b: V, c: V) -> V {
    // SAFETY: the caller's promise.
    unsafe { V::splat(F::of(factor)).mul_add::<F>(b, c) }
}

/// `[even + factor * odd, even - factor * odd]`: what differs between a point and its negative.
///
/// # Safety
/// As of [`times`].
#[inline(always)]
unsafe fn at_both<F: Element, V: Vector>(factor: f64, even: V, odd: V) -> [V; 2] {
    // SAFETY: the caller's promise.
    unsafe { [times::<F, V>(factor, odd, even), times::<F, V>(-factor, odd, even)] }
}

/// The sum and the difference of values at a point and at its negative.
///
/// # Safety
/// As of [`times`].
#[inline(always)]
pub unsafe fn of_both<F: Element, V: Vector>(plus: V, minus: V) -> [V; 2] {
    // SAFETY: the caller's promise.
    unsafe { [plus.add::<F>(minus), plus.sub::<F>(minus)] }
}

/// `B^T`
pub struct Image;

impl LinearMap<SIDE, SIDE> for Image {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([d0, d1, d2, d3, d4, d5]: [V; SIDE]) -> [V; SIDE] {
        // SAFETY: the caller's promise.
        unsafe {
            let [e1, o1] = [times::<F, V>(-2.0, d2, d4), times::<F, V>(-2.0, d1, d3)];
            let [e2, o2] = [times::<F, V>(-0.5, d2, d4), times::<F, V>(-0.5, d1, d3)];
            let [[p1, m1], [p2, m2]] = [at_both::<F, V>(POINT, e1, o1), at_both::<F, V>(2.0 * POINT, e2, o2)];
            [
                times::<F, V>(-2.5, d2, d0.add::<F>(d4)),
                p1,
                m1,
                p2,
                m2,
                times::<F, V>(-2.5, d3, d1.add::<F>(d5)),
            ]
        }
    }
}

/// `A`
pub struct Gradient;

impl LinearMap<STEP, SIDE> for Gradient {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([d0, d1, d2, d3]: [V; STEP]) -> [V; SIDE] {
        // SAFETY: the caller's promise.
        unsafe {
            let [e1, o1] = [times::<F, V>(0.5, d2, d0), times::<F, V>(0.5, d3, d1)];
            let [e2, o2] = [times::<F, V>(2.0, d2, d0), times::<F, V>(2.0, d3, d1)];
            let [[p1, m1], [p2, m2]] = [at_both::<F, V>(POINT, e1, o1), at_both::<F, V>(2.0 * POINT, e2, o2)];
            [d0, p1, m1, p2, m2, d3]
        }
    }
}

/// `A^T`
pub struct Output;

impl LinearMap<SIDE, STEP> for Output {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([m0, p1, m1, p2, m2, m5]: [V; SIDE]) -> [V; STEP] {
        // SAFETY: the caller's promise.
        unsafe {
            let none = V::splat(F::zero());
            let [[e1, o1], [e2, o2]] = [of_both::<F, V>(p1, m1), of_both::<F, V>(p2, m2)];
            [
                m0.add::<F>(e1).add::<F>(e2),
                times::<F, V>(POINT, times::<F, V>(2.0, o2, o1), none),
                times::<F, V>(0.5, times::<F, V>(4.0, e2, e1), none),
                times::<F, V>(0.5 * POINT, times::<F, V>(8.0, o2, o1), m5),
            ]
        }
    }
}

/// `G`
pub struct Weight;

impl LinearMap<3, SIDE> for Weight {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([g0, g1, g2]: [V; 3]) -> [V; SIDE] {
        // SAFETY: the caller's promise.
        unsafe {
            let none = V::splat(F::zero());
            let [e1, e2] = [times::<F, V>(0.5, g2, g0), times::<F, V>(2.0, g2, g0)];
            let [e1, o1] = [times::<F, V>(-2.0 / 3.0, e1, none), times::<F, V>(-2.0 / 3.0, g1, none)];
            let [e2, o2] = [times::<F, V>(1.0 / 6.0, e2, none), times::<F, V>(1.0 / 6.0, g1, none)];
            let [[p1, m1], [p2, m2]] = [at_both::<F, V>(POINT, e1, o1), at_both::<F, V>(2.0 * POINT, e2, o2)];
            [g0, p1, m1, p2, m2, g2]
        }
    }
}

/// `G^T`
pub struct WeightGradient;

impl LinearMap<SIDE, 3> for WeightGradient {
    #[inline(always)]
    unsafe fn of<F: Element, V: Vector>([s0, p1, m1, p2, m2, s5]: [V; SIDE]) -> [V; 3] {
        // SAFETY: the caller's promise.
        unsafe {
            let none = V::splat(F::zero());
            let [[e1, o1], [e2, o2]] = [of_both::<F, V>(p1, m1), of_both::<F, V>(p2, m2)];
            [
                times::<F, V>(-2.0 / 3.0, e1, times::<F, V>(1.0 / 6.0, e2, s0)),
                times::<F, V>(POINT / 3.0, times::<F, V>(-2.0, o1, o2), none),
                times::<F, V>(1.0 / 3.0, e2.sub::<F>(e1), s5),
            ]
        }
    }
}

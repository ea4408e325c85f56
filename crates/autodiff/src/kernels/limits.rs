//! Limits, comparisons and what is piecewise linear, each without branches and with one rule: NaN is never passed over.

use crate::float::Float;

/// `a b`, and 0 where one factor is 0 and the other infinite: what the chain rule multiplies.
#[inline(always)]
pub fn chain<F: Float>(a: F, b: F) -> F {
    let product = a * b;
    // of two numbers nothing else is NaN
    if product.is_nan() & !a.is_nan() & !b.is_nan() { F::zero() } else { product }
}

/// The greater of both, the first of equal ones; NaN if either is.
#[inline(always)]
pub fn greater<F: Float>(a: F, b: F) -> F {
    if a >= b {
        a
    } else if a < b {
        b
    } else {
        a + b
    }
}

/// The lesser of both, the first of equal ones; NaN if either is.
#[inline(always)]
pub fn lesser<F: Float>(a: F, b: F) -> F {
    if b >= a {
        a
    } else if b < a {
        b
    } else {
        a + b
    }
}

/// Whether `x` takes the place of `best` as the greatest so far: it is greater, or the first NaN.
#[inline(always)]
#[allow(clippy::neg_cmp_op_on_partial_ord, reason = "one comparison that NaN passes too")]
pub fn surpasses<F: Float>(x: F, best: F) -> bool {
    !(x <= best) & !best.is_nan()
}

/// 1 where `a > b`, else `otherwise`; NaN if either is.
#[inline(always)]
pub fn above<F: Float>(a: F, b: F, otherwise: F) -> F {
    if a > b {
        F::one()
    } else if a <= b {
        otherwise
    } else {
        a + b
    }
}

/// 1 where `a >= b`, else 0; NaN if either is.
#[inline(always)]
pub fn not_below<F: Float>(a: F, b: F) -> F {
    if a >= b {
        F::one()
    } else if a < b {
        F::zero()
    } else {
        a + b
    }
}

/// 1, -1 or 0 with the sign of `x`; NaN stays.
#[inline(always)]
pub fn sign<F: Float>(x: F) -> F {
    if x > F::zero() {
        F::one()
    } else if x < F::zero() {
        -F::one()
    } else {
        x.abs()
    }
}

/// The piecewise linear activation: a number where it is positive, else `slope` times it; NaN stays.
#[derive(Clone, Copy, Debug)]
pub struct Leaky<F> {
    /// The factor of what is not positive.
    pub slope: F,
    /// What lies below counts as this much: the least number where the slope is 0, whose product with minus infinity is NaN.
    pub least: F,
}

impl<F: Float> Leaky<F> {
    /// That of this slope.
    #[inline(always)]
    pub fn new(slope: F) -> Self {
        let least = if slope == F::zero() { F::min_value() } else { F::neg_infinity() };
        Leaky { slope, least }
    }

    /// Of one number.
    #[inline(always)]
    pub fn of(self, x: F) -> F {
        let bounded = if x < self.least { self.least } else { x };
        if x > F::zero() { x } else { bounded * self.slope }
    }
}

//! Limits, comparisons and what is piecewise linear, each without branches and with one rule: NaN is never passed over.

use crate::element::Element;

/// `a b`, and 0 where one factor is 0 and the other infinite: what the chain rule multiplies.
#[inline(always)]
pub fn chain<F: Element>(a: F, b: F) -> F {
    let product = a * b;
    // of two numbers nothing else is NaN
    if product.is_nan() & !a.is_nan() & !b.is_nan() { F::zero() } else { product }
}

/// `number`, or NaN where `a` or `b` is. Both are computed, and one is chosen: a branch would end vector code.
#[inline(always)]
fn unless_nan<F: Element>(a: F, b: F, number: F) -> F {
    let sum = a + b;
    if (a > b) | (a <= b) { number } else { sum }
}

/// The greater of both, the first of equal ones; NaN if either is.
#[inline(always)]
pub fn greater<F: Element>(a: F, b: F) -> F {
    unless_nan(a, b, if a >= b { a } else { b })
}

/// The lesser of both, the first of equal ones; NaN if either is.
#[inline(always)]
pub fn lesser<F: Element>(a: F, b: F) -> F {
    unless_nan(a, b, if b >= a { a } else { b })
}

/// Whether `x` takes the place of `best` as the greatest so far: it is greater, or the first NaN.
#[inline(always)]
#[allow(clippy::neg_cmp_op_on_partial_ord, reason = "one comparison that NaN passes too")]
pub fn surpasses<F: Element>(x: F, best: F) -> bool {
    !(x <= best) & !best.is_nan()
}

/// 1 where `a > b`, else `otherwise`; NaN if either is.
#[inline(always)]
pub fn above<F: Element>(a: F, b: F, otherwise: F) -> F {
    unless_nan(a, b, if a > b { F::one() } else { otherwise })
}

/// 1 where `a >= b`, else 0; NaN if either is.
#[inline(always)]
pub fn not_below<F: Element>(a: F, b: F) -> F {
    unless_nan(a, b, if a >= b { F::one() } else { F::zero() })
}

/// 1, -1 or 0 with the sign of `x`; NaN stays.
#[inline(always)]
pub fn sign<F: Element>(x: F) -> F {
    let (one, magnitude) = (if x > F::zero() { F::one() } else { -F::one() }, x.abs());
    if (x > F::zero()) | (x < F::zero()) { one } else { magnitude }
}

/// A gradient `u` through the piecewise linear activation of `x`: as it is where `x` is positive, else `slope` times it, by
/// [`chain`]; NaN where `x` is.
#[inline(always)]
pub fn leaky_gradient<F: Element>(u: F, x: F, slope: F) -> F {
    let below = chain(u, slope);
    let number = if x > F::zero() { u } else { below };
    if x.is_nan() { x } else { number }
}

/// The piecewise linear activation: a number where it is positive, else `slope` times it; NaN stays.
#[derive(Clone, Copy, Debug)]
pub struct Leaky<F> {
    /// The factor of what is not positive.
    pub slope: F,
    /// What lies below counts as this much: the least number where the slope is 0, whose product with minus infinity is NaN.
    pub least: F,
}

impl<F: Element> Leaky<F> {
    /// The activation of this slope.
    #[inline(always)]
    pub fn new(slope: F) -> Self {
        let least = if slope == F::zero() { F::min_value() } else { F::neg_infinity() };
        Leaky { slope, least }
    }

    /// The activation of one number.
    #[inline(always)]
    pub fn of(self, x: F) -> F {
        let bounded = if x < self.least { self.least } else { x };
        if x > F::zero() { x } else { bounded * self.slope }
    }
}

//! Exponentials, logarithms and the error function without branches, so that loops over them become vector code.
//!
//! Sums of products are never fused: an element has the same bits at every instruction set and every place of its array.

use crate::element::Element;

#[inline(always)]
fn polynomial<F: Element>(x: F, coefficients: &[F]) -> F {
    let mut sum = coefficients[coefficients.len() - 1];
    for &c in coefficients.iter().rev().skip(1) {
        sum = sum * x + c;
    }
    sum
}

/// `(k, exp(r) - 1)` with `x = k ln 2 + r`, k whole and |r| <= ln 2 / 2.
#[inline(always)]
fn reduced<F: Element>(x: F) -> (F, F) {
    let k = (x * F::LOG2_E + F::ROUND) - F::ROUND;
    let (head, tail) = (x - k * F::LN_2[0], k * F::LN_2[1]);
    let r = head - tail;
    (k, head - (tail - r * r * polynomial(r, F::EXP)))
}

/// `e^x`.
#[inline(always)]
pub fn exp<F: Element>(x: F) -> F {
    let [least, greatest] = F::EXP_RANGE;
    let x = if x < least { least } else { x };
    let x = if x > greatest { greatest } else { x };
    let (k, p) = reduced(x);
    // two factors: their product may be subnormal or overflow
    let half = (k * F::of(0.5) + F::ROUND) - F::ROUND;
    (F::one() + p) * F::power_of_two(half) * F::power_of_two(k - half)
}

/// `e^x - 1` for x <= 0, exact to rounding near zero too.
#[inline(always)]
pub fn exp_m1_negative<F: Element>(x: F) -> F {
    let x = if x < F::NEGLIGIBLE { F::NEGLIGIBLE } else { x };
    let (k, p) = reduced(x);
    let scale = F::power_of_two(k);
    let y = scale * p + (scale - F::one());
    if x == F::zero() { x } else { y }
}

/// The hyperbolic tangent.
#[inline(always)]
pub fn tanh<F: Element>(x: F) -> F {
    let (one, two) = (F::one(), F::of(2.0));
    let near = x.abs() < F::of(0.55);
    let y = -two * x.abs();
    let (k, p) = reduced(if y < F::NEGLIGIBLE { F::NEGLIGIBLE } else { y });
    let scale = F::power_of_two(k);
    let (product, e) = (scale * p, scale + scale * p);
    // with e = exp(-2 |x|): (1 - e) / (1 + e), or 1 - 2 e / (1 + e), whichever rounds less
    let (less, twice) = (-(product + (scale - one)), two * e);
    let quotient = if near { less } else { twice } / (one + e);
    let rest = one - quotient;
    (if near { quotient } else { rest }).copysign(x)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid<F: Element>(x: F) -> F {
    let e = exp(-x.abs());
    let top = if x >= F::zero() { F::one() } else { e };
    top / (F::one() + e)
}

/// The derivative of [`tanh`], `4 e^(-2 |x|) / (1 + e^(-2 |x|))^2`: one less its square has no digits left far from zero.
#[inline(always)]
pub fn tanh_slope<F: Element>(x: F) -> F {
    sigmoid_slope(x + x) * F::of(4.0)
}

/// The derivative of [`sigmoid`], `e^(-|x|) / (1 + e^(-|x|))^2`.
#[inline(always)]
pub fn sigmoid_slope<F: Element>(x: F) -> F {
    let e = exp(-x.abs());
    let below = F::one() + e;
    e / (below * below)
}

/// The distribution function of the normal distribution.
#[inline(always)]
pub fn normal<F: Element>(x: F) -> F {
    let (half, root) = (F::of(0.5), F::of(std::f64::consts::FRAC_1_SQRT_2));
    let near = half + half * erf(x * root);
    let far = half * erfc_far((-x * root).abs());
    if x < F::of(-1.5) { far } else { near }
}

/// `1 - erf(a)` for a from 0.9 on.
#[inline(always)]
fn erfc_far<F: Element>(a: F) -> F {
    let (two, limit) = (F::of(2.0), F::ERFC_LIMIT);
    let a = if a > limit { limit } else { a };
    exp(-a * a) * polynomial((a - two) / (a + two), F::ERFC)
}

/// `ln(1 + e^x)`.
#[inline(always)]
pub fn softplus<F: Element>(x: F) -> F {
    let positive = if x > F::zero() { x } else { F::zero() };
    positive + ln_1p_fraction(exp(-x.abs()))
}

/// x where x > 0, else `a (e^x - 1)`.
#[inline(always)]
pub fn elu<F: Element>(x: F, a: F) -> F {
    let e = a * exp_m1_negative(if x > F::zero() { F::zero() } else { x });
    if x > F::zero() { x } else { e }
}

/// The error function.
#[inline(always)]
pub fn erf<F: Element>(x: F) -> F {
    let near = x + x * polynomial(x * x, F::ERF);
    let (a, two, limit) = (x.abs(), F::of(2.0), F::of(8.0));
    let a = if a > limit { limit } else { a };
    let far = F::one() - exp(-a * a) * polynomial((a - two) / (a + two), F::ERF_FAR);
    if a < F::of(0.9) { near } else { far.copysign(x) }
}

/// The natural logarithm.
#[inline(always)]
pub fn ln<F: Element>(x: F) -> F {
    let (k, m) = F::split(x);
    let y = ln_near_one(k, m - F::one());
    let y = if x == F::infinity() { x } else { y };
    let y = if x == F::zero() { F::neg_infinity() } else { y };
    if x >= F::zero() { y } else { F::nan() }
}

/// `ln(1 + e)` for e from 0 to 1.
#[inline(always)]
fn ln_1p_fraction<F: Element>(e: F) -> F {
    let large = e > F::of(std::f64::consts::SQRT_2 - 1.0);
    let (half, one) = (F::of(0.5), F::one());
    let halved = half * (e - one);
    ln_near_one(if large { one } else { F::zero() }, if large { halved } else { e })
}

/// `k ln 2 + ln(1 + f)` for 1 + f from sqrt(1/2) to sqrt(2).
#[inline(always)]
fn ln_near_one<F: Element>(k: F, f: F) -> F {
    let s = f / (F::of(2.0) + f);
    let z = s * s;
    let square = F::of(0.5) * f * f;
    let rest = s * (square + z * polynomial(z, F::LN)) + k * F::LN_2[1];
    k * F::LN_2[0] - ((square - rest) - f)
}

//! Exponentials, logarithms and the error function without branches, so that loops over them become vector code.
//!
//! Sums of products are never fused: an element has the same bits at every instruction set and every place of its array.

use crate::float::Float;

/// What the functions need to know of an element type.
pub trait Elementary: Sized + 'static {
    /// Added and taken away again, it rounds to a whole number: 1.5 times two to the digits of the mantissa.
    const ROUND: Self;
    /// 1 / ln 2.
    const LOG2_E: Self;
    /// ln 2 in two parts, the first with so many zeros at its end that its multiples by exponents are exact.
    const LN_2: [Self; 2];
    /// Beyond these `exp` is zero and infinity.
    const EXP_RANGE: [Self; 2];
    /// Below this `exp` is less than half a unit of rounding of one.
    const NEGLIGIBLE: Self;
    /// `(exp(r) - 1 - r) / r^2` for |r| <= ln 2 / 2 by powers of r.
    const EXP: &'static [Self];
    /// `(2 artanh(s) / s - 2) / s^2` for |s| <= (sqrt 2 - 1) / (sqrt 2 + 1) by powers of s^2.
    const LN: &'static [Self];
    /// `erf(x) / x - 1` for |x| <= 0.9 by powers of x^2.
    const ERF: &'static [Self];
    /// `e^(x^2) (1 - erf(x))` for x from 0.9 to where erf rounds to one, by powers of (x - 2) / (x + 2).
    const ERF_FAR: &'static [Self];

    /// `e^(x^2) (1 - erf(x))` for x from 0.9 to [`Elementary::ERFC_LIMIT`], by powers of (x - 2) / (x + 2).
    const ERFC: &'static [Self];
    /// From here on `e^(-x^2)` is zero.
    const ERFC_LIMIT: Self;

    /// Two to a whole number that is the exponent of a normal value.
    fn power_of_two(k: Self) -> Self;

    /// `(k, m)` with `x = 2^k m` and m from sqrt(1/2) to sqrt(2), for finite x > 0.
    fn split(x: Self) -> (Self, Self);
}

macro_rules! elementary {
    ($t:ident, $bits:ident, $range:expr, $negligible:expr, $ln_2:expr, $exp:expr, $ln:expr, $erf:expr, $erfc:expr) => {
        impl Elementary for $t {
            const ROUND: Self = 1.5 / $t::EPSILON;
            const LOG2_E: Self = std::$t::consts::LOG2_E;
            const LN_2: [Self; 2] = $ln_2;
            const EXP_RANGE: [Self; 2] = $range;
            const NEGLIGIBLE: Self = $negligible;
            const EXP: &'static [Self] = &$exp;
            const LN: &'static [Self] = &$ln;
            const ERF: &'static [Self] = &$erf.0;
            const ERF_FAR: &'static [Self] = &$erf.1;
            const ERFC: &'static [Self] = &$erfc.0;
            const ERFC_LIMIT: Self = $erfc.1;

            #[inline(always)]
            fn power_of_two(k: Self) -> Self {
                const BIAS: $t = ($t::MAX_EXP - 1) as $t;
                $t::from_bits((k + (Self::ROUND + BIAS)).to_bits() << ($t::MANTISSA_DIGITS - 1))
            }

            #[inline(always)]
            fn split(x: Self) -> (Self, Self) {
                const DIGITS: u32 = $t::MANTISSA_DIGITS - 1;
                const LEAST: $bits = std::$t::consts::FRAC_1_SQRT_2.to_bits();
                const WHOLE: $t = 1.0 / $t::EPSILON;
                const LIFT: $t = (1u64 << $t::MANTISSA_DIGITS) as $t;
                let subnormal = x < $t::MIN_POSITIVE;
                let larger = x * LIFT;
                let x = if subnormal { larger } else { x };
                let lifted = if subnormal { $t::MANTISSA_DIGITS as $t } else { 0.0 };
                let bits = x.to_bits().wrapping_add((1.0 as $t).to_bits() - LEAST);
                let k = $t::from_bits((bits >> DIGITS) | WHOLE.to_bits()) - (WHOLE + ($t::MAX_EXP - 1) as $t);
                let m = $t::from_bits((bits & ((1 << DIGITS) - 1)).wrapping_add(LEAST));
                (k - lifted, m)
            }
        }
    };
}

elementary!(
    f32,
    u32,
    [-104.0, 89.0],
    -20.0,
    [6.931_457_5e-1, 1.428_606_8e-6],
    [0.5, 1.666_666_7e-1, 4.166_646_3e-2, 8.333_310_5e-3, 1.393_368_6e-3, 1.989_103e-4],
    [6.666_667e-1, 4.000_012_3e-1, 2.855_081_6e-1, 2.333_058_3e-1],
    (
        [0.12837917, -0.37612635, 0.11283718, -0.026860666, 0.005204227, -0.0008179632, 8.5294014e-05],
        [
            0.25539568,
            -0.42718586,
            0.2416582,
            -0.0789784,
            0.0037326175,
            0.0069925324,
            -0.00084367534,
            -0.00093184254,
            3.314661e-05
        ]
    ),
    (
        [
            0.255395676,
            -0.427185847,
            0.241658178,
            -0.0789786259,
            0.00373350042,
            0.00699797833,
            -0.000854976914,
            -0.000979623785,
            7.98822599e-5,
            0.000137340607
        ],
        10.3
    )
);
elementary!(
    f64,
    u64,
    [-746.0, 710.0],
    -40.0,
    [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10],
    [
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        0.008333333333326112,
        0.001388888888888373,
        0.0001984126987490126,
        2.4801587325605324e-5,
        2.7557255297969643e-6,
        2.755727357010214e-7,
        2.5105259538448494e-8,
        2.0914717341716378e-9,
    ],
    [
        0.666666666666667,
        0.39999999999899444,
        0.2857142862600327,
        0.22222211130259878,
        0.18182889455674947,
        0.15331710618210773,
        0.14616585424888623,
    ],
    (
        [
            0.1283791670955126,
            -0.3761263890318373,
            0.11283791670953794,
            -0.02686617064482373,
            0.0052239776217703725,
            -0.0008548326764466543,
            0.00012055321382481122,
            -1.492530753550859e-05,
            1.6455328747938096e-06,
            -1.6276526722586205e-07,
            1.4051482766989913e-08,
            -8.493998797080943e-10
        ],
        [
            0.25539567631050575,
            -0.4271858474139584,
            0.2416581942424664,
            -0.07897858101573163,
            0.003732892404337698,
            0.006997461739159371,
            -0.0008471432515171128,
            -0.0009819770248075037,
            4.355562000747665e-05,
            0.00017436111949716246,
            2.7525189995675834e-05,
            -2.7579104957707786e-05,
            -1.3965505239753718e-05,
            1.384978788971992e-06,
            3.778801838120211e-06,
            1.2201604519215208e-06,
            -5.296127629574837e-07,
            -5.17941414570529e-07,
            7.379802720568767e-08
        ]
    ),
    (
        [
            0.25539567631050574,
            -0.4271858474139584,
            0.24165819424246657,
            -0.078978581015730723,
            0.0037328924043132347,
            0.0069974617391266229,
            -0.00084714325010632697,
            -0.00098197702618112442,
            4.3555579692190717e-5,
            0.00017436122598085384,
            2.7525769259709637e-5,
            -2.7581647368906797e-5,
            -1.3968690930197994e-5,
            1.4136863250508638e-6,
            3.7651400459549368e-6,
            1.0708228488738404e-6,
            -2.9149244925680228e-7,
            -3.1267101713758818e-7,
            -6.9361857509819077e-7,
            5.6568362707794817e-7,
            -6.1033526079394191e-8,
            -2.474489217179676e-8
        ],
        27.4
    )
);

#[inline(always)]
fn polynomial<F: Float>(x: F, coefficients: &[F]) -> F {
    let mut sum = coefficients[coefficients.len() - 1];
    for &c in coefficients.iter().rev().skip(1) {
        sum = sum * x + c;
    }
    sum
}

/// `(k, exp(r) - 1)` with `x = k ln 2 + r`, k whole and |r| <= ln 2 / 2.
#[inline(always)]
fn reduced<F: Float>(x: F) -> (F, F) {
    let k = (x * F::LOG2_E + F::ROUND) - F::ROUND;
    let (head, tail) = (x - k * F::LN_2[0], k * F::LN_2[1]);
    let r = head - tail;
    (k, head - (tail - r * r * polynomial(r, F::EXP)))
}

/// `e^x`.
#[inline(always)]
pub fn exp<F: Float>(x: F) -> F {
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
pub fn exp_m1_negative<F: Float>(x: F) -> F {
    let x = if x < F::NEGLIGIBLE { F::NEGLIGIBLE } else { x };
    let (k, p) = reduced(x);
    let scale = F::power_of_two(k);
    let y = scale * p + (scale - F::one());
    if x == F::zero() { x } else { y }
}

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

/// The hyperbolic tangent.
#[inline(always)]
pub fn tanh<F: Float>(x: F) -> F {
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
pub fn sigmoid<F: Float>(x: F) -> F {
    let e = exp(-x.abs());
    let top = if x >= F::zero() { F::one() } else { e };
    top / (F::one() + e)
}

/// The derivative of [`tanh`], `4 e^(-2 |x|) / (1 + e^(-2 |x|))^2`: one less its square has no digits left far from zero.
#[inline(always)]
pub fn tanh_slope<F: Float>(x: F) -> F {
    sigmoid_slope(x + x) * F::of(4.0)
}

/// The derivative of [`sigmoid`], `e^(-|x|) / (1 + e^(-|x|))^2`.
#[inline(always)]
pub fn sigmoid_slope<F: Float>(x: F) -> F {
    let e = exp(-x.abs());
    let below = F::one() + e;
    e / (below * below)
}

/// The distribution function of the normal distribution.
#[inline(always)]
pub fn normal<F: Float>(x: F) -> F {
    let (half, root) = (F::of(0.5), F::of(std::f64::consts::FRAC_1_SQRT_2));
    let near = half + half * erf(x * root);
    let far = half * erfc_far((-x * root).abs());
    if x < F::of(-1.5) { far } else { near }
}

/// `1 - erf(a)` for a from 0.9 on.
#[inline(always)]
fn erfc_far<F: Float>(a: F) -> F {
    let (two, limit) = (F::of(2.0), F::ERFC_LIMIT);
    let a = if a > limit { limit } else { a };
    exp(-a * a) * polynomial((a - two) / (a + two), F::ERFC)
}

/// `ln(1 + e^x)`.
#[inline(always)]
pub fn softplus<F: Float>(x: F) -> F {
    let positive = if x > F::zero() { x } else { F::zero() };
    positive + ln_1p_fraction(exp(-x.abs()))
}

/// x where x > 0, else `a (e^x - 1)`.
#[inline(always)]
pub fn elu<F: Float>(x: F, a: F) -> F {
    let e = a * exp_m1_negative(if x > F::zero() { F::zero() } else { x });
    if x > F::zero() { x } else { e }
}

/// The error function.
#[inline(always)]
pub fn erf<F: Float>(x: F) -> F {
    let near = x + x * polynomial(x * x, F::ERF);
    let (a, two, limit) = (x.abs(), F::of(2.0), F::of(8.0));
    let a = if a > limit { limit } else { a };
    let far = F::one() - exp(-a * a) * polynomial((a - two) / (a + two), F::ERF_FAR);
    if a < F::of(0.9) { near } else { far.copysign(x) }
}

/// The natural logarithm.
#[inline(always)]
pub fn ln<F: Float>(x: F) -> F {
    let (k, m) = F::split(x);
    let y = ln_near_one(k, m - F::one());
    let y = if x == F::infinity() { x } else { y };
    let y = if x == F::zero() { F::neg_infinity() } else { y };
    if x >= F::zero() { y } else { F::nan() }
}

/// `ln(1 + e)` for e from 0 to 1.
#[inline(always)]
fn ln_1p_fraction<F: Float>(e: F) -> F {
    let large = e > F::of(std::f64::consts::SQRT_2 - 1.0);
    let (half, one) = (F::of(0.5), F::one());
    let halved = half * (e - one);
    ln_near_one(if large { one } else { F::zero() }, if large { halved } else { e })
}

/// `k ln 2 + ln(1 + f)` for 1 + f from sqrt(1/2) to sqrt(2).
#[inline(always)]
fn ln_near_one<F: Float>(k: F, f: F) -> F {
    let s = f / (F::of(2.0) + f);
    let z = s * s;
    let square = F::of(0.5) * f * f;
    let rest = s * (square + z * polynomial(z, F::LN)) + k * F::LN_2[1];
    k * F::LN_2[0] - ((square - rest) - f)
}

//! One value in, one out, element by element.

use std::ops::Neg;

use crate::float::Float;
use crate::grad::Rule;
use crate::inputs::Inputs;
use crate::kernels::limits::{self, Leaky};
use crate::kernels::map::map1;
use crate::kernels::math;
use crate::op::Op;
use crate::var::Var;

/// Elementwise functions of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unary<F> {
    Neg,
    Add(F),
    Scale(F),
    Powi(i32),
    Powf(F),
    Sqrt,
    /// 1/x, and 0 at 0.
    SafeRecip,
    Exp,
    Ln,
    Sin,
    Cos,
    Tanh,
    /// Derivative of `Tanh`.
    TanhSlope,
    Sigmoid,
    /// Derivative of `Sigmoid`.
    SigmoidSlope,
    Softplus,
    Erf,
    /// The distribution function of the normal distribution.
    Normal,
    /// max(x, 0) + slope min(x, 0)
    Leaky(F),
    /// Derivative of `Leaky`: 1 where x > 0, else the slope.
    LeakyMask(F),
    Elu(F),
    Abs,
    Sign,
    MaxScalar(F),
    MinScalar(F),
    /// Derivative of `MaxScalar`: 1 where x is greater, else 0.
    Above(F),
    /// Derivative of `MinScalar`: 1 where x is less, else 0.
    Below(F),
}

/// `1 / x^n`, also where `x^n` is out of range.
fn inverse_power<F: Float>(x: F, n: i32) -> F {
    let power = x.powi(n);
    if power.is_normal() { F::one() / power } else { (F::one() / x).powi(n) }
}

impl<F: Float> Unary<F> {
    names! {
        Unary::Neg => "neg",
        Unary::Add(_) => "add scalar",
        Unary::Scale(_) => "scale",
        Unary::Powi(_) => "powi",
        Unary::Powf(_) => "powf",
        Unary::Sqrt => "sqrt",
        Unary::SafeRecip => "safe_recip",
        Unary::Exp => "exp",
        Unary::Ln => "ln",
        Unary::Sin => "sin",
        Unary::Cos => "cos",
        Unary::Tanh => "tanh",
        Unary::TanhSlope => "tanh gradient",
        Unary::Sigmoid => "sigmoid",
        Unary::SigmoidSlope => "sigmoid gradient",
        Unary::Softplus => "softplus",
        Unary::Erf => "erf",
        Unary::Normal => "normal",
        Unary::Leaky(_) => "leaky_relu",
        Unary::LeakyMask(_) => "leaky_relu mask",
        Unary::Elu(_) => "elu",
        Unary::Abs => "abs",
        Unary::Sign => "sign",
        Unary::MaxScalar(_) => "max_scalar",
        Unary::MinScalar(_) => "min_scalar",
        Unary::Above(_) => "max_scalar mask",
        Unary::Below(_) => "min_scalar mask",
    }

    /// Whether it is piecewise constant: its derivative is 0.
    pub(crate) fn is_constant(&self) -> bool {
        match *self {
            Unary::LeakyMask(_) | Unary::Sign | Unary::Above(_) | Unary::Below(_) | Unary::Powi(0) => true,
            Unary::Powf(p) => p == F::zero(),
            _ => false,
        }
    }

    pub(crate) fn forward(&self, x: &Inputs<'_, F>, out: &mut [F]) {
        let (zero, one) = (F::zero(), F::one());
        let x = x.source(0);
        match *self {
            Unary::Neg => map1(out, x, |x| -x),
            Unary::Add(c) => map1(out, x, move |x| x + c),
            Unary::Scale(c) => map1(out, x, move |x| x * c),
            Unary::Powi(2) => map1(out, x, |x| x * x),
            Unary::Powi(-1) => map1(out, x, move |x| one / x),
            Unary::Powi(n) if n < 0 => map1(out, x, move |x| inverse_power(x, n.saturating_neg())),
            Unary::Powi(n) => map1(out, x, move |x| x.powi(n)),
            Unary::Powf(p) => map1(out, x, move |x| x.powf(p)),
            Unary::Sqrt => map1(out, x, |x| x.sqrt()),
            Unary::SafeRecip => {
                map1(out, x, move |x| if x == zero { zero } else { one / x });
            }
            Unary::Exp => map1(out, x, math::exp),
            Unary::Ln => map1(out, x, math::ln),
            Unary::Sin => map1(out, x, |x| x.sin()),
            Unary::Cos => map1(out, x, |x| x.cos()),
            Unary::Tanh => map1(out, x, math::tanh),
            Unary::TanhSlope => map1(out, x, math::tanh_slope),
            Unary::Sigmoid => map1(out, x, math::sigmoid),
            Unary::SigmoidSlope => map1(out, x, math::sigmoid_slope),
            Unary::Softplus => map1(out, x, math::softplus),
            Unary::Erf => map1(out, x, math::erf),
            Unary::Normal => map1(out, x, math::normal),
            Unary::Leaky(s) => {
                let leaky = Leaky::new(s);
                map1(out, x, move |x| leaky.of(x));
            }
            Unary::LeakyMask(s) => map1(out, x, move |x| limits::above(x, zero, s)),
            Unary::Elu(a) => map1(out, x, move |x| math::elu(x, a)),
            Unary::Abs => map1(out, x, |x| x.abs()),
            Unary::Sign => map1(out, x, limits::sign),
            Unary::MaxScalar(c) => map1(out, x, move |x| limits::greater(c, x)),
            Unary::MinScalar(c) => map1(out, x, move |x| limits::lesser(c, x)),
            Unary::Above(c) => map1(out, x, move |x| limits::above(x, c, zero)),
            Unary::Below(c) => map1(out, x, move |x| limits::above(c, x, zero)),
        }
    }

    pub(crate) fn vjp(&self, r: &mut Rule<'_, '_, F>) {
        let (x, y, u) = (r.x(0), r.y(), r.u());
        let c = F::of;
        r.give(0, || match *self {
            Unary::Powi(0) | Unary::LeakyMask(_) | Unary::Sign | Unary::Above(_) | Unary::Below(_) => {
                unreachable!("no gradient passes")
            }
            Unary::Neg => -u,
            Unary::Add(_) => u,
            Unary::Scale(s) => u * s,
            Unary::Powi(1) => u,
            Unary::Powi(2) => u.chain(x) * c(2.0),
            Unary::Powi(n) if n > 0 => u.chain(x.powi(n - 1)) * c(f64::from(n)),
            // the number first: the power may be out of range where the product is not
            Unary::Powi(n) => (u * c(f64::from(n))).chain(x.powi(n.saturating_sub(1))),
            Unary::Powf(p) if p == F::one() => u,
            Unary::Powf(p) => (u * p).chain(x.powf(p - F::one())),
            Unary::Sqrt => (u * c(0.5)).chain(y.safe_recip()),
            Unary::SafeRecip => (-u).chain(y).chain(y),
            Unary::Exp => u.chain(y),
            Unary::Ln => u / x,
            Unary::Sin => u.chain(x.cos()),
            Unary::Cos => (-u).chain(x.sin()),
            Unary::Tanh => u.chain(x.unary(Unary::TanhSlope)),
            Unary::TanhSlope => u.chain(y).chain(x.tanh()) * c(-2.0),
            Unary::Sigmoid => u.chain(x.unary(Unary::SigmoidSlope)),
            Unary::SigmoidSlope => (-u).chain(y).chain((x * c(0.5)).tanh()),
            Unary::Softplus => u.chain(x.sigmoid()),
            Unary::Erf => u.chain((-x.square()).exp()) * c(std::f64::consts::FRAC_2_SQRT_PI),
            Unary::Normal => u.chain((x.square() * c(-0.5)).exp()) * c(ROOT_OF_HALF_TURN),
            // y has the sign of x, so that nobody needs x
            Unary::Leaky(s) => u.chain((if s >= F::zero() { y } else { x }).unary(Unary::LeakyMask(s))),
            Unary::Elu(a) => {
                let positive = x.unary(Unary::LeakyMask(F::zero()));
                u.chain(positive.select(positive, x.exp() * a))
            }
            Unary::Abs => u.chain(x.unary(Unary::Sign)),
            Unary::MaxScalar(s) => u.chain(x.unary(Unary::Above(s))),
            Unary::MinScalar(s) => u.chain(x.unary(Unary::Below(s))),
        });
    }
}

/// `1 / sqrt(2 pi)`.
const ROOT_OF_HALF_TURN: f64 = 0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

macro_rules! doors {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) => $op:expr;)*) => {
        impl<'t, F: Float> Var<'t, F> {
            $($(#[$doc])*
            #[track_caller]
            pub fn $name(self $(, $arg: $ty)*) -> Var<'t, F> {
                self.unary($op)
            })*
        }
    };
}

doors! {
    /// `x^n` for a whole number `n`, element by element; `x^0` is 1 everywhere.
    powi(n: i32) => Unary::Powi(n);
    /// `x^p`, element by element; NaN for negative `x` unless `p` is whole. Whole `p` from 0 on give the polynomial at 0 too, with
    /// all derivatives.
    powf(p: F) => Unary::Powf(p);
    /// `x^2`, element by element.
    square() => Unary::Powi(2);
    /// Square root, element by element. Its derivatives of all orders are taken to be 0 at 0, as those of a norm are.
    sqrt() => Unary::Sqrt;
    /// `1 / x`, element by element.
    recip() => Unary::Powi(-1);
    /// `1 / x`, and 0 with all its derivatives at 0.
    safe_recip() => Unary::SafeRecip;
    /// `e^x`, element by element.
    exp() => Unary::Exp;
    /// Natural logarithm, element by element.
    ln() => Unary::Ln;
    /// Sine, element by element, in radians.
    sin() => Unary::Sin;
    /// Cosine, element by element, in radians.
    cos() => Unary::Cos;
    /// Hyperbolic tangent, element by element.
    tanh() => Unary::Tanh;
    /// `1 / (1 + e^-x)`, element by element; does not overflow.
    sigmoid() => Unary::Sigmoid;
    /// `ln(1 + e^x)`, element by element; does not overflow.
    softplus() => Unary::Softplus;
    /// The error function, element by element.
    erf() => Unary::Erf;
    /// `max(x, 0)`, element by element, NaN for NaN; the derivative at 0 is 0.
    relu() => Unary::Leaky(F::zero());
    /// `x` where positive, else `slope x`; the derivative at 0 is `slope`.
    leaky_relu(slope: F) => Unary::Leaky(slope);
    /// `x` where positive, else `alpha (e^x - 1)`.
    elu(alpha: F) => Unary::Elu(alpha);
    /// Absolute value, element by element; the derivative at 0 is 0.
    abs() => Unary::Abs;
    /// 1, -1 or 0 with the sign of `x`, NaN for NaN; its derivative is 0.
    sign() => Unary::Sign;
    /// The larger of `x` and `floor`, NaN for NaN; no gradient where they are equal.
    max_scalar(floor: F) => Unary::MaxScalar(floor);
    /// The smaller of `x` and `ceiling`, NaN for NaN; no gradient where they are equal.
    min_scalar(ceiling: F) => Unary::MinScalar(ceiling);
}

impl<'t, F: Float> Var<'t, F> {
    #[track_caller]
    pub(crate) fn unary(self, op: Unary<F>) -> Var<'t, F> {
        self.tape().push(Op::Unary(op), &[self], self.shape())
    }

    /// `x` kept within `[low, high]`, NaN for NaN; no gradient at and beyond the limits.
    ///
    /// # Panics
    /// When `low > high`.
    #[track_caller]
    pub fn clamp(self, low: F, high: F) -> Var<'t, F> {
        assert!(low <= high, "clamp: low {low} is above high {high}");
        self.max_scalar(low).min_scalar(high)
    }

    /// `x Phi(x)` with the normal distribution function `Phi` (exact, not by a hyperbolic tangent), element by element
    /// (Hendrycks and Gimpel 2016).
    #[track_caller]
    pub fn gelu(self) -> Var<'t, F> {
        self.chain(self.unary(Unary::Normal))
    }
}

impl<'t, F: Float> Neg for Var<'t, F> {
    type Output = Var<'t, F>;

    #[track_caller]
    fn neg(self) -> Var<'t, F> {
        self.unary(Unary::Neg)
    }
}

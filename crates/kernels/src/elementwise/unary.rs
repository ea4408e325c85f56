//! Functions of one value, element by element.

use crate::cpu::limits::{self, Leaky};
use crate::cpu::math;
use crate::element::Element;
use crate::elementwise::map::{Source, map1};

/// Elementwise functions of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary<F> {
    /// `-x`
    Neg,
    /// `x + c`
    Add(F),
    /// `c x`
    Scale(F),
    /// `x^n`
    Powi(i32),
    /// `x^p`
    Powf(F),
    /// Square root.
    Sqrt,
    /// 1/x, and 0 at 0.
    SafeRecip,
    /// `e^x`
    Exp,
    /// Natural logarithm.
    Ln,
    /// Sine, in radians.
    Sin,
    /// Cosine, in radians.
    Cos,
    /// Hyperbolic tangent.
    Tanh,
    /// Derivative of `Tanh`.
    TanhSlope,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// Derivative of `Sigmoid`.
    SigmoidSlope,
    /// `ln(1 + e^x)`
    Softplus,
    /// The error function.
    Erf,
    /// The distribution function of the normal distribution.
    Normal,
    /// max(x, 0) + slope min(x, 0)
    Leaky(F),
    /// Derivative of `Leaky`: 1 where x > 0, else the slope.
    LeakyMask(F),
    /// `x where positive, else a (e^x - 1)`
    Elu(F),
    /// `|x|`
    Abs,
    /// `1, -1 or 0`
    Sign,
    /// The larger of x and a number.
    MaxScalar(F),
    /// The smaller of x and a number.
    MinScalar(F),
    /// Derivative of `MaxScalar`: 1 where x is greater, else 0.
    Above(F),
    /// Derivative of `MinScalar`: 1 where x is less, else 0.
    Below(F),
}

/// `1 / x^n`, also where `x^n` is out of range.
fn inverse_power<F: Element>(x: F, n: i32) -> F {
    let power = x.powi(n);
    if power.is_normal() { F::one() / power } else { (F::one() / x).powi(n) }
}

impl<F: Element> Unary<F> {
    crate::names! {
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
    pub fn is_constant(&self) -> bool {
        match *self {
            Unary::LeakyMask(_) | Unary::Sign | Unary::Above(_) | Unary::Below(_) | Unary::Powi(0) => true,
            Unary::Powf(p) => p == F::zero(),
            _ => false,
        }
    }
}

/// `out[i] = function(x[i])`.
pub(crate) fn unary<F: Element>(out: &mut [F], x: Source<'_, F>, function: Unary<F>) {
    let (zero, one) = (F::zero(), F::one());
    match function {
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

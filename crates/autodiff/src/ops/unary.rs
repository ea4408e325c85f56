//! One value in, one out, element by element.

use std::ops::Neg;

use crate::float::Float;
use crate::grad::Rule;
use crate::inputs::Inputs;
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
    Sigmoid,
    Softplus,
    Erf,
    /// max(x, 0) + slope min(x, 0)
    Leaky(F),
    /// Derivative of `Leaky`: 1 where x > 0, else the slope.
    LeakyMask(F),
    Elu(F),
    Abs,
    Sign,
    MaxScalar(F),
    MinScalar(F),
}

fn sign<F: Float>(x: F) -> F {
    if x > F::zero() {
        F::one()
    } else if x < F::zero() {
        -F::one()
    } else {
        F::zero()
    }
}

impl<F: Float> Unary<F> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
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
            Unary::Sigmoid => "sigmoid",
            Unary::Softplus => "softplus",
            Unary::Erf => "erf",
            Unary::Leaky(_) => "leaky_relu",
            Unary::LeakyMask(_) => "leaky_relu mask",
            Unary::Elu(_) => "elu",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::MaxScalar(_) => "max_scalar",
            Unary::MinScalar(_) => "min_scalar",
        }
    }

    /// Whether it is piecewise constant: its derivative is 0.
    pub(crate) fn is_constant(&self) -> bool {
        matches!(self, Unary::LeakyMask(_) | Unary::Sign)
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
            Unary::Sigmoid => map1(out, x, math::sigmoid),
            Unary::Softplus => map1(out, x, math::softplus),
            Unary::Erf => map1(out, x, math::erf),
            Unary::Leaky(s) => map1(out, x, move |x| if x > zero { x } else { x * s }),
            Unary::LeakyMask(s) => map1(out, x, move |x| if x > zero { one } else { s }),
            Unary::Elu(a) => map1(out, x, move |x| math::elu(x, a)),
            Unary::Abs => map1(out, x, |x| x.abs()),
            Unary::Sign => map1(out, x, sign),
            Unary::MaxScalar(c) => map1(out, x, move |x| if x > c { x } else { c }),
            Unary::MinScalar(c) => map1(out, x, move |x| if x < c { x } else { c }),
        }
    }

    pub(crate) fn vjp(&self, r: &mut Rule<'_, '_, F>) {
        let (x, y, u) = (r.x(0), r.y(), r.u());
        let c = F::of;
        r.give(0, || match *self {
            Unary::Neg => -u,
            Unary::Add(_) => u,
            Unary::Scale(s) => u * s,
            Unary::Powi(0) => u * F::zero(),
            Unary::Powi(1) => u,
            Unary::Powi(2) => u * x * c(2.0),
            Unary::Powi(n) => u * x.powi(n - 1) * c(f64::from(n)),
            Unary::Powf(p) => u * x.powf(p - F::one()) * p,
            Unary::Sqrt => u * y.safe_recip() * c(0.5),
            Unary::SafeRecip => -u * y * y,
            Unary::Exp => u * y,
            Unary::Ln => u / x,
            Unary::Sin => u * x.cos(),
            Unary::Cos => -u * x.sin(),
            Unary::Tanh => u * (-y.square() + c(1.0)),
            Unary::Sigmoid => u * y * (-y + c(1.0)),
            Unary::Softplus => u * x.sigmoid(),
            Unary::Erf => u * (-x.square()).exp() * c(std::f64::consts::FRAC_2_SQRT_PI),
            // y has the sign of x, so that nobody needs x
            Unary::Leaky(s) => u * mask(if s >= F::zero() { y } else { x }, Unary::LeakyMask(s)),
            Unary::LeakyMask(_) | Unary::Sign => unreachable!("no gradient passes"),
            Unary::Elu(a) => {
                let positive = mask(x, Unary::LeakyMask(F::zero()));
                u * positive.select(positive, y + a)
            }
            Unary::Abs => u * mask(x, Unary::Sign),
            Unary::MaxScalar(s) => u * mask(x + -s, Unary::LeakyMask(F::zero())),
            Unary::MinScalar(s) => u * mask(-x + s, Unary::LeakyMask(F::zero())),
        });
    }
}

/// A piecewise constant function of `x`: no gradient flows through it.
#[track_caller]
fn mask<'t, F: Float>(x: Var<'t, F>, op: Unary<F>) -> Var<'t, F> {
    x.unary(op)
}

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
    /// `x^n` for a whole number `n`, element by element.
    powi(n: i32) => Unary::Powi(n);
    /// `x^p`, element by element; NaN for negative `x` unless `p` is whole.
    powf(p: F) => Unary::Powf(p);
    /// `x^2`, element by element.
    square() => Unary::Powi(2);
    /// Square root, element by element. Its derivatives of all orders are taken to be 0 at 0.
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
    /// `max(x, 0)`, element by element; the derivative at 0 is 0.
    relu() => Unary::Leaky(F::zero());
    /// `x` where positive, else `slope x`; the derivative at 0 is `slope`.
    leaky_relu(slope: F) => Unary::Leaky(slope);
    /// `x` where positive, else `alpha (e^x - 1)`.
    elu(alpha: F) => Unary::Elu(alpha);
    /// Absolute value, element by element; the derivative at 0 is 0.
    abs() => Unary::Abs;
    /// 1, -1 or 0 with the sign of `x`; its derivative is 0.
    sign() => Unary::Sign;
    /// The larger of `x` and `floor`; no gradient where they are equal.
    max_scalar(floor: F) => Unary::MaxScalar(floor);
    /// The smaller of `x` and `ceiling`; no gradient where they are equal.
    min_scalar(ceiling: F) => Unary::MinScalar(ceiling);
}

impl<'t, F: Float> Var<'t, F> {
    #[track_caller]
    pub(crate) fn unary(self, op: Unary<F>) -> Var<'t, F> {
        self.tape().push(Op::Unary(op), &[self], self.shape())
    }

    /// `x` kept within `[low, high]`; no gradient at and beyond the limits.
    ///
    /// # Panics
    /// When `low > high`.
    #[track_caller]
    pub fn clamp(self, low: F, high: F) -> Var<'t, F> {
        assert!(low <= high, "clamp: low {low} is above high {high}");
        self.max_scalar(low).min_scalar(high)
    }

    /// `x Phi(x)` with the normal distribution function `Phi` (exact, through [`erf`](Var::erf)), element by element
    /// (Hendrycks and Gimpel 2016).
    #[track_caller]
    pub fn gelu(self) -> Var<'t, F> {
        let root = F::of(std::f64::consts::FRAC_1_SQRT_2);
        self * ((self * root).erf() + F::one()) * F::of(0.5)
    }
}

impl<'t, F: Float> Neg for Var<'t, F> {
    type Output = Var<'t, F>;

    #[track_caller]
    fn neg(self) -> Var<'t, F> {
        self.unary(Unary::Neg)
    }
}

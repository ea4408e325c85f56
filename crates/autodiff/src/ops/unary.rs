//! One value in, one out, element by element.

use std::ops::Neg;

pub(crate) use fewshot_kernels::elementwise::Unary;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::op::Op;
use crate::var::Var;

/// The gradient rule of an elementwise function of one value.
pub(crate) fn vjp<F: Float>(function: Unary<F>, r: &mut GradientRule<'_, '_, F>) {
    let (x, y, u) = (r.x(0), r.y(), r.u());
    let c = F::of;
    r.give(0, || match function {
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

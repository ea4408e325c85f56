//! Two or three values in, one out, element by element with broadcasting.

use std::ops::{Add, Div, Mul, Sub};

pub(crate) use fewshot_kernels::elementwise::Binary;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::ops::unary::Unary;
use crate::shape::{Shape, broadcast};
use crate::var::Var;

pub(crate) fn forward<F: Float>(function: Binary, x: &Inputs<'_, F>, out: &mut [F], shape: Shape) {
    let operand = |i: usize| (x.source(i), &x.shape(i)[..]);
    match function {
        Binary::Select => F::select(out, [0, 1, 2].map(|i| x.source(i))),
        _ => F::binary(out, &shape, [operand(0), operand(1)], function),
    }
}

/// The gradient rule of an elementwise function of several values, which broadcast as in numpy; the engine sums the gradients back.
pub(crate) fn vjp<F: Float>(function: Binary, r: &mut GradientRule<'_, '_, F>) {
    let (a, b, y, u) = (r.x(0), r.x(1), r.y(), r.u());
    match function {
        Binary::Add => {
            r.give(0, || u);
            r.give(1, || u);
        }
        Binary::Sub => {
            r.give(0, || u);
            r.give(1, || -u);
        }
        Binary::Mul => {
            r.give(0, || u * b);
            r.give(1, || u * a);
        }
        Binary::Chain => {
            r.give(0, || u.chain(b));
            r.give(1, || u.chain(a));
        }
        Binary::Div => {
            let inverse = a.binary(Binary::Inverse, b);
            r.give(0, || u.chain(inverse));
            r.give(1, || (-u).chain(y).chain(inverse));
        }
        Binary::Inverse => r.give(1, || (-u).chain(y).chain(y)),
        Binary::Pow => {
            r.give(0, || u.chain(b).chain(a.pow(b + -F::one())));
            r.give(1, || u.chain(y).chain(a.ln()));
        }
        Binary::Max => {
            r.give(0, || u.chain(a.ge(b)));
            r.give(1, || u.chain(b.gt(a)));
        }
        Binary::Min => {
            r.give(0, || u.chain(b.ge(a)));
            r.give(1, || u.chain(a.gt(b)));
        }
        Binary::Gt | Binary::Ge => unreachable!("no gradient passes"),
        Binary::Select => {
            let zero = u.tape().scalar(F::zero());
            r.give(1, || a.select(u, zero));
            r.give(2, || a.select(zero, u));
        }
    }
}

macro_rules! doors {
    ($($(#[$doc:meta])* $name:ident => $op:expr;)*) => {
        impl<'t, F: Float> Var<'t, F> {
            $($(#[$doc])*
            ///
            /// # Panics
            /// When the shapes do not broadcast.
            #[track_caller]
            pub fn $name(self, other: Var<'t, F>) -> Var<'t, F> {
                self.binary($op, other)
            })*
        }
    };
}

doors! {
    /// `self^other`, element by element; NaN for negative `self` unless `other` is whole. With exponents 0, 1, 2 it is at 0 the
    /// polynomial, with all derivatives.
    pow => Binary::Pow;
    /// The larger of both, element by element; NaN if either is. The gradient of a tie goes to `self`.
    maximum => Binary::Max;
    /// The smaller of both, element by element; NaN if either is. The gradient of a tie goes to `self`.
    minimum => Binary::Min;
    /// 1 where `self > other`, else 0, and NaN if either is; no gradient.
    gt => Binary::Gt;
    /// 1 where `self >= other`, else 0, and NaN if either is; no gradient.
    ge => Binary::Ge;
}

impl<'t, F: Float> Var<'t, F> {
    /// This gradient times the slope of what it goes through, by the rule of [`crate::ops`].
    #[track_caller]
    pub(super) fn chain(self, slope: Var<'t, F>) -> Var<'t, F> {
        self.binary(Binary::Chain, slope)
    }

    #[track_caller]
    fn binary(self, op: Binary, other: Var<'t, F>) -> Var<'t, F> {
        let shape = broadcast(op.name(), &self.shape(), &other.shape());
        self.tape().push(Op::Binary(op), &[self, other], shape)
    }

    /// Divided by a number: by its inverse, unless that has lost digits or is not a number.
    #[track_caller]
    fn divided(self, c: F) -> Var<'t, F> {
        let inverse = F::one() / c;
        if inverse.is_normal() { self.unary(Unary::Scale(inverse)) } else { self / self.tape().scalar(c) }
    }

    /// 1 where `self < other`, else 0, and NaN if either is; no gradient.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn lt(self, other: Var<'t, F>) -> Var<'t, F> {
        other.gt(self)
    }

    /// 1 where `self <= other`, else 0, and NaN if either is; no gradient.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn le(self, other: Var<'t, F>) -> Var<'t, F> {
        other.ge(self)
    }

    /// `a` where this mask is not 0, else `b`, and NaN where the mask is; a value that is not chosen passes no gradient, not even NaN.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn select(self, a: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
        let shape = broadcast("select", &broadcast("select", &self.shape(), &a.shape()), &b.shape());
        let inputs = [self.broadcast_to(&shape), a.broadcast_to(&shape), b.broadcast_to(&shape)];
        self.tape().push(Op::Binary(Binary::Select), &inputs, shape)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:expr, |$x:ident, $c:ident| $by_number:expr;)*) => {$(
        impl<'t, F: Float> $trait for Var<'t, F> {
            type Output = Var<'t, F>;

            #[track_caller]
            fn $method(self, other: Var<'t, F>) -> Var<'t, F> {
                self.binary($op, other)
            }
        }

        impl<'t, F: Float> $trait<F> for Var<'t, F> {
            type Output = Var<'t, F>;

            #[track_caller]
            fn $method(self, $c: F) -> Var<'t, F> {
                let $x = self;
                $by_number
            }
        }
    )*};
}

operators! {
    Add add Binary::Add, |x, c| x.unary(Unary::Add(c));
    Sub sub Binary::Sub, |x, c| x.unary(Unary::Add(-c));
    Mul mul Binary::Mul, |x, c| x.unary(Unary::Scale(c));
    Div div Binary::Div, |x, c| x.divided(c);
}

macro_rules! number_first {
    ($($t:ty)*) => {$(
        impl<'t> Add<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;

            #[track_caller]
            fn add(self, x: Var<'t, $t>) -> Var<'t, $t> {
                x + self
            }
        }

        impl<'t> Sub<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;

            #[track_caller]
            fn sub(self, x: Var<'t, $t>) -> Var<'t, $t> {
                -x + self
            }
        }

        impl<'t> Mul<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;

            #[track_caller]
            fn mul(self, x: Var<'t, $t>) -> Var<'t, $t> {
                x * self
            }
        }

        impl<'t> Div<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;

            #[track_caller]
            fn div(self, x: Var<'t, $t>) -> Var<'t, $t> {
                x.tape().scalar(self) / x
            }
        }
    )*};
}

number_first! { f32 f64 }

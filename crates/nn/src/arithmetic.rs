//! Arithmetic of [`Params`]: with one another, value by value, and with numbers.

use std::ops::{Add, AddAssign, Div, Mul, Sub};

use fewshot_autodiff::{Array, Float, Var};

use crate::params::Params;

/// An operator on the values of two [`Params`] of the same names; panics at the caller's line.
macro_rules! with_params {
    ($value:ty, $trait:ident $method:ident, |$a:ident, $b:ident| $result:expr) => {
        impl<'t, F: Float> $trait<&Params<$value>> for &Params<$value> {
            type Output = Params<$value>;

            /// # Panics
            /// When the names differ, or the shapes of a value do not fit.
            #[track_caller]
            fn $method(self, other: &Params<$value>) -> Params<$value> {
                self.check_names(other);
                let mut values = Vec::with_capacity(self.len());
                // no closure: a panic would not name the caller's line
                for ($a, $b) in self.values().iter().zip(other.values()) {
                    values.push($result);
                }
                self.with_values(values)
            }
        }

        with_params!(@own $value, $trait $method, Params<$value>, Params<$value>, |a, b| (&a).$method(&b));
        with_params!(@own $value, $trait $method, Params<$value>, &Params<$value>, |a, b| (&a).$method(b));
        with_params!(@own $value, $trait $method, &Params<$value>, Params<$value>, |a, b| a.$method(&b));
    };
    (@own $value:ty, $trait:ident $method:ident, $left:ty, $right:ty, |$a:ident, $b:ident| $result:expr) => {
        impl<'t, F: Float> $trait<$right> for $left {
            type Output = Params<$value>;

            #[track_caller]
            fn $method(self, other: $right) -> Params<$value> {
                let ($a, $b) = (self, other);
                $result
            }
        }
    };
}

/// An operator on every value of [`Params`] and one number.
macro_rules! with_number {
    ($value:ty, $trait:ident $method:ident, |$x:ident, $c:ident| $result:expr) => {
        impl<'t, F: Float> $trait<F> for &Params<$value> {
            type Output = Params<$value>;

            fn $method(self, $c: F) -> Params<$value> {
                self.map(|$x| $result)
            }
        }

        impl<'t, F: Float> $trait<F> for Params<$value> {
            type Output = Params<$value>;

            fn $method(self, number: F) -> Params<$value> {
                (&self).$method(number)
            }
        }
    };
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:tt)*) => {$(
        with_params!(Array<F>, $trait $method, |a, b| a.zip(b, |a, b| a $op b));
        with_params!(Var<'t, F>, $trait $method, |a, b| *a $op *b);
        with_number!(Array<F>, $trait $method, |x, c| x.map(|x| x $op c));
        with_number!(Var<'t, F>, $trait $method, |x, c| *x $op c);
    )*};
}

operators! {
    Add add +
    Sub sub -
    Mul mul *
}

with_number!(Array<F>, Div div, |x, c| x.map(|x| x / c));
with_number!(Var<'t, F>, Div div, |x, c| *x / c);

/// Adds arrays of the same names, in place where they are not shared.
impl<F: Float> AddAssign<&Params<Array<F>>> for Params<Array<F>> {
    /// # Panics
    /// When the names or shapes differ.
    #[track_caller]
    fn add_assign(&mut self, other: &Params<Array<F>>) {
        self.check_names(other);
        for (sum, x) in self.values_mut().iter_mut().zip(other.values()) {
            *sum += x;
        }
    }
}

impl<F: Float> AddAssign for Params<Array<F>> {
    #[track_caller]
    fn add_assign(&mut self, other: Params<Array<F>>) {
        *self += &other;
    }
}

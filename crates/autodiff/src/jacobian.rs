//! All derivatives of a value by another at once.

use fewshot_kernels::MAX_RANK;

use crate::array::Array;
use crate::float::Float;
use crate::shape::Shape;
use crate::var::Var;

impl<'t, F: Float> Var<'t, F> {
    /// The derivatives of each element of this value with respect to each of `x`, of the shape of this value followed by that of `x`: a
    /// value that can be differentiated again, so that `y.grad(x).jacobian(x)` is the Hessian.
    ///
    /// It takes one sweep for each element; of a function of many values often a product is enough ([`Var::vjp`], [`Var::hvp`]).
    ///
    /// ```
    /// use fewshot_autodiff::{Array, Tape};
    /// let tape = Tape::new();
    /// let x = tape.var(&Array::new(&[2], vec![3.0_f64, 4.0]));
    /// let y = x.square() * x.sum(); // x_i^2 (x_1 + x_2)
    /// let jacobian = y.jacobian(x);
    /// assert_eq!(jacobian.value().data(), [51.0, 9.0, 16.0, 72.0]);
    /// ```
    ///
    /// # Panics
    /// When both shapes together have more than [`MAX_RANK`] axes, or this value has no elements.
    #[track_caller]
    pub fn jacobian(self, x: Var<'t, F>) -> Var<'t, F> {
        let (own, other) = (self.shape(), x.shape());
        assert!(
            own.len() + other.len() <= MAX_RANK,
            "jacobian: shapes {own} and {other} have more than {MAX_RANK} axes together"
        );
        let count = own.count();
        assert!(count > 0, "jacobian: a value of shape {own} has no elements");
        let row = |i: usize| {
            let chosen = Array::build(own, |out| {
                out.fill(F::zero());
                out[i] = F::one();
            });
            self.vjp(&[x], self.tape().leaf(chosen))[0]
        };
        let rows: Vec<Var<'t, F>> = (0..count).map(row).collect();
        Var::stack(&rows, 0).reshape(&Shape::new(&[&own[..], &other[..]].concat()))
    }
}

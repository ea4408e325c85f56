//! Gradients as methods of [`Var`], and [`Variables`]: what they are taken with respect to.

use crate::array::Array;
use crate::float::Float;
use crate::grad::{recorded, unrecorded};
use crate::var::Var;

/// Variables to take gradients with respect to. The gradients of a list are a vector in its order; those of a container of variables, such
/// as the parameters of a network, are a container of the same form.
pub trait Variables<'t, F: Float> {
    /// This form with a value of type `U` for each variable.
    type With<U>;

    /// The variables, in order.
    fn variables(&self) -> &[Var<'t, F>];

    /// This form with `values`, given in the order of the variables.
    fn with<U>(&self, values: Vec<U>) -> Self::With<U>;
}

impl<'t, F: Float> Variables<'t, F> for [Var<'t, F>] {
    type With<U> = Vec<U>;

    fn variables(&self) -> &[Var<'t, F>] {
        self
    }

    fn with<U>(&self, values: Vec<U>) -> Vec<U> {
        values
    }
}

impl<'t, F: Float, const N: usize> Variables<'t, F> for [Var<'t, F>; N] {
    type With<U> = Vec<U>;

    fn variables(&self) -> &[Var<'t, F>] {
        self
    }

    fn with<U>(&self, values: Vec<U>) -> Vec<U> {
        values
    }
}

impl<'t, F: Float> Variables<'t, F> for Vec<Var<'t, F>> {
    type With<U> = Vec<U>;

    fn variables(&self) -> &[Var<'t, F>] {
        self
    }

    fn with<U>(&self, values: Vec<U>) -> Vec<U> {
        values
    }
}

impl<'t, F: Float> Var<'t, F> {
    #[track_caller]
    fn check_scalar(self, name: &str) {
        let shape = self.shape();
        assert_eq!(
            shape.count(),
            1,
            "{name}: the output has shape {shape}; a gradient is that of one number: sum it, or use `vjp`"
        );
    }

    #[track_caller]
    fn check_tape(self, name: &str, others: &[Var<'t, F>]) {
        for x in others {
            assert!(
                std::ptr::eq(self.tape(), x.tape()),
                "{name}: the output and a variable live on two different tapes"
            );
        }
    }

    /// The gradient of this number with respect to `x`: a value that can be differentiated again; zero where `x` has no
    /// influence.
    ///
    /// # Panics
    /// When this value is not a single number.
    #[track_caller]
    pub fn grad(self, x: Var<'t, F>) -> Var<'t, F> {
        self.listed_grads(&[x], "grad")[0]
    }

    /// The gradients of this number with respect to each of `wrt`, in one sweep: a vector for a list of variables, and parameters for
    /// parameters.
    ///
    /// # Panics
    /// When this value is not a single number.
    #[track_caller]
    pub fn grads<W: Variables<'t, F> + ?Sized>(self, wrt: &W) -> W::With<Var<'t, F>> {
        wrt.with(self.listed_grads(wrt.variables(), "grads"))
    }

    #[track_caller]
    fn listed_grads(self, wrt: &[Var<'t, F>], name: &str) -> Vec<Var<'t, F>> {
        self.check_scalar(name);
        self.check_tape(name, wrt);
        self.tape().as_returned(self.recorded_grads(wrt))
    }

    /// [`Var::grads`] that can be differentiated again on every tape.
    fn recorded_grads(self, wrt: &[Var<'t, F>]) -> Vec<Var<'t, F>> {
        let one = self.tape().leaf(Array::ones(&self.shape()));
        recorded(self.tape(), wrt, &[(self, one)])
    }

    /// The gradients of this number with respect to each of `wrt` as arrays, in the form of [`grads`](Var::grads). Records nothing.
    ///
    /// The values between `wrt` and this one are freed as the sweep passes them, so `backward` is called once, last; those of
    /// `wrt`, of leaves and of detached copies stay.
    ///
    /// # Panics
    /// When this value is not a single number, or an earlier `backward` has freed what is needed.
    #[track_caller]
    pub fn backward<W: Variables<'t, F> + ?Sized>(self, wrt: &W) -> W::With<Array<F>> {
        wrt.with(self.listed_backward(wrt.variables()))
    }

    #[track_caller]
    fn listed_backward(self, wrt: &[Var<'t, F>]) -> Vec<Array<F>> {
        self.check_scalar("backward");
        self.check_tape("backward", wrt);
        self.tape().note_gradient();
        unrecorded(self.tape(), wrt, self)
    }

    /// The gradients of this number with respect to each of `wrt` as constants, of which no further gradient is taken, in the form of
    /// [`grads`](Var::grads). On a tape they are computed by [`backward`](Var::backward); in a recorded program, where values are not
    /// known, they are detached.
    ///
    /// # Panics
    /// As `backward`.
    #[track_caller]
    pub fn constant_grads<W: Variables<'t, F> + ?Sized>(self, wrt: &W) -> W::With<Var<'t, F>> {
        wrt.with(self.listed_constant_grads(wrt.variables()))
    }

    #[track_caller]
    fn listed_constant_grads(self, wrt: &[Var<'t, F>]) -> Vec<Var<'t, F>> {
        if self.tape().is_recording() {
            return self.listed_grads(wrt, "constant_grads").into_iter().map(Var::detach).collect();
        }
        self.listed_backward(wrt).into_iter().map(|gradient| self.tape().leaf(gradient)).collect()
    }

    /// The gradients of `sum(self * cotangent)` with respect to each of `wrt`, in the form of [`grads`](Var::grads): the
    /// vector-Jacobian product.
    ///
    /// # Panics
    /// When `cotangent` has another shape than this value.
    #[track_caller]
    pub fn vjp<W: Variables<'t, F> + ?Sized>(self, wrt: &W, cotangent: Var<'t, F>) -> W::With<Var<'t, F>> {
        wrt.with(self.listed_vjp(wrt.variables(), cotangent))
    }

    #[track_caller]
    fn listed_vjp(self, wrt: &[Var<'t, F>], cotangent: Var<'t, F>) -> Vec<Var<'t, F>> {
        let (own, other) = (self.shape(), cotangent.shape());
        assert_eq!(own, other, "vjp: output {own} and cotangent {other} differ");
        self.check_tape("vjp", wrt);
        self.check_tape("vjp", &[cotangent]);
        self.tape().as_returned(self.recorded_vjp(wrt, cotangent))
    }

    /// [`Var::vjp`] that can be differentiated again on every tape.
    pub(crate) fn recorded_vjp(self, wrt: &[Var<'t, F>], cotangent: Var<'t, F>) -> Vec<Var<'t, F>> {
        recorded(self.tape(), wrt, &[(self, cotangent)])
    }

    /// The Hessian of this number times `v`: the gradient of `<grad(x), v>`.
    ///
    /// # Panics
    /// When this value is not a single number or `v` has another shape than `x`.
    #[track_caller]
    pub fn hvp(self, x: Var<'t, F>, v: Var<'t, F>) -> Var<'t, F> {
        self.check_scalar("hvp");
        self.check_tape("hvp", &[x]);
        self.recorded_grads(&[x])[0].vjp(&[x], v)[0]
    }
}

//! [`Variables`]: what gradients are taken with respect to.

use crate::float::Float;
use crate::var::Var;

/// Variables that gradients are taken with respect to: a list, whose gradients are a vector in its order, or a container with variables,
/// such as the parameters of a network, whose gradients are a container of the same form.
pub trait Variables<'t, F: Float> {
    /// The same form with other values, one for each variable.
    type With<U>;

    /// The variables, in order.
    fn variables(&self) -> &[Var<'t, F>];

    /// The same form with these values, given in the order of the variables.
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

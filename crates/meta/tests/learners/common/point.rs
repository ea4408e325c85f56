//! One weight and squared errors with a closed form.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_meta::{Examples, Labels, Task};
use fewshot_nn::{Init, Model, ParamBuilder, ParamId, ParamSpec, Params, Pass};

/// `w x`, with `w` of a given initial value.
pub struct Point {
    weight: ParamId,
    spec: ParamSpec,
}

impl Point {
    pub fn at(theta: f64) -> Self {
        let mut b = ParamBuilder::new();
        let weight = b.weight("head.w", &[1], Init::Constant(theta));
        Point { weight, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Point {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, _: &mut Pass<'t, F>) -> Var<'t, F> {
        x * p[self.weight]
    }
}

/// One example whose loss is `a / 2 (w - c)^2`.
pub fn quadratic(a: f64, c: f64) -> Examples<f64> {
    let x = (a / 2.0).sqrt();
    let one = |v: f64| Array::new(&[1, 1], vec![v]);
    Examples::new(one(x), Labels::Values(one(c * x)))
}

/// A task of two quadratics, as (a, c).
pub fn quadratics(support: (f64, f64), query: (f64, f64)) -> Task<f64> {
    Task { support: quadratic(support.0, support.1), query: quadratic(query.0, query.1) }
}

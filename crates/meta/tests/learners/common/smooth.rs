//! A network without kinks, so that central differences of its losses can be taken.

use fewshot_autodiff::{Activation, Float, Var};
use fewshot_nn::{BatchNorm, Headed, Linear, Model, NormAffine, ParamBuilder, ParamSpec, Params, Pass};

/// Linear, batch norm (or none), tanh, linear.
#[derive(Clone)]
pub struct Smooth {
    hidden: Linear,
    norm: Option<BatchNorm>,
    head: Linear,
    spec: ParamSpec,
}

impl Smooth {
    pub fn new(inputs: usize, outputs: usize, norm: Option<NormAffine>) -> Self {
        let mut b = ParamBuilder::new();
        let hidden = b.scope("hidden", |b| Linear::new(b, inputs, 8));
        let norm = norm.map(|affine| b.scope("hidden.norm", |b| BatchNorm::new(b, 8, affine, 1e-3)));
        let head = b.scope("head", |b| Linear::new(b, 8, outputs));
        Smooth { hidden, norm, head, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Smooth {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let features = self.features(p, x, pass);
        self.head(p, features)
    }
}

impl<F: Float> Headed<F> for Smooth {
    fn features<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let h = self.hidden.forward(p, x);
        match &self.norm {
            Some(norm) => norm.forward(p, h, Activation::Identity, pass).tanh(),
            None => h.tanh(),
        }
    }

    fn head<'t>(&self, p: &Params<Var<'t, F>>, features: Var<'t, F>) -> Var<'t, F> {
        self.head.forward(p, features)
    }
}

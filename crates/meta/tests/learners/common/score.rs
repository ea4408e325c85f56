//! The module of a small Relation network.

use fewshot_autodiff::{Activation, Float, Var};
use fewshot_nn::{BatchNorm, Linear, Model, NormAffine, PairModel, ParamBuilder, ParamSpec, Params, Pass};

/// Linear, batch norm (or none), tanh, linear to one number.
pub struct Score {
    first: Linear,
    norm: Option<BatchNorm>,
    last: Linear,
    spec: ParamSpec,
}

impl Score {
    pub fn new(inputs: usize) -> Self {
        Score::with(inputs, Some(NormAffine::ScaleShift))
    }

    pub fn with(inputs: usize, norm: Option<NormAffine>) -> Self {
        let mut b = ParamBuilder::new();
        let first = b.scope("score1", |b| Linear::new(b, inputs, 8));
        let norm = norm.map(|affine| b.scope("score1.norm", |b| BatchNorm::new(b, 8, affine, 1e-3)));
        let last = b.scope("score2", |b| Linear::new(b, 8, 1));
        Score { first, norm, last, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Score {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let h = self.first.forward(p, x);
        let h = match &self.norm {
            Some(norm) => norm.forward(p, h, Activation::Identity, pass),
            None => h,
        };
        self.last.forward(p, h.tanh())
    }
}

impl<F: Float> PairModel<F> for Score {}

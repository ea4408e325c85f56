//! What an inner loop leaves alone follows from what a layer is, not from what it is called.

use crate::common::{Blobs, FEATURES, WAYS};
use fewshot_autodiff::{Activation, Array, Float, Var};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{Filter, Learner, Maml, Task};
use fewshot_nn::{BatchNorm, LayerNorm, Linear, Model, NormAffine, ParamBuilder, ParamSpec, Params, Pass};

/// A layer called `norm`, a batch norm called `scaled` and a layer norm called `rows`.
struct Misnamed {
    norm: Linear,
    scaled: BatchNorm,
    rows: LayerNorm,
    head: Linear,
    spec: ParamSpec,
}

impl Misnamed {
    fn new() -> Self {
        let mut b = ParamBuilder::new();
        let norm = b.scope("norm", |b| Linear::new(b, FEATURES, 8));
        let scaled = b.scope("scaled", |b| BatchNorm::new(b, 8, NormAffine::ScaleShift, 1e-5));
        let rows = b.scope("rows", |b| LayerNorm::new(b, 8, 1e-5));
        let head = b.scope("head", |b| Linear::new(b, 8, WAYS));
        Misnamed { norm, scaled, rows, head, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Misnamed {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let h = self.scaled.forward(p, self.norm.forward(p, x), Activation::Relu, pass);
        self.head.forward(p, self.rows.forward(p, h))
    }
}

/// Names of the weights that adapting has changed.
fn moved(maml: &Maml<Misnamed>) -> Vec<String> {
    let meta = Learner::<f64>::init(maml, 1);
    let support = Task::<f64>::from(Blobs::new(1).episode(0)).support;
    let learned = maml.adapt(&meta, &support).learned().expect("it says what it holds");
    // a norm on batch statistics takes a bias away again, but for rounding
    let by = |name: &str, w: &Array<f64>| w.zip(&meta.theta[name], |a, b| (a - b).abs());
    let changed = learned.weights.iter().filter(|(name, w)| by(name, w).data().iter().any(|&by| by > 1e-9));
    changed.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn a_layer_called_norm_is_adapted_and_a_norm_of_another_name_is_not() {
    let maml = Maml { inner_lr: 0.3, ..Maml::new(Misnamed::new()) };
    assert_eq!(moved(&maml), ["norm.weight", "head.weight", "head.bias"]);
    assert_eq!(maml.not_adapted::<f64>(), ["scaled.scale", "scaled.shift", "rows.scale", "rows.shift"]);
    // by name, where that is asked for
    let named = Maml { adapted: Filter::except(&["norm.*", "head.bias"]), ..maml.clone() };
    assert_eq!(moved(&named), ["scaled.scale", "scaled.shift", "rows.scale", "rows.shift", "head.weight"]);
    assert_eq!(named.not_adapted::<f64>(), ["norm.weight", "norm.bias", "head.bias"]);
    let all = Maml { adapted: Filter::All, ..maml };
    assert!(all.not_adapted::<f64>().is_empty());
}

#[test]
fn norm_weights_per_step_are_those_of_norms() {
    let plus = Maml::plus_plus(Misnamed::new());
    let spec = Learner::<f64>::spec(&plus);
    let shape = |name: &str| spec.weights().find(|(n, _)| *n == name).expect("it is there").1.to_vec();
    assert_eq!(shape("norm.weight"), [FEATURES, 8]);
    assert_eq!(shape("scaled.shift"), [5, 8]);
    assert_eq!(shape("rows.scale"), [5, 8]);
    let rates = spec.weights().filter(|(name, _)| name.starts_with("inner_lr."));
    let rates: Vec<&str> = rates.map(|(name, _)| name).collect();
    let of = ["norm.weight", "norm.bias", "head.weight", "head.bias"];
    assert_eq!(rates, of.map(|name| format!("inner_lr.{name}")));
    let task = Task::<f64>::from(Blobs::new(1).episode(0));
    let gradient = plus.meta_gradient(&plus.init(1), &task, stream(1, Purpose::Dropout, 0)).gradient;
    assert!(gradient["scaled.scale"].data().iter().any(|&g| g != 0.0));
}

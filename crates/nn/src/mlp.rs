//! Multi-layer perceptrons.

use fewshot_autodiff::{Activation, Float, Var};

use crate::init::{Bias, Init};
use crate::linear::Linear;
use crate::model::{Headed, Model, Pass};
use crate::norm::{BatchNorm, NormAffine};
use crate::params::Params;
use crate::signature::Input;
use crate::spec::{ParamBuilder, ParamSpec};

/// Dense layers with an activation between them: `[n, ...]`, flattened, to `[n, outputs]`. Layers are named `layer1`, `layer2`, ...,
/// the last one `head`.
#[derive(Debug, Clone)]
pub struct Mlp {
    hidden: Vec<(Linear, Option<BatchNorm>)>,
    head: Linear,
    activation: Activation,
    spec: ParamSpec,
}

impl Mlp {
    /// MAML's network for regression (Finn et al. 2017, section 5.1): ReLU, weights truncated normal with standard deviation 0.01,
    /// biases 0. `sizes` are those of the input, the hidden layers and the output: `[1, 40, 40, 1]` has 1761 parameters.
    ///
    /// # Panics
    /// With fewer than two sizes.
    #[track_caller]
    pub fn new(sizes: &[usize]) -> Self {
        Self::with(sizes, Activation::Relu, Init::TruncatedNormal { std: 0.01 }, None)
    }

    /// With batch norm (shift only, eps 1e-3) between hidden layers and ReLU, as MAML's non-convolutional Omniglot network:
    /// `[784, 256, 128, 64, 64, 5]` has 247,109 parameters.
    ///
    /// # Panics
    /// With fewer than two sizes.
    #[track_caller]
    pub fn with_batch_norm(sizes: &[usize]) -> Self {
        let norm = Some((NormAffine::Shift, 1e-3));
        Self::with(sizes, Activation::Relu, Init::TruncatedNormal { std: 0.01 }, norm)
    }

    /// With everything chosen: activation, initial weights (biases are 0), and batch norm's terms and eps between a hidden layer and
    /// its activation.
    ///
    /// # Panics
    /// With fewer than two sizes.
    #[track_caller]
    pub fn with(
        sizes: &[usize],
        activation: Activation,
        weight: Init,
        norm: Option<(NormAffine, f64)>,
    ) -> Self {
        assert!(sizes.len() >= 2, "Mlp: {sizes:?} does not name an input and an output size");
        let mut b = ParamBuilder::new();
        let linear = |b: &mut ParamBuilder, i: usize| {
            Linear::with_init(b, sizes[i], sizes[i + 1], weight, Bias::Zeros)
        };
        let last = sizes.len() - 2;
        let layer = |b: &mut ParamBuilder, i: usize| {
            b.scope(&format!("layer{}", i + 1), |b| {
                let dense = linear(b, i);
                let norm = norm
                    .map(|(affine, eps)| b.scope("norm", |b| BatchNorm::new(b, sizes[i + 1], affine, eps)));
                (dense, norm)
            })
        };
        let hidden = (0..last).map(|i| layer(&mut b, i)).collect();
        let head = b.scope("head", |b| linear(b, last));
        b.takes(Input::Numbers(sizes[0]));
        b.gives(sizes[last + 1]);
        b.sign("network", "Mlp");
        b.sign("slope", activation.slope());
        Mlp { hidden, head, activation, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Mlp {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    #[track_caller]
    #[inline(never)]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let features = self.features(params, x, pass);
        self.head(params, features)
    }
}

impl<F: Float> Headed<F> for Mlp {
    #[track_caller]
    #[inline(never)]
    fn features<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let mut x = x.flatten();
        for (dense, norm) in &self.hidden {
            let z = dense.forward(params, x);
            x = match norm {
                Some(norm) => norm.forward(params, z, self.activation, pass),
                None => self.activation.apply(z),
            };
        }
        x
    }

    #[track_caller]
    #[inline(never)]
    fn head<'t>(&self, params: &Params<Var<'t, F>>, features: Var<'t, F>) -> Var<'t, F> {
        self.head.forward(params, features)
    }
}

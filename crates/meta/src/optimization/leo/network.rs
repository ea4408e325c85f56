//! The networks of LEO: encoder, relation network and decoder.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{Init, ParamBuilder, ParamId, ParamSpec, Params};

use crate::metric::protonet::prototypes;
use crate::optimization::leo::Leo;
use crate::optimization::leo::loss_terms::{Gaussian, correlation_penalty};

const WEIGHT: &str = "weight";
/// Learned rates of the steps in the latent space, `[latent]`.
pub(crate) const LATENT_RATE: &str = "latent.rate";
/// Learned rates of the steps in the space of weights, `[inputs]`.
pub(crate) const TUNING_RATE: &str = "fine_tuning.rate";

/// Where the weights of the three networks are; none has biases.
pub(crate) struct LeoNetwork {
    encoder: ParamId,
    relation: [ParamId; 3],
    decoder: ParamId,
    hidden: usize,
    inputs: usize,
}

impl LeoNetwork {
    /// The networks and all meta-parameters.
    pub(crate) fn new(leo: &Leo) -> (Self, ParamSpec) {
        let Leo { inputs, hidden, latent, latent_rate, fine_tuning_rate, .. } = *leo;
        let mut b = ParamBuilder::new();
        let mut dense = |scope: &str, shape: [usize; 2]| {
            b.scope(scope, |b| b.weight(WEIGHT, &shape, Init::XavierUniform))
        };
        let pair = 2 * hidden;
        let network = LeoNetwork {
            encoder: dense("encoder", [inputs, hidden]),
            relation: [
                dense("relation.layer1", [pair, pair]),
                dense("relation.layer2", [pair, pair]),
                dense("relation.layer3", [pair, 2 * latent]),
            ],
            decoder: dense("decoder", [latent, 2 * inputs]),
            hidden,
            inputs,
        };
        let spec = b.finish().with(LATENT_RATE, &[latent], Init::Constant(latent_rate)).with(
            TUNING_RATE,
            &[inputs],
            Init::Constant(fine_tuning_rate),
        );
        (network, spec)
    }

    /// The distribution of the latent code of each example's class, `[n, latent]`: a class has one, and its examples copies of it.
    #[track_caller]
    pub(crate) fn encode<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        classes: Var<'t, F>,
        ways: usize,
    ) -> Gaussian<'t, F> {
        let related = self.related(theta, x.matmul(theta[self.encoder]));
        let of_class = prototypes(related, classes, ways).matmul(theta[self.relation[2]]);
        Gaussian::of(of_class.gather(0, classes), 0.0)
    }

    /// What the relation network makes of the pairs of each code with all, itself among them: the mean, `[n, 2 hidden]`, before the
    /// last layer, which is linear.
    fn related<'t, F: Float>(&self, theta: &Params<Var<'t, F>>, codes: Var<'t, F>) -> Var<'t, F> {
        let (n, pair) = (codes.shape()[0], 2 * self.hidden);
        let [first, second, _] = self.relation.map(|slot| theta[slot]);
        // of a pair (i, j) the first layer is a sum of what it makes of i and of j
        let left = codes.matmul(first.slice(0, 0..self.hidden)).insert_axis(1);
        let right = codes.matmul(first.slice(0, self.hidden..pair)).insert_axis(0);
        let pairs = (left + right).relu().reshape(&[n * n, pair]);
        pairs.matmul(second).relu().reshape(&[n, n, pair]).mean_axes(&[1])
    }

    /// The distribution of classifier weights `[n, inputs]` for latent codes `[n, latent]` of a task of `ways` classes.
    #[track_caller]
    pub(crate) fn decode<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        latent: Var<'t, F>,
        ways: usize,
    ) -> Gaussian<'t, F> {
        let offset = (2.0 / (ways + self.inputs) as f64).sqrt();
        Gaussian::of(latent.matmul(theta[self.decoder]), offset)
    }

    /// The sum of the squares of all weights.
    pub(crate) fn squares<'t, F: Float>(&self, theta: &Params<Var<'t, F>>) -> Var<'t, F> {
        let [a, b, c] = self.relation;
        let squares = [self.encoder, a, b, c, self.decoder].map(|slot| theta[slot].square().sum());
        squares.into_iter().reduce(|sum, x| sum + x).expect("there are five weights")
    }

    /// How far the decoder's rows are from uncorrelated.
    pub(crate) fn correlations<'t, F: Float>(&self, theta: &Params<Var<'t, F>>) -> Var<'t, F> {
        correlation_penalty(theta[self.decoder])
    }
}

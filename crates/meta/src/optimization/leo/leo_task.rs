//! What LEO makes of one support: codes, steps on them, weights, steps on these.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{Noise, Params};

use crate::inner_loop::adapt::{InnerLoop, Order, Rate};
use crate::metric::protonet::prototypes;
use crate::optimization::leo::Leo;
use crate::optimization::leo::network::{LATENT_RATE, LeoNetwork, TUNING_RATE};
use crate::task::Examples;

/// Names of what is adapted.
const LATENT: &str = "latent";
const WEIGHTS: &str = "weights";

/// A support that is learned from; samples and dropout come from the noise, if there is any.
pub(crate) struct LeoTask<'a, 't, F: Float> {
    leo: &'a Leo,
    pub(crate) network: LeoNetwork,
    theta: &'a Params<Var<'t, F>>,
    support: Examples<Var<'t, F>>,
    classes: Var<'t, F>,
    ways: usize,
    noise: Option<&'a Noise>,
}

impl<'a, 't, F: Float> LeoTask<'a, 't, F> {
    #[track_caller]
    pub(crate) fn new(
        leo: &'a Leo,
        theta: &'a Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        noise: Option<&'a Noise>,
    ) -> Self {
        let (classes, ways) = support.y.classes("Leo");
        let support = Examples { x: leo.features(support.x), y: support.y };
        LeoTask { leo, network: LeoNetwork::new(leo).0, theta, support, classes, ways, noise }
    }

    /// Latent codes `[n, latent]` before the first step, and their divergence.
    pub(crate) fn start(&self) -> (Var<'t, F>, Option<Var<'t, F>>) {
        let x = self.leo.dropped(self.support.x, self.noise);
        let sample = self.network.encode(self.theta, x, self.classes, self.ways).sample(self.noise);
        (sample.value, sample.divergence)
    }

    /// A classifier for each copy, `[n, inputs]`.
    pub(crate) fn decoded(&self, latent: Var<'t, F>) -> Var<'t, F> {
        self.network.decode(self.theta, latent, self.ways).sample(self.noise).value
    }

    /// The classifier `[ways, inputs]` that the copies make together.
    pub(crate) fn classifier(&self, weights: Var<'t, F>) -> Var<'t, F> {
        prototypes(weights, self.classes, self.ways)
    }

    /// Logits `[n, ways]` of features under such classifiers.
    pub(crate) fn logits(&self, x: Var<'t, F>, weights: Var<'t, F>) -> Var<'t, F> {
        self.leo.dropped(x, self.noise).matmul_nt(self.classifier(weights))
    }

    fn loss(&self, weights: Var<'t, F>) -> Var<'t, F> {
        self.support.y.loss(self.logits(self.support.x, weights))
    }

    /// Codes before the first step and after each.
    pub(crate) fn latents(&self, start: Var<'t, F>) -> Vec<Var<'t, F>> {
        let rate = self.theta[LATENT_RATE];
        self.descent(LATENT, start, rate, self.leo.latent_steps, |z| self.loss(self.decoded(z)))
    }

    /// Weights before the first step of fine-tuning and after each.
    pub(crate) fn fine_tuned(&self, start: Var<'t, F>) -> Vec<Var<'t, F>> {
        let rate = self.theta[TUNING_RATE];
        self.descent(WEIGHTS, start, rate, self.leo.fine_tuning_steps, |w| self.loss(w))
    }

    fn descent(
        &self,
        name: &str,
        start: Var<'t, F>,
        rate: Var<'t, F>,
        steps: usize,
        loss: impl Fn(Var<'t, F>) -> Var<'t, F>,
    ) -> Vec<Var<'t, F>> {
        let order = if self.noise.is_some() { Order::Second } else { Order::First };
        let named = |value| Params::new(vec![(name.to_owned(), value)]);
        let inner = InnerLoop { steps, order, ..InnerLoop::default() };
        let all = inner.trajectory(&named(start), Rate::Each(&named(rate)), |_, p| loss(p[name]));
        all.iter().map(|p| p[name]).collect()
    }
}

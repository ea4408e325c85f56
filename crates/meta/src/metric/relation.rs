//! Relation networks (Sung, Yang, Zhang, Xiang, Torr, Hospedales 2018: "Learning to Compare: Relation Network for Few-Shot Learning", CVPR).
//!
//! The distance is learned: `r(n, q) = g(C(sum of f(x) over the support of class n, f(x_q)))`, with `C` putting feature maps one behind the
//! other (their equation 1); the loss is the mean squared error between the scores and one-hot labels (equation 2).

use std::sync::Arc;

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{
    Model, NormPolicy, PairModel, ParamSpec, Params, Pass, RelationConfig, RelationEncoder, RelationModule,
};

use crate::labels::Labels;
use crate::learner::learner_spec;
use crate::metric::metric_learner::{MetricLearner, learner_by_comparison};
use crate::task::Examples;

/// The encoding of a support: `[ways, h, w, c]`.
const MAPS: &str = "maps";

/// A Relation network.
///
/// Meta-parameters are those of the encoder, then those of the module. The scores of a query are independent of one another; what a
/// predictor answers are their logarithms, so that the softmax of an answer is each score's share of their sum.
///
/// ```
/// use fewshot_meta::{Learner, Relation};
/// use fewshot_nn::RelationConfig;
/// let learner = Relation::new(&RelationConfig::omniglot());
/// assert_eq!(Learner::<f32>::spec(&learner).count(), 111_936 + 111_505);
/// ```
#[derive(Debug)]
pub struct Relation<E = RelationEncoder, M = RelationModule> {
    /// The encoder: its outputs are feature maps `[n, h, w, c]` or features `[n, c]`.
    pub encoder: Arc<E>,
    /// What scores pairs of maps: `[pairs, h, w, 2 c]` to `[pairs, 1]`, of which the sigmoid is the score.
    pub module: Arc<M>,
    /// Normalisation in use, as in [`ProtoNet`](crate::ProtoNet).
    pub policy: NormPolicy,
}

impl<E, M> Clone for Relation<E, M> {
    fn clone(&self) -> Self {
        Relation { encoder: Arc::clone(&self.encoder), module: Arc::clone(&self.module), policy: self.policy }
    }
}

impl Relation {
    /// The paper's networks; statistics of the batch at hand, as in its released code.
    pub fn new(config: &RelationConfig) -> Self {
        Relation::of(config.encoder(), config.module())
    }
}

impl<E, M> Relation<E, M> {
    /// A learner of an encoder and a module, whose weights have different names.
    ///
    /// # Panics
    /// Where its weights are first asked for, when a name is in both.
    pub fn of(encoder: E, module: M) -> Self {
        Relation { encoder: Arc::new(encoder), module: Arc::new(module), policy: NormPolicy::Batch }
    }
}

impl<F: Float, E: Model<F> + 'static, M: PairModel<F> + 'static> MetricLearner<F> for Relation<E, M> {
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        self.encoder.forward(&theta.first(self.encoder.spec().weights().len()), x, pass)
    }

    fn encode_support<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        _: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>> {
        let (classes, ways) = support.y.classes("Relation");
        Params::new(vec![(MAPS.to_owned(), support.x.scatter_add(0, classes, ways))])
    }

    fn scores<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let maps = encoding[MAPS];
        let module = theta.after(self.encoder.spec().weights().len());
        let logits = self.module.forward_pairs(&module, maps, query, pass);
        // ln sigmoid
        -(-logits.reshape(&[query.shape()[0], maps.shape()[0]])).softplus()
    }

    /// Mean squared error of the scores over queries and classes.
    fn loss<'t>(&self, y: &Labels<Var<'t, F>>, scores: Var<'t, F>) -> Var<'t, F> {
        let (classes, _) = y.classes("Relation");
        scores.exp().mse(scores.tape().one_hot(classes, scores.shape()[1]))
    }

    fn encoding_names(&self) -> &'static [&'static str] {
        &[MAPS]
    }
}

learner_by_comparison! {
    impl<E: Model, M: PairModel> Learner for Relation<E, M> {
        fn spec(&self) -> ParamSpec {
            learner_spec(self.encoder.spec().clone().and(self.module.spec()), "Relation", self.policy)
        }
    }
}

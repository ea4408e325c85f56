//! Matching networks (Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra 2016: "Matching Networks for One Shot Learning", NeurIPS).
//!
//! `y = sum_i a(x, x_i) y_i` over the support, `a` the softmax of the cosines of the embeddings (their equations 1 and 2): the share of
//! attention that falls on the examples of a class is its probability, and minus its logarithm the loss.

pub(crate) mod full_context;

use std::sync::Arc;

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{Model, NormPolicy, ParamSpec, Params, Pass};

use crate::error::Error;
use crate::learner::learner_spec;
use crate::metric::matching::full_context::FullContext;
use crate::metric::metric_learner::{MetricLearner, learner_by_comparison};
use crate::metric::protonet::Distance;
use crate::task::Examples;

/// The encoding of a support: embeddings `[n, d]` and, for each, its class as `[n, ways]` of 0 and 1.
const EMBEDDINGS: &str = "embeddings";
const MEMBERS: &str = "members";

/// Taken from the attention of examples of other classes, so that its exponential is 0.
const OUT_OF_CLASS: f64 = 1e30;

/// A Matching network.
///
/// ```
/// use fewshot_meta::{Learner, Matching};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let encoder = || Conv4::new(&Conv4Config::pooled_64());
/// assert_eq!(Learner::<f32>::spec(&Matching::new(encoder())).count(), 111_936);
/// let all = Matching::with_full_context(encoder(), 64, 3);
/// assert!(Learner::<f32>::spec(&all).count() > 111_936);
/// ```
///
/// The logits of a predictor are the logarithms of attention, up to what is equal for all classes of a query.
#[derive(Debug)]
pub struct Matching<M> {
    /// The embedding: its outputs are flattened to `[n, d]`.
    pub model: Arc<M>,
    /// What attention is the softmax of: minus the distance to each support example.
    pub distance: Distance,
    /// Embeddings in the light of the whole support, if any.
    pub context: Option<FullContext>,
    /// Normalisation in use, as in [`ProtoNet`](crate::ProtoNet).
    pub policy: NormPolicy,
}

impl<M> Clone for Matching<M> {
    fn clone(&self) -> Self {
        Matching { model: Arc::clone(&self.model), context: self.context.clone(), ..*self }
    }
}

impl<M> Matching<M> {
    /// As in the paper on Omniglot: cosines, no full context; running statistics, each batch weighing 0.1.
    pub fn new(model: M) -> Self {
        Matching {
            model: Arc::new(model),
            distance: Distance::Cosine,
            context: None,
            policy: NormPolicy::Running { momentum: 0.1 },
        }
    }

    /// With full context embeddings (section 2.1.2 and appendix A) of `features` numbers, the query reading the support `reads` times.
    pub fn with_full_context(model: M, features: usize, reads: usize) -> Self {
        Matching { context: Some(FullContext::new(features, reads)), ..Matching::new(model) }
    }

    /// Weights of the context, behind those of the model.
    fn context_weights<'t, F: Float>(&self, theta: &Params<Var<'t, F>>) -> Params<Var<'t, F>>
    where
        M: Model<F>,
    {
        theta.after(self.model.spec().weights().len())
    }
}

impl<F: Float, M: Model<F> + 'static> MetricLearner<F> for Matching<M> {
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        self.model.forward(&theta.first(self.model.spec().weights().len()), x, pass).flatten()
    }

    fn encode_support<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        pass: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>> {
        let (classes, ways) = support.y.classes("Matching");
        let members = support.x.tape().one_hot(classes, ways);
        let embeddings = match &self.context {
            Some(context) => context.of_support(&self.context_weights(theta), support.x, pass.noise()),
            None => support.x,
        };
        Params::new(vec![(EMBEDDINGS.to_owned(), embeddings), (MEMBERS.to_owned(), members)])
    }

    fn scores<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        _: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let (support, members) = (encoding[EMBEDDINGS], encoding[MEMBERS]);
        let query = match &self.context {
            Some(context) => context.of_query(&self.context_weights(theta), query, support),
            None => query,
        };
        let attention = self.distance.logits(query, support);
        let others = (members - F::one()) * F::of(OUT_OF_CLASS);
        (attention.insert_axis(2) + others).logsumexp(1)
    }

    fn encoding_names(&self) -> &'static [&'static str] {
        &[EMBEDDINGS, MEMBERS]
    }
}

learner_by_comparison! {
    impl<M: Model> Learner for Matching<M> {
        fn spec(&self) -> ParamSpec {
            let spec = self.model.spec().clone();
            let spec = match &self.context {
                Some(context) => spec.and(context.spec()).signed("reads", context.reads),
                None => spec.signed("reads", 0),
            };
            learner_spec(spec, "Matching", self.policy).signed("distance", self.distance.name())
        }

        fn check_example(&self, example: &[usize]) -> Result<(), Error> {
            let model = self.model.spec();
            let cause = match (&self.context, model.outputs()) {
                (Some(context), Some(outputs)) if context.features() != outputs => {
                    format!("the network gives {outputs} features, but the context is of {}", context.features())
                }
                _ if model.input().takes(example) => return Ok(()),
                _ => format!("the support has examples {example:?}, the learner takes {}", model.input()),
            };
            Err(Error::Unfit { cause })
        }
    }
}

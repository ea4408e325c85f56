//! Comparing the features of a trained network: NIL (Raghu, Raghu, Bengio, Vinyals 2020, section 5) and the nearest-neighbour baseline
//! (Ravi and Larochelle 2017, section 5.1).

use std::sync::Arc;

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{Headed, NormPolicy, ParamSpec, Params, Pass};

use crate::learner::learner_spec;
use crate::metric::metric_learner::{MetricLearner, learner_by_comparison};
use crate::task::Examples;

/// The encoding of a support: features `[n, d]` and, for each, its class as `[n, ways]` of 0 and 1.
const FEATURES: &str = "features";
const MEMBERS: &str = "members";

/// How the similarities of a query to the support examples of a class make the score of the class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Vote {
    /// The sum of the similarities: `sum_{s in c} cos(z_q, z_s)` (NIL).
    #[default]
    Sum,
    /// The largest similarity: the query takes the label of the closest example (nearest neighbour).
    Nearest,
}

/// No inner loop: the head of a network is left away and features are compared by cosine.
///
/// Meta-parameters are those of the whole network, so that what MAML or ANIL has trained can be used as it is; it can be trained
/// this way, too.
///
/// ```
/// use fewshot_meta::{Learner, Maml, Nil};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let model = || Conv4::new(&Conv4Config::strided_gap().with_head(5));
/// let trained = Learner::<f32>::init(&Maml::new(model()), 1);
/// let nil = Nil::new(model());
/// assert_eq!(trained.theta.count(), Learner::<f32>::spec(&nil).count());
/// ```
#[derive(Debug)]
pub struct Nil<M> {
    /// The network.
    pub model: Arc<M>,
    /// What makes the score of a class.
    pub vote: Vote,
    /// Normalisation in use, as in [`ProtoNet`](crate::ProtoNet).
    pub policy: NormPolicy,
}

impl<M> Clone for Nil<M> {
    fn clone(&self) -> Self {
        Nil { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> Nil<M> {
    /// Sums of similarities; statistics of support and all queries together, as the network was trained in MAML.
    pub fn new(model: M) -> Self {
        Nil { model: Arc::new(model), vote: Vote::Sum, policy: NormPolicy::Batch }
    }
}

impl<F: Float, M: Headed<F> + 'static> MetricLearner<F> for Nil<M> {
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        self.model.features(theta, x, pass)
    }

    fn encode_support<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        _: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>> {
        let (classes, ways) = support.y.classes("Nil");
        let members = support.x.tape().one_hot(classes, ways);
        Params::new(vec![(FEATURES.to_owned(), support.x), (MEMBERS.to_owned(), members)])
    }

    fn scores<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        _: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let similarity = query.cosine_similarity(encoding[FEATURES]);
        let members = encoding[MEMBERS];
        match self.vote {
            Vote::Sum => similarity.matmul(members),
            // cosines lie in [-1, 1]: -3 for those of other classes is below all
            Vote::Nearest => {
                let others = (members - F::one()) * F::of(3.0);
                (similarity.insert_axis(2) * members + others).max_axes(&[1])
            }
        }
    }

    fn encoding_names(&self) -> &'static [&'static str] {
        &[FEATURES, MEMBERS]
    }
}

learner_by_comparison! {
    impl<M: Headed> Learner for Nil<M> {
        fn spec(&self) -> ParamSpec {
            let vote = match self.vote {
                Vote::Sum => "sum",
                Vote::Nearest => "nearest",
            };
            learner_spec(self.model.spec().clone(), "Nil", self.policy).signed("vote", vote)
        }
    }
}

//! Prototypical networks (Snell, Swersky, Zemel 2017: "Prototypical Networks for Few-shot Learning", NeurIPS).
//!
//! `c_n = mean of f(x) over the support of class n`, `p(y = n | x) = softmax_n(-d(f(x), c_n))` (their equations 1 and 2); the loss
//! is the mean cross-entropy over the queries.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Indices, Tape, Var};
use fewshot_nn::{Mode, Model, NormPolicy, ParamSpec, Params, Pass};

use crate::error::Error;
use crate::fit::{example, or_panic};
use crate::learner::{Learner, learner_spec};
use crate::metric::metric_learner::{MetricLearner, learner_by_comparison};
use crate::predictor::forward::concat;
use crate::predictor::state::PredictorState;
use crate::task::Examples;

/// The encoding of a support: `[ways, d]`.
const PROTOTYPES: &str = "prototypes";

/// How far an embedded query is from a prototype.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distance {
    /// `|z - c|^2`, not divided by the dimension, no temperature.
    #[default]
    SquaredEuclid,
    /// `1 - cos(z, c)`; the logits are the cosines themselves, no temperature.
    Cosine,
}

fewshot_nn::named!(Distance, "distance" { SquaredEuclid = "euclidean", Cosine = "cosine" });

impl Distance {
    /// What signatures call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Distance::SquaredEuclid => "squared Euclidean",
            Distance::Cosine => "cosine",
        }
    }

    /// Class scores of embeddings: minus the distance, `z` of shape `[n, d]` and `prototypes` of shape `[ways, d]` to `[n, ways]`. A
    /// vector of zeros has cosine 0 with every other.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn logits<'t, F: Float>(self, z: Var<'t, F>, prototypes: Var<'t, F>) -> Var<'t, F> {
        match self {
            Distance::SquaredEuclid => -z.squared_distances(prototypes),
            Distance::Cosine => z.cosine_similarity(prototypes),
        }
    }
}

/// Mean embedding of each class: `z` of shape `[n, d]` with one class per row to `[ways, d]`. Classes may have unequal numbers
/// of rows.
///
/// # Panics
/// When a class has no row (in a recorded program its prototype is 0 then).
#[track_caller]
pub fn prototypes<'t, F: Float>(z: Var<'t, F>, classes: impl Indices<'t, F>, ways: usize) -> Var<'t, F> {
    let tape = z.tape();
    let classes = classes.on(tape, "prototypes", ways);
    let one_each = tape.var(&Array::ones(&[classes.shape()[0], 1]));
    let counts = one_each.scatter_add(0, classes, ways);
    if !tape.is_recording()
        && let Some(empty) = counts.value().data().iter().position(|&count| count == F::zero())
    {
        panic!("prototypes: class {empty} of {ways} has no support example");
    }
    z.scatter_add(0, classes, ways) * counts.safe_recip()
}

/// A prototypical network.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, Labels, Learner, ProtoNet};
/// use fewshot_nn::Mlp;
/// let learner = ProtoNet::new(Mlp::new(&[2, 16]));
/// let meta = Learner::<f32>::init(&learner, 1);
/// let x = Array::new(&[2, 2], vec![0.0, 1.0, 5.0, -3.0]);
/// let predictor = learner.adapt(&meta, &Examples::new(x.clone(), Labels::Classes(vec![1, 0])));
/// let logits = predictor.predict(&x); // the support itself: no distance to its own prototypes
/// assert_eq!((logits.data()[1], logits.data()[2]), (0.0, 0.0));
/// ```
///
/// In training, support and query go through the network as one batch, normalised with its statistics. `policy` says what
/// normalises when the learner is used.
#[derive(Debug)]
pub struct ProtoNet<M> {
    /// The embedding: its outputs are flattened to `[n, d]`.
    pub model: Arc<M>,
    /// Distance to the prototypes.
    pub distance: Distance,
    /// Normalisation in use: `Running`, the averages kept in training (as in the paper); `Batch`, support and all queries of a call
    /// as one batch, as in training; `SupportOnly`, statistics of the support; `SupportPlusOne`, those of the support and the one query.
    pub policy: NormPolicy,
}

impl<M> Clone for ProtoNet<M> {
    fn clone(&self) -> Self {
        ProtoNet { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> ProtoNet<M> {
    /// The paper's choices: squared Euclidean distance; running statistics, each batch weighing 0.1.
    pub fn new(model: M) -> Self {
        ProtoNet {
            model: Arc::new(model),
            distance: Distance::SquaredEuclid,
            policy: NormPolicy::Running { momentum: 0.1 },
        }
    }
}

impl<M> ProtoNet<M> {
    /// What was learned, with new classes behind the old ones, whose prototypes stay as they are: `more` has classes `0..k`, which become
    /// the classes `ways..ways + k`.
    ///
    /// # Errors
    /// When `learned` is not of this network, or its queries are normalised together with the support, so that there are no prototypes yet.
    ///
    /// # Panics
    /// When the labels are no classes, a class of them has no example, or examples are of another shape.
    #[track_caller]
    pub fn with_classes<F: Float>(
        &self,
        state: &PredictorState<F>,
        more: &Examples<Array<F>>,
    ) -> Result<PredictorState<F>, Error>
    where
        M: Model<F> + 'static,
    {
        let spec = Learner::<F>::spec(self);
        let [weights, statistics] = state.fitted(&spec)?;
        let old = state.known(PROTOTYPES)?;
        state.check(&spec)?;
        or_panic("with_classes", self.check_support(more).and_then(|()| same_input(state, more)));
        let tape = Tape::new();
        let mut pass = Pass::given(&statistics.on(&tape)).with_mode(Mode::Inference);
        let z = self.model.forward(&weights.on(&tape), tape.var(&more.x), &mut pass).flatten();
        let new = prototypes(z, more.y.class_list("with_classes"), more.y.ways()).value();
        let memory = Params::new(vec![(PROTOTYPES.to_owned(), concat(&[old, &new]))]);
        Ok(PredictorState { weights, statistics, memory, ..state.clone() })
    }
}

/// New classes have examples like the old ones'.
fn same_input<F: Float>(state: &PredictorState<F>, more: &Examples<Array<F>>) -> Result<(), Error> {
    let (more, cause) = (example(&more.x), "the new classes have examples");
    match &state.input {
        Some(old) if old != more => Err(Error::Unfit { cause: format!("{cause} {more:?}, the old {old:?}") }),
        _ => Ok(()),
    }
}

impl<F: Float, M: Model<F> + 'static> MetricLearner<F> for ProtoNet<M> {
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        self.model.forward(theta, x, pass).flatten()
    }

    fn encode_support<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        _: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>> {
        let (classes, ways) = support.y.classes("ProtoNet");
        Params::new(vec![(PROTOTYPES.to_owned(), prototypes(support.x, classes, ways))])
    }

    fn scores<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        _: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        self.distance.logits(query, encoding[PROTOTYPES])
    }

    fn encoding_names(&self) -> &'static [&'static str] {
        &[PROTOTYPES]
    }
}

learner_by_comparison! {
    impl<M: Model> Learner for ProtoNet<M> {
        fn spec(&self) -> ParamSpec {
            learner_spec(self.model.spec().clone(), "ProtoNet", self.policy).signed("distance", self.distance.name())
        }
    }
}

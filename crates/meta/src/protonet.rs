//! Prototypical networks (Snell, Swersky, Zemel 2017: "Prototypical Networks for Few-shot Learning", NeurIPS).
//!
//! `c_n = mean of f(x) over the support of class n`, `p(y = n | x) = softmax_n(-d(f(x), c_n))` (their equations 1 and 2); the loss
//! is the mean cross-entropy over the queries.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Indices, Tape, Var};
use fewshot_nn::{Model, Noise, NormPolicy, Params, Pass, Spec};

use crate::forward::{concat, forward, forward_batch, has_statistics, rows};
use crate::learner::{Learner, Meta, MetaVars, Outcome, Predictor, momentum};
use crate::task::Examples;
use crate::task_vars::TaskVars;

/// How far an embedded query is from a prototype.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distance {
    /// `|z - c|^2`, not divided by the dimension, no temperature.
    #[default]
    SquaredEuclid,
    /// `1 - cos(z, c)`; the logits are the cosines themselves, no temperature.
    Cosine,
}

impl Distance {
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
#[derive(Clone, Debug)]
pub struct ProtoNet<M> {
    /// The embedding: its outputs are flattened to `[n, d]`.
    pub model: Arc<M>,
    /// Distance to the prototypes.
    pub distance: Distance,
    /// Normalisation in use: `Running`, the averages kept in training (as in the paper); `Batch`, support and all queries of a call
    /// as one batch, as in training; `SupportOnly`, statistics of the support; `SupportPlusOne`, those of the support and the one query.
    pub policy: NormPolicy,
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

impl<F: Float, M: Model<F> + 'static> Learner<F> for ProtoNet<M> {
    fn spec(&self) -> &Spec {
        self.model.spec()
    }

    fn episode<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Outcome<'t, F> {
        let (classes, ways) = task.support.y.classes("ProtoNet");
        let mut pass = Pass::batch().with_noise(noise).once();
        let x = Var::concat(&[task.support.x, task.query.x], 0);
        let z = self.model.forward(&meta.theta, x, &mut pass).flatten();
        let parts = z.split(0, &[task.support.x.shape()[0], task.query.x.shape()[0]]);
        let predictions = self.distance.logits(parts[1], prototypes(parts[0], classes, ways));
        Outcome { loss: task.query.y.loss(predictions), predictions, statistics: pass.into_statistics() }
    }

    fn momentum(&self) -> f64 {
        momentum(self.policy)
    }

    fn adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Box<dyn Predictor<F>> {
        let model = &*self.model;
        let running = || {
            let z = forward(model, &meta.theta, &support.x, Some(&meta.statistics));
            (Known::Embedded(flat(&z)), meta.statistics.clone())
        };
        let (known, statistics) = match self.policy {
            NormPolicy::Running { .. } => running(),
            _ if !has_statistics(&meta.statistics) => running(),
            NormPolicy::SupportOnly => {
                let (z, statistics) = forward_batch(model, &meta.theta, &support.x);
                (Known::Embedded(flat(&z)), statistics)
            }
            NormPolicy::Batch => (Known::Together(support.x.clone()), meta.statistics.clone()),
            NormPolicy::SupportPlusOne => (Known::OneByOne(support.x.clone()), meta.statistics.clone()),
        };
        Box::new(Nearest {
            learner: ProtoNet { model: Arc::clone(&self.model), ..*self },
            weights: meta.theta.clone(),
            statistics,
            known,
            classes: support.y.classes("ProtoNet").to_vec(),
        })
    }
}

/// Embeddings as rows, `[n, ...]` to `[n, d]`.
fn flat<F: Float>(z: &Array<F>) -> Array<F> {
    let n = z.shape()[0];
    z.reshape(&[n, z.len() / n.max(1)])
}

/// What is known of the support when a query comes.
enum Known<F: Float> {
    /// Its embeddings, `[n, d]`.
    Embedded(Array<F>),
    /// Its examples: embedded in one batch with all queries of a call.
    Together(Array<F>),
    /// Its examples: embedded in one batch with each query in turn.
    OneByOne(Array<F>),
}

/// A prototypical network with a support set.
struct Nearest<M, F: Float> {
    learner: ProtoNet<M>,
    weights: Params<Array<F>>,
    statistics: Params<Array<F>>,
    known: Known<F>,
    classes: Vec<usize>,
}

impl<F: Float, M: Model<F>> Nearest<M, F> {
    fn logits(&self, support: &Array<F>, query: &Array<F>) -> Array<F> {
        let tape = Tape::new();
        let ways = self.classes.iter().max().map_or(0, |largest| largest + 1);
        let prototypes = prototypes(tape.var(support), &self.classes, ways);
        self.learner.distance.logits(tape.var(query), prototypes).value()
    }

    fn embed(&self, x: &Array<F>, given: Option<&Params<Array<F>>>) -> Array<F> {
        flat(&forward(&*self.learner.model, &self.weights, x, given))
    }

    fn joint(&self, support: &Array<F>, x: &Array<F>) -> Array<F> {
        let z = self.embed(&concat(&[support, x]), None);
        let known = support.shape()[0];
        self.logits(&rows(&z, 0..known), &rows(&z, known..z.shape()[0]))
    }
}

impl<F: Float, M: Model<F>> Predictor<F> for Nearest<M, F> {
    fn predict(&self, x: &Array<F>) -> Array<F> {
        match &self.known {
            Known::Embedded(support) => self.logits(support, &self.embed(x, Some(&self.statistics))),
            Known::Together(support) => self.joint(support, x),
            Known::OneByOne(support) => {
                let each = (0..x.shape()[0]).map(|i| self.joint(support, &rows(x, i..i + 1)));
                let each: Vec<Array<F>> = each.collect();
                concat(&each.iter().collect::<Vec<_>>())
            }
        }
    }
}

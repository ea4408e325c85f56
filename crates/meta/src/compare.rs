//! What algorithms share that embed support and query and compare the embeddings.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Noise, NormPolicy, Params, Pass};

use crate::forward::{concat, has_statistics, rows};
use crate::learner::{Meta, MetaVars, Outcome, Predictor};
use crate::task::Examples;
use crate::task_vars::{ExampleVars, LabelVars, TaskVars};

/// An embedding and a comparison of embeddings.
pub(crate) trait Compare<F: Float>: Send + Sync + Sized + 'static {
    /// Embeddings `[n, d]` of a batch.
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F>;

    /// Class scores `[queries, ways]` from embeddings of support and query.
    fn scores<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &ExampleVars<'t, F>,
        query: Var<'t, F>,
    ) -> Var<'t, F>;

    /// Normalisation in use.
    fn policy(&self) -> NormPolicy;

    /// The same once more, with the same model.
    fn copy(&self) -> Self;
}

/// Support and query through the network as one batch.
pub(crate) fn episode<'t, F: Float>(
    learner: &impl Compare<F>,
    meta: &MetaVars<'t, F>,
    task: &TaskVars<'t, F>,
    noise: &Noise,
) -> Outcome<'t, F> {
    let mut pass = Pass::batch().with_noise(noise).once();
    let (support, query) = (&task.support, &task.query);
    let x = Var::concat(&[support.x, query.x], 0);
    let z = learner.embed(&meta.theta, x, &mut pass);
    let parts = z.split(0, &[support.x.shape()[0], query.x.shape()[0]]);
    let predictions = learner.scores(&meta.theta, &ExampleVars { x: parts[0], y: support.y }, parts[1]);
    Outcome { loss: query.y.loss(predictions), predictions, statistics: pass.into_statistics() }
}

/// A predictor that compares queries with this support.
///
/// # Panics
/// When the labels are no classes.
pub(crate) fn compared<F: Float, C: Compare<F>>(
    learner: &C,
    meta: &Meta<F>,
    support: &Examples<F>,
) -> Box<dyn Predictor<F>> {
    let embedded = |given: Option<&Params<Array<F>>>| {
        let (z, statistics) = embed(learner, &meta.theta, &support.x, given);
        (Known::Embedded(z), statistics)
    };
    let (known, statistics) = match learner.policy() {
        _ if !has_statistics(&meta.statistics) => embedded(Some(&meta.statistics)),
        NormPolicy::Running { .. } => embedded(Some(&meta.statistics)),
        NormPolicy::SupportOnly => embedded(None),
        NormPolicy::Batch => (Known::Together(support.x.clone()), Params::default()),
        NormPolicy::SupportPlusOne => (Known::OneByOne(support.x.clone()), Params::default()),
    };
    let (classes, ways) = (support.y.classes("adapt").to_vec(), support.y.ways());
    Box::new(Comparison {
        learner: learner.copy(),
        weights: meta.theta.clone(),
        statistics,
        known,
        classes,
        ways,
    })
}

/// Embeddings, and the statistics that normalised them: those given, or of the batch.
fn embed<F: Float>(
    learner: &impl Compare<F>,
    weights: &Params<Array<F>>,
    x: &Array<F>,
    given: Option<&Params<Array<F>>>,
) -> (Array<F>, Params<Array<F>>) {
    let tape = Tape::new();
    let mut pass = given.map_or_else(Pass::batch, |given| Pass::given(&given.on(&tape)));
    let z = learner.embed(&weights.on(&tape), tape.var(x), &mut pass).value();
    let batch = pass.into_statistics().map(|s| s.arrays());
    (z, batch.or_else(|| given.cloned()).unwrap_or_default())
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

/// A learner with a support set.
struct Comparison<C, F: Float> {
    learner: C,
    weights: Params<Array<F>>,
    statistics: Params<Array<F>>,
    known: Known<F>,
    classes: Vec<usize>,
    ways: usize,
}

impl<F: Float, C: Compare<F>> Comparison<C, F> {
    fn scores(&self, support: &Array<F>, query: &Array<F>) -> Array<F> {
        let tape = Tape::new();
        let y = LabelVars::Classes { classes: tape.index(&self.classes), ways: self.ways };
        let support = ExampleVars { x: tape.var(support), y };
        self.learner.scores(&self.weights.on(&tape), &support, tape.var(query)).value()
    }

    fn joint(&self, support: &Array<F>, x: &Array<F>) -> Array<F> {
        let z = embed(&self.learner, &self.weights, &concat(&[support, x]), None).0;
        let known = support.shape()[0];
        self.scores(&rows(&z, 0..known), &rows(&z, known..z.shape()[0]))
    }
}

impl<F: Float, C: Compare<F>> Predictor<F> for Comparison<C, F> {
    fn predict(&self, x: &Array<F>) -> Array<F> {
        match &self.known {
            Known::Embedded(support) => {
                let query = embed(&self.learner, &self.weights, x, Some(&self.statistics)).0;
                self.scores(support, &query)
            }
            Known::Together(support) => self.joint(support, x),
            Known::OneByOne(support) => {
                let each = (0..x.shape()[0]).map(|i| self.joint(support, &rows(x, i..i + 1)));
                let each: Vec<Array<F>> = each.collect();
                concat(&each.iter().collect::<Vec<_>>())
            }
        }
    }
}

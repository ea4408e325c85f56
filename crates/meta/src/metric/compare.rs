//! What algorithms share that embed support and query and compare the embeddings.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Mode, Noise, NormPolicy, Params, Pass, Signature};

use crate::error::Error;
use crate::fit::{example, or_panic, queries, ready};
use crate::learner::{Learner, Meta, MetaVars, Outcome, Predictor};
use crate::predictor::adapted::SUPPORT;
use crate::predictor::forward::{concat, has_statistics, rows};
use crate::predictor::state::{Learned, input_of};
use crate::task::{Examples, Labels};
use crate::task_vars::{ExampleVars, LabelVars, TaskVars};

/// Classes of examples that are kept as they are.
const CLASSES: &str = "classes";

/// An embedding and a comparison of embeddings.
pub(crate) trait Compare<F: Float>: Send + Sync + Sized + 'static {
    /// Embeddings `[n, d]` of a batch.
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F>;

    /// What is kept of an embedded support.
    fn memory<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &ExampleVars<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>>;

    /// Names of what `memory` gives.
    fn kept(&self) -> &'static [&'static str];

    /// Class scores `[queries, ways]`: logits.
    fn scores<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        memory: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F>;

    /// The mean loss of scores.
    fn loss<'t>(&self, y: &LabelVars<'t, F>, scores: Var<'t, F>) -> Var<'t, F> {
        y.loss(scores)
    }

    /// Normalisation in use.
    fn policy(&self) -> NormPolicy;

    /// A copy of the learner that shares its model.
    fn copy(&self) -> Self;
}

/// Support and query through the network as one batch.
pub(crate) fn episode<'t, F: Float>(
    learner: &impl Compare<F>,
    meta: &MetaVars<'t, F>,
    task: &TaskVars<'t, F>,
    noise: &Noise,
) -> Outcome<'t, F> {
    let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
    let (support, query) = (&task.support, &task.query);
    let x = Var::concat(&[support.x, query.x], 0);
    let z = learner.embed(&meta.theta, x, &mut pass);
    let parts = z.split(0, &[support.x.shape()[0], query.x.shape()[0]]);
    let embedded = ExampleVars { x: parts[0], y: support.y };
    let memory = learner.memory(&meta.theta, &embedded, &mut pass);
    let predictions = learner.scores(&meta.theta, &memory, parts[1], &mut pass);
    Outcome { loss: learner.loss(&query.y, predictions), predictions, statistics: pass.into_statistics() }
}

/// A predictor that compares queries with this support.
///
/// # Panics
/// When meta-parameters or support do not fit, such as labels that are no classes.
#[track_caller]
pub(crate) fn compared<F: Float, C: Compare<F> + Learner<F>>(
    learner: &C,
    meta: &Meta<F>,
    support: &Examples<F>,
) -> Box<dyn Predictor<F>> {
    ready(learner, meta, support);
    let normed = has_statistics(&meta.statistics);
    let memorised = |given: Option<&Params<Array<F>>>| {
        let (memory, statistics) = memorised(learner, &meta.theta, support, given);
        (Known::Memory(memory), given.cloned().unwrap_or(statistics))
    };
    let (known, statistics) = match learner.policy() {
        NormPolicy::Batch if normed => (Known::Together(support.clone()), Params::default()),
        NormPolicy::SupportPlusOne if normed => (Known::OneByOne(support.clone()), Params::default()),
        NormPolicy::SupportOnly if normed => memorised(None),
        _ => memorised(Some(&meta.statistics)),
    };
    let (weights, signature) = (meta.theta.clone(), learner.spec().signature().clone());
    let input = Some(example(&support.x).to_vec());
    Box::new(Comparison { learner: learner.copy(), weights, statistics, known, signature, input })
}

/// The predictor of a metric learner from what it held.
pub(crate) fn restored<F: Float, C: Compare<F> + Learner<F>>(
    learner: &C,
    learned: &Learned<F>,
) -> Result<Box<dyn Predictor<F>>, Error> {
    let spec = learner.spec();
    let [weights, statistics] = learned.fitted(&spec)?;
    let normed = has_statistics(&spec.statistics::<F>());
    let known = match learner.policy() {
        NormPolicy::Batch if normed => Known::Together(examples(learned)?),
        NormPolicy::SupportPlusOne if normed => Known::OneByOne(examples(learned)?),
        _ => {
            learned.statistics_for(normed, statistics.clone())?;
            let kept = |name: &&str| Ok(((*name).to_owned(), learned.known(name)?.clone()));
            let memory: Result<Vec<_>, Error> = learner.kept().iter().map(kept).collect();
            Known::Memory(Params::new(memory?))
        }
    };
    learned.check(&spec)?;
    let (signature, input) = (spec.signature().clone(), input_of(learned, &spec));
    Ok(Box::new(Comparison { learner: learner.copy(), weights, statistics, known, signature, input }))
}

/// The support that was kept as it is.
fn examples<F: Float>(learned: &Learned<F>) -> Result<Examples<F>, Error> {
    let (x, classes) = (learned.known(SUPPORT)?, learned.known(CLASSES)?);
    let is_class = |class: &&F| class.as_f64() >= 0.0 && class.as_f64().fract() == 0.0;
    if let Some(wrong) = classes.data().iter().find(|class| !is_class(class)) {
        return Err(Error::OtherLearner {
            cause: format!("{wrong} stands among the classes of the support"),
        });
    }
    let classes: Vec<usize> = classes.data().iter().map(|class| class.as_f64() as usize).collect();
    if x.shape().first() != Some(&classes.len()) {
        let cause = format!("{} classes are known of a support {:?}", classes.len(), x.shape());
        return Err(Error::OtherLearner { cause });
    }
    Ok(Examples::new(x.clone(), Labels::Classes(classes)))
}

/// The pass on these statistics, or on those of the batch.
fn pass<'t, F: Float>(tape: &'t Tape<F>, given: Option<&Params<Array<F>>>) -> Pass<'t, F> {
    given.map_or_else(Pass::batch, |given| Pass::given(&given.on(tape))).with_mode(Mode::Inference)
}

/// What is kept of a support, and the statistics that normalised it: those given, or its own, for which it is compared with itself.
fn memorised<F: Float>(
    learner: &impl Compare<F>,
    weights: &Params<Array<F>>,
    support: &Examples<F>,
    given: Option<&Params<Array<F>>>,
) -> (Params<Array<F>>, Params<Array<F>>) {
    let tape = Tape::new();
    let mut pass = pass(&tape, given);
    let theta = weights.on(&tape);
    let z = learner.embed(&theta, tape.var(&support.x), &mut pass);
    let memory = learner.memory(&theta, &ExampleVars { x: z, y: support.y.on(&tape) }, &mut pass);
    if given.is_none() {
        learner.scores(&theta, &memory, z, &mut pass);
    }
    (memory.arrays(), pass.into_statistics().map(|s| s.arrays()).unwrap_or_default())
}

/// What is known of the support when a query comes.
enum Known<F: Float> {
    /// What was kept of it.
    Memory(Params<Array<F>>),
    /// Its examples: embedded in one batch with all queries of a call.
    Together(Examples<F>),
    /// Its examples: embedded in one batch with each query in turn.
    OneByOne(Examples<F>),
}

/// A learner with a support set.
struct Comparison<C, F: Float> {
    learner: C,
    weights: Params<Array<F>>,
    statistics: Params<Array<F>>,
    known: Known<F>,
    signature: Signature,
    input: Option<Vec<usize>>,
}

impl<F: Float, C: Compare<F>> Comparison<C, F> {
    fn answered(&self, memory: &Params<Array<F>>, x: &Array<F>) -> Array<F> {
        let tape = Tape::new();
        let mut pass = pass(&tape, Some(&self.statistics));
        let theta = self.weights.on(&tape);
        let z = self.learner.embed(&theta, tape.var(x), &mut pass);
        self.learner.scores(&theta, &memory.on(&tape), z, &mut pass).value()
    }

    /// Embeddings of examples, normalised with given statistics or those of the batch.
    fn embedded(&self, x: &Array<F>, given: Option<&Params<Array<F>>>) -> Array<F> {
        let tape = Tape::new();
        let z = self.learner.embed(&self.weights.on(&tape), tape.var(x), &mut pass(&tape, given));
        z.flatten().value()
    }

    fn joint(&self, support: &Examples<F>, x: &Array<F>) -> Array<F> {
        let tape = Tape::new();
        let mut pass = pass(&tape, None);
        let theta = self.weights.on(&tape);
        let z = self.learner.embed(&theta, tape.var(&concat(&[&support.x, x])), &mut pass);
        let parts = z.split(0, &[support.x.shape()[0], x.shape()[0]]);
        let known = ExampleVars { x: parts[0], y: support.y.on(&tape) };
        let memory = self.learner.memory(&theta, &known, &mut pass);
        self.learner.scores(&theta, &memory, parts[1], &mut pass).value()
    }
}

impl<F: Float, C: Compare<F>> Predictor<F> for Comparison<C, F> {
    fn input_shape(&self) -> Option<&[usize]> {
        self.input.as_deref()
    }

    #[track_caller]
    fn embed(&self, x: &Array<F>) -> Option<Array<F>> {
        or_panic("embed", queries(self.input_shape(), x));
        let beside = |support: &Array<F>, x: &Array<F>| {
            let known = support.shape()[0];
            rows(&self.embedded(&concat(&[support, x]), None), known..known + x.shape()[0])
        };
        Some(match &self.known {
            Known::Memory(_) => self.embedded(x, Some(&self.statistics)),
            Known::Together(support) => beside(&support.x, x),
            Known::OneByOne(support) => {
                let each = (0..x.shape()[0]).map(|i| beside(&support.x, &rows(x, i..i + 1)));
                let each: Vec<Array<F>> = each.collect();
                concat(&each.iter().collect::<Vec<_>>())
            }
        })
    }

    fn learned(&self) -> Option<Learned<F>> {
        let memory = match &self.known {
            Known::Memory(memory) => memory.clone(),
            Known::Together(support) | Known::OneByOne(support) => {
                let classes = support.y.classes("learned").iter().map(|&class| F::of(class as f64)).collect();
                let classes = Array::new(&[support.y.len()], classes);
                Params::new(vec![(SUPPORT.to_owned(), support.x.clone()), (CLASSES.to_owned(), classes)])
            }
        };
        let (weights, statistics) = (self.weights.clone(), self.statistics.clone());
        let (signature, input) = (self.signature.clone(), self.input.clone());
        Some(Learned { weights, statistics, memory, signature, input })
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", queries(self.input_shape(), x));
        match &self.known {
            Known::Memory(memory) => self.answered(memory, x),
            Known::Together(support) => self.joint(support, x),
            Known::OneByOne(support) => {
                let each = (0..x.shape()[0]).map(|i| self.joint(support, &rows(x, i..i + 1)));
                let each: Vec<Array<F>> = each.collect();
                concat(&each.iter().collect::<Vec<_>>())
            }
        }
    }
}

//! The predictor of every learner that compares queries with a support.

use fewshot_autodiff::{Array, Float, Tape};
use fewshot_nn::{Params, Signature};

use crate::error::Error;
use crate::fit::{or_panic, queries};
use crate::labels::Labels;
use crate::metric::metric_learner::MetricLearner;
use crate::predictor::Predictor;
use crate::predictor::adapted::SUPPORT;
use crate::predictor::forward::{concat, inference, rows};
use crate::predictor::state::PredictorState;
use crate::task::Examples;

/// Classes of examples that are kept as they are.
const CLASSES: &str = "classes";

/// What is known of the support when a query comes.
pub(crate) enum SupportEncoding<F: Float> {
    /// What [`MetricLearner::encode_support`] made of it.
    Encoded(Params<Array<F>>),
    /// Its examples, embedded in one batch with all queries of a call.
    Joint(Examples<Array<F>>),
    /// Its examples, embedded in one batch with each query in turn.
    OneByOne(Examples<Array<F>>),
}

/// The examples of a support that was kept as it is.
pub(crate) fn support_of<F: Float>(state: &PredictorState<F>) -> Result<Examples<Array<F>>, Error> {
    let (x, classes) = (state.known(SUPPORT)?, state.known(CLASSES)?);
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

/// The arrays of a support that is kept as it is.
pub(crate) fn memory_of_support<F: Float>(support: &Examples<Array<F>>) -> Vec<(String, Array<F>)> {
    let classes = support.y.class_list("state").iter().map(|&class| F::of(class as f64)).collect();
    let classes = Array::new(&[support.y.len()], classes);
    vec![(SUPPORT.to_owned(), support.x.clone()), (CLASSES.to_owned(), classes)]
}

/// A learner with a support set.
pub(crate) struct Comparison<L, F: Float> {
    pub(crate) learner: L,
    pub(crate) weights: Params<Array<F>>,
    pub(crate) statistics: Params<Array<F>>,
    pub(crate) support: SupportEncoding<F>,
    pub(crate) signature: Signature,
    pub(crate) input: Option<Vec<usize>>,
}

impl<F: Float, L: MetricLearner<F>> Comparison<L, F> {
    /// Scores of queries beside an encoded support.
    fn scores(&self, encoding: &Params<Array<F>>, x: &Array<F>) -> Array<F> {
        let tape = Tape::new();
        let mut pass = inference(&tape, Some(&self.statistics));
        let theta = self.weights.on(&tape);
        let z = self.learner.embed(&theta, tape.var(x), &mut pass);
        self.learner.scores(&theta, &encoding.on(&tape), z, &mut pass).value()
    }

    /// Scores of queries that are embedded in one batch with the support.
    fn joint_scores(&self, support: &Examples<Array<F>>, x: &Array<F>) -> Array<F> {
        let tape = Tape::new();
        let mut pass = inference(&tape, None);
        let theta = self.weights.on(&tape);
        let z = self.learner.embed(&theta, tape.var(&concat(&[&support.x, x])), &mut pass);
        let parts = z.split(0, &[support.x.shape()[0], x.shape()[0]]);
        let embedded = Examples { x: parts[0], y: support.y.on(&tape) };
        let encoding = self.learner.encode_support(&theta, &embedded, &mut pass);
        self.learner.scores(&theta, &encoding, parts[1], &mut pass).value()
    }

    /// Embeddings of examples, normalised with given statistics or those of the batch.
    fn embedded(&self, x: &Array<F>, given: Option<&Params<Array<F>>>) -> Array<F> {
        let tape = Tape::new();
        let z = self.learner.embed(&self.weights.on(&tape), tape.var(x), &mut inference(&tape, given));
        z.flatten().value()
    }
}

/// `f` of each example of `x` by itself, one result below the other.
fn one_by_one<F: Float>(x: &Array<F>, f: impl Fn(&Array<F>) -> Array<F>) -> Array<F> {
    let each: Vec<Array<F>> = (0..x.shape()[0]).map(|i| f(&rows(x, i..i + 1))).collect();
    concat(&each.iter().collect::<Vec<_>>())
}

impl<F: Float, L: MetricLearner<F>> Predictor<F> for Comparison<L, F> {
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
        Some(match &self.support {
            SupportEncoding::Encoded(_) => self.embedded(x, Some(&self.statistics)),
            SupportEncoding::Joint(support) => beside(&support.x, x),
            SupportEncoding::OneByOne(support) => one_by_one(x, |x| beside(&support.x, x)),
        })
    }

    fn state(&self) -> Option<PredictorState<F>> {
        let memory = match &self.support {
            SupportEncoding::Encoded(encoding) => encoding.clone(),
            SupportEncoding::Joint(support) | SupportEncoding::OneByOne(support) => {
                Params::new(memory_of_support(support))
            }
        };
        let (weights, statistics) = (self.weights.clone(), self.statistics.clone());
        let (signature, input) = (self.signature.clone(), self.input.clone());
        Some(PredictorState { weights, statistics, memory, signature, input })
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", queries(self.input_shape(), x));
        match &self.support {
            SupportEncoding::Encoded(encoding) => self.scores(encoding, x),
            SupportEncoding::Joint(support) => self.joint_scores(support, x),
            SupportEncoding::OneByOne(support) => one_by_one(x, |x| self.joint_scores(support, x)),
        }
    }
}

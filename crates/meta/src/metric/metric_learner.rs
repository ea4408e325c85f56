//! What algorithms share that embed support and query and compare the embeddings.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Mode, Noise, NormPolicy, Params, Pass};

use crate::error::Error;
use crate::labels::Labels;
use crate::learner::Learner;
use crate::meta::Meta;
use crate::metric::comparison::{Comparison, SupportEncoding, support_of};
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::forward::{has_statistics, inference};
use crate::predictor::state::{PredictorState, input_of};
use crate::task::{Examples, Task};

/// An embedding and a comparison of embeddings: what makes a learner of the metric family.
///
/// Training, the predictor under every [`NormPolicy`], and its saving follow from it: [`Learner::episode`] is
/// [`MetricLearner::outcome`], [`Learner::predictors`] is one [`MetricLearner::predictor`] and [`Learner::restore`] is
/// [`MetricLearner::restored`].
///
/// ```
/// use fewshot_autodiff::{Array, Float, Var};
/// use fewshot_meta::{
///     Answers, Error, Examples, Labels, Learner, Meta, MetricLearner, Outcome, Predictor, PredictorState, Steps, Task, prototypes,
/// };
/// use fewshot_nn::{Mlp, Model, Noise, Params, Pass, ParamSpec};
/// use std::sync::Arc;
///
/// /// Scores are inner products with the prototypes.
/// #[derive(Clone)]
/// struct InnerProducts(Arc<Mlp>);
///
/// impl<F: Float> MetricLearner<F> for InnerProducts {
///     fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
///         self.0.forward(theta, x, pass)
///     }
///     fn encode_support<'t>(
///         &self,
///         _: &Params<Var<'t, F>>,
///         support: &Examples<Var<'t, F>>,
///         _: &mut Pass<'t, F>,
///     ) -> Params<Var<'t, F>> {
///         let (classes, ways) = support.y.classes("InnerProducts");
///         Params::new(vec![("prototypes".to_string(), prototypes(support.x, classes, ways))])
///     }
///     fn encoding_names(&self) -> &'static [&'static str] {
///         &["prototypes"]
///     }
///     fn scores<'t>(
///         &self,
///         _: &Params<Var<'t, F>>,
///         encoding: &Params<Var<'t, F>>,
///         query: Var<'t, F>,
///         _: &mut Pass<'t, F>,
///     ) -> Var<'t, F> {
///         query.matmul_nt(encoding["prototypes"])
///     }
/// }
///
/// impl<F: Float> Learner<F> for InnerProducts {
///     fn spec(&self) -> ParamSpec {
///         Model::<F>::spec(&*self.0).clone().signed("algorithm", "InnerProducts")
///     }
///     fn answers_with(&self) -> Answers {
///         Answers::SupportClasses
///     }
///     fn episode<'t>(
///         &self,
///         meta: &Meta<Var<'t, F>>,
///         task: &Task<Var<'t, F>>,
///         noise: &Noise,
///     ) -> Outcome<Var<'t, F>> {
///         self.outcome(meta, task, noise)
///     }
///     fn predictors(
///         &self,
///         meta: &Meta<Array<F>>,
///         support: &Examples<Array<F>>,
///         _: Steps,
///     ) -> Vec<Box<dyn Predictor<F>>> {
///         vec![self.predictor(meta, support)]
///     }
///     fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
///         self.restored(state)
///     }
/// }
///
/// let learner = InnerProducts(Arc::new(Mlp::new(&[2, 16])));
/// let x = Array::new(&[2, 2], vec![0.0, 1.0, 5.0, -3.0]);
/// let predictor = learner.adapt(&Learner::<f32>::init(&learner, 1), &Examples::new(x.clone(), Labels::Classes(vec![1, 0])));
/// let restored = learner.restore(&predictor.state().unwrap())?;
/// assert_eq!(restored.predict(&x), predictor.predict(&x));
/// # Ok::<(), Error>(())
/// ```
pub trait MetricLearner<F: Float = f32>: Learner<F> + Clone + 'static {
    /// Embeddings `[n, ..]` of a batch of examples `x`.
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F>;

    /// What queries are compared with, by name: made of a support whose examples are embeddings.
    fn encode_support<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        pass: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>>;

    /// The names in what `encode_support` gives, in its order.
    fn encoding_names(&self) -> &'static [&'static str];

    /// Class scores `[queries, ways]` of embedded queries, as logits.
    fn scores<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F>;

    /// The mean loss of scores `[queries, ways]`: cross-entropy, unless an algorithm has its own.
    fn loss<'t>(&self, y: &Labels<Var<'t, F>>, scores: Var<'t, F>) -> Var<'t, F> {
        y.loss(scores)
    }

    /// A task in training: support and query go through the network as one batch, normalised with its statistics.
    fn outcome<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
        let (support, query) = (&task.support, &task.query);
        let x = Var::concat(&[support.x, query.x], 0);
        let z = self.embed(&meta.theta, x, &mut pass);
        let parts = z.split(0, &[support.x.shape()[0], query.x.shape()[0]]);
        let embedded = Examples { x: parts[0], y: support.y };
        let encoding = self.encode_support(&meta.theta, &embedded, &mut pass);
        let predictions = self.scores(&meta.theta, &encoding, parts[1], &mut pass);
        let loss = self.loss(&query.y, predictions);
        Outcome { statistics: pass.into_statistics(), ..Outcome::new(loss, predictions) }
    }

    /// A predictor that compares queries with this support, normalised by the learner's policy.
    fn predictor(&self, meta: &Meta<Array<F>>, support: &Examples<Array<F>>) -> Box<dyn Predictor<F>> {
        let normed = has_statistics(&meta.statistics);
        let encoded = |given: Option<&Params<Array<F>>>| {
            let (encoding, statistics) = encoded(self, &meta.theta, support, given);
            (SupportEncoding::Encoded(encoding), given.cloned().unwrap_or(statistics))
        };
        let (support_encoding, statistics) = match self.policy() {
            NormPolicy::Batch if normed => (SupportEncoding::Joint(support.clone()), Params::default()),
            NormPolicy::SupportPlusOne if normed => {
                (SupportEncoding::OneByOne(support.clone()), Params::default())
            }
            NormPolicy::SupportOnly if normed => encoded(None),
            _ => encoded(Some(&meta.statistics)),
        };
        let (weights, signature) = (meta.theta.clone(), self.spec().signature().clone());
        let input = support.x.shape().get(1..).map(<[usize]>::to_vec);
        Box::new(Comparison {
            learner: self.clone(),
            weights,
            statistics,
            support: support_encoding,
            signature,
            input,
        })
    }

    /// The predictor that held this state.
    ///
    /// # Errors
    /// When it is that of another learner.
    fn restored(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let spec = self.spec();
        let [weights, statistics] = state.fitted(&spec)?;
        let normed = has_statistics(&spec.statistics::<F>());
        let support = match self.policy() {
            NormPolicy::Batch if normed => SupportEncoding::Joint(support_of(state)?),
            NormPolicy::SupportPlusOne if normed => SupportEncoding::OneByOne(support_of(state)?),
            _ => {
                state.statistics_for(normed, statistics.clone())?;
                SupportEncoding::Encoded(state.known_all(self.encoding_names())?)
            }
        };
        state.check(&spec)?;
        let (signature, input) = (spec.signature().clone(), input_of(state, &spec));
        Ok(Box::new(Comparison { learner: self.clone(), weights, statistics, support, signature, input }))
    }
}

/// The encoding of a support, and the statistics that normalised it: those given, or its own, for which it is compared with itself.
fn encoded<F: Float>(
    learner: &impl MetricLearner<F>,
    weights: &Params<Array<F>>,
    support: &Examples<Array<F>>,
    given: Option<&Params<Array<F>>>,
) -> (Params<Array<F>>, Params<Array<F>>) {
    let tape = Tape::new();
    let mut pass = inference(&tape, given);
    let theta = weights.on(&tape);
    let z = learner.embed(&theta, tape.var(&support.x), &mut pass);
    let embedded = Examples { x: z, y: support.y.on(&tape) };
    let encoding = learner.encode_support(&theta, &embedded, &mut pass);
    if given.is_none() {
        learner.scores(&theta, &encoding, z, &mut pass);
    }
    (encoding.arrays(), pass.into_statistics().map(|s| s.arrays()).unwrap_or_default())
}

/// `impl Learner` for a [`MetricLearner`] with a field `policy`: the methods given, and those that are the same for all of them.
macro_rules! learner_by_comparison {
    (impl<$($parameter:ident: $bound:ident),+> Learner for $learner:ty { $($own:item)* }) => {
        impl<F: Float, $($parameter: $bound<F> + 'static),+> $crate::learner::Learner<F> for $learner {
            $($own)*

            fn answers_with(&self) -> $crate::fit::Answers {
                $crate::fit::Answers::SupportClasses
            }

            fn policy(&self) -> fewshot_nn::NormPolicy {
                self.policy
            }

            fn episode<'t>(
                &self,
                meta: &$crate::meta::Meta<Var<'t, F>>,
                task: &$crate::task::Task<Var<'t, F>>,
                noise: &fewshot_nn::Noise,
            ) -> $crate::outcome::Outcome<Var<'t, F>> {
                self.outcome(meta, task, noise)
            }

            fn predictors(
                &self,
                meta: &$crate::meta::Meta<fewshot_autodiff::Array<F>>,
                support: &$crate::task::Examples<fewshot_autodiff::Array<F>>,
                _: $crate::learner::Steps,
            ) -> Vec<Box<dyn $crate::predictor::Predictor<F>>> {
                vec![self.predictor(meta, support)]
            }

            fn restore(
                &self,
                state: &$crate::predictor::state::PredictorState<F>,
            ) -> Result<Box<dyn $crate::predictor::Predictor<F>>, $crate::error::Error> {
                self.restored(state)
            }
        }
    };
}
pub(crate) use learner_by_comparison;

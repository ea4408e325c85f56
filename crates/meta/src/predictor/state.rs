//! What a predictor holds, as arrays: enough to make it again without the support's labels.

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Input, ParamSpec, Params, Signature};

use crate::error::Error;

/// What has been learned from a support set, as named arrays. [`Predictor::state`](crate::Predictor::state) gives it,
/// [`Learner::restore`](crate::Learner::restore) makes the predictor of it again, [`save_predictor`](crate::save_predictor) and
/// [`Checkpoint::predictor`](crate::Checkpoint::predictor) keep it in a file, in the order it has here.
///
/// A learner's own `restore` takes the arrays by name: [`PredictorState::fitted`], [`PredictorState::known`] and [`PredictorState::check`] give them, or say
/// what is missing.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::PredictorState;
/// use fewshot_nn::{ParamBuilder, Init, Params};
/// let mut b = ParamBuilder::new();
/// b.weight("w", &[2], Init::Zeros);
/// let spec = b.finish().signed("temperature", 2.0);
/// let state = PredictorState {
///     weights: Params::new(vec![("w".to_string(), Array::new(&[2], vec![1.0, 2.0]))]),
///     signature: spec.signature().clone(),
///     ..PredictorState::<f32>::default()
/// };
/// let [weights, statistics] = state.fitted(&spec)?;
/// state.check(&spec)?;
/// assert_eq!((weights["w"].data(), statistics.len()), (&[1.0, 2.0][..], 0));
/// let error = state.check(&spec.signed("temperature", 1.0)).unwrap_err();
/// assert!(error.to_string().starts_with("its temperature is 2, not 1"), "{error}");
/// # Ok::<(), fewshot_meta::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PredictorState<F: Float = f32> {
    /// Weights of the network: adapted, or those of the embedding.
    pub weights: Params<Array<F>>,
    /// Statistics that normalise queries; empty where those of the batch at hand do.
    pub statistics: Params<Array<F>>,
    /// What is known of the support beside: prototypes, attention memory, ridge weights, or examples that queries are normalised with.
    pub memory: Params<Array<F>>,
    /// What distinguishes its learner from others with arrays of equal names and shapes ([`ParamSpec::signature`]); what is not known may be left
    /// away.
    pub signature: Signature,
    /// The shape of one example, where it is known.
    pub input: Option<Vec<usize>>,
}

impl<F: Float> Default for PredictorState<F> {
    /// Nothing.
    fn default() -> Self {
        PredictorState {
            weights: Params::default(),
            statistics: Params::default(),
            memory: Params::default(),
            signature: Signature::default(),
            input: None,
        }
    }
}

/// The values of a list in the order of `expected`, names and shapes of which it must have.
fn like<'a, F: Float>(
    given: &Params<Array<F>>,
    expected: impl Iterator<Item = (&'a str, &'a [usize])>,
    what: &str,
) -> Result<Params<Array<F>>, Error> {
    let other = |cause: String| Error::OtherLearner { cause };
    let mut all = Vec::new();
    for (name, shape) in expected {
        let value = given.get(name).ok_or_else(|| other(format!("there is no {what} {name}")))?;
        if value.shape() != shape {
            return Err(other(format!("{what} {name} is {:?}, not {shape:?}", value.shape())));
        }
        all.push((name.to_owned(), value.clone()));
    }
    if all.len() < given.len() {
        let known = |name: &&String| !all.iter().any(|(n, _)| n == *name);
        let unknown = given.names().iter().find(known);
        return Err(other(format!("{what} {} is none of the learner's", unknown.map_or("", |n| n))));
    }
    Ok(Params::new(all))
}

/// The shape of one example for a predictor that is made again: that which was saved, or the only one its learner takes.
pub(crate) fn input_of<F: Float>(state: &PredictorState<F>, learner: &ParamSpec) -> Option<Vec<usize>> {
    state.input.clone().or_else(|| match learner.input() {
        Input::Shape(shape) => Some(shape.clone()),
        Input::Any | Input::Numbers(_) => None,
    })
}

/// The first entry in which a signature and a learner's differ, in words.
pub(crate) fn difference(saved: &Signature, own: &Signature) -> Option<String> {
    let (name, saved, own) = saved.difference(own)?;
    Some(format!("its {name} is {saved}, not {own}"))
}

impl<F: Float> PredictorState<F> {
    /// Weights and statistics in the order of a spec that has them; no statistics where there are none.
    ///
    /// # Errors
    /// When one is missing, has another shape, or is none of the spec's.
    #[inline(never)]
    pub fn fitted(&self, spec: &ParamSpec) -> Result<[Params<Array<F>>; 2], Error> {
        let weights = like(&self.weights, spec.weights(), "weight")?;
        if self.statistics.is_empty() {
            return Ok([weights, Params::default()]);
        }
        let own = spec.statistics::<F>();
        let statistics = self.statistics.select(|name| own.get(name).is_some());
        Ok([weights, like(&statistics, spec.statistic_shapes(), "statistic")?])
    }

    /// Whether a learner of this spec is such as the one that learned it ([`ParamSpec::signature`]).
    ///
    /// # Errors
    /// When an entry that both signatures have differs.
    pub fn check(&self, spec: &ParamSpec) -> Result<(), Error> {
        difference(&self.signature, spec.signature())
            .map_or(Ok(()), |cause| Err(Error::OtherLearner { cause }))
    }

    /// The statistics of a model that may have norms.
    pub(crate) fn statistics_for(
        &self,
        normed: bool,
        statistics: Params<Array<F>>,
    ) -> Result<Params<Array<F>>, Error> {
        if normed && statistics.is_empty() {
            let cause = "there are no statistics to normalise queries with".into();
            return Err(Error::OtherLearner { cause });
        }
        Ok(statistics)
    }

    /// What is known of the support under each of these names.
    ///
    /// # Errors
    /// When there is nothing of one of them.
    pub fn known_all(&self, names: &[&str]) -> Result<Params<Array<F>>, Error> {
        let one = |name: &&str| Ok(((*name).to_owned(), self.known(name)?.clone()));
        Ok(Params::new(names.iter().map(one).collect::<Result<_, Error>>()?))
    }

    /// What is known of the support under this name.
    ///
    /// # Errors
    /// When there is nothing of this name.
    pub fn known(&self, name: &str) -> Result<&Array<F>, Error> {
        let cause = || format!("there is no {name} in what is known of the support");
        self.memory.get(name).ok_or_else(|| Error::OtherLearner { cause: cause() })
    }
}

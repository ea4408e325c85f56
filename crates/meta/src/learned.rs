//! What a predictor holds, as arrays: enough to make it again without the support's labels.

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Params, Spec};

use crate::error::Error;

/// What has been learned from a support set, as named arrays. [`Predictor::learned`](crate::Predictor::learned) gives it,
/// [`Learner::restore`](crate::Learner::restore) makes the predictor of it again, [`save_predictor`](crate::save_predictor) and
/// [`Checkpoint::predictor`](crate::Checkpoint::predictor) keep it in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned<F: Float = f32> {
    /// Weights of the network: adapted, or those of the embedding.
    pub weights: Params<Array<F>>,
    /// Statistics that normalise queries; empty where those of the batch at hand do.
    pub statistics: Params<Array<F>>,
    /// What is known of the support beside: prototypes, attention memory, ridge weights, or examples that queries are normalised with.
    pub memory: Params<Array<F>>,
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

impl<F: Float> Learned<F> {
    /// The weights and statistics in the order of a model that has them.
    pub(crate) fn fitted(&self, spec: &Spec) -> Result<[Params<Array<F>>; 2], Error> {
        let weights = like(&self.weights, spec.weights(), "weight")?;
        if self.statistics.is_empty() {
            return Ok([weights, Params::default()]);
        }
        let own = spec.statistics::<F>();
        let expected = own.iter().map(|(name, array)| (name, array.shape()));
        let statistics = self.statistics.select(|name| own.get(name).is_some());
        Ok([weights, like(&statistics, expected, "statistic")?])
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

    /// What is known of the support under this name.
    pub(crate) fn known(&self, name: &str) -> Result<&Array<F>, Error> {
        let cause = || format!("there is no {name} in what is known of the support");
        self.memory.get(name).ok_or_else(|| Error::OtherLearner { cause: cause() })
    }
}

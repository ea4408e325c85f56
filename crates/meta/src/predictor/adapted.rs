//! The predictor of every algorithm that adapts weights: the model with these weights.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Model, NormPolicy, ParamSpec, Params, Signature};

use crate::error::Error;
use crate::fit::{example, or_panic, queries};
use crate::learner::Predictor;
use crate::predictor::forward::{forward, forward_batch, forward_beside, has_statistics};
use crate::predictor::state::{Learned, input_of};
use crate::task::Examples;

/// Examples that queries are normalised with.
pub(crate) const SUPPORT: &str = "support";

/// Where the statistics that normalise a query come from.
enum Norm<F: Float> {
    Batch,
    Given(Params<Array<F>>),
    Beside(Array<F>),
}

/// A model with weights adapted to a support set.
struct Adapted<M, F: Float> {
    model: Arc<M>,
    weights: Params<Array<F>>,
    norm: Norm<F>,
    signature: Signature,
    input: Option<Vec<usize>>,
}

/// The model with weights adapted to a support set by a learner of this spec; `statistics` are the running ones.
pub(crate) fn predictor<F: Float, M: Model<F> + 'static>(
    model: &Arc<M>,
    learner: &ParamSpec,
    policy: NormPolicy,
    weights: Params<Array<F>>,
    statistics: &Params<Array<F>>,
    support: &Examples<F>,
) -> Box<dyn Predictor<F>> {
    let norm = match policy {
        NormPolicy::Batch => Norm::Batch,
        _ if !has_statistics(statistics) => Norm::Given(statistics.clone()),
        NormPolicy::Running { .. } => Norm::Given(statistics.clone()),
        NormPolicy::SupportOnly => Norm::Given(forward_batch(&**model, &weights, &support.x).1),
        NormPolicy::SupportPlusOne => Norm::Beside(support.x.clone()),
    };
    let (signature, input) = (learner.signature().clone(), Some(example(&support.x).to_vec()));
    Box::new(Adapted { model: Arc::clone(model), weights, norm, signature, input })
}

/// The predictor of adapted weights from what it held.
pub(crate) fn restored<F: Float, M: Model<F> + 'static>(
    model: &Arc<M>,
    learner: &ParamSpec,
    policy: NormPolicy,
    learned: &Learned<F>,
) -> Result<Box<dyn Predictor<F>>, Error> {
    let [weights, statistics] = learned.fitted(model.spec())?;
    let normed = has_statistics(&model.spec().statistics::<F>());
    let norm = match policy {
        NormPolicy::Batch if normed => Norm::Batch,
        NormPolicy::SupportPlusOne if normed => Norm::Beside(learned.known(SUPPORT)?.clone()),
        _ => Norm::Given(learned.statistics_for(normed, statistics)?),
    };
    learned.check(learner)?;
    let (signature, input) = (learner.signature().clone(), input_of(learned, learner));
    Ok(Box::new(Adapted { model: Arc::clone(model), weights, norm, signature, input }))
}

impl<F: Float, M: Model<F>> Predictor<F> for Adapted<M, F> {
    fn learned(&self) -> Option<Learned<F>> {
        let own: Vec<&str> = self.model.spec().weights().map(|(name, _)| name).collect();
        let weights = self.weights.select(|name| own.contains(&name));
        let (mut statistics, mut memory) = (Params::default(), Params::default());
        match &self.norm {
            Norm::Batch => {}
            Norm::Given(given) => statistics = given.clone(),
            Norm::Beside(support) => memory = Params::new(vec![(SUPPORT.to_owned(), support.clone())]),
        }
        let (signature, input) = (self.signature.clone(), self.input.clone());
        Some(Learned { weights, statistics, memory, signature, input })
    }

    fn input_shape(&self) -> Option<&[usize]> {
        self.input.as_deref()
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", queries(self.input_shape(), x));
        let Adapted { model, weights, norm, .. } = self;
        match norm {
            Norm::Batch => forward(&**model, weights, x, None),
            Norm::Given(statistics) => forward(&**model, weights, x, Some(statistics)),
            Norm::Beside(support) => forward_beside(&**model, weights, support, x),
        }
    }
}

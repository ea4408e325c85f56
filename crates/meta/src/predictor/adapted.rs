//! The predictor of every algorithm that adapts weights: the model with these weights.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Model, NormPolicy, ParamSpec, Params, Signature};

use crate::error::Error;
use crate::fit::{example, or_panic, queries};
use crate::predictor::Predictor;
use crate::predictor::forward::{forward, forward_batch, forward_beside, has_statistics};
use crate::predictor::state::{PredictorState, input_of};
use crate::task::Examples;

/// Examples that queries are normalised with.
pub(crate) const SUPPORT: &str = "support";

/// Where the statistics that normalise a query come from.
enum Norm<F: Float> {
    Batch,
    Given(Params<Array<F>>),
    Beside(Array<F>),
}

/// The predictor of every algorithm that adapts weights: a model with weights adapted to a support set, under every [`NormPolicy`].
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{AdaptedModel, Examples, Labels, learner_spec};
/// use fewshot_nn::{Mlp, Model, NormPolicy, Params};
/// use std::sync::Arc;
/// let (model, policy) = (Arc::new(Mlp::new(&[2, 8, 3])), NormPolicy::Batch);
/// let spec = learner_spec(Model::<f32>::spec(&*model).clone(), "Own", policy);
/// let weights = spec.init(&mut fewshot_episodes::stream(1, fewshot_episodes::Purpose::Init, 0)); // and then adapted
/// let support = Examples::new(Array::<f32>::zeros(&[3, 2]), Labels::Classes(vec![0, 1, 2]));
/// let predictor = AdaptedModel::predictor(&model, &spec, policy, weights, &Params::default(), &support);
/// let restored = AdaptedModel::restored(&model, &spec, policy, &predictor.state().unwrap())?;
/// assert_eq!(restored.predict(&support.x), predictor.predict(&support.x));
/// # Ok::<(), fewshot_meta::Error>(())
/// ```
pub struct AdaptedModel<M, F: Float = f32> {
    model: Arc<M>,
    weights: Params<Array<F>>,
    norm: Norm<F>,
    signature: Signature,
    input: Option<Vec<usize>>,
}

impl<F: Float, M: Model<F> + 'static> AdaptedModel<M, F> {
    /// The model with weights adapted to a support by a learner of this spec. `weights` has those of the model by name, `statistics` are the
    /// running ones of the model.
    pub fn predictor(
        model: &Arc<M>,
        learner: &ParamSpec,
        policy: NormPolicy,
        weights: Params<Array<F>>,
        statistics: &Params<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> Box<dyn Predictor<F>> {
        let norm = match policy {
            NormPolicy::Batch => Norm::Batch,
            _ if !has_statistics(statistics) => Norm::Given(statistics.clone()),
            NormPolicy::Running { .. } => Norm::Given(statistics.clone()),
            NormPolicy::SupportOnly => Norm::Given(forward_batch(&**model, &weights, &support.x).1),
            NormPolicy::SupportPlusOne => Norm::Beside(support.x.clone()),
        };
        let (signature, input) = (learner.signature().clone(), Some(example(&support.x).to_vec()));
        Box::new(AdaptedModel { model: Arc::clone(model), weights, norm, signature, input })
    }

    /// The predictor that held this state, for [`Learner::restore`](crate::Learner::restore).
    ///
    /// # Errors
    /// When weights or statistics are not the model's, or the signature is that of another learner.
    pub fn restored(
        model: &Arc<M>,
        learner: &ParamSpec,
        policy: NormPolicy,
        state: &PredictorState<F>,
    ) -> Result<Box<dyn Predictor<F>>, Error> {
        let [weights, statistics] = state.fitted(model.spec())?;
        let normed = has_statistics(&model.spec().statistics::<F>());
        let norm = match policy {
            NormPolicy::Batch if normed => Norm::Batch,
            NormPolicy::SupportPlusOne if normed => Norm::Beside(state.known(SUPPORT)?.clone()),
            _ => Norm::Given(state.statistics_for(normed, statistics)?),
        };
        state.check(learner)?;
        let (signature, input) = (learner.signature().clone(), input_of(state, learner));
        Ok(Box::new(AdaptedModel { model: Arc::clone(model), weights, norm, signature, input }))
    }
}

impl<F: Float, M: Model<F>> Predictor<F> for AdaptedModel<M, F> {
    fn state(&self) -> Option<PredictorState<F>> {
        let own: Vec<&str> = self.model.spec().weights().map(|(name, _)| name).collect();
        let weights = self.weights.select(|name| own.contains(&name));
        let (mut statistics, mut memory) = (Params::default(), Params::default());
        match &self.norm {
            Norm::Batch => {}
            Norm::Given(given) => statistics = given.clone(),
            Norm::Beside(support) => memory = Params::new(vec![(SUPPORT.to_owned(), support.clone())]),
        }
        let (signature, input) = (self.signature.clone(), self.input.clone());
        Some(PredictorState { weights, statistics, memory, signature, input })
    }

    fn input_shape(&self) -> Option<&[usize]> {
        self.input.as_deref()
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", queries(self.input_shape(), x));
        let AdaptedModel { model, weights, norm, .. } = self;
        match norm {
            Norm::Batch => forward(&**model, weights, x, None),
            Norm::Given(statistics) => forward(&**model, weights, x, Some(statistics)),
            Norm::Beside(support) => forward_beside(&**model, weights, support, x),
        }
    }
}

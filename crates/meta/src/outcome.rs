//! What a learner makes of one task.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Mode, Model, Noise, Params, Pass};

use crate::labels::{Labels, Metric};
use crate::task::Examples;

/// What a learner makes of one task: on a tape (`T = Var<'t, F>`) or at rest (`T = Array<F>`).
///
/// ```
/// use fewshot_autodiff::Tape;
/// use fewshot_meta::Outcome;
/// let tape = Tape::<f64>::new();
/// let prediction = tape.scalar(2.0);
/// let outcome = Outcome::new((prediction - 3.0).square(), prediction);
/// assert!(outcome.gradient.is_empty() && outcome.statistics.is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Outcome<T = Array<f32>> {
    /// Mean loss on the query `[]`: the number whose gradient is the meta-gradient.
    pub loss: T,
    /// Predictions for the query: logits `[n, ways]` or values `[n, outputs]`.
    pub predictions: T,
    /// The meta-gradient with the names of theta. [`Learner::episode`](crate::Learner::episode) leaves it empty,
    /// [`Learner::gradient`](crate::Learner::gradient) fills it in.
    pub gradient: Params<T>,
    /// Batch statistics of the query pass, to be averaged over tasks; none where a model has none.
    pub statistics: Option<Params<T>>,
    /// What the lane carries to its next task; empty where nothing is carried.
    pub carried: Params<T>,
}

impl<T> Outcome<T> {
    /// Loss and predictions of the query, without a gradient, statistics or anything carried.
    pub fn new(loss: T, predictions: T) -> Self {
        let (gradient, carried) = (Params::default(), Params::default());
        Outcome { loss, predictions, gradient, statistics: None, carried }
    }
}

impl<'t, F: Float> Outcome<Var<'t, F>> {
    /// A model's answers to the query with these weights, normalised with the query's statistics.
    ///
    /// # Panics
    /// When weights, examples or labels do not fit the model.
    #[track_caller]
    pub fn of_query(
        model: &impl Model<F>,
        weights: &Params<Var<'t, F>>,
        query: &Examples<Var<'t, F>>,
        noise: &Noise,
    ) -> Self {
        let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
        let predictions = model.forward(weights, query.x, &mut pass);
        let loss = query.y.loss(predictions);
        Outcome { statistics: pass.into_statistics(), ..Outcome::new(loss, predictions) }
    }

    /// The values as constants: copies that outlive a gradient, which frees the values it passes.
    #[must_use]
    pub fn detached(&self) -> Self {
        let constant = |x: &Var<'t, F>| x.detach();
        Outcome {
            loss: self.loss.detach(),
            predictions: self.predictions.detach(),
            statistics: self.statistics.as_ref().map(|all| all.map(constant)),
            gradient: self.gradient.map(constant),
            carried: self.carried.map(constant),
        }
    }

    /// The outcome as constants, with the derivative of its loss with respect to theta as the gradient.
    #[must_use]
    pub fn differentiated(self, theta: &Params<Var<'t, F>>) -> Self {
        let constant = self.detached();
        Outcome { gradient: self.loss.constant_grads(theta), ..constant }
    }

    /// The values as arrays.
    pub(crate) fn arrays(&self) -> Outcome<Array<F>> {
        Outcome {
            loss: self.loss.value(),
            predictions: self.predictions.value(),
            gradient: self.gradient.arrays(),
            statistics: self.statistics.as_ref().map(Params::arrays),
            carried: self.carried.arrays(),
        }
    }
}

impl<F: Float> Outcome<Array<F>> {
    /// Share of right answers to the query, for classification.
    ///
    /// # Panics
    /// When the labels are not those of the query.
    #[track_caller]
    pub fn accuracy(&self, query: &Labels<Array<F>>) -> Option<f64> {
        accuracy(query, &self.predictions)
    }
}

/// Share of right answers, for classification.
#[track_caller]
pub(crate) fn accuracy<F: Float>(labels: &Labels<Array<F>>, predictions: &Array<F>) -> Option<f64> {
    (labels.metric() == Metric::Accuracy).then(|| labels.score(predictions))
}

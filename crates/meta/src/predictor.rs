//! What has been learned from a support set, as something that answers queries.

pub(crate) mod adapted;
pub(crate) mod forward;
pub(crate) mod state;

use fewshot_autodiff::{Array, Float, Tape};

use crate::error::Error;
use crate::fit;
use crate::predictor::state::PredictorState;

/// What has been learned from a support set: answers queries.
///
/// Equal queries get equal answers each time. The predictors of this crate panic at the caller's line when queries do not fit;
/// `try_predict` is for queries from outside. Called through a plain `&dyn Predictor` a panic names a line of this crate, for Rust does
/// not pass the caller on through such calls; through a `Box<dyn Predictor>` it names the caller's.
pub trait Predictor<F: Float = f32>: Send + Sync {
    /// Logits `[n, ways]` or values `[n, outputs]` for examples along axis 0 of `x`.
    ///
    /// On the calling thread alone; under [`with_split`](fewshot_autodiff::with_split) on all threads, with the same bits, which pays from
    /// a dozen images on.
    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F>;

    /// The shape of one example, without the axis that counts them; nothing where it is not known.
    fn input_shape(&self) -> Option<&[usize]> {
        None
    }

    /// `predict`, for queries from outside.
    ///
    /// # Errors
    /// When `x` has no examples or examples of another shape than [`Predictor::input_shape`], or the answers are not finite.
    fn try_predict(&self, x: &Array<F>) -> Result<Array<F>, Error> {
        fit::queries(self.input_shape(), x)?;
        finite(self.predict(x))
    }

    /// Probabilities of the classes `[n, ways]` for examples along axis 0 of `x`: the softmax of the logits.
    #[track_caller]
    fn probabilities(&self, x: &Array<F>) -> Array<F> {
        Tape::new().var(&self.predict(x)).softmax(1).value()
    }

    /// `probabilities`, for queries from outside.
    ///
    /// # Errors
    /// As `try_predict`.
    fn try_probabilities(&self, x: &Array<F>) -> Result<Array<F>, Error> {
        fit::queries(self.input_shape(), x)?;
        finite(self.probabilities(x))
    }

    /// Embeddings `[n, d]` of examples along axis 0 of `x`, by which they are compared with the support; nothing for a predictor that does
    /// not compare.
    #[track_caller]
    fn embed(&self, x: &Array<F>) -> Option<Array<F>> {
        let _ = x;
        None
    }

    /// What it holds, to be saved or made again by [`Learner::restore`](crate::Learner::restore); nothing for a predictor that does not say.
    fn state(&self) -> Option<PredictorState<F>> {
        None
    }
}

fn finite<F: Float>(answers: Array<F>) -> Result<Array<F>, Error> {
    let cause =
        || "the answers are not finite: the queries are not, or the learner diverged while it adapted".into();
    if answers.all_finite() { Ok(answers) } else { Err(Error::Unfit { cause: cause() }) }
}

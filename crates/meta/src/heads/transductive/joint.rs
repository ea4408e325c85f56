//! A support and all queries of a call, and the predictor that answers them together.

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Params, Signature};

use crate::fit::{or_panic, queries};
use crate::heads::algebra::Matrix;
use crate::heads::solved::centre_of;
use crate::heads::transductive::head::Transductive;
use crate::heads::transform::Transform;
use crate::metric::comparison::memory_of_support;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;
use crate::task::Examples;

/// Transformed features of a support, in which every class has an example, and of queries.
pub(crate) struct Joint<'a> {
    /// `[n, d]`.
    pub(crate) support: &'a Matrix,
    pub(crate) classes: &'a [usize],
    pub(crate) ways: usize,
    /// `[m, d]`.
    pub(crate) query: &'a Matrix,
}

/// The predictor of a transductive head: it keeps the support.
pub(crate) struct JointPredictor<F: Float> {
    pub(crate) kind: Transductive,
    pub(crate) signature: Signature,
    /// That which is kept: its numbers are of type `F`.
    pub(crate) transform: Transform,
    pub(crate) support: Examples<Array<F>>,
    pub(crate) input: Option<Vec<usize>>,
}

impl<F: Float> Predictor<F> for JointPredictor<F> {
    fn input_shape(&self) -> Option<&[usize]> {
        self.input.as_deref()
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", queries(self.input_shape(), x));
        let Examples { x: support, y } = &self.support;
        let (support, query) = (self.transform.apply(support), self.transform.apply(x));
        let classes = y.class_list("predict");
        self.kind.logits(&Joint { support: &support, classes, ways: y.ways(), query: &query }).cast()
    }

    #[track_caller]
    fn embed(&self, x: &Array<F>) -> Option<Array<F>> {
        or_panic("embed", queries(self.input_shape(), x));
        Some(self.transform.apply(x).cast())
    }

    fn state(&self) -> Option<PredictorState<F>> {
        let mut memory = memory_of_support(&self.support);
        memory.extend(centre_of(&self.transform));
        let (signature, input) = (self.signature.clone(), self.input.clone());
        let memory = Params::new(memory);
        Some(PredictorState { memory, signature, input, ..PredictorState::default() })
    }
}

//! The predictor of a head: what was solved for on a support.

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Params, Signature};

use crate::error::Error;
use crate::fit::{or_panic, queries};
use crate::heads::algebra::{Matrix, cosines, product, squared_distances};
use crate::heads::feature_head::FeatureHead;
use crate::heads::head_kind::HeadKind;
use crate::heads::transform::Transform;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;

/// The class means `[ways, d]`.
pub(crate) const MEANS: &str = "means";
/// The weights `[d, ways]` and bias `[ways]` of a linear head.
pub(crate) const WEIGHTS: &str = "weights";
pub(crate) const BIAS: &str = "bias";
/// What is taken off the features: `[d]`.
pub(crate) const CENTRE: &str = "centre";

/// A linear classifier of transformed features.
pub(crate) struct Linear {
    /// `[d, ways]`.
    pub(crate) weights: Matrix,
    /// `[ways]`.
    pub(crate) bias: Vec<f64>,
}

/// What was learned from a support.
pub(crate) enum Solved {
    Means(Matrix),
    Linear(Linear),
}

impl Solved {
    /// The arrays that hold it, in this element type.
    pub(crate) fn memory<F: Float>(&self) -> Vec<(String, Array<F>)> {
        match self {
            Solved::Means(means) => vec![(MEANS.to_owned(), means.cast())],
            Solved::Linear(Linear { weights, bias }) => vec![
                (WEIGHTS.to_owned(), weights.cast()),
                (BIAS.to_owned(), Array::new(&[bias.len()], bias.clone()).cast()),
            ],
        }
    }

    /// Arrays as of one that was not found.
    pub(crate) fn unknown(kind: HeadKind, d: usize, ways: usize) -> Self {
        match kind.is_of_means() {
            true => Solved::Means(Array::full(&[ways, d], f64::NAN)),
            false => Solved::Linear(Linear {
                weights: Array::full(&[d, ways], f64::NAN),
                bias: vec![f64::NAN; ways],
            }),
        }
    }

    /// That of a state of a head of this kind, and the number of features.
    fn of_state<F: Float>(kind: HeadKind, state: &PredictorState<F>) -> Result<(Self, usize), Error> {
        let matrix = |name: &str| {
            let array = state.known(name)?;
            match array.rank() {
                2 => Ok(array.cast::<f64>()),
                _ => other(format!("{name} is {:?}, not a matrix", array.shape())),
            }
        };
        match kind.is_of_means() {
            true => {
                let means = matrix(MEANS)?;
                let d = means.shape()[1];
                Ok((Solved::Means(means), d))
            }
            false => {
                let (weights, bias) = (matrix(WEIGHTS)?, state.known(BIAS)?);
                let [d, ways] = [weights.shape()[0], weights.shape()[1]];
                if bias.shape() != [ways] {
                    return other(format!("bias is {:?} beside weights [{d}, {ways}]", bias.shape()));
                }
                Ok((Solved::Linear(Linear { weights, bias: bias.cast().to_vec() }), d))
            }
        }
    }
}

fn other<T>(cause: String) -> Result<T, Error> {
    Err(Error::OtherLearner { cause })
}

/// The predictor of a head.
pub(crate) struct HeadPredictor<F: Float> {
    pub(crate) head: FeatureHead,
    pub(crate) signature: Signature,
    /// That which is kept: its numbers are of type `F`.
    pub(crate) transform: Transform,
    pub(crate) solved: Solved,
    /// What was solved for, and the centre.
    pub(crate) memory: Params<Array<F>>,
    pub(crate) input: Option<Vec<usize>>,
}

impl<F: Float> HeadPredictor<F> {
    /// What was solved for with a transform of this element type.
    pub(crate) fn new(
        head: FeatureHead,
        signature: Signature,
        solved: &Solved,
        transform: Transform,
        input: Option<Vec<usize>>,
    ) -> Result<Self, Error> {
        let mut memory = solved.memory();
        memory.extend(centre_of(&transform));
        let state = PredictorState { memory: Params::new(memory), ..PredictorState::default() };
        let (solved, _) = Solved::of_state(head.kind, &state)?;
        Ok(HeadPredictor { head, signature, transform, solved, memory: state.memory, input })
    }

    /// That which held this state.
    ///
    /// # Errors
    /// When it is that of another learner.
    pub(crate) fn restored(
        head: FeatureHead,
        signature: Signature,
        state: &PredictorState<F>,
    ) -> Result<Self, Error> {
        let (solved, d) = Solved::of_state(head.kind, state)?;
        let transform = restored_transform(&head.transform, state, d)?;
        let (memory, input) = (state.memory.clone(), state.input.clone());
        Ok(HeadPredictor { head, signature, transform, solved, memory, input })
    }

    fn logits(&self, z: &Matrix) -> Matrix {
        match (&self.solved, self.head.kind) {
            (Solved::Means(means), HeadKind::Cosine { scale }) => cosines(z, means).map(|cos| scale * cos),
            (Solved::Means(means), _) => squared_distances(z, means).map(|distance| -distance),
            (Solved::Linear(Linear { weights, bias }), _) => {
                let mut logits = product(z, weights);
                for row in logits.data_mut().chunks_exact_mut(bias.len()) {
                    row.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
                }
                logits
            }
        }
    }
}

/// The centre of a transform, as what a state holds.
pub(crate) fn centre_of<F: Float>(transform: &Transform) -> Option<(String, Array<F>)> {
    let centre = transform.centre()?;
    Some((CENTRE.to_owned(), Array::new(&[centre.len()], centre.to_vec()).cast()))
}

/// The transform of a predictor that held this state, of features of `d` numbers: its centre is that of the state.
///
/// # Errors
/// When there is none where the learner has one, or it has another size.
pub(crate) fn restored_transform<F: Float>(
    own: &Transform,
    state: &PredictorState<F>,
    d: usize,
) -> Result<Transform, Error> {
    let Transform::CentredUnitLength { .. } = own else { return Ok(own.clone()) };
    let centre = state.known(CENTRE)?;
    if centre.shape() != [d] {
        return other(format!("centre is {:?} beside features of {d} numbers", centre.shape()));
    }
    Ok(Transform::CentredUnitLength { centre: centre.cast().to_vec() })
}

impl<F: Float> Predictor<F> for HeadPredictor<F> {
    fn input_shape(&self) -> Option<&[usize]> {
        self.input.as_deref()
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", queries(self.input_shape(), x));
        let temperature = self.head.temperature;
        self.logits(&self.transform.apply(x)).map(|logit| logit / temperature).cast()
    }

    #[track_caller]
    fn embed(&self, x: &Array<F>) -> Option<Array<F>> {
        or_panic("embed", queries(self.input_shape(), x));
        Some(self.transform.apply(x).cast())
    }

    fn state(&self) -> Option<PredictorState<F>> {
        let (memory, signature) = (self.memory.clone(), self.signature.clone());
        Some(PredictorState { memory, signature, input: self.input.clone(), ..PredictorState::default() })
    }
}

//! A memory-augmented network in use: what fits it, and what it has read.

use fewshot_autodiff::{Array, Float, Tape};
use fewshot_nn::Params;

use crate::error::Error;
use crate::fit::{self, Answers, or_panic};
use crate::labels::Labels;
use crate::memory::mann::Mann;
use crate::memory::mann::label_code::LabelCode;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;
use crate::task::Examples;

/// The label given last, in what a predictor holds.
pub(crate) const LAST: &str = "last_label";

impl Mann {
    /// Examples and labels are such as the network reads.
    pub(crate) fn check_side<F: Float>(&self, who: &str, examples: &Examples<Array<F>>) -> Result<(), Error> {
        let (read, given, width) = (self.inputs, fit::example(&examples.x), self.labels.width());
        let cause = match (&examples.y, self.labels) {
            _ if given.iter().product::<usize>() != read => {
                format!("the {who} has examples {given:?}, the network takes {read} numbers")
            }
            (Labels::Classes(_), LabelCode::OneHot(names)) => {
                return fit::labels(who, &examples.y, Answers::Outputs(names));
            }
            (Labels::Values(letters), LabelCode::Strings) if fit::example(letters) == [width] => {
                return Ok(());
            }
            (Labels::Values(letters), LabelCode::Strings) => {
                format!("the {who} has labels {:?}, a string is [{width}]", fit::example(letters))
            }
            (Labels::Values(_), LabelCode::OneHot(_)) => {
                format!("the {who}: real targets given, but it tells numbered classes apart")
            }
            (Labels::Classes(_), LabelCode::Strings) => {
                format!("the {who}: numbered classes given, but it names them by strings")
            }
        };
        Err(Error::Unfit { cause })
    }

    /// Examples are whole steps of a batch of sequences.
    pub(crate) fn check_sequences<F: Float>(&self, sequences: &Examples<Array<F>>) -> Result<(), Error> {
        fit::counted("batch of sequences", sequences)?;
        self.check_side("batch of sequences", sequences)?;
        let (rows, batch) = (sequences.y.len(), self.batch);
        let whole = batch > 0 && rows.is_multiple_of(batch);
        let cause = || format!("{rows} examples are no whole number of steps of {batch} sequences");
        if whole { Ok(()) } else { Err(Error::Unfit { cause: cause() }) }
    }
}

/// A network that has read a support.
pub(crate) struct Reader<F: Float> {
    pub(crate) learner: Mann,
    pub(crate) weights: Params<Array<F>>,
    pub(crate) state: Params<Array<F>>,
    /// The label given last.
    pub(crate) last: Array<F>,
    pub(crate) input: Option<Vec<usize>>,
}

impl<F: Float> Predictor<F> for Reader<F> {
    fn input_shape(&self) -> Option<&[usize]> {
        self.input.as_deref()
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", fit::queries(self.input_shape(), x));
        let tape = Tape::new();
        let theta = self.weights.on(&tape);
        let last = tape.var(&self.last);
        self.learner.next(&theta, tape.var(x), &self.state.on(&tape), last).value()
    }

    fn state(&self) -> Option<PredictorState<F>> {
        let mut memory: Vec<(String, Array<F>)> =
            self.state.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        memory.push((LAST.to_owned(), self.last.clone()));
        Some(PredictorState {
            weights: self.weights.clone(),
            memory: Params::new(memory),
            signature: self.learner.spec.signature().clone(),
            input: self.input.clone(),
            ..PredictorState::default()
        })
    }
}

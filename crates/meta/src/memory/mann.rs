//! Memory-augmented neural networks (Santoro, Bartunov, Botvinick, Wierstra, Lillicrap 2016: "Meta-Learning with Memory-Augmented
//! Neural Networks", ICML).
//!
//! Images come one after another, each with the label of the one before it. The network learns to keep what it is told until it
//! sees the class again: learning a new class is what happens in its memory, no weight changes.

pub(crate) mod core;
pub(crate) mod gradient;
pub(crate) mod label_code;
pub(crate) mod reader;

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{ALPHABET, STRING_LENGTH};
use fewshot_nn::{
    Batches, Bias, Init, Input, Linear, MannConfig, Noise, ParamBuilder, ParamSpec, Params, Tail,
};

use crate::error::Error;
use crate::fit::{self, Answers, or_panic};
use crate::labels::Labels;
use crate::learner::{Learner, Steps};
use crate::memory::mann::core::{Cell, Core, read_weights};
use crate::memory::mann::gradient::{Reading, through_time};
use crate::memory::mann::label_code::LabelCode;
use crate::memory::mann::reader::{LAST, Reader};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::state::{PredictorState, input_of};
use crate::task::{Examples, Task};

/// A network that learns a task by reading it, example by example.
///
/// A task whose support is empty is a batch of sequences ([`Sequences`](fewshot_episodes::Sequences)): the loss is the mean over all steps, of
/// strings the sum over their letters. Any other is an N-way K-shot episode: the support in random order makes the
/// sequence, and each query is its next step, by itself; the loss is that of the queries. Either way the label of a
/// step enters with the next one, and the memory is wiped before.
///
/// ```
/// use fewshot_meta::{LabelCode, Learner, Mann};
/// let mann = Mann::new(400, LabelCode::OneHot(5), 16);
/// assert_eq!(Learner::<f32>::spec(&mann).count(), 679_729);
/// ```
///
/// A predictor holds the memory after the support. It has been told of all labels but the last, which it gets with a query.
#[derive(Clone, Debug)]
pub struct Mann {
    pub(crate) cell: Cell,
    output: Linear,
    pub(crate) inputs: usize,
    /// What classes are called.
    pub labels: LabelCode,
    /// Sequences of a training task.
    pub batch: usize,
    pub(crate) spec: ParamSpec,
}

impl Mann {
    /// The paper's network for examples of `inputs` numbers, trained on `batch` sequences at a time.
    pub fn new(inputs: usize, labels: LabelCode, batch: usize) -> Self {
        Mann::on(Core::Memory(MannConfig::santoro()), inputs, labels, batch)
    }

    /// A network on this memory, or on a baseline, for examples of `inputs` numbers, trained on `batch` sequences at a
    /// time.
    pub fn on(core: Core, inputs: usize, labels: LabelCode, batch: usize) -> Self {
        let mut b = ParamBuilder::new();
        let cell = b.scope("cell", |b| Cell::new(b, core, inputs + labels.width()));
        let output = b.scope("output", |b| {
            Linear::with_init(b, cell.outputs(), labels.width(), Init::XavierUniform, Bias::Zeros)
        });
        b.takes(Input::Numbers(inputs));
        b.sign("algorithm", "Mann");
        b.sign(
            "labels",
            match labels {
                LabelCode::OneHot(_) => "one-hot",
                LabelCode::Strings => "strings",
            },
        );
        b.sign(
            "core",
            match core {
                Core::Memory(_) => "memory",
                Core::Lstm(_) => "LSTM",
                Core::FeedForward(_) => "feed-forward",
            },
        );
        Mann { cell, output, inputs, labels, batch, spec: b.finish() }
    }

    /// All steps of some sequences, row `step * batch + k` being sequence `k`.
    #[track_caller]
    pub(crate) fn read<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        labels: Var<'t, F>,
        batch: usize,
    ) -> Reading<'t, F> {
        let (x, tape) = (self.flat(x), x.tape());
        let rows = x.shape()[0];
        assert!(
            batch > 0 && rows > 0 && rows.is_multiple_of(batch),
            "Mann: {rows} examples are no whole number of steps of {batch} sequences"
        );
        let none = tape.var(&Array::zeros(&[batch, self.labels.width()]));
        let before = Var::concat(&[none, labels.slice(0, 0..rows - batch)], 0);
        let entered = self.cell.project(theta, Var::concat(&[x, before], 1));
        let mut state = self.cell.start(tape, batch);
        let (mut outputs, mut states) = (Vec::new(), Vec::new());
        for input in entered.steps(batch) {
            let (output, next) = self.cell.step(theta, input, &state);
            outputs.push(output);
            states.push(next.clone());
            state = next;
        }
        let outputs = Var::concat(&outputs, 0);
        Reading { logits: self.output.forward(theta, outputs), entered, outputs, states }
    }

    /// Examples as rows.
    #[track_caller]
    fn flat<'t, F: Float>(&self, x: Var<'t, F>) -> Var<'t, F> {
        let (shape, flat) = (x.shape(), x.flatten());
        assert_eq!(
            flat.shape()[1],
            self.inputs,
            "Mann: examples {shape}, but the network reads {} numbers",
            self.inputs
        );
        flat
    }

    /// Logits of queries `[n, ..]`, each the next step of one sequence that ended in this state with this label.
    #[track_caller]
    pub(crate) fn next<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        state: &Params<Var<'t, F>>,
        last: Var<'t, F>,
    ) -> Var<'t, F> {
        let x = self.flat(x);
        let n = x.shape()[0];
        let to_all = |value: &Var<'t, F>| {
            let mut shape = value.shape().to_vec();
            shape[0] = n;
            value.broadcast_to(&shape)
        };
        let entered = self.cell.project(theta, Var::concat(&[x, to_all(&last)], 1));
        let (output, _) = self.cell.step(theta, entered, &state.map(to_all));
        self.output.forward(theta, output)
    }

    /// The state after a support and its last label `[1, width]`.
    #[track_caller]
    fn study<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
    ) -> (Params<Var<'t, F>>, Var<'t, F>) {
        let labels = self.labels.coded(&support.y);
        let n = labels.shape()[0];
        let mut states = self.read(theta, support.x, labels, 1).states;
        (states.pop().expect("a support has examples"), labels.slice(0, n - 1..n))
    }

    /// The mean loss over steps, and what is predicted: logits, or of strings the probabilities of their letters.
    pub(crate) fn judged<'t, F: Float>(
        &self,
        labels: &Labels<Var<'t, F>>,
        logits: Var<'t, F>,
    ) -> (Var<'t, F>, Var<'t, F>) {
        match self.labels {
            LabelCode::OneHot(_) => (labels.loss(logits), logits),
            LabelCode::Strings => {
                let n = logits.shape()[0];
                let letters = logits.reshape(&[n * STRING_LENGTH, ALPHABET]).log_softmax(1);
                let letters = letters.reshape(&[n, STRING_LENGTH * ALPHABET]);
                let right = (self.labels.coded(labels) * letters).sum();
                (right / F::of(-(n as f64)), letters.exp())
            }
        }
    }

    /// Predictions for all steps of a batch of sequences, `[steps * batch, width]`: logits, or of strings the probabilities of their
    /// letters.
    ///
    /// # Panics
    /// When the examples are no whole number of steps, or the labels are of another code.
    #[track_caller]
    pub fn answers<F: Float>(&self, meta: &Meta<Array<F>>, sequences: &Examples<Array<F>>) -> Array<F> {
        or_panic("answers", self.check_meta(meta).and_then(|()| self.check_sequences(sequences)));
        let tape = Tape::new();
        let (theta, y) = (meta.theta.on(&tape), sequences.y.on(&tape));
        let reading = self.read(&theta, tape.var(&sequences.x), self.labels.coded(&y), self.batch);
        self.judged(&y, reading.logits).1.value()
    }

    /// Where each head reads at each step of one sequence, `[heads, slots]`; nothing without a memory.
    ///
    /// # Panics
    /// When the labels are of another code.
    #[track_caller]
    pub fn read_weights<F: Float>(
        &self,
        meta: &Meta<Array<F>>,
        sequence: &Examples<Array<F>>,
    ) -> Option<Vec<Array<F>>> {
        or_panic("read_weights", self.check_meta(meta).and_then(|()| self.check_support(sequence)));
        let tape = Tape::new();
        let (theta, y) = (meta.theta.on(&tape), sequence.y.on(&tape));
        let reading = self.read(&theta, tape.var(&sequence.x), self.labels.coded(&y), 1);
        reading.states.iter().map(|state| read_weights(&state.arrays())).collect()
    }
}

impl<F: Float> Learner<F> for Mann {
    fn spec(&self) -> ParamSpec {
        self.spec.clone()
    }

    fn answers_with(&self) -> Answers {
        match self.labels {
            LabelCode::OneHot(names) => Answers::Outputs(names),
            LabelCode::Strings => Answers::Unknown,
        }
    }

    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        fit::counted("support", support)?;
        self.check_side("support", support)
    }

    /// A task without a support is a batch of sequences.
    fn check_task(&self, task: &Task<Array<F>>) -> Result<(), Error> {
        if !task.support.y.is_empty() {
            self.check_support(&task.support)?;
            fit::query(task, Answers::Unknown)?;
            return self.check_side("query", &task.query);
        }
        self.check_sequences(&task.query)
    }

    /// # Panics
    /// When the labels are of another code than the learner's, or sequences are no whole number of steps.
    #[track_caller]
    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let theta = &meta.theta;
        let examples = task.support.x.shape()[0];
        let logits = if examples == 0 {
            self.read(theta, task.query.x, self.labels.coded(&task.query.y), self.batch).logits
        } else {
            let order = Batches { examples, size: examples, count: 1, tail: Tail::Shared };
            let order = noise.batches(task.query.x.tape(), order)[0];
            let (state, last) = self.study(theta, &task.support.pick(order));
            self.next(theta, task.query.x, &state, last)
        };
        let (loss, predictions) = self.judged(&task.query.y, logits);
        Outcome::new(loss, predictions)
    }

    fn gradient<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        through_time(self, meta, task, noise)
    }

    /// Reads the support once, class after class in turn: the first example of each, then the second.
    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        _: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let order = in_turn(support.y.class_list("Mann"));
        let tape = Tape::new();
        let theta = meta.theta.on(&tape);
        let (state, last) = self.study(&theta, &support.on(&tape).pick(tape.index(&order)));
        let (state, last) = (state.arrays(), last.value());
        let (weights, input) = (meta.theta.clone(), Some(fit::example(&support.x).to_vec()));
        vec![Box::new(Reader { learner: self.clone(), weights, state, last, input })]
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let [weights, _] = state.fitted(&self.spec)?;
        let memory = state.known_all(self.cell.state_names())?;
        let (last, input) = (state.known(LAST)?.clone(), input_of(state, &self.spec));
        state.check(&self.spec)?;
        Ok(Box::new(Reader { learner: self.clone(), weights, state: memory, last, input }))
    }
}

/// Places of examples such that classes take turns.
fn in_turn(classes: &[usize]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..classes.len()).collect();
    let earlier = |place: usize| classes[..place].iter().filter(|class| **class == classes[place]).count();
    places.sort_by_key(|&place| (earlier(place), classes[place]));
    places
}

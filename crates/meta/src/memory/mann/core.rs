//! What a sequence learner remembers with: an external memory, or, as baselines, an LSTM's cells or nothing.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{
    Bias, Init, Linear, LstmCell, LstmState, MannCell, MannConfig, MannInput, MannState, ParamBuilder, Params,
};

/// What a [`Mann`](crate::Mann) is built on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Core {
    /// An LSTM with an external memory.
    Memory(MannConfig),
    /// The baseline: an LSTM alone, with its number of units.
    Lstm(usize),
    /// The baseline without a memory: one layer of rectified units, with their number.
    FeedForward(usize),
}

/// A core with the places of its weights.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    Memory(MannCell),
    Lstm { cell: LstmCell, size: usize },
    FeedForward { layer: Linear, size: usize },
}

/// What inputs bring into steps, beside the state.
#[derive(Clone, Copy)]
pub(crate) enum Entered<'t, F: Float> {
    Memory(MannInput<'t, F>),
    Plain(Var<'t, F>),
}

impl<'t, F: Float> Entered<'t, F> {
    /// Splits projected inputs into steps of `rows` rows each.
    pub(crate) fn steps(&self, rows: usize) -> Vec<Self> {
        match self {
            Entered::Memory(input) => input.steps(rows).into_iter().map(Entered::Memory).collect(),
            Entered::Plain(x) => {
                let sizes = vec![rows; x.shape()[0] / rows];
                x.split(0, &sizes).into_iter().map(Entered::Plain).collect()
            }
        }
    }
}

const HIDDEN: &str = "hidden";
const CELL: &str = "cell";
const READ: &str = "read";
const MEMORY: &str = "memory";
const READ_WEIGHTS: &str = "read_weights";
const USAGE: &str = "usage";

impl Cell {
    pub(crate) fn new(b: &mut ParamBuilder, core: Core, inputs: usize) -> Self {
        let glorot = Init::XavierUniform;
        match core {
            Core::Memory(config) => Cell::Memory(MannCell::new(b, inputs, &config)),
            Core::Lstm(size) => {
                Cell::Lstm { cell: LstmCell::with_init(b, inputs, size, glorot, Init::Zeros), size }
            }
            Core::FeedForward(size) => {
                Cell::FeedForward { layer: Linear::with_init(b, inputs, size, glorot, Bias::Zeros), size }
            }
        }
    }

    /// Numbers of an output.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Cell::Memory(cell) => cell.outputs(),
            Cell::Lstm { size, .. } | Cell::FeedForward { size, .. } => *size,
        }
    }

    /// The state before the first step of `n` sequences.
    pub(crate) fn start<'t, F: Float>(&self, tape: &'t Tape<F>, n: usize) -> Params<Var<'t, F>> {
        match self {
            Cell::Memory(cell) => named(cell.start(tape, n)),
            Cell::Lstm { cell, .. } => recalled(cell.start(tape, n)),
            Cell::FeedForward { .. } => Params::default(),
        }
    }

    /// Names of the arrays of a state.
    pub(crate) fn state_names(&self) -> &'static [&'static str] {
        match self {
            Cell::Memory(_) => &[HIDDEN, CELL, READ, MEMORY, READ_WEIGHTS, USAGE],
            Cell::Lstm { .. } => &[HIDDEN, CELL],
            Cell::FeedForward { .. } => &[],
        }
    }

    /// What of an input does not depend on the state, for all steps at once.
    pub(crate) fn project<'t, F: Float>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>) -> Entered<'t, F> {
        match self {
            Cell::Memory(cell) => Entered::Memory(cell.project(theta, x)),
            Cell::Lstm { .. } => Entered::Plain(x),
            Cell::FeedForward { layer, .. } => Entered::Plain(layer.forward(theta, x).relu()),
        }
    }

    /// One step from a projected input: output and next state.
    pub(crate) fn step<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        entered: Entered<'t, F>,
        state: &Params<Var<'t, F>>,
    ) -> (Var<'t, F>, Params<Var<'t, F>>) {
        match (self, entered) {
            (Cell::Memory(cell), Entered::Memory(input)) => {
                let state = MannState {
                    hidden: state[HIDDEN],
                    cell: state[CELL],
                    read: state[READ],
                    memory: state[MEMORY],
                    read_weights: state[READ_WEIGHTS],
                    usage: state[USAGE],
                };
                let (output, next) = cell.step(theta, input, state);
                (output, named(next))
            }
            (Cell::Lstm { cell, .. }, Entered::Plain(x)) => {
                let before = LstmState { hidden: state[HIDDEN], cell: state[CELL] };
                let next = cell.forward(theta, x, before);
                (next.hidden, recalled(next))
            }
            (Cell::FeedForward { .. }, Entered::Plain(x)) => (x, Params::default()),
            _ => unreachable!("what enters is the cell's own"),
        }
    }
}

fn named<'t, F: Float>(state: MannState<'t, F>) -> Params<Var<'t, F>> {
    let values = [
        (HIDDEN, state.hidden),
        (CELL, state.cell),
        (READ, state.read),
        (MEMORY, state.memory),
        (READ_WEIGHTS, state.read_weights),
        (USAGE, state.usage),
    ];
    Params::new(values.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

fn recalled<'t, F: Float>(state: LstmState<'t, F>) -> Params<Var<'t, F>> {
    Params::new(vec![(HIDDEN.to_owned(), state.hidden), (CELL.to_owned(), state.cell)])
}

/// Where each head of a memory read, `[heads, slots]`, in a state of one sequence; nothing without a memory.
pub(crate) fn read_weights<F: Float>(state: &Params<Array<F>>) -> Option<Array<F>> {
    state.get(READ_WEIGHTS).map(|weights| weights.clone().reshape(&weights.shape()[1..]))
}

//! Recurrent layers over sequences: any number of layers, in one direction or both, with the state going in and out.

use fewshot_autodiff::{Float, Tape, Var};

use crate::gru::GruCell;
use crate::lstm::{LstmCell, LstmState};
use crate::params::Params;
use crate::spec::ParamBuilder;

/// One step of a recurrent layer: what [`Recurrent`] repeats.
pub trait Cell: Sized {
    /// The state between steps.
    type State<'t, F: Float>: Copy;

    /// A cell with its usual initial values and weights in the present scope.
    fn make(b: &mut ParamBuilder, inputs: usize, size: usize) -> Self;

    /// The state before the first step of `n` sequences.
    fn first<'t, F: Float>(&self, tape: &'t Tape<F>, n: usize) -> Self::State<'t, F>;

    /// The output `[n, size]` and the next state from an input `[n, inputs]` and a state.
    ///
    /// # Panics
    /// When sizes differ.
    #[track_caller]
    fn step<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        state: Self::State<'t, F>,
    ) -> (Var<'t, F>, Self::State<'t, F>);
}

impl Cell for LstmCell {
    type State<'t, F: Float> = LstmState<'t, F>;

    fn make(b: &mut ParamBuilder, inputs: usize, size: usize) -> Self {
        LstmCell::new(b, inputs, size)
    }

    fn first<'t, F: Float>(&self, tape: &'t Tape<F>, n: usize) -> LstmState<'t, F> {
        self.start(tape, n)
    }

    #[track_caller]
    fn step<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        state: LstmState<'t, F>,
    ) -> (Var<'t, F>, LstmState<'t, F>) {
        let next = self.forward(params, x, state);
        (next.hidden, next)
    }
}

impl Cell for GruCell {
    type State<'t, F: Float> = Var<'t, F>;

    fn make(b: &mut ParamBuilder, inputs: usize, size: usize) -> Self {
        GruCell::new(b, inputs, size)
    }

    fn first<'t, F: Float>(&self, tape: &'t Tape<F>, n: usize) -> Var<'t, F> {
        self.start(tape, n)
    }

    #[track_caller]
    fn step<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        state: Var<'t, F>,
    ) -> (Var<'t, F>, Var<'t, F>) {
        let next = self.forward(params, x, state);
        (next, next)
    }
}

/// The direction in which a layer reads a sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the first step to the last.
    #[default]
    Forward,
    /// Both directions, with their outputs concatenated.
    Both,
}

/// Layers of recurrent cells over a sequence, each reading what the one below gives.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::{ParamBuilder, Direction, Lstm};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
/// let mut b = ParamBuilder::new();
/// let lstm = Lstm::new(&mut b, 3, 8, 2, Direction::Both); // inputs, size, layers
/// let theta = b.finish().init::<f32>(&mut ChaCha8Rng::seed_from_u64(1));
/// let tape = Tape::new();
/// let steps = [0, 1, 2, 3].map(|t| tape.var(&Array::full(&[5, 3], t as f32)));
/// let (outputs, last) = lstm.forward(&theta.on(&tape), &steps, None);
/// assert_eq!((outputs.len(), outputs[0].shape().to_vec()), (4, vec![5, 16]));
/// assert_eq!(last.len(), 4); // one state for each layer and direction
/// ```
///
/// Weights are named `layer1.forward.w_x` and so on, `layer1.backward.w_x` for the way back.
#[derive(Debug, Clone)]
pub struct Recurrent<C> {
    /// Layer by layer, the way there and, if any, the way back.
    cells: Vec<Vec<C>>,
}

/// Long short-term memory over sequences.
pub type Lstm = Recurrent<LstmCell>;
/// Gated recurrent units over sequences.
pub type Gru = Recurrent<GruCell>;

impl<C: Cell> Recurrent<C> {
    /// `layers` layers of `size` units each, on steps of `inputs` numbers.
    ///
    /// # Panics
    /// When `layers` is 0.
    #[track_caller]
    pub fn new(
        b: &mut ParamBuilder,
        inputs: usize,
        size: usize,
        layers: usize,
        direction: Direction,
    ) -> Self {
        assert!(layers > 0, "Recurrent: there is no layer");
        let ways: &[&str] = match direction {
            Direction::Forward => &["forward"],
            Direction::Both => &["forward", "backward"],
        };
        let mut below = inputs;
        let cells = (1..=layers).map(|layer| {
            let one = |way: &&str| b.scope(&format!("layer{layer}.{way}"), |b| C::make(b, below, size));
            let cells: Vec<C> = ways.iter().map(one).collect();
            below = size * ways.len();
            cells
        });
        Recurrent { cells: cells.collect() }
    }

    /// The outputs of the last layer at each step, `[n, size]`, or `[n, 2 size]` in both directions, from steps `[n, inputs]`; and the last
    /// state of each layer, forward then backward (the backward layer's last state is the one at the first step). `start` is a list of
    /// states like the returned one; `None` starts with zeros.
    ///
    /// # Panics
    /// When sizes differ, there are no steps, or `start` has another number of states.
    #[track_caller]
    pub fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        steps: &[Var<'t, F>],
        start: Option<&[C::State<'t, F>]>,
    ) -> (Vec<Var<'t, F>>, Vec<C::State<'t, F>>) {
        let ways = self.cells[0].len();
        let count = self.cells.len() * ways;
        let given = start.map_or(count, <[_]>::len);
        assert_eq!(given, count, "Recurrent: {given} states for {count} layers and ways");
        let first = steps.first().expect("Recurrent: there are no steps");
        let (tape, n) = (first.tape(), first.shape()[0]);
        let (mut steps, mut last) = (steps.to_vec(), Vec::with_capacity(count));
        for (layer, cells) in self.cells.iter().enumerate() {
            let outputs: Vec<Vec<Var<'t, F>>> = cells
                .iter()
                .enumerate()
                .map(|(way, cell)| {
                    let mut state = start.map_or_else(|| cell.first(tape, n), |all| all[layer * ways + way]);
                    let outputs = read(cell, params, &steps, &mut state, way == 1);
                    last.push(state);
                    outputs
                })
                .collect();
            let joined = |t: usize| match &outputs[..] {
                [one] => one[t],
                both => Var::concat(&both.iter().map(|way| way[t]).collect::<Vec<_>>(), 1),
            };
            steps = (0..steps.len()).map(joined).collect();
        }
        (steps, last)
    }
}

/// The outputs of a cell at each step, in the order of the steps, whichever way it reads them.
#[track_caller]
fn read<'t, F: Float, C: Cell>(
    cell: &C,
    params: &Params<Var<'t, F>>,
    steps: &[Var<'t, F>],
    state: &mut C::State<'t, F>,
    back: bool,
) -> Vec<Var<'t, F>> {
    let mut one = |x: &Var<'t, F>| {
        let (output, next) = cell.step(params, *x, *state);
        *state = next;
        output
    };
    if !back {
        return steps.iter().map(one).collect();
    }
    let mut outputs: Vec<Var<'t, F>> = steps.iter().rev().map(&mut one).collect();
    outputs.reverse();
    outputs
}

//! An LSTM with an external memory: the cell of memory-augmented neural networks.

use fewshot_autodiff::{Array, Float, Tape, Var};

use crate::init::Init;
use crate::least_used::least_used;
use crate::lstm::LstmState;
use crate::params::{ParamId, Params};
use crate::spec::ParamBuilder;

/// The value of every element of a wiped memory: not 0, as cosines of a zero vector are not defined.
const WIPED: f64 = 1e-6;
/// Added to squared norms below the square root.
const EPS: f64 = 1e-16;

/// How a memory is written and addressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// As in the paper: every head writes its key to the same least used slots, as many as there are heads; the gate between them and the
    /// slots read last is one learned number for each head.
    Paper,
    /// Each head writes a vector of its own to a least used slot of its own, so that its write weights sum to 1; gates depend on the
    /// controller. The memory is written, then addressed.
    #[default]
    PerHead,
    /// All heads share the least used slots, as in the paper; the memory is addressed before it is written and read afterwards; gates
    /// depend on the controller.
    Shared,
}

crate::named!(Access, "access to a memory" { Paper = "paper", PerHead = "per-head", Shared = "shared" });

/// Sizes of a [`MannCell`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannConfig {
    /// Hidden units of the controller, an LSTM.
    pub controller: usize,
    /// Slots of the memory.
    pub slots: usize,
    /// Width of a slot.
    pub width: usize,
    /// Number of heads that read and write.
    pub heads: usize,
    /// Factor of a slot's usage after each step.
    pub decay: f64,
    /// How the memory is written and addressed.
    pub access: Access,
}

impl MannConfig {
    /// The paper's: controller 200, memory 128 x 40, 4 heads; usage decays to 0.99.
    pub fn santoro() -> Self {
        MannConfig {
            controller: 200,
            slots: 128,
            width: 40,
            heads: 4,
            decay: 0.99,
            access: Access::default(),
        }
    }
}

/// The state of a [`MannCell`] between steps.
#[derive(Debug, Clone, Copy)]
pub struct MannState<'t, F: Float = f32> {
    /// Hidden state of the controller `[n, controller]`.
    pub hidden: Var<'t, F>,
    /// Cell state of the controller `[n, controller]`.
    pub cell: Var<'t, F>,
    /// The vectors read last `[n, heads * width]`.
    pub read: Var<'t, F>,
    /// The memory `[n, slots, width]`.
    pub memory: Var<'t, F>,
    /// Where each head read last: weights `[n, heads, slots]`.
    pub read_weights: Var<'t, F>,
    /// Usage of the slots `[n, slots]`; no gradient passes through it.
    pub usage: Var<'t, F>,
}

/// Projected inputs of a step ([`MannCell::project`]), which do not depend on the state; rows are inputs.
#[derive(Debug, Clone, Copy)]
pub struct MannInput<'t, F: Float = f32> {
    /// The inputs' part of the controller's gates `[n, 4 controller]`.
    pub gates: Var<'t, F>,
    /// The bias of the heads' controls `[n, heads * ..]`.
    pub heads: Var<'t, F>,
}

impl<'t, F: Float> MannInput<'t, F> {
    /// Splits projected inputs into steps of `rows` rows each.
    ///
    /// # Panics
    /// When their number is no multiple of `rows`.
    #[track_caller]
    pub fn steps(&self, rows: usize) -> Vec<Self> {
        let sizes = vec![rows; self.gates.shape()[0] / rows];
        let parts = self.gates.split(0, &sizes).into_iter().zip(self.heads.split(0, &sizes));
        parts.map(|(gates, heads)| MannInput { gates, heads }).collect()
    }
}

/// A memory-augmented network's cell: LSTM controller, memory, least recently used access (Santoro, Bartunov, Botvinick, Wierstra,
/// Lillicrap 2016: "Meta-Learning with Memory-Augmented Neural Networks", ICML, section 3).
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::{ParamBuilder, MannCell, MannConfig};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
/// let mut b = ParamBuilder::new();
/// let cell = MannCell::new(&mut b, 405, &MannConfig::santoro());
/// let theta = b.finish().init::<f32>(&mut ChaCha8Rng::seed_from_u64(1));
/// let tape = Tape::new();
/// let theta = theta.on(&tape);
/// let start = cell.start(&tape, 16); // 16 sequences
/// let x = tape.var(&Array::ones(&[16, 405]));
/// let (output, next) = cell.forward(&theta, x, start);
/// assert_eq!(output.shape().to_vec(), [16, 360]); // hidden state and what four heads read
/// assert_eq!(next.memory.shape().to_vec(), [16, 128, 40]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MannCell {
    config: MannConfig,
    w_x: ParamId,
    w_state: ParamId,
    bias: ParamId,
    w_heads: ParamId,
    b_heads: ParamId,
    gates: Option<ParamId>,
}

/// The heads' controls in one step.
struct Heads<'t, F: Float> {
    /// Keys that the heads address the memory by `[n, heads, width]`.
    keys: Var<'t, F>,
    /// Vectors that the heads write `[n, heads, width]`.
    written: Var<'t, F>,
    /// Gates between the slots read last and the least used ones `[n or 1, heads, 1]`.
    gates: Var<'t, F>,
}

impl MannCell {
    /// A cell for examples of `inputs` numbers. Weights are Glorot uniform, biases and gates start at 0 (at a half).
    pub fn new(b: &mut ParamBuilder, inputs: usize, config: &MannConfig) -> Self {
        let MannConfig { controller, width, heads, .. } = *config;
        let told = heads * Self::told(config);
        let glorot = Init::XavierUniform;
        b.sign("slots", config.slots);
        b.sign("heads", heads);
        b.sign("decay", config.decay);
        b.sign(
            "access",
            match config.access {
                Access::Paper => "paper",
                Access::PerHead => "per head",
                Access::Shared => "shared",
            },
        );
        MannCell {
            config: *config,
            w_x: b.weight("w_x", &[inputs, 4 * controller], glorot),
            w_state: b.weight("w_state", &[controller + heads * width, 4 * controller], glorot),
            bias: b.weight("b", &[4 * controller], Init::Zeros),
            w_heads: b.weight("w_heads", &[controller, told], glorot),
            b_heads: b.weight("b_heads", &[told], Init::Zeros),
            gates: (config.access == Access::Paper).then(|| b.weight("gates", &[heads], Init::Zeros)),
        }
    }

    /// Number of controls of a head.
    fn told(config: &MannConfig) -> usize {
        match config.access {
            Access::Paper => config.width,
            Access::PerHead => 2 * config.width + 1,
            Access::Shared => config.width + 1,
        }
    }

    /// The cell's sizes.
    pub fn config(&self) -> &MannConfig {
        &self.config
    }

    /// Size of an output: the hidden state and the vector that each head has read.
    pub fn outputs(&self) -> usize {
        self.config.controller + self.config.heads * self.config.width
    }

    /// The state before the first step of `n` sequences: memory wiped, all heads at the first slot, which alone is used.
    pub fn start<'t, F: Float>(&self, tape: &'t Tape<F>, n: usize) -> MannState<'t, F> {
        let MannConfig { controller, slots, width, heads, .. } = self.config;
        let zeros = tape.var(&Array::zeros(&[n, controller]));
        let at_first = |i: usize| if i.is_multiple_of(slots) { F::one() } else { F::zero() };
        MannState {
            hidden: zeros,
            cell: zeros,
            read: tape.var(&Array::zeros(&[n, heads * width])),
            memory: tape.var(&Array::full(&[n, slots, width], F::of(WIPED))),
            read_weights: tape.var(&Array::from_fn(&[n, heads, slots], at_first)),
            usage: tape.var(&Array::from_fn(&[n, slots], at_first)),
        }
    }

    /// Projects inputs `[n, inputs]`: one call for all steps where inputs are known in advance.
    ///
    /// # Panics
    /// When sizes differ.
    #[track_caller]
    pub fn project<'t, F: Float>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>) -> MannInput<'t, F> {
        let told = params[self.b_heads];
        MannInput {
            gates: x.matmul(params[self.w_x]) + params[self.bias],
            heads: told.broadcast_to(&[x.shape()[0], told.shape()[0]]),
        }
    }

    /// Names of the weights that meet the state in every step.
    pub const SHARED: [&str; 2] = ["w_state", "w_heads"];

    /// Gradients of the [`MannCell::SHARED`] weights, as one product over all steps each: from the outputs of all steps, `n` rows a step,
    /// and the gradients with respect to the projected inputs.
    ///
    /// # Panics
    /// When sizes differ.
    #[track_caller]
    pub fn shared_gradients<'t, F: Float>(
        &self,
        outputs: Var<'t, F>,
        n: usize,
        entered: &MannInput<'t, F>,
    ) -> [Var<'t, F>; 2] {
        let rows = outputs.shape()[0];
        let first = outputs.tape().var(&Array::zeros(&[n, self.outputs()]));
        // a step's state is the output of the one before
        let before = Var::concat(&[first, outputs.slice(0, 0..rows - n)], 0);
        let hidden = outputs.slice(1, 0..self.config.controller);
        [before.matmul_tn(entered.gates), hidden.matmul_tn(entered.heads)]
    }

    /// One step from an input `[n, inputs]`: the output `[n, outputs]` and the next state.
    ///
    /// # Panics
    /// When sizes differ.
    #[track_caller]
    pub fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        state: MannState<'t, F>,
    ) -> (Var<'t, F>, MannState<'t, F>) {
        self.step(params, self.project(params, x), state)
    }

    /// One step from a projected input ([`MannCell::project`]).
    ///
    /// # Panics
    /// When sizes differ.
    #[track_caller]
    pub fn step<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        input: MannInput<'t, F>,
        state: MannState<'t, F>,
    ) -> (Var<'t, F>, MannState<'t, F>) {
        let before = Var::concat(&[state.hidden, state.read], 1);
        let gates = input.gates + before.matmul(params[self.w_state]);
        let LstmState { hidden, cell } = LstmState::after(gates, state.cell);
        let heads = self.heads(params, hidden.matmul(params[self.w_heads]) + input.heads);
        let next = MannState { hidden, cell, ..self.remember(&heads, &state) };
        (Var::concat(&[hidden, next.read], 1), next)
    }

    fn heads<'t, F: Float>(&self, params: &Params<Var<'t, F>>, told: Var<'t, F>) -> Heads<'t, F> {
        let MannConfig { width, heads, access, .. } = self.config;
        let n = told.shape()[0];
        let vectors = if access == Access::PerHead { 2 } else { 1 };
        let parts = match self.gates {
            Some(_) => vec![told],
            None => told.split(1, &[vectors * heads * width, heads]),
        };
        let vectors = parts[0].tanh().reshape(&[n, vectors * heads, width]);
        let gates = match self.gates {
            Some(gates) => params[gates].sigmoid().reshape(&[1, heads, 1]),
            None => parts[1].sigmoid().reshape(&[n, heads, 1]),
        };
        match access {
            Access::PerHead => {
                let vectors = vectors.split(1, &[heads, heads]);
                Heads { keys: vectors[0], written: vectors[1], gates }
            }
            _ => Heads { keys: vectors, written: vectors, gates },
        }
    }

    /// Writes and reads the memory and updates usage: the next state but for the controller's.
    fn remember<'t, F: Float>(&self, heads: &Heads<'t, F>, state: &MannState<'t, F>) -> MannState<'t, F> {
        let MannConfig { slots, width, decay, access, heads: count, .. } = self.config;
        let n = state.usage.shape()[0];
        let least = least_used(state.usage.detach(), count);
        let fresh = if access == Access::PerHead { least } else { least.keep_sum(&[1]) };
        let write_weights = heads.gates * state.read_weights + (-heads.gates + F::one()) * fresh;
        let kept = (-least.slice(1, 0..1) + F::one()).reshape(&[n, slots, 1]);
        let memory = state.memory * kept + write_weights.matmul_tn(heads.written);
        let addressed = if access == Access::Shared { state.memory } else { memory };
        let read_weights = cosines(heads.keys, addressed).softmax(2);
        let counted = (read_weights.detach() + write_weights.detach()).sum_axes(&[1]);
        MannState {
            read: read_weights.matmul(memory).reshape(&[n, count * width]),
            memory,
            read_weights,
            usage: state.usage.detach() * F::of(decay) + counted,
            ..*state
        }
    }
}

/// Cosines of the angles between keys `[n, heads, width]` and slots `[n, slots, width]`, `[n, heads, slots]`.
fn cosines<'t, F: Float>(keys: Var<'t, F>, memory: Var<'t, F>) -> Var<'t, F> {
    let norm = |x: Var<'t, F>| (x.square().keep_sum(&[2]) + F::of(EPS)).sqrt();
    let (n, slots) = (memory.shape()[0], memory.shape()[1]);
    keys.matmul_nt(memory) / (norm(keys) * norm(memory).reshape(&[n, 1, slots]))
}

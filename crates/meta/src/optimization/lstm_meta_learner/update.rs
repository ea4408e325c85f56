//! An update rule that is learned: a two-layer LSTM whose cell state is a weight (Ravi and Larochelle 2017, sections 3.1 and 3.2).

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Init, LstmCell, LstmState, ParamBuilder, ParamId, ParamSpec, Params};

use crate::inner_loop::rematerialize::Memory;

/// `p` of the preprocessing.
const P: f64 = 10.0;
/// Numbers that layer one sees: two of the gradient, two of the loss.
const INPUTS: usize = 4;

/// Gradients or losses `[n, 1]` as two numbers of like size for small and large ones (Andrychowicz et al. 2016, appendix A), `[n, 2]`:
/// `(ln |x| / p, sign x)` where `|x| >= e^-p`, else `(-1, e^p x)`, with `p = 10`.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// let tape = Tape::<f64>::new();
/// let x = tape.var(&Array::new(&[2, 1], vec![-1.0, 0.0]));
/// assert_eq!(fewshot_meta::preprocessed(x).value().to_vec(), [0.0, -1.0, -1.0, 0.0]);
/// ```
///
/// # Panics
/// When `x` is not `[n, 1]`.
#[track_caller]
pub fn preprocessed<F: Float>(x: Var<'_, F>) -> Var<'_, F> {
    let shape = x.shape();
    assert!(shape.len() == 2 && shape[1] == 1, "preprocessed: {shape} is not [n, 1]");
    // the limits join both branches
    let size = x.abs().max_scalar(F::of((-P).exp())).ln() * F::of(1.0 / P);
    let sign = (x * F::of(P.exp())).clamp(-F::one(), F::one());
    Var::concat(&[size, sign], 1)
}

/// `sigmoid(W [h, theta, gate before] + b)`.
#[derive(Clone, Copy, Debug)]
struct Gate {
    weight: ParamId,
    bias: ParamId,
}

/// A gradient step whose decay and rate are learned, the same function for every single weight (coordinate) of a network:
///
/// ```text
/// h_t     = LSTM([pre(g_t), pre(L_t)], state_{t-1})              layer one
/// f_t     = sigmoid(W_F [h_t, theta_{t-1}, f_{t-1}] + b_F)       layer two
/// i_t     = sigmoid(W_I [h_t, theta_{t-1}, i_{t-1}] + b_I)
/// theta_t = f_t theta_{t-1} - i_t g_t
/// ```
///
/// with the gradient `g_t`, the loss `L_t` and [`preprocessed`] for `pre`. As in the released code, what is fed back for `f_{t-1}` and
/// `i_{t-1}` are the values before the sigmoid, 0 at first. Coordinates are rows: its weights are shared by all, its states are each one's own.
///
/// Weights: `lstm.w_x` `[4, 4 hidden]`, `lstm.w_h` `[hidden, 4 hidden]`, `lstm.b` `[4 hidden]`, and of each gate `weight`
/// `[hidden + 2, 1]` and `bias` `[1]`, all under `meta_learner`.
#[derive(Clone, Debug)]
pub struct LearnedUpdate {
    lstm: LstmCell,
    forget: Gate,
    input: Gate,
    spec: ParamSpec,
}

/// What is known of some coordinates between two steps.
#[derive(Clone, Copy, Debug)]
pub struct Coordinates<'t, F: Float = f32> {
    /// The weights themselves, `[n, 1]`: the cell state of layer two.
    pub theta: Var<'t, F>,
    /// State of layer one, `[n, hidden]` each.
    pub lstm: LstmState<'t, F>,
    /// Forget and input gate before the sigmoid, `[n, 2]`.
    pub gates: Var<'t, F>,
}

impl LearnedUpdate {
    /// A learned update with `hidden` units in layer one (the paper's code: 20).
    ///
    /// It starts near gradient descent of rate 0.01 (section 3.3.2): weights uniform within 0.01, `b_F` in `[4, 5)`, `b_I` in `[-5, -4)`.
    pub fn new(hidden: usize) -> Self {
        let mut b = ParamBuilder::new();
        let small = Init::Uniform { bound: 0.01 };
        let (lstm, forget, input) = b.scope("meta_learner", |b| {
            let lstm = b.scope("lstm", |b| LstmCell::with_init(b, INPUTS, hidden, small, small));
            let mut gate = |name: &str, low: f64| {
                b.scope(name, |b| Gate {
                    weight: b.weight("weight", &[hidden + 2, 1], small),
                    bias: b.weight("bias", &[1], Init::Between { low, high: low + 1.0 }),
                })
            };
            (lstm, gate("forget", 4.0), gate("input", -5.0))
        });
        LearnedUpdate { lstm, forget, input, spec: b.finish() }
    }

    /// The weights of the update's networks.
    pub fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    /// Coordinates `[n, 1]` before the first step: all states 0.
    ///
    /// # Panics
    /// When `theta` is not `[n, 1]`.
    #[track_caller]
    pub fn start<'t, F: Float>(&self, theta: Var<'t, F>) -> Coordinates<'t, F> {
        check_column("LearnedUpdate", "weights", theta, theta.shape()[0]);
        let (tape, n): (&Tape<F>, usize) = (theta.tape(), theta.shape()[0]);
        Coordinates { theta, lstm: self.lstm.start(tape, n), gates: tape.var(&Array::zeros(&[n, 2])) }
    }

    /// The coordinates after a step along `gradient` `[n, 1]` at a `loss` `[]`, with `params` those of [`LearnedUpdate::spec`].
    ///
    /// # Panics
    /// When shapes differ.
    #[track_caller]
    pub fn step<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        before: &Coordinates<'t, F>,
        gradient: Var<'t, F>,
        loss: Var<'t, F>,
    ) -> Coordinates<'t, F> {
        let n = before.theta.shape()[0];
        check_column("LearnedUpdate", "gradients", gradient, n);
        let loss = preprocessed(loss.reshape(&[1, 1])).broadcast_to(&[n, 2]);
        let seen = Var::concat(&[preprocessed(gradient), loss], 1);
        let lstm = self.lstm.forward(params, seen, before.lstm);
        let gates = self.gates(params, lstm.hidden, before);
        let open = gates.sigmoid().split(1, &[1, 1]);
        Coordinates { theta: open[0] * before.theta - open[1] * gradient, lstm, gates }
    }

    /// Both gates before the sigmoid, `[n, 2]`, in one product.
    fn gates<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        hidden: Var<'t, F>,
        before: &Coordinates<'t, F>,
    ) -> Var<'t, F> {
        let both = |of: fn(&Gate) -> ParamId| {
            let pair = [params[of(&self.forget)], params[of(&self.input)]];
            Var::concat(&pair, pair[0].shape().len() - 1)
        };
        let weights = both(|gate| gate.weight).split(0, &[hidden.shape()[1], 1, 1]);
        let [of_hidden, of_theta, of_gate] = [weights[0], weights[1], weights[2]];
        let known = before.theta * of_theta + before.gates * of_gate + both(|gate| gate.bias);
        hidden.matmul(of_hidden) + known
    }

    /// [`LearnedUpdate::step`], of which only its results are kept with [`Memory::Recompute`].
    pub(crate) fn remembered<'t, F: Float>(
        &self,
        memory: Memory,
        params: &Params<Var<'t, F>>,
        before: &Coordinates<'t, F>,
        gradient: Var<'t, F>,
        loss: Var<'t, F>,
    ) -> Coordinates<'t, F> {
        if memory == Memory::Keep {
            return self.step(params, before, gradient, loss);
        }
        let (own, names) = (self.clone(), params.map(|_| ()));
        let mut inputs = vec![gradient, loss];
        inputs.extend(before.values());
        inputs.extend(params.values());
        let after = loss.tape().checkpoint(&inputs, move |v| {
            let params = names.with_values(v[6..].to_vec());
            own.step(&params, &Coordinates::of(&v[2..6]), v[0], v[1]).values().to_vec()
        });
        Coordinates::of(&after)
    }
}

impl<'t, F: Float> Coordinates<'t, F> {
    pub(crate) fn values(&self) -> [Var<'t, F>; 4] {
        [self.theta, self.lstm.hidden, self.lstm.cell, self.gates]
    }

    /// From what `values` gives.
    pub(crate) fn of(values: &[Var<'t, F>]) -> Self {
        let lstm = LstmState { hidden: values[1], cell: values[2] };
        Coordinates { theta: values[0], lstm, gates: values[3] }
    }
}

#[track_caller]
fn check_column<F: Float>(who: &str, what: &str, x: Var<'_, F>, n: usize) {
    let shape = x.shape();
    assert!(shape == [n, 1], "{who}: {what} {shape} are not [{n}, 1]");
}

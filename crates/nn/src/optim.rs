//! Outer optimisers: they act on arrays, and their state can be saved and restored.

use fewshot_autodiff::{Array, Float};

use crate::params::Params;

/// An outer optimiser: makes the next weights from weights and gradients.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::{Adam, Optimizer, Params};
///
/// let mut theta = Params::new(vec![("w".to_owned(), Array::new(&[2], vec![3.0_f64, -2.0]))]);
/// let mut adam = Adam::default();
/// for _ in 0..500 {
///     let tape = Tape::new();
///     let w = theta.on(&tape);
///     let gradients = w["w"].square().sum().backward(&w);
///     theta = adam.step(&theta, &gradients, 0.05);
/// }
/// assert!(theta["w"].data().iter().all(|w| w.abs() < 1e-2));
/// ```
pub trait Optimizer<F: Float = f32>: Send {
    /// The weights after one step with rate `lr`.
    ///
    /// # Panics
    /// When names or shapes differ from each other or from those of earlier steps.
    fn step(&mut self, theta: &Params<Array<F>>, gradients: &Params<Array<F>>, lr: f64) -> Params<Array<F>>;

    /// The optimiser's state: everything that the next step depends on beside its arguments.
    fn state(&self) -> Params<Array<F>>;

    /// A state with the names and shapes of one after a step on `theta`, to check a saved state against.
    fn state_like(&self, theta: &Params<Array<F>>) -> Params<Array<F>>;

    /// Restores a state that [`state`](Optimizer::state) returned.
    ///
    /// # Panics
    /// When `state` belongs to another kind of optimiser.
    fn restore(&mut self, state: &Params<Array<F>>);
}

impl<F: Float, O: Optimizer<F> + ?Sized> Optimizer<F> for Box<O> {
    #[track_caller]
    fn step(&mut self, theta: &Params<Array<F>>, gradients: &Params<Array<F>>, lr: f64) -> Params<Array<F>> {
        (**self).step(theta, gradients, lr)
    }

    fn state(&self) -> Params<Array<F>> {
        (**self).state()
    }

    fn state_like(&self, theta: &Params<Array<F>>) -> Params<Array<F>> {
        (**self).state_like(theta)
    }

    #[track_caller]
    fn restore(&mut self, state: &Params<Array<F>>) {
        (**self).restore(state);
    }
}

/// Groups of arrays in one list, named `first.block1.conv.weight`.
pub(crate) fn join<F: Float>(groups: &[(&str, &Params<Array<F>>)], steps: u64) -> Params<Array<F>> {
    let mut entries = vec![("steps".to_owned(), Array::scalar(F::of(steps as f64)))];
    for (group, params) in groups {
        let named = |(name, x): (&str, &Array<F>)| (format!("{group}.{name}"), x.clone());
        entries.extend(params.iter().map(named));
    }
    Params::new(entries)
}

#[track_caller]
pub(crate) fn part<F: Float>(state: &Params<Array<F>>, group: &str) -> Params<Array<F>> {
    let named = |(name, x): (&str, &Array<F>)| {
        let name = name.strip_prefix(group)?.strip_prefix('.')?;
        Some((name.to_owned(), x.clone()))
    };
    let part: Vec<_> = state.iter().filter_map(named).collect();
    assert!(
        steps(state) == 0 || !part.is_empty(),
        "Optimizer::restore: {:?} hold no {group:?}: the state of another kind of optimiser",
        state.names()
    );
    Params::new(part)
}

#[track_caller]
pub(crate) fn steps<F: Float>(state: &Params<Array<F>>) -> u64 {
    state["steps"].item().as_f64() as u64
}

/// `moment`, or zeros in the shapes of `like` before the first step.
pub(crate) fn or_zeros<F: Float>(moment: &Params<Array<F>>, like: &Params<Array<F>>) -> Params<Array<F>> {
    if moment.is_empty() { like.map(|x| Array::zeros(x.shape())) } else { moment.clone() }
}

#[track_caller]
fn mix<F: Float>(
    old: &Params<Array<F>>,
    new: &Params<Array<F>>,
    keep: f64,
    f: impl Fn(F) -> F,
) -> Params<Array<F>> {
    let (keep, take) = (F::of(keep), F::of(1.0 - keep));
    old.zip(new, |o, n| o.zip(n, |o, n| keep * o + take * f(n)))
}

/// Stochastic gradient descent: `v <- momentum v + g; theta <- theta - lr v`; with Nesterov's momentum the step is
/// `g + momentum v`. Weight decay is added to the gradient.
#[derive(Debug, Clone)]
pub struct Sgd<F: Float = f32> {
    /// Weight of earlier gradients, 0 for none.
    pub momentum: f64,
    /// Which form of momentum.
    pub form: Momentum,
    /// Multiple of the weights that is added to the gradients.
    pub weight_decay: f64,
    velocity: Params<Array<F>>,
    steps: u64,
}

/// The form of momentum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Momentum {
    /// Steps along the velocity (Polyak 1964).
    HeavyBall,
    /// Steps along where the velocity will be (Nesterov 1983, as Sutskever et al. 2013).
    Nesterov,
}

impl<F: Float> Default for Sgd<F> {
    /// No momentum and no weight decay.
    fn default() -> Self {
        Self::new(0.0, Momentum::HeavyBall, 0.0)
    }
}

impl<F: Float> Sgd<F> {
    /// Gradient descent with momentum and weight decay.
    pub fn new(momentum: f64, form: Momentum, weight_decay: f64) -> Self {
        Sgd { momentum, form, weight_decay, velocity: Params::default(), steps: 0 }
    }
}

impl<F: Float> Optimizer<F> for Sgd<F> {
    #[track_caller]
    #[inline(never)]
    fn step(&mut self, theta: &Params<Array<F>>, gradients: &Params<Array<F>>, lr: f64) -> Params<Array<F>> {
        let (mu, decay, lr) = (F::of(self.momentum), F::of(self.weight_decay), F::of(lr));
        let g = gradients.zip(theta, |g, w| g.zip(w, |g, w| g + decay * w));
        self.velocity = or_zeros(&self.velocity, theta).zip(&g, |v, g| v.zip(g, |v, g| mu * v + g));
        self.steps += 1;
        let direction = match self.form {
            Momentum::HeavyBall => self.velocity.clone(),
            Momentum::Nesterov => g.zip(&self.velocity, |g, v| g.zip(v, |g, v| g + mu * v)),
        };
        theta.zip(&direction, |w, d| w.zip(d, |w, d| w - lr * d))
    }

    #[inline(never)]
    fn state(&self) -> Params<Array<F>> {
        join(&[("velocity", &self.velocity)], self.steps)
    }

    fn state_like(&self, theta: &Params<Array<F>>) -> Params<Array<F>> {
        join(&[("velocity", theta)], 1)
    }

    #[track_caller]
    #[inline(never)]
    fn restore(&mut self, state: &Params<Array<F>>) {
        self.velocity = part(state, "velocity");
        self.steps = steps(state);
    }
}

/// Adam (Kingma and Ba 2015, algorithm 1), and AdamW (Loshchilov and Hutter 2019) when weights decay.
#[derive(Debug, Clone)]
pub struct Adam<F: Float = f32> {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the bias-corrected second moment.
    pub eps: f64,
    /// Decoupled weight decay: weights shrink by `lr weight_decay` of themselves each step.
    pub weight_decay: f64,
    first: Params<Array<F>>,
    second: Params<Array<F>>,
    steps: u64,
}

impl<F: Float> Default for Adam<F> {
    /// beta1 0.9, beta2 0.999, eps 1e-8, no decay.
    fn default() -> Self {
        Self::new(0.9, 0.999, 1e-8)
    }
}

impl<F: Float> Adam<F> {
    /// Adam with these constants.
    pub fn new(beta1: f64, beta2: f64, eps: f64) -> Self {
        Adam {
            beta1,
            beta2,
            eps,
            weight_decay: 0.0,
            first: Params::default(),
            second: Params::default(),
            steps: 0,
        }
    }

    /// AdamW: Adam's default constants and decoupled weight decay.
    #[doc(alias = "AdamW")]
    pub fn decoupled(weight_decay: f64) -> Self {
        Adam { weight_decay, ..Self::default() }
    }
}

impl<F: Float> Optimizer<F> for Adam<F> {
    #[track_caller]
    #[inline(never)]
    fn step(&mut self, theta: &Params<Array<F>>, gradients: &Params<Array<F>>, lr: f64) -> Params<Array<F>> {
        self.first = mix(&or_zeros(&self.first, theta), gradients, self.beta1, |g| g);
        self.second = mix(&or_zeros(&self.second, theta), gradients, self.beta2, |g| g * g);
        self.steps += 1;
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let rate = F::of(lr / correction(self.beta1));
        let root = F::of(1.0 / correction(self.beta2));
        let (eps, keep) = (F::of(self.eps), F::of(1.0 - lr * self.weight_decay));
        let moves =
            self.first.zip(&self.second, |m, v| m.zip(v, |m, v| rate * m / ((v * root).sqrt() + eps)));
        theta.zip(&moves, |w, d| w.zip(d, |w, d| keep * w - d))
    }

    #[inline(never)]
    fn state(&self) -> Params<Array<F>> {
        join(&[("first", &self.first), ("second", &self.second)], self.steps)
    }

    fn state_like(&self, theta: &Params<Array<F>>) -> Params<Array<F>> {
        join(&[("first", theta), ("second", theta)], 1)
    }

    #[track_caller]
    #[inline(never)]
    fn restore(&mut self, state: &Params<Array<F>>) {
        self.first = part(state, "first");
        self.second = part(state, "second");
        self.steps = steps(state);
    }
}

/// RMSProp (Tieleman and Hinton 2012) with momentum, in TensorFlow's form: `s <- rho s + (1 - rho) g^2;
/// u <- momentum u + lr g / sqrt(s + eps); theta <- theta - u`.
#[derive(Debug, Clone)]
pub struct RmsProp<F: Float = f32> {
    /// Decay of the second moment.
    pub rho: f64,
    /// Weight of earlier steps.
    pub momentum: f64,
    /// Added to the second moment.
    pub eps: f64,
    second: Params<Array<F>>,
    update: Params<Array<F>>,
    steps: u64,
}

impl<F: Float> Default for RmsProp<F> {
    /// rho 0.9, no momentum, eps 1e-10.
    fn default() -> Self {
        Self::new(0.9, 0.0, 1e-10)
    }
}

impl<F: Float> RmsProp<F> {
    /// RMSProp with decay `rho` of the second moment, `momentum`, and `eps` added to the second moment.
    pub fn new(rho: f64, momentum: f64, eps: f64) -> Self {
        RmsProp { rho, momentum, eps, second: Params::default(), update: Params::default(), steps: 0 }
    }
}

impl<F: Float> Optimizer<F> for RmsProp<F> {
    #[track_caller]
    #[inline(never)]
    fn step(&mut self, theta: &Params<Array<F>>, gradients: &Params<Array<F>>, lr: f64) -> Params<Array<F>> {
        let (lr, mu, eps) = (F::of(lr), F::of(self.momentum), F::of(self.eps));
        self.second = mix(&or_zeros(&self.second, theta), gradients, self.rho, |g| g * g);
        self.steps += 1;
        let scaled = gradients.zip(&self.second, |g, s| g.zip(s, |g, s| lr * g / (s + eps).sqrt()));
        self.update = or_zeros(&self.update, theta).zip(&scaled, |u, g| u.zip(g, |u, g| mu * u + g));
        theta - &self.update
    }

    #[inline(never)]
    fn state(&self) -> Params<Array<F>> {
        join(&[("second", &self.second), ("update", &self.update)], self.steps)
    }

    fn state_like(&self, theta: &Params<Array<F>>) -> Params<Array<F>> {
        join(&[("second", theta), ("update", theta)], 1)
    }

    #[track_caller]
    #[inline(never)]
    fn restore(&mut self, state: &Params<Array<F>>) {
        self.second = part(state, "second");
        self.update = part(state, "update");
        self.steps = steps(state);
    }
}

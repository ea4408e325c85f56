//! Gradient descent with a rate, momentum and penalty for each layer.

use fewshot_autodiff::{Array, Float};

use crate::optim::{Optimizer, join, or_zeros, part, steps};
use crate::params::Params;

/// Settings of [`Layerwise`] for the weights of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSettings {
    /// Scope of the weights: `conv1` means `conv1.weight`, `conv1.bias` and all deeper names.
    pub scope: String,
    /// Learning rate, as a multiple of the optimiser's.
    pub rate: f64,
    /// Final momentum `mu_l`.
    pub momentum: f64,
    /// Penalty `lambda_l` of `lambda_l |w|^2`, whose gradient is `2 lambda_l w`.
    pub penalty: f64,
}

impl LayerSettings {
    fn has(&self, name: &str) -> bool {
        name.strip_prefix(self.scope.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Gradient descent by layers (Koch, Zemel, Salakhutdinov 2015, section 3.2): `d <- -lr rate_l (g + 2 lambda_l w) + mu_l(t) d`,
/// `w <- w + d`, where the momentum `mu_l(t)` rises linearly from 0.5 to `mu_l`.
///
/// The paper multiplies all rates by 0.99 after each epoch: [`Schedule::Step`](crate::Schedule::Step) does that to `lr`.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_nn::{LayerSettings, Layerwise, Optimizer, Params};
/// let layer = |scope: &str, rate| LayerSettings { scope: scope.into(), rate, momentum: 0.9, penalty: 0.0 };
/// let mut optimizer = Layerwise::new(vec![layer("conv", 1.0), layer("dense", 0.1)], 100);
/// let one = || Array::scalar(1.0_f64);
/// let theta = Params::new(vec![("conv.weight".into(), one()), ("dense.weight".into(), one())]);
/// let next = optimizer.step(&theta, &theta, 0.5);
/// assert_eq!((next["conv.weight"].item(), next["dense.weight"].item()), (0.5, 0.95));
/// ```
#[derive(Debug, Clone)]
pub struct Layerwise<F: Float = f32> {
    layers: Vec<LayerSettings>,
    rise: u64,
    moves: Params<Array<F>>,
    steps: u64,
}

/// Momentum of the first step.
const FIRST_MOMENTUM: f64 = 0.5;

impl<F: Float> Layerwise<F> {
    /// Gradient descent with the settings `layers`; momentum has risen after `rise` steps.
    pub fn new(layers: Vec<LayerSettings>, rise: u64) -> Self {
        Layerwise { layers, rise, moves: Params::default(), steps: 0 }
    }

    /// The momentum of a layer in the next step.
    fn momentum(&self, layer: &LayerSettings) -> f64 {
        let risen = (self.steps as f64 / self.rise.max(1) as f64).min(1.0);
        FIRST_MOMENTUM + (layer.momentum - FIRST_MOMENTUM) * risen
    }

    #[track_caller]
    fn layer(&self, name: &str) -> &LayerSettings {
        match self.layers.iter().find(|layer| layer.has(name)) {
            Some(layer) => layer,
            None => panic!("Layerwise: the weight {name:?} is in none of the layers"),
        }
    }
}

impl<F: Float> Optimizer<F> for Layerwise<F> {
    /// # Panics
    /// When a weight is in none of the layers, or names or shapes differ.
    #[track_caller]
    fn step(&mut self, theta: &Params<Array<F>>, gradients: &Params<Array<F>>, lr: f64) -> Params<Array<F>> {
        let mut names = theta.names().iter();
        let pulled = gradients.zip(theta, |g, w| {
            let layer = self.layer(names.next().expect("zip has checked the names"));
            let (rate, pull) = (F::of(lr * layer.rate), F::of(2.0 * layer.penalty));
            (F::of(self.momentum(layer)), g.zip(w, |g, w| rate * (g + pull * w)))
        });
        let before = or_zeros(&self.moves, theta);
        self.moves = before.zip(&pulled, |before, (mu, step)| before.zip(step, |d, step| *mu * d - step));
        self.steps += 1;
        theta + &self.moves
    }

    fn state(&self) -> Params<Array<F>> {
        join(&[("moves", &self.moves)], self.steps)
    }

    fn state_like(&self, theta: &Params<Array<F>>) -> Params<Array<F>> {
        join(&[("moves", theta)], 1)
    }

    #[track_caller]
    fn restore(&mut self, state: &Params<Array<F>>) {
        self.moves = part(state, "moves");
        self.steps = steps(state);
    }
}

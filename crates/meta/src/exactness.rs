//! Whether a learner's meta-gradient is the derivative of its query loss, or has silently lost its second order.

use std::fmt;

use fewshot_autodiff::{Array, Tape};
use fewshot_episodes::{Draw, Purpose, stream};
use fewshot_nn::{Noise, Params};

use crate::learner::{Learner, Meta};
use crate::task::Task;

/// What a meta-gradient turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The derivative of the query loss.
    Exact,
    /// The derivative that takes inner gradients for constants, as first-order MAML does.
    FirstOrderOnly,
    /// Neither of them.
    Wrong,
}

/// How a meta-gradient is compared with central differences of the query loss, in 64-bit.
///
/// For each parameter of theta some random directions `d` are drawn, normal in every number, and `<gradient, d>` is compared with
/// `(8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / 12h`, where `L(t)` is the query loss of [`Learner::episode`] at `theta + t d`. Parameters
/// are moved one at a time, so that a small gradient does not hide behind a large one. Equal seeds give equal results; dropout and
/// other noise are the same in all runs.
///
/// The loss must be smooth within a few steps of theta: take a smooth activation for the check, or a small step, as ReLU and max-pooling
/// have kinks. Reptile's displacement is no gradient, and comes out as wrong; that of iMAML is exact only when its
/// inner problem has been solved.
///
/// ```
/// use fewshot_autodiff::Activation;
/// use fewshot_episodes::{Purpose, Sinusoid, Tasks};
/// use fewshot_meta::{ExactnessCheck, Learner, Maml, Order, Task, Verdict};
/// use fewshot_nn::{Init, Mlp};
/// let model = Mlp::with(&[1, 8, 1], Activation::Relu, Init::XavierUniform, None);
/// let maml = Maml { inner_lr: 0.1, ..Maml::new(model) };
/// let task = Task::<f64>::from(Sinusoid::new(5, 5, 1, Purpose::Train)?.episode(0));
/// let check = ExactnessCheck { step: 1e-6, ..ExactnessCheck::default() }; // ReLU has kinks
/// assert_eq!(check.run(&maml, &maml.init(1), &task).verdict, Verdict::Exact);
///
/// let first = Maml { order: Order::First, ..maml };
/// let found = check.run(&first, &first.init(1), &task);
/// assert_eq!(found.verdict, Verdict::FirstOrderOnly);
/// assert!(found.to_string().starts_with("first order only"));
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactnessCheck {
    /// Random directions for each parameter of theta.
    pub directions: usize,
    /// Step `h` of the differences.
    pub step: f64,
    /// Largest relative difference that counts as none.
    pub tolerance: f64,
    /// The directions and the learner's noise follow from it.
    pub seed: u64,
}

impl Default for ExactnessCheck {
    /// Two directions for each parameter, steps of 1e-4, tolerance 1e-6, seed 0.
    fn default() -> Self {
        ExactnessCheck { directions: 2, step: 1e-4, tolerance: 1e-6, seed: 0 }
    }
}

/// The slope of the query loss along one direction, in three ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Slope {
    /// Name of the parameter that is moved.
    pub parameter: String,
    /// By the learner's meta-gradient.
    pub gradient: f64,
    /// By the gradient of the query loss with inner gradients as constants.
    pub first_order: f64,
    /// By central differences.
    pub difference: f64,
    /// What a difference of slopes is compared with: the largest of the three, the norm of the parameter's gradient and a thousandth
    /// of the largest such norm.
    pub scale: f64,
}

impl Slope {
    /// How far the meta-gradient is from the differences, relative to the scale.
    pub fn error(&self) -> f64 {
        relative(self.gradient - self.difference, self.scale)
    }

    /// How far the meta-gradient is from the first-order gradient, relative to the scale.
    pub fn first_order_error(&self) -> f64 {
        relative(self.gradient - self.first_order, self.scale)
    }
}

fn relative(difference: f64, scale: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference.abs() / scale }
}

/// What [`ExactnessCheck::run`] found. Printed it is a sentence with the numbers of the worst slope.
#[derive(Clone, Debug, PartialEq)]
pub struct Exactness {
    /// What the meta-gradient is.
    pub verdict: Verdict,
    /// All slopes, in the order of the parameters.
    pub slopes: Vec<Slope>,
}

impl Exactness {
    /// The slope along which the meta-gradient is farthest from the differences.
    pub fn worst(&self) -> &Slope {
        let farthest = self.slopes.iter().max_by(|a, b| a.error().total_cmp(&b.error()));
        farthest.expect("a check has a parameter and a direction")
    }
}

impl fmt::Display for Exactness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = self.worst();
        let Slope { parameter, gradient, first_order, difference, .. } = worst;
        let (count, off) = (self.slopes.len(), worst.error());
        match self.verdict {
            Verdict::Exact => {
                write!(
                    f,
                    "exact: along {count} directions the meta-gradient is that of the query loss to {off:.1e}"
                )
            }
            Verdict::FirstOrderOnly => write!(
                f,
                "first order only: the meta-gradient takes inner gradients for constants; along {parameter} it gives \
                 {gradient:.6e}, central differences of the query loss {difference:.6e}"
            ),
            Verdict::Wrong => write!(
                f,
                "wrong: along {parameter} the meta-gradient gives {gradient:.6e}, central differences of the query \
                 loss {difference:.6e}, its first-order gradient {first_order:.6e}"
            ),
        }
    }
}

impl ExactnessCheck {
    /// Compares the meta-gradient of a learner on one task with its query loss. `meta.iteration` decides the stage of training.
    ///
    /// # Panics
    /// When there are no directions, or the learner has no meta-parameter.
    #[track_caller]
    pub fn run(&self, learner: &dyn Learner<f64>, meta: &Meta<f64>, task: &Task<f64>) -> Exactness {
        assert!(self.directions > 0, "ExactnessCheck: 0 directions");
        assert!(!meta.theta.is_empty(), "ExactnessCheck: the learner has no meta-parameter");
        let of = |tape| Subject { learner, meta, task, tape, seed: self.seed };
        let gradient = of(Tape::new()).gradient();
        let first_order = of(Tape::with_constant_gradients()).loss_gradient();
        let loss = |theta: Params<Array<f64>>| {
            let meta = Meta { theta, ..meta.clone() };
            Subject { learner, meta: &meta, task, tape: Tape::new(), seed: self.seed }.loss()
        };
        let largest = gradient.values().iter().chain(first_order.values()).map(norm).fold(0.0, f64::max);
        let mut rng = stream(self.seed, Purpose::Data, 0);
        let mut slopes = Vec::new();
        for (name, array) in meta.theta.iter() {
            for _ in 0..self.directions {
                let direction = Array::from_fn(array.shape(), |_| rng.normal());
                let difference = self.difference(&meta.theta, name, &direction, loss);
                let along = |g: &Params<Array<f64>>| dot(&g[name], &direction);
                let (own, first) = (along(&gradient), along(&first_order));
                let scale = [difference.abs(), own.abs(), first.abs(), norm(&gradient[name]), 1e-3 * largest];
                slopes.push(Slope {
                    parameter: name.to_owned(),
                    gradient: own,
                    first_order: first,
                    difference,
                    scale: scale.into_iter().fold(0.0, f64::max),
                });
            }
        }
        Exactness { verdict: self.verdict(&slopes, loss(meta.theta.clone())), slopes }
    }

    fn verdict(&self, slopes: &[Slope], loss: f64) -> Verdict {
        // what rounding of the loss does to the differences
        let rounding = 10.0 * f64::EPSILON * loss.abs() / self.step;
        let equal = |a: f64, b: f64, scale: f64| (a - b).abs() <= self.tolerance * scale + rounding;
        if slopes.iter().all(|s| equal(s.gradient, s.difference, s.scale)) {
            Verdict::Exact
        } else if slopes.iter().all(|s| equal(s.gradient, s.first_order, s.scale)) {
            Verdict::FirstOrderOnly
        } else {
            Verdict::Wrong
        }
    }

    /// The five-point difference of the loss along a direction of one parameter.
    fn difference(
        &self,
        theta: &Params<Array<f64>>,
        name: &str,
        direction: &Array<f64>,
        loss: impl Fn(Params<Array<f64>>) -> f64,
    ) -> f64 {
        let h = self.step;
        let at = |t: f64| {
            let moved = |other: &str, x: &Array<f64>| match other == name {
                true => x.zip(direction, |x, d| x + t * d),
                false => x.clone(),
            };
            loss(theta.map_named(moved))
        };
        (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
    }
}

fn dot(a: &Array<f64>, b: &Array<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

fn norm(x: &Array<f64>) -> f64 {
    dot(x, x).sqrt()
}

/// A learner on a task, on a tape of its own.
struct Subject<'a> {
    learner: &'a dyn Learner<f64>,
    meta: &'a Meta<f64>,
    task: &'a Task<f64>,
    tape: Tape<f64>,
    seed: u64,
}

impl Subject<'_> {
    fn noise(&self) -> Noise {
        Noise::new(stream(self.seed, Purpose::Dropout, 0))
    }

    fn stage(&self) -> u64 {
        self.learner.stage(self.meta.iteration)
    }

    /// The meta-gradient as the learner gives it.
    fn gradient(&self) -> Params<Array<f64>> {
        let meta = self.meta.on(&self.tape, self.stage());
        let gradient = self.learner.gradient(&meta, &self.task.on(&self.tape), &self.noise()).gradient;
        self.meta.theta.with_values(gradient.arrays().values().to_vec())
    }

    /// The query loss.
    fn loss(&self) -> f64 {
        let meta = self.meta.on(&self.tape, self.stage());
        self.learner.episode(&meta, &self.task.on(&self.tape), &self.noise()).loss.item()
    }

    /// The gradient of the query loss on this tape, whatever the learner makes of it.
    fn loss_gradient(&self) -> Params<Array<f64>> {
        let meta = self.meta.on(&self.tape, self.stage());
        let loss = self.learner.episode(&meta, &self.task.on(&self.tape), &self.noise()).loss;
        meta.theta.with_values(loss.backward(meta.theta.values()))
    }
}

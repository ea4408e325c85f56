//! Whether a learner's meta-gradient is the derivative of its query loss, or has silently lost its second order.

use std::fmt;

use fewshot_autodiff::Array;
use fewshot_episodes::{Purpose, RngExt, stream};

use crate::engine::slopes::{Found, Points, Subject, rounding};
use crate::fit::or_panic;
use crate::learner::Learner;
use crate::meta::Meta;
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
/// ReLU and max-pooling have kinks, across which a difference is no derivative. Where both disagree, smaller steps are taken, and the slopes on
/// both sides are compared: what stays different while the loss is smooth is an error of the gradient; a kink at theta itself, where
/// there is no derivative, is passed by at a point close by, with the gradient of that point. The result says where that was so
/// ([`Slope::kink`]). Reptile's displacement is no gradient, and comes out as wrong; that of iMAML is exact only when its inner problem has
/// been solved.
///
/// ```
/// use fewshot_autodiff::{Activation, Array};
/// use fewshot_episodes::{Purpose, Sinusoid, Tasks};
/// use fewshot_meta::{ExactnessCheck, Learner, Maml, Order, Task, Verdict};
/// use fewshot_nn::{Init, Mlp};
/// let model = Mlp::with(&[1, 8, 1], Activation::Relu, Init::XavierUniform, None);
/// let maml = Maml { inner_lr: 0.1, ..Maml::new(model) };
/// let task = Task::<Array<f64>>::from(Sinusoid::new(5, 5, 1, Purpose::Train)?.episode(0));
/// let check = ExactnessCheck::default();
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
    /// Step `h` of the differences, or the largest of them.
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
    /// Whether the loss has a kink within the first steps, so that smaller ones were taken, or the point beside theta.
    pub kink: bool,
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
        let Slope { parameter, gradient, first_order, difference, scale, .. } = worst;
        let (count, off) = (self.slopes.len(), worst.error());
        match self.verdict {
            Verdict::Exact => write!(
                f,
                "exact: along {count} directions the meta-gradient is that of the query loss to {off:.1e}"
            )?,
            Verdict::FirstOrderOnly => write!(
                f,
                "first order only: the meta-gradient takes inner gradients for constants; along {parameter} it gives \
                 {gradient:.6e}, central differences of the query loss {difference:.6e}"
            )?,
            Verdict::Wrong => {
                write!(
                    f,
                    "wrong: along {parameter} the meta-gradient gives {gradient:.6e}, central differences of the query \
                     loss {difference:.6e}"
                )?;
                // where inner gradients change nothing there is nothing to say of them
                if relative(first_order - difference, *scale) > 1e-3 {
                    write!(f, ", its first-order gradient {first_order:.6e}")?;
                }
            }
        }
        match self.slopes.iter().filter(|slope| slope.kink).count() {
            0 => Ok(()),
            kinks => write!(
                f,
                "; along {kinks} of {count} the loss has a kink, as ReLU and max-pooling have: there by smaller steps or beside it"
            ),
        }
    }
}

impl ExactnessCheck {
    /// Compares the meta-gradient of a learner on one task with its query loss. `meta.iteration` decides the stage of training.
    ///
    /// # Panics
    /// When there are no directions, the learner has no meta-parameter, or meta-parameters or task do not fit it.
    #[track_caller]
    pub fn run(
        &self,
        learner: &dyn Learner<f64>,
        meta: &Meta<Array<f64>>,
        task: &Task<Array<f64>>,
    ) -> Exactness {
        assert!(self.directions > 0, "ExactnessCheck: 0 directions");
        assert!(!meta.theta.is_empty(), "ExactnessCheck: the learner has no meta-parameter");
        or_panic("ExactnessCheck", learner.check_meta(meta).and_then(|()| learner.check_task(task)));
        let subject = Subject { learner, meta, task, seed: self.seed };
        let mut points = Points::new(subject, self.seed);
        let mut rng = stream(self.seed, Purpose::Data, 0);
        let mut compared = Vec::new();
        for (name, array) in meta.theta.iter() {
            for _ in 0..self.directions {
                let direction = Array::from_fn(array.shape(), |_| rng.normal());
                compared.push(self.compare(&mut points, name, &direction));
            }
        }
        let loss = points.get(0).loss;
        // what rounding of the loss does to the differences
        let rounding = rounding(loss, self.step);
        let first_order = |slope: &Slope| {
            (slope.gradient - slope.first_order).abs() <= self.tolerance * slope.scale + rounding
        };
        let verdict = if compared.iter().all(|(_, equal)| *equal) {
            Verdict::Exact
        } else if subject.has_inner_gradients() && compared.iter().all(|(slope, _)| first_order(slope)) {
            Verdict::FirstOrderOnly
        } else {
            Verdict::Wrong
        };
        Exactness { verdict, slopes: compared.into_iter().map(|(slope, _)| slope).collect() }
    }

    /// The slope along a direction of one parameter, at theta or, where the loss has a kink there, beside it; and whether gradient and
    /// differences agree.
    fn compare(&self, points: &mut Points<'_>, name: &str, direction: &Array<f64>) -> (Slope, bool) {
        let mut last = None;
        for number in 0..Points::COUNT {
            let (slope, found) = points.get(number).slope(self, name, direction);
            let slope = Slope { kink: slope.kink || number > 0, ..slope };
            match found {
                Found::Equal => return (slope, true),
                Found::Different => return (slope, false),
                Found::Kink => last = Some(slope),
            }
        }
        (last.expect("theta was looked at"), false)
    }
}

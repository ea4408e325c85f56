//! Slopes of a query loss by its gradient and by differences, where the loss may have kinks.

use fewshot_autodiff::{Array, Tape};
use fewshot_episodes::{Purpose, RngExt, stream};
use fewshot_nn::{Noise, Params};

use crate::engine::exactness::{ExactnessCheck, Slope};
use crate::learner::Learner;
use crate::meta::Meta;
use crate::task::Task;

/// By how much a step is made smaller, and how many steps are tried.
const SMALLER: f64 = 8.0;
const STEPS: i32 = 5;
/// How far beside theta a kink is passed by, in each number.
const BESIDE: f64 = 1e-3;
/// How much slopes on both sides of a smooth point may differ, in tolerances: they are of lower order than the central difference.
const SIDES: f64 = 10.0;

/// What rounding of a loss does to its differences over a step.
pub(crate) fn rounding(loss: f64, step: f64) -> f64 {
    10.0 * f64::EPSILON * loss.abs() / step
}

/// What comparing a gradient with differences has found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// They agree.
    Equal,
    /// They differ where the loss is smooth.
    Different,
    /// The loss has a kink at this very point.
    Kink,
}

/// A learner on a task.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) learner: &'a dyn Learner<f64>,
    pub(crate) meta: &'a Meta<Array<f64>>,
    pub(crate) task: &'a Task<Array<f64>>,
    pub(crate) seed: u64,
}

impl Subject<'_> {
    fn noise(&self) -> Noise {
        Noise::new(stream(self.seed, Purpose::Dropout, 0))
    }

    /// Other values of the meta-parameters.
    fn at(&self, theta: &Params<Array<f64>>) -> Meta<Array<f64>> {
        Meta { theta: theta.clone(), ..self.meta.clone() }
    }

    /// The meta-gradient as the learner gives it.
    fn gradient(&self, theta: &Params<Array<f64>>) -> Params<Array<f64>> {
        let tape = Tape::new();
        let meta = self.at(theta).on(&tape);
        let gradient = self.learner.gradient(&meta, &self.task.on(&tape), &self.noise()).gradient;
        theta.with_values(gradient.arrays().values().to_vec())
    }

    /// The query loss.
    fn loss(&self, theta: &Params<Array<f64>>) -> f64 {
        let tape = Tape::new();
        let meta = self.at(theta).on(&tape);
        self.learner.episode(&meta, &self.task.on(&tape), &self.noise()).loss.item()
    }

    /// The gradient of the query loss with inner gradients as constants, whatever the learner makes of it.
    fn first_order(&self, theta: &Params<Array<f64>>) -> Params<Array<f64>> {
        let tape = Tape::with_constant_gradients();
        let meta = self.at(theta).on(&tape);
        let loss = self.learner.episode(&meta, &self.task.on(&tape), &self.noise()).loss;
        loss.backward(&meta.theta)
    }

    /// Whether the query loss takes gradients inside.
    pub(crate) fn has_inner_gradients(&self) -> bool {
        let tape = Tape::new();
        let meta = self.meta.on(&tape);
        let _ = self.learner.episode(&meta, &self.task.on(&tape), &self.noise());
        tape.is_differentiated()
    }
}

/// Theta and points close by.
pub(crate) struct Points<'a> {
    subject: Subject<'a>,
    seed: u64,
    points: Vec<Point<'a>>,
}

impl<'a> Points<'a> {
    /// How many points are looked at, if need be: at random ones beside theta the loss hardly ever has a kink.
    pub(crate) const COUNT: usize = 4;

    pub(crate) fn new(subject: Subject<'a>, seed: u64) -> Self {
        Points { subject, seed, points: Vec::new() }
    }

    /// Theta for 0, and else a random point beside it.
    pub(crate) fn get(&mut self, number: usize) -> &Point<'a> {
        while self.points.len() <= number {
            let mut rng = stream(self.seed, Purpose::Init, self.points.len() as u64);
            let theta = &self.subject.meta.theta;
            let theta = match self.points.len() {
                0 => theta.clone(),
                _ => theta.map(|w| {
                    let shift = Array::from_fn(w.shape(), |_| BESIDE * rng.normal());
                    w.zip(&shift, |w, shift| w + shift)
                }),
            };
            self.points.push(Point::new(self.subject, theta));
        }
        &self.points[number]
    }
}

/// Where slopes are compared.
pub(crate) struct Point<'a> {
    subject: Subject<'a>,
    theta: Params<Array<f64>>,
    gradient: Params<Array<f64>>,
    first_order: Params<Array<f64>>,
    largest: f64,
    pub(crate) loss: f64,
}

/// Differences over one step.
struct Differences {
    /// The five-point difference.
    central: f64,
    /// Of the three points on each side.
    sides: [f64; 2],
}

impl<'a> Point<'a> {
    fn new(subject: Subject<'a>, theta: Params<Array<f64>>) -> Self {
        let (gradient, first_order) = (subject.gradient(&theta), subject.first_order(&theta));
        let largest = gradient.values().iter().chain(first_order.values()).map(norm).fold(0.0, f64::max);
        let loss = subject.loss(&theta);
        Point { subject, theta, gradient, first_order, largest, loss }
    }

    /// The slope along a direction of one parameter, by ever smaller steps until gradient and differences agree, or differ for good.
    pub(crate) fn slope(&self, check: &ExactnessCheck, name: &str, direction: &Array<f64>) -> (Slope, Found) {
        let own = dot(&self.gradient[name], direction);
        let first_order = dot(&self.first_order[name], direction);
        let of = |difference: f64, kink: bool| {
            let sizes = [difference, own, first_order, norm(&self.gradient[name]), 1e-3 * self.largest];
            let scale = sizes.into_iter().map(f64::abs).fold(0.0, f64::max);
            Slope { parameter: name.to_owned(), gradient: own, first_order, difference, scale, kink }
        };
        let mut smooth: Option<f64> = None;
        let mut last = None;
        for k in 0..STEPS {
            let step = check.step / SMALLER.powi(k);
            let Differences { central, sides: [right, left] } = self.differences(name, direction, step);
            let slope = of(central, k > 0);
            let allowed = check.tolerance * slope.scale + rounding(self.loss, step);
            if (own - central).abs() <= allowed {
                return (slope, Found::Equal);
            }
            if !own.is_finite() || !central.is_finite() {
                return (of(central, false), Found::Different);
            }
            let is_smooth = (right - left).abs() <= SIDES * allowed;
            match smooth {
                // twice the same, without a kink: no smaller step would change it
                Some(before) if is_smooth && (before - central).abs() <= allowed => {
                    return (of(central, false), Found::Different);
                }
                _ => smooth = is_smooth.then_some(central),
            }
            last = Some(slope);
        }
        let found = if smooth.is_some() { Found::Different } else { Found::Kink };
        (last.expect("there are steps"), found)
    }

    fn differences(&self, name: &str, direction: &Array<f64>, h: f64) -> Differences {
        let at = |t: f64| {
            let moved = |other: &str, x: &Array<f64>| match other == name {
                true => x.zip(direction, |x, d| x + t * d),
                false => x.clone(),
            };
            self.subject.loss(&self.theta.map_named(moved))
        };
        let [far_left, left, right, far_right] = [-2.0, -1.0, 1.0, 2.0].map(|t| at(t * h));
        let side = |near: f64, far: f64| (4.0 * near - far - 3.0 * self.loss) / (2.0 * h);
        Differences {
            central: (8.0 * (right - left) - (far_right - far_left)) / (12.0 * h),
            sides: [side(right, far_right), -side(left, far_left)],
        }
    }
}

fn dot(a: &Array<f64>, b: &Array<f64>) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
}

fn norm(x: &Array<f64>) -> f64 {
    dot(x, x).sqrt()
}

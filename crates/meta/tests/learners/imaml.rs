//! Implicit gradients against closed forms and against MAML through very many proximal steps (section 11 of the reference).

use crate::common::point::{Point, quadratics};
use crate::common::{Blobs, Net};
use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Tape};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{IMaml, InnerLoop, Learner, Meta, Outcome, ProximalAt, Rate, Solver, Task, task_gradient};
use fewshot_nn::{Model, Pass};

fn gradient(learner: &dyn Learner<f64>, task: &Task<Array<f64>>) -> Outcome<Array<f64>> {
    task_gradient(learner, &learner.init(1), task, stream(1, Purpose::Dropout, 0))
}

fn point(proximal: f64, rate: f64) -> IMaml<Point> {
    IMaml { proximal, inner_lr: rate, train_steps: 400, ..IMaml::new(Point::at(0.0)) }
}

/// `g = lambda / (lambda + a_s) a_q (phi - c_q)` at `phi = (a_s c_s + lambda theta) / (a_s + lambda)`.
#[test]
fn a_quadratic_has_the_closed_form() {
    // theta 0, a_s 1, c_s 3, lambda 2, a_q 1, c_q 2: phi 1, gradient -2/3
    let task = quadratics((1.0, 3.0), (1.0, 2.0));
    for solver in [Solver::ConjugateGradient { steps: 1 }, Solver::Neumann { steps: 60 }] {
        let result = gradient(&IMaml { solver, ..point(2.0, 0.2) }, &task);
        assert_relative_eq!(result.gradient.values()[0].data()[0], -2.0 / 3.0, max_relative = 1e-12);
        assert_relative_eq!(result.loss.item(), 0.5, max_relative = 1e-12);
    }
    let stiff = gradient(&point(1e6, 1e-6), &task).gradient;
    assert_relative_eq!(stiff.values()[0].data()[0], -2.0, max_relative = 1e-5);
    let loose = gradient(&point(1e-6, 0.2), &task).gradient;
    assert!(loose.values()[0].data()[0].abs() < 1e-5);
}

#[test]
fn damping_is_added_to_the_identity() {
    let task = quadratics((1.0, 3.0), (1.0, 2.0));
    let damped = gradient(&IMaml { damping: 0.5, ..point(2.0, 0.2) }, &task).gradient;
    // (1 + 0.5 + 1/2) g = -1
    assert_relative_eq!(damped.values()[0].data()[0], -0.5, max_relative = 1e-12);
}

/// The released code's way: plain steps, one of the pull alone, `(1 + delta) I + H / (lambda + 10)`.
#[test]
fn the_pull_may_act_once_after_plain_steps() {
    let task = quadratics((1.0, 3.0), (1.0, 2.0));
    let learner = IMaml { inner_lr: 0.1, train_steps: 2, eval_steps: 2, ..IMaml::released(Point::at(0.0)) };
    assert_eq!((learner.proximal_at, learner.damping, learner.stiffness), (ProximalAt::LastStep, 1.0, 10.0));
    // 0, 0.3, 0.57, then back by 0.1 times lambda of the way
    let phi = 0.57 * 0.8;
    let result = gradient(&learner, &task);
    assert_relative_eq!(result.loss.item(), 0.5 * (phi - 2.0) * (phi - 2.0), max_relative = 1e-12);
    let expected = (phi - 2.0) / (1.0 + 1.0 + 1.0 / 12.0);
    assert_relative_eq!(result.gradient.values()[0].data()[0], expected, max_relative = 1e-12);
}

/// The derivative through recorded proximal steps.
fn explicit(
    meta: &Meta<Array<f64>>,
    task: &Task<Array<f64>>,
    learner: &IMaml<Net>,
    steps: usize,
) -> Vec<Array<f64>> {
    let tape = Tape::new();
    let theta = meta.theta.on(&tape);
    let (support, query) = (task.support.on(&tape), task.query.on(&tape));
    let inner = InnerLoop { steps, ..InnerLoop::default() };
    let fast = inner.run(&theta, Rate::Scalar(learner.inner_lr), |_, fast| {
        let loss = support.y.loss(Net::plain().forward(fast, support.x, &mut Pass::batch()));
        let pulls = fast.values().iter().zip(theta.values()).map(|(&w, &c)| (w - c).square().sum());
        pulls.fold(loss, |sum, pull| sum + pull * (0.5 * learner.proximal))
    });
    let loss = query.y.loss(Net::plain().forward(&fast, query.x, &mut Pass::batch()));
    loss.backward(theta.values())
}

#[test]
fn converged_it_agrees_with_maml_through_the_solver() {
    let task: Task<Array<f64>> = Task::from(&Blobs::new(3).episode(1));
    let solver = Solver::ConjugateGradient { steps: 60 };
    let learner = IMaml { solver, train_steps: 300, ..IMaml::new(Net::plain()) };
    let meta: Meta<Array<f64>> = learner.init(1);
    let implicit = gradient(&learner, &task).gradient;
    let explicit = explicit(&meta, &task, &learner, 300);
    let mut largest = 0.0_f64;
    for (a, b) in implicit.values().iter().zip(&explicit) {
        for (a, b) in a.data().iter().zip(b.data()) {
            assert_relative_eq!(*a, *b, epsilon = 1e-9, max_relative = 1e-6);
            largest = largest.max(a.abs());
        }
    }
    assert!(largest > 1e-2, "{largest}");
    // too few steps of either solver leave a difference
    let coarse = IMaml { solver: Solver::ConjugateGradient { steps: 1 }, ..learner.clone() };
    assert_ne!(gradient(&coarse, &task).gradient, implicit);
}

//! Reptile against its closed forms (section 7.6 of the reference, from Nichol et al. 2018).

use crate::common::point::{Point, quadratic, quadratics};
use crate::common::{Blobs, Net};
use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Tape, Var};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{
    Displacement, InnerLoop, Labels, Learner, Maml, Meta, Order, Rate, Reptile, Rule, Runner, Task, Trainer,
    Training, meta_gradient, task_gradient,
};
use fewshot_nn::{Params, Sgd, Tail};

fn sgd<M>(model: M, steps: usize, rate: f64) -> Reptile<M> {
    Reptile { train_steps: steps, inner_lr: rate, rule: Rule::Sgd, batch: None, ..Reptile::new(model) }
}

fn displacement(learner: &dyn Learner<f64>, task: &Task<Array<f64>>) -> f64 {
    let gradient = task_gradient(learner, &learner.init(1), task, stream(1, Purpose::Dropout, 0)).gradient;
    gradient.values()[0].data()[0]
}

#[test]
fn a_quadratic_is_approached_geometrically() {
    // phi - phi~ = (1 - (1 - alpha a)^k) (phi - c)
    let task = quadratics((2.0, 0.5), (1.0, 0.0));
    assert_relative_eq!(displacement(&sgd(Point::at(1.5), 5, 0.1), &task), 0.67232, max_relative = 1e-12);
}

#[test]
fn one_step_is_joint_descent() {
    let tasks = Blobs::new(1);
    let reptile = sgd(Net::normed(), 1, 0.25);
    // the gradient of the support loss, as that of a query loss without inner steps
    let plain = Maml { train_steps: 0, ..Maml::new(Net::normed()) };
    let meta: Meta<Array<f64>> = reptile.init(1);
    for i in 0..3 {
        let task: Task<Array<f64>> = Task::from(&tasks.episode(i));
        let joint = Task { support: task.support.clone(), query: task.support.clone() };
        let rng = || stream(1, Purpose::Dropout, 0);
        let moved = task_gradient(&reptile, &meta, &task, rng()).gradient;
        let gradient = task_gradient(&plain, &meta, &joint, rng()).gradient;
        for (a, b) in moved.values().iter().zip(gradient.values()) {
            for (a, b) in a.data().iter().zip(b.data()) {
                assert_relative_eq!(*a, 0.25 * b, epsilon = 1e-14, max_relative = 1e-9);
            }
        }
    }
}

#[test]
fn the_first_step_of_adam_follows_the_signs() {
    let adam = |theta: f64| Reptile {
        train_steps: 1,
        inner_lr: 0.01,
        batch: None,
        ..Reptile::new(Point::at(theta))
    };
    let task = quadratics((2.0, 0.5), (1.0, 0.0));
    assert_relative_eq!(displacement(&adam(1.5), &task), 0.01, max_relative = 1e-6);
    assert_relative_eq!(displacement(&adam(-1.5), &task), -0.01, max_relative = 1e-6);
}

#[test]
fn a_whole_outer_step_arrives_where_the_inner_steps_end() {
    let tasks = Blobs { only: Some(3), ..Blobs::new(2) };
    let learner = Reptile { batch: Some(4), ..Reptile::new(Net::normed()) };
    let training = |outer_lr| Training { meta_batch: 1, outer_lr, seed: 1, ..Training::default() };
    let after = |outer_lr| {
        let mut trainer = Trainer::<f64>::with_element(&learner, &tasks, Sgd::default(), training(outer_lr));
        let before = trainer.meta().clone();
        trainer.step().unwrap();
        (before.theta, trainer.meta().theta.clone())
    };
    let (before, still) = after(0.0);
    assert_eq!(before, still);
    let (_, half) = after(0.5);
    let (_, whole) = after(1.0);
    for ((a, b), c) in before.values().iter().zip(half.values()).zip(whole.values()) {
        for ((a, b), c) in a.data().iter().zip(b.data()).zip(c.data()) {
            assert_relative_eq!(2.0 * (b - a), c - a, epsilon = 1e-12);
        }
    }
}

#[test]
fn identical_tasks_in_a_batch_move_like_one() {
    let tasks = Blobs { only: Some(3), ..Blobs::new(2) };
    let learner = sgd(Net::plain(), 4, 0.1);
    let meta: Meta<Array<f64>> = learner.init(1);
    let one = meta_gradient(&learner, &meta, &tasks, 0..1, 1).gradient;
    let many = meta_gradient(&learner, &meta, &tasks, 0..5, 1).gradient;
    for (a, b) in one.values().iter().zip(many.values()) {
        a.data().iter().zip(b.data()).for_each(|(a, b)| assert_relative_eq!(*a, *b, max_relative = 1e-12));
    }
}

/// `phi_0` minus `phi_k` is the sum of the gradients along the way, and the last displacement the last of them.
#[test]
fn the_displacement_sums_the_gradients() {
    let task = quadratics((2.0, 0.5), (1.0, 0.0));
    let gradients: Vec<f64> = (0..4).map(|k| 2.0 * (1.5 - 0.5) * 0.8_f64.powi(k)).collect();
    let whole = displacement(&sgd(Point::at(1.5), 4, 0.1), &task);
    assert_relative_eq!(whole, 0.1 * gradients.iter().sum::<f64>(), max_relative = 1e-12);
    for tail in [Tail::Shared, Tail::Separate] {
        let last = Reptile { outer: Displacement::Last(tail), ..sgd(Point::at(1.5), 4, 0.1) };
        assert_relative_eq!(displacement(&last, &task), 0.1 * gradients[3], max_relative = 1e-12);
    }
}

#[test]
fn a_separate_tail_never_sees_its_examples_before() {
    // five examples of different sizes; the last step's batch of one is not among those of the steps before
    let task = |scale: &[f64]| {
        let column = |f: &dyn Fn(usize) -> f64| Array::from_fn(&[scale.len(), 1], f);
        let x = column(&|i| scale[i]);
        let support = fewshot_meta::Examples::new(x, Labels::Values(column(&|_| 0.0)));
        Task { support, query: quadratic(1.0, 0.0) }
    };
    let learner = |outer| Reptile { batch: Some(1), outer, ..sgd(Point::at(1.0), 5, 1e-9) };
    let scale: Vec<f64> = (1..=5).map(f64::from).collect();
    let run = |outer, seed: u64| {
        let learner = learner(outer);
        let meta: Meta<Array<f64>> = learner.init(1);
        let rng = stream(seed, Purpose::Dropout, 0);
        let g = task_gradient(&learner, &meta, &task(&scale), rng).gradient;
        (g.values()[0].data()[0] / 2e-9).round()
    };
    // with five batches of one example, all are served once by the whole form; the tail of the other is one of them
    assert_eq!(run(Displacement::Whole, 1), 55.0);
    let tails: Vec<f64> = (0..40).map(|seed| run(Displacement::Last(Tail::Separate), seed)).collect();
    assert!(scale.iter().all(|s| tails.contains(&(s * s))), "{tails:?}");
}

fn cube_or_exp<'t>(p: &Params<Var<'t, f64>>, which: usize) -> Var<'t, f64> {
    if which == 0 { p["w"].powi(3) } else { p["w"].exp() }
}

/// Nichol et al. section 5: expected gradients of k = 2 steps over the order of two mini-batches.
#[test]
fn leading_terms_of_the_expansion() {
    // L_A = w^3, L_B = exp(w): AvgGrad = mean L', AvgGradInner = mean of L_i'' L_j', i != j
    let (w, alpha) = (0.7_f64, 1e-4);
    let (ga, gb, ha, hb) = (3.0 * w * w, w.exp(), 6.0 * w, w.exp());
    let (average, inner) = ((ga + gb) / 2.0, (ha * gb + hb * ga) / 2.0);
    let run = |order: Order, first: usize| {
        let tape = Tape::<f64>::new();
        let theta = Params::new(vec![("w".to_string(), tape.scalar(w))]);
        let inner = InnerLoop { steps: 1, order, ..InnerLoop::default() };
        let fast = inner.run(&theta, Rate::Scalar(alpha), |_, p| cube_or_exp(p, first));
        cube_or_exp(&fast, 1 - first).grad(theta["w"]).item()
    };
    let mean = |order| (run(order, 0) + run(order, 1)) / 2.0;
    let slope = |g: f64| (g - average) / (alpha * inner);
    assert_relative_eq!(slope(mean(Order::Second)), -2.0, epsilon = 1e-2);
    assert_relative_eq!(slope(mean(Order::First)), -1.0, epsilon = 1e-2);
    // Reptile: the sum of both gradients
    let sum = (ga + run(Order::First, 0) + gb + run(Order::First, 1)) / 2.0;
    assert_relative_eq!((sum - 2.0 * average) / (alpha * inner), -1.0, epsilon = 1e-2);
}

#[test]
fn moments_carry_over_along_each_lane() {
    let tasks = Blobs::new(4);
    let learner = |lanes| Reptile { lanes, batch: Some(3), ..Reptile::new(Net::normed()) };
    // one lane: each task starts from the moments the task before has left
    let serial = learner(1);
    let meta: Meta<Array<f32>> = serial.init(1);
    let mean = meta_gradient(&serial, &meta, &tasks, 0..3, 1);
    let mut carried = meta.clone();
    let runner = Runner::new(&serial);
    for i in 0..3 {
        let task = Task::from(&tasks.episode(i));
        let part = runner.task_gradient(&carried, &task, || stream(1, Purpose::Dropout, i));
        carried.lanes = vec![part.carried];
    }
    assert_eq!(mean.lanes, carried.lanes);
    assert_eq!(mean.lanes[0]["steps"].item(), 15.0);
    // as many lanes as tasks: each has its own
    let parallel = learner(3);
    let mean = meta_gradient::<f32>(&parallel, &parallel.init(1), &tasks, 0..3, 1);
    assert!(mean.lanes.iter().all(|lane| lane["steps"].item() == 5.0));
    assert_ne!(mean.lanes[0], mean.lanes[1]);
}

#[test]
fn lanes_do_not_depend_on_threads() {
    let tasks = Blobs::new(4);
    let learner = Reptile { lanes: 3, batch: Some(3), ..Reptile::new(Net::normed()) };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let training = Training { meta_batch: 5, outer_lr: 1.0, seed: 1, ..Training::default() };
            let mut trainer = Trainer::new(&learner, &tasks, Sgd::default(), training);
            (0..4).for_each(|_| assert!(trainer.step().is_ok()));
            (trainer.meta().theta.clone(), trainer.meta().lanes.clone())
        })
    };
    let one = run(1);
    assert!(run(2) == one && run(7) == one);
}

//! The LSTM meta-learner as a learner: its limits, its statistics and its memory.

use crate::common::smooth::Smooth;
use crate::common::{Blobs, FEATURES, Net, WAYS};
use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Tape, buffer_pool_use};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{
    Gates, InnerGradient, InnerLoop, LearnedUpdate, Learner, LstmMetaLearner, Maml, Memory, Meta, Order,
    Rate, Spread, Task, TaskGradient, Trainer, Training, evaluate,
};
use fewshot_nn::{Adam, Clip, Model, NormAffine, NormPolicy, Params, Pass, update_running};

pub fn normed() -> Smooth {
    Smooth::new(FEATURES, WAYS, Some(NormAffine::ScaleShift))
}

pub fn learner<M>(model: M, steps: usize) -> LstmMetaLearner<M> {
    LstmMetaLearner {
        update: LearnedUpdate::new(5),
        train_steps: steps,
        eval_steps: steps,
        gradient: InnerGradient::Mean,
        ..LstmMetaLearner::new(model)
    }
}

pub fn task() -> Task<f64> {
    Task::from(&Blobs::new(1).episode(0))
}

pub fn gradient(learner: &dyn Learner<f64>, meta: &Meta<f64>, task: &Task<f64>) -> TaskGradient<f64> {
    learner.meta_gradient(meta, task, stream(1, Purpose::Dropout, 0))
}

/// Meta-parameters whose gates are these whatever happens, as values before the sigmoid.
fn with_gates(learner: &dyn Learner<f64>, forget: f64, input: f64) -> Meta<f64> {
    let meta = learner.init(3);
    let theta = meta.theta.map_named(|name, x| match name {
        "meta_learner.forget.bias" => Array::full(&[1], forget),
        "meta_learner.input.bias" => Array::full(&[1], input),
        name if name.starts_with("meta_learner.") => Array::zeros(x.shape()),
        _ => x.clone(),
    });
    Meta { theta, ..meta }
}

/// Meta-parameters whose gates differ from weight to weight and step to step.
pub fn lively(learner: &dyn Learner<f64>) -> Meta<f64> {
    let meta = learner.init(3);
    let theta = meta.theta.map_named(|name, x| match name {
        name if name.starts_with("meta_learner.") && !name.ends_with("bias") => x.map(|x| 60.0 * x),
        _ => x.clone(),
    });
    Meta { theta, ..meta }
}

fn sigmoid(x: f64) -> f64 {
    Tape::new().scalar(x).sigmoid().item()
}

pub fn adapted(learner: &dyn Learner<f64>, meta: &Meta<f64>, task: &Task<f64>) -> Params<Array<f64>> {
    learner.adapt(meta, &task.support).learned().expect("it says what it holds").weights
}

#[test]
fn with_all_weights_zero_the_gates_are_their_biases() {
    let learner = learner(normed(), 3);
    let gates = learner.gates(&with_gates(&learner, 4.5, -4.5), &task().support);
    assert_eq!(gates.len(), 3);
    for Gates { forget, input } in gates {
        for x in [&[forget.mean][..], &forget.quantiles].concat() {
            assert_relative_eq!(x, 0.989013, epsilon = 5e-7);
        }
        for x in [&[input.mean][..], &input.quantiles].concat() {
            assert_relative_eq!(x, 0.010987, epsilon = 5e-7);
        }
    }
}

#[test]
fn at_first_the_gates_are_near_those_of_gradient_descent() {
    let learner = LstmMetaLearner::new(normed());
    let gates = learner.gates(&Learner::<f64>::init(&learner, 1), &task().support);
    assert_eq!(gates.len(), 12);
    for Gates { forget, input } in gates {
        let [low, .., high] = forget.quantiles;
        assert!(0.98 < low && low < forget.mean && forget.mean < high && high < 0.994, "{forget:?}");
        let [low, .., high] = input.quantiles;
        assert!(0.0065 < low && low < input.mean && input.mean < high && high < 0.0185, "{input:?}");
    }
    assert_eq!(Spread::LEVELS[2], 0.5);
}

#[test]
fn a_forget_gate_of_one_and_a_constant_input_gate_are_gradient_descent_bit_by_bit() {
    let (task, steps) = (task(), 4);
    let learner = learner(normed(), steps);
    let meta = with_gates(&learner, 100.0, -1.5);
    let tape = Tape::new();
    let theta = meta.theta.first(Model::<f64>::spec(&*learner.model).weights().len()).on(&tape);
    let support = task.support.on(&tape);
    let inner = InnerLoop { steps, ..InnerLoop::default() };
    let descent = inner.run(&theta, Rate::Scalar(sigmoid(-1.5)), |_, fast| {
        support.y.loss(learner.model.forward(fast, support.x, &mut Pass::batch()))
    });
    let own = adapted(&learner, &meta, &task);
    assert!(own == descent.arrays());
    assert!(own != theta.arrays());
    // the released code divides the gradient by the six examples
    let divided =
        LstmMetaLearner { gradient: InnerGradient::DividedMean, train_steps: 1, eval_steps: 1, ..learner };
    let sixfold = with_gates(&divided, 100.0, (6.0 * 0.1 / (1.0 - 6.0 * 0.1_f64)).ln());
    let maml = Maml { inner_lr: 0.1, adapted: fewshot_meta::Filter::All, ..Maml::new(normed()) };
    let descent = adapted(&maml, &Meta { theta: theta.arrays(), ..meta.clone() }, &task);
    for (a, b) in adapted(&divided, &sixfold, &task).values().iter().zip(descent.values()) {
        a.data().iter().zip(b.data()).for_each(|(a, b)| assert_relative_eq!(*a, *b, epsilon = 1e-14));
    }
}

#[test]
fn with_the_gates_of_gradient_descent_the_start_learns_as_in_first_order_maml() {
    let learner = learner(normed(), 3);
    let meta = with_gates(&learner, 100.0, -1.5);
    let maml = Maml {
        inner_lr: sigmoid(-1.5),
        train_steps: 3,
        order: Order::First,
        adapted: fewshot_meta::Filter::All,
        ..Maml::new(normed())
    };
    let own = gradient(&learner, &meta, &task());
    let theirs = gradient(&maml, &Meta { theta: meta.theta.first(6), ..meta.clone() }, &task());
    assert_eq!(own.loss, theirs.loss);
    for (name, theirs) in theirs.gradient.iter() {
        let own = &own.gradient[name];
        own.data().iter().zip(theirs.data()).for_each(|(a, b)| {
            assert_relative_eq!(*a, *b, epsilon = 1e-14);
        });
    }
}

#[test]
fn statistics_of_a_support_start_anew_and_take_in_every_step() {
    let task = task();
    // nothing moves: every step sees the same batch
    let learner = LstmMetaLearner { norm_momentum: 0.75, ..learner(Net::normed(), 3) };
    let meta = with_gates(&learner, 100.0, -1e4);
    let tape = Tape::new();
    let own = meta.theta.first(Model::<f64>::spec(&*learner.model).weights().len());
    let mut pass = Pass::batch();
    learner.model.forward(&own.on(&tape), tape.var(&task.support.x), &mut pass);
    let batch = pass.into_statistics().expect("it has a norm").arrays();
    let mut running = Model::<f64>::spec(&*learner.model).statistics();
    let by_step = learner.adapt_by_step(&meta, &task.support);
    assert_eq!(by_step.len(), 4);
    for predictor in by_step {
        assert!(predictor.learned().expect("it says what it holds").statistics == running);
        running = update_running(&running, &batch, 0.75);
    }
}

#[test]
fn no_other_task_is_in_the_statistics_of_a_support() {
    let (learner, task) = (learner(Net::normed(), 3), task());
    let meta: Meta<f64> = learner.init(1);
    let other = Meta { statistics: meta.statistics.map(|s| s.map(|x| 3.0 * x + 1.0)), ..meta.clone() };
    let answers =
        |learner: &LstmMetaLearner<Net>, meta| learner.adapt(meta, &task.support).predict(&task.query.x);
    assert!(answers(&learner, &meta) == answers(&learner, &other));
    let running = LstmMetaLearner { policy: NormPolicy::Running { momentum: 0.1 }, ..learner };
    assert!(answers(&running, &meta) != answers(&running, &other));
}

#[test]
fn each_stage_is_where_fewer_steps_end() {
    let task = task();
    let all = LstmMetaLearner { batch: Some(6), ..learner(normed(), 3) };
    let meta = lively(&all);
    for (steps, stage) in all.adapt_by_step(&meta, &task.support).iter().enumerate() {
        let fewer = LstmMetaLearner { eval_steps: steps, ..all.clone() };
        assert!(stage.predict(&task.query.x) == fewer.adapt(&meta, &task.support).predict(&task.query.x));
    }
}

#[test]
fn mini_batches_serve_other_examples_in_each_step() {
    let task = task();
    let whole = learner(normed(), 3);
    let halves = LstmMetaLearner { batch: Some(3), ..whole.clone() };
    let meta = lively(&whole);
    let run = |learner: &LstmMetaLearner<Smooth>, seed| {
        learner.meta_gradient(&meta, &task, stream(seed, Purpose::Dropout, 0)).loss
    };
    assert_eq!(run(&whole, 1), run(&whole, 2));
    assert_ne!(run(&halves, 1), run(&halves, 2));
    assert_eq!(run(&halves, 1), run(&halves, 1));
}

#[test]
fn updates_computed_again_need_a_fraction_of_the_memory() {
    let peak = |memory| {
        let thread = std::thread::spawn(move || {
            let wide = fewshot_nn::Mlp::new(&[FEATURES, 400, WAYS]);
            let learner = LstmMetaLearner { memory, ..LstmMetaLearner::new(wide) };
            gradient(&learner, &learner.init(0), &task());
            buffer_pool_use::<f64>().peak
        });
        thread.join().expect("the work does not panic")
    };
    let [kept, again] = [Memory::Keep, Memory::Recompute].map(peak);
    assert!(4 * again < kept, "{again} and {kept} bytes");
}

#[test]
fn the_gates_learn_to_adapt() {
    let learner = LstmMetaLearner {
        train_steps: 5,
        eval_steps: 5,
        gradient: InnerGradient::Mean,
        ..LstmMetaLearner::new(Net::normed())
    };
    let training = Training {
        meta_batch: 4,
        outer_lr: 3e-2,
        clip: Some(Clip::Norm(0.25)),
        seed: 1,
        ..Training::default()
    };
    let tasks = Blobs { shots: [4; 3], ..Blobs::new(1) };
    let mut trainer = Trainer::<f32>::new(&learner, &tasks, Box::new(Adam::default()), training);
    let before = learner.gates(trainer.meta(), &Task::from(&tasks.episode(0)).support);
    for _ in 0..150 {
        trainer.step().unwrap();
    }
    let test = evaluate(&learner, trainer.meta(), &Blobs { shots: [4; 3], ..Blobs::new(2) }, 200).unwrap();
    let after = learner.gates(trainer.meta(), &Task::from(&tasks.episode(0)).support);
    assert!(test.mean - 3.0 * test.interval > 0.5, "{} +- {}, chance is 0.33", test.mean, test.interval);
    assert!(after[0].input.mean > 2.0 * before[0].input.mean, "{:?}", after[0]);
}

//! Learners that do other work each time they are called are not recorded without a word.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Blobs, FEATURES, WAYS};
use fewshot_autodiff::{Array, Float, Var};
use fewshot_episodes::{ChaCha8Rng, Purpose, RngExt, Tasks, stream};
use fewshot_meta::{
    Error, Execution, Learner, Maml, Memory, ProtoNet, Runner, Task, Trainer, Training, evaluate,
};
use fewshot_nn::{Adam, Linear, Model, ParamBuilder, ParamSpec, Params, Pass};

/// What a model does beside its layers.
enum Own {
    /// Dropout from a stream of its own.
    Dropout(Mutex<ChaCha8Rng>),
    /// A factor in an operator that depends on how often it was called.
    Count(AtomicUsize),
    /// Another layer in every fifth call.
    Graph(AtomicUsize),
    /// Dropout in training alone: where the pass has noise.
    InTraining(Mutex<ChaCha8Rng>),
    /// Nothing.
    Nothing,
}

struct Net {
    hidden: Linear,
    head: Linear,
    own: Own,
    spec: ParamSpec,
}

impl Net {
    fn new(own: Own) -> Self {
        let mut b = ParamBuilder::new();
        let hidden = b.scope("hidden", |b| Linear::new(b, FEATURES, 8));
        let head = b.scope("head", |b| Linear::new(b, 8, WAYS));
        Net { hidden, head, own, spec: b.finish() }
    }
}

fn dropped<'t, F: Float>(x: Var<'t, F>, rng: &Mutex<ChaCha8Rng>) -> Var<'t, F> {
    let mut rng = rng.lock().unwrap();
    let mask = Array::from_fn(&x.shape(), |_| if rng.unit() < 0.5 { F::zero() } else { F::of(2.0) });
    x * x.tape().var(&mask)
}

impl<F: Float> Model<F> for Net {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let h = self.hidden.forward(p, x).tanh();
        let h = match &self.own {
            Own::Dropout(rng) => dropped(h, rng),
            Own::InTraining(rng) if pass.noise().is_some() => dropped(h, rng),
            Own::Count(calls) => h * F::of(1.0 / (1 + calls.fetch_add(1, Ordering::Relaxed)) as f64),
            Own::Graph(calls) if calls.fetch_add(1, Ordering::Relaxed) % 5 == 4 => h.tanh(),
            _ => h,
        };
        self.head.forward(p, h)
    }
}

fn models() -> [Net; 4] {
    let rng = || Mutex::new(stream(1, Purpose::Data, 0));
    [Own::Dropout(rng()), Own::Count(0.into()), Own::Graph(0.into()), Own::InTraining(rng())].map(Net::new)
}

/// Six updates.
fn step(learner: &dyn Learner, execution: Execution) -> Result<(), Error> {
    let tasks = Blobs::new(1);
    let training = Training { meta_batch: 4, execution, ..Training::default() };
    let mut trainer = Trainer::<f32>::new(learner, &tasks, Box::new(Adam::default()), training);
    (0..6).try_for_each(|_| trainer.step().map(drop))
}

fn check(learner: &dyn Learner) {
    let error = step(learner, Execution::Recorded).unwrap_err();
    assert!(matches!(error, Error::Changing { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("`Noise`") && said.contains("Execution::Eager"), "{said}");
    // the way out
    step(learner, Execution::Eager).unwrap();
}

#[test]
fn work_that_changes_is_refused_and_may_run_operator_by_operator() {
    for model in models() {
        check(&ProtoNet::new(model));
    }
    for model in models() {
        check(&Maml { train_steps: 2, ..Maml::new(model) });
    }
    let [dropout, ..] = models();
    check(&Maml { memory: Memory::Recompute, ..Maml::new(dropout) });
    step(&Maml::new(Net::new(Own::Nothing)), Execution::Recorded).unwrap();
}

#[test]
#[should_panic(expected = "task_gradient: the learner does other work each time it is called")]
fn a_single_gradient_is_refused_as_well() {
    let [dropout, ..] = models();
    let (learner, task) = (ProtoNet::new(dropout), Task::<f32>::from(&Blobs::new(1).episode(0)));
    Runner::new(&learner).task_gradient(&learner.init(1), &task, || stream(1, Purpose::Dropout, 0));
}

#[test]
fn predictors_that_change_their_answers_are_not_scored() {
    let [dropout, count, _, in_training] = models();
    for model in [dropout, count] {
        let learner = Maml::new(model);
        let error = evaluate(&learner, &Learner::<f32>::init(&learner, 1), &Blobs::new(1), 4).unwrap_err();
        assert!(matches!(error, Error::Unsteady { episode: 0 }), "{error:?}");
        assert!(error.to_string().contains("`Noise`"), "{error}");
    }
    let learner = Maml::new(in_training);
    evaluate(&learner, &Learner::<f32>::init(&learner, 1), &Blobs::new(1), 4).unwrap();
}

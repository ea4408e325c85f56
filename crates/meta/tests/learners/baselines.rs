//! Baselines: closed forms, and what they reach on a few glyphs.

use std::sync::Arc;

use crate::common::{Blobs, FEATURES, WAYS};
use approx::assert_abs_diff_eq;
use fewshot_autodiff::{Activation, Array};
use fewshot_episodes::glyphs::{self, GlyphConfig};
use fewshot_episodes::{
    ClassBatches, ClassId, ImageSet, ImageTasks, Protocol, Purpose, Rotations, Sinusoid, Tasks,
};
use fewshot_meta::{
    Evaluation, Examples, Execution, Filter, FineTune, Head, Labels, Learner, Maml, Meta, Nil, Pretrain,
    Runner, Scratch, Task, Trainer, Training, Vote, evaluate, evaluate_by_step,
};
use fewshot_nn::{Adam, Conv4, Conv4Config, Init, Mlp, NormAffine, NormPolicy};

const RUNNING: NormPolicy = NormPolicy::Running { momentum: 0.1 };

/// One input, one output, no hidden layer: `y = w x + b`.
fn line() -> Mlp {
    Mlp::with(&[1, 1], Activation::Relu, Init::Constant(0.5), None)
}

fn normed(outputs: usize) -> Mlp {
    let norm = Some((NormAffine::ScaleShift, 1e-3));
    Mlp::with(&[FEATURES, 8, outputs], Activation::Relu, Init::XavierUniform, norm)
}

/// The point (2, 1).
fn point() -> Examples<Array<f64>> {
    let column = |x| Array::new(&[1, 1], vec![x]);
    Examples::new(column(2.0), Labels::Values(column(1.0)))
}

/// Answers of each stage at 2.
fn answers(learner: &dyn Learner<f64>, meta: &Meta<Array<f64>>) -> Vec<f64> {
    let support = point();
    learner.adapt_by_step(meta, &support).iter().map(|p| p.predict(&support.x).data()[0]).collect()
}

#[test]
fn rates_decay_as_one_over_the_steps() {
    // of L = (f - 1)^2 at x = 2 a step moves w by -4 r (f - 1) and b by -2 r (f - 1), so f - 1 by the factor 1 - 10 r
    for (decay, expected) in [(0.0, [-0.8, -0.64, -0.512]), (1.0, [-0.8, -0.72, -0.672])] {
        let tuned = FineTune { steps: 3, inner_lr: 0.02, decay, ..FineTune::new(line()) };
        let errors: Vec<f64> = answers(&tuned, &tuned.init(1)).iter().map(|f| f - 1.0).collect();
        assert_eq!(errors[0], -1.0);
        for (error, expected) in errors[1..].iter().zip(expected) {
            assert_abs_diff_eq!(*error, expected, epsilon = 1e-12);
        }
        // from the line w = 0.5, b = 0, which has no error at (2, 1)
        let scratch = Scratch { steps: 3, inner_lr: 0.02, decay, ..Scratch::new(line()) };
        assert_eq!(answers(&scratch, &scratch.init(1)), [1.0; 4]);
    }
}

#[test]
fn without_steps_fine_tuning_is_the_fresh_head() {
    let task = Task::<Array<f64>>::from(Blobs::new(1).episode(0));
    let pretrained = Learner::<f64>::init(&Pretrain::new(normed(10)), 1);
    let none = |head| FineTune { head, steps: 0, ..FineTune::new(normed(WAYS)) };
    let predictions = |learner: &FineTune<Mlp>| {
        let meta = learner.meta(&pretrained);
        (learner.adapt(&meta, &task.support).predict(&task.query.x), meta)
    };
    let (logits, meta) = predictions(&none(Head::Zeros));
    assert!(logits.data().iter().all(|&y| y == 0.0));
    assert!(meta.theta["head.weight"].data().iter().all(|&w| w == 0.0));
    let seeded = |seed| predictions(&none(Head::Drawn { seed }));
    let (logits, meta) = seeded(1);
    assert_eq!(logits.shape(), [task.query.y.len(), WAYS]);
    assert_eq!(logits, seeded(1).0);
    assert_ne!(logits, seeded(2).0);
    // the network that consists of pretrained body and fresh head
    let whole = Pretrain::new(normed(WAYS)).adapt(&meta, &task.support).predict(&task.query.x);
    assert_eq!(logits, whole);
    assert_eq!(meta.theta["layer1.weight"], pretrained.theta["layer1.weight"]);
}

#[test]
fn fine_tuning_of_a_kept_head_takes_the_steps_of_maml() {
    let model = || Mlp::with(&[FEATURES, 8, WAYS], Activation::Relu, Init::XavierUniform, None);
    let tuned = FineTune { head: Head::Kept, steps: 4, inner_lr: 0.3, ..FineTune::new(model()) };
    let maml = Maml { eval_steps: 4, inner_lr: 0.3, ..Maml::new(model()) };
    let meta = Learner::<f64>::init(&maml, 1);
    let tasks = Blobs::new(1);
    assert_eq!(
        evaluate_by_step(&tuned, &meta, &tasks, 5).unwrap(),
        evaluate_by_step(&maml, &meta, &tasks, 5).unwrap()
    );
}

#[test]
fn running_statistics_move_with_the_steps_by_the_momentum() {
    let task = Task::<Array<f64>>::from(Blobs::new(1).episode(0));
    let queries = |momentum, steps, query: &Array<f64>| {
        let policy = NormPolicy::Running { momentum };
        // a rate of 0 changes no weight, so that only statistics move
        let head = Head::Drawn { seed: 1 };
        let tuned = FineTune { head, steps, inner_lr: 0.0, policy, ..FineTune::new(normed(WAYS)) };
        tuned.adapt(&tuned.init(1), &task.support).predict(query)
    };
    let all = &task.query.x;
    assert_eq!(queries(0.0, 3, all), queries(0.0, 0, all));
    assert_ne!(queries(0.1, 3, all), queries(0.1, 0, all));
    assert_eq!(queries(1.0, 1, all), queries(1.0, 3, all));
    // one query at a time is answered as all together
    let size = FEATURES;
    for i in 0..all.shape()[0] {
        let one = Array::new(&[1, size], all.data()[i * size..(i + 1) * size].to_vec());
        let expected = &queries(0.1, 3, all).data()[i * WAYS..(i + 1) * WAYS].to_vec();
        for (a, b) in queries(0.1, 3, &one).data().iter().zip(expected) {
            assert_abs_diff_eq!(*a, *b, epsilon = 1e-12);
        }
    }
}

#[test]
fn scratch_ignores_the_meta_parameters() {
    let scratch = Scratch { inner_lr: 0.5, ..Scratch::new(normed(WAYS)) };
    let meta = |seed| Learner::<f64>::init(&scratch, seed);
    assert!(meta(1).theta != meta(2).theta);
    let tasks = Blobs { shots: [5; WAYS], ..Blobs::new(1) };
    let by_step = |seed| evaluate_by_step(&scratch, &meta(seed), &tasks, 20).unwrap();
    let curve = by_step(1);
    assert_eq!(curve, by_step(2));
    assert_eq!(curve.len(), 16);
    above(&curve[15], 1.0 / WAYS as f64 + 0.2);
    let gradient = Runner::new(&scratch).meta_gradient(&meta(1), &tasks, 0..2, 1).gradient;
    assert!(gradient.values().iter().all(|g| g.data().iter().all(|&g| g == 0.0)));
}

#[test]
fn joint_regression_has_the_gradient_of_maml_with_rate_0() {
    let model = || Mlp::with(&[1, 8, 8, 1], Activation::Relu, Init::XavierUniform, None);
    let waves = Sinusoid::new(5, 10, 1, Purpose::Train).unwrap();
    let (joint, maml) = (Pretrain::new(model()), Maml { inner_lr: 0.0, ..Maml::new(model()) });
    let meta = Learner::<f64>::init(&maml, 1);
    let [a, b] = [&joint as &dyn Learner<f64>, &maml]
        .map(|learner| Runner::new(learner).meta_gradient(&meta, &waves, 0..8, 1));
    assert_abs_diff_eq!(a.loss, b.loss, epsilon = 1e-14);
    for ((name, a), (_, b)) in a.gradient.iter().zip(b.gradient.iter()) {
        let largest = a.data().iter().zip(b.data()).fold(0.0, |m, (a, b)| f64::max(m, (a - b).abs()));
        assert!(largest < 1e-14, "{name}: {largest}");
    }
}

#[test]
fn joint_regression_is_read_by_maml_and_by_fine_tuning() {
    let model = || Mlp::new(&[1, 40, 40, 1]);
    let (joint, maml) =
        (Pretrain::new(model()), Maml { inner_lr: 0.005, eval_steps: 5, ..Maml::new(model()) });
    let waves = Sinusoid::new(10, 10, 1, Purpose::Train).unwrap();
    let meta = trained(&joint, &waves, 25, 150, 1e-2);
    let test = Sinusoid::new(10, 10, 1, Purpose::Test).unwrap();
    let curve = evaluate_by_step(&maml, &meta, &test, 300).unwrap();
    assert_eq!(curve[0], evaluate(&joint, &meta, &test, 300).unwrap());
    // the best function for all waves has 3.0, the zero function 4.25
    assert!(curve[0].mean < 3.9 && curve[0].mean + curve[0].interval > 3.0, "{}", curve[0].mean);
    assert!(curve[5].mean < curve[0].mean, "{} {}", curve[0].mean, curve[5].mean);
    let tuned = FineTune { head: Head::Kept, inner_lr: 0.005, steps: 5, ..FineTune::new(model()) };
    assert_eq!(evaluate_by_step(&tuned, &tuned.meta(&meta), &test, 300).unwrap(), curve);
}

fn trained(
    learner: &dyn Learner<f32>,
    tasks: &dyn Tasks,
    meta_batch: usize,
    steps: usize,
    outer_lr: f64,
) -> Meta<Array<f32>> {
    let training = Training { meta_batch, outer_lr, seed: 1, ..Training::default() };
    let mut trainer = Trainer::new(learner, tasks, Adam::default(), training);
    for _ in 0..steps {
        trainer.step().unwrap();
    }
    trainer.meta().clone()
}

#[track_caller]
fn above(evaluation: &Evaluation, least: f64) {
    let Evaluation { mean, interval, .. } = evaluation;
    assert!(mean - interval > least, "{mean} +- {interval} is not above {least}");
}

fn encoder() -> Conv4Config {
    Conv4Config { filters: 16, size: 20, ..Conv4Config::pooled_64() }
}

/// 20 classes to pretrain on, and 10 of other alphabets.
fn glyph_classes() -> (Arc<ImageSet>, Vec<ClassId>, Vec<ClassId>) {
    let config = GlyphConfig { alphabets: 6, characters: 5..=5, size: 20, ..GlyphConfig::default() };
    let images = Arc::new(glyphs::generate(&config, 1));
    let classes = |range: std::ops::Range<usize>| range.map(ClassId::from).collect();
    (images, classes(0..20), classes(20..30))
}

#[test]
fn pretraining_on_glyphs_and_what_it_is_good_for() {
    let (images, train, test) = glyph_classes();
    let batches =
        |purpose| ClassBatches::new(images.clone(), &train, 32, Rotations::None, 1, purpose).unwrap();
    let pretrain = Pretrain::new(Conv4::new(&encoder().with_head(train.len())));
    let meta = trained(&pretrain, &batches(Purpose::Train), 1, 150, 1e-2);
    // chance is 0.05
    above(&evaluate(&pretrain, &meta, &batches(Purpose::Test), 10).unwrap(), 0.9);

    let protocol = Protocol { ways: 5, shots: 5, queries: 5, rotations: Rotations::None };
    let tasks = ImageTasks::new(images.clone(), &test, protocol, 1, Purpose::Test).unwrap();
    let nearest = Nil { vote: Vote::Nearest, policy: RUNNING, ..Nil::new(Conv4::new(&encoder())) };
    let features = meta.transfer(&nearest, &Filter::only(&[]), 0);
    let by_features = evaluate(&nearest, &features, &tasks, 40).unwrap();
    above(&by_features, 0.7);
    // the whole network does the same: its head is not looked at
    let whole = Nil { vote: Vote::Nearest, policy: RUNNING, ..Nil::new(Conv4::new(pretrain.model.config())) };
    assert_eq!(evaluate(&whole, &meta, &tasks, 40).unwrap(), by_features);

    let five = || Conv4::new(&encoder().with_head(5));
    let tuned = FineTune { inner_lr: 0.1, ..FineTune::new(five()) };
    let curve = evaluate_by_step(&tuned, &tuned.meta(&meta), &tasks, 20).unwrap();
    // equal logits: the first class is answered, and right for a fifth of the queries
    assert!(curve[0].values.iter().all(|&v| v == 0.2), "{:?}", curve[0].values);
    above(&curve[15], 0.7);
    let scratch = Scratch { inner_lr: 0.1, ..Scratch::new(five()) };
    above(&evaluate(&scratch, &meta_of(&scratch), &tasks, 20).unwrap(), 0.5);
}

fn meta_of(learner: &dyn Learner<f32>) -> Meta<Array<f32>> {
    learner.init(1)
}

#[test]
fn batches_are_recorded_once_and_give_the_bits_of_eager_work() {
    let (images, train, _) = glyph_classes();
    let batches = ClassBatches::new(images, &train, 6, Rotations::NewClasses, 1, Purpose::Train).unwrap();
    let pretrain = Pretrain::new(Conv4::new(&encoder().with_head(batches.classes().len())));
    let meta = meta_of(&pretrain);
    let [a, b] = [Execution::Recorded, Execution::Eager]
        .map(|execution| Runner::with(&pretrain, execution).meta_gradient(&meta, &batches, 0..4, 1));
    assert!(a.gradient == b.gradient && a.statistics == b.statistics && a.loss == b.loss);
    // whichever classes a batch happens to show
    let runner = Runner::new(&pretrain);
    let program = |i| runner.program(&meta, &Task::from(batches.episode(i))).unwrap();
    assert!((1..20).all(|i| Arc::ptr_eq(&program(0), &program(i))));
}

#[test]
fn transfer_goes_by_name() {
    let from = Meta { iteration: 7, ..Learner::<f64>::init(&Pretrain::new(normed(10)), 1) };
    let tuned = FineTune::new(normed(WAYS));
    let meta = from.transfer(&tuned, &Filter::only(&["head.*"]), 5);
    assert_eq!(meta.theta["layer1.norm.scale"], from.theta["layer1.norm.scale"]);
    assert_eq!(meta.theta["head.weight"], Learner::<f64>::init(&tuned, 5).theta["head.weight"]);
    assert_eq!((meta.statistics, meta.iteration), (from.statistics, 7));
}

#[test]
#[should_panic(expected = "transfer: head.weight has shape [8, 10], the other learner's has [8, 3]")]
fn a_head_of_another_size_is_not_taken_over() {
    let from = Learner::<f64>::init(&Pretrain::new(normed(10)), 1);
    let _ = from.transfer(&FineTune::new(normed(WAYS)), &Filter::only(&[]), 0);
}

#[test]
#[should_panic(expected = r#"transfer: there is no "layer1.norm.scale" among ["layer1.weight""#)]
fn what_is_missing_is_named() {
    let plain = Mlp::with(&[FEATURES, 8, WAYS], Activation::Relu, Init::XavierUniform, None);
    let from = Learner::<f64>::init(&Pretrain::new(plain), 1);
    let _ = from.transfer(&FineTune::new(normed(WAYS)), &Filter::only(&["head.*"]), 0);
}

//! Learners learn what can be learned, and nothing else.

use crate::common::score::Score;
use crate::common::{Blobs, Lines, Net, QueryLabels, WAYS};
use fewshot_autodiff::Activation;
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Anil, Cavia, Distance, Error, Evaluation, IMaml, Learner, Maml, Matching, Metric, MultiStep, Nil, Order,
    ProtoNet, R2d2, Rates, Relation, Reptile, Trainer, Training, evaluate, evaluate_at_steps,
    evaluate_by_step,
};
use fewshot_nn::{Adam, Init, Mlp, Schedule, Sgd};

fn learners() -> Vec<Box<dyn Learner<f32>>> {
    let maml = || Maml { inner_lr: 0.5, eval_steps: 3, ..Maml::new(Net::normed()) };
    vec![
        Box::new(maml()),
        Box::new(Maml { order: Order::First, train_steps: 2, ..maml() }),
        Box::new(Maml { inner_lr: 0.5, ..Maml::new(Net::plain()) }),
        Box::new(Maml {
            inner_lr: 0.5,
            multi_step: Some(MultiStep { epochs: 2, epoch: 20 }),
            ..Maml::plus_plus(Net::normed())
        }),
        Box::new(Maml { rates: Rates::Each { low: 0.2, high: 0.6 }, ..Maml::meta_sgd(Net::normed()) }),
        Box::new(Anil {
            inner_lr: 0.5,
            ..Anil::new(Mlp::with(&[6, 16, 3], Activation::Relu, Init::XavierUniform, None))
        }),
        Box::new(IMaml { proximal: 0.5, ..IMaml::new(Net::normed()) }),
        Box::new(IMaml::released(Net::normed())),
        Box::new(Nil::new(Mlp::with(&[6, 16, 3], Activation::Relu, Init::XavierUniform, None))),
        Box::new(R2d2 { lambda: 0.1, ..R2d2::new(Net::normed()) }),
        Box::new(R2d2 { lambda: 0.1, ..R2d2::logistic(Net::normed(), 2) }),
        Box::new(ProtoNet::new(Net::normed())),
        Box::new(Matching { distance: Distance::SquaredEuclid, ..Matching::new(Net::normed()) }),
        Box::new(Matching::with_full_context(Net::normed(), WAYS, 2)),
        Box::new(Relation::of(Net::normed(), Score::new(2 * WAYS))),
        Box::new(ProtoNet { distance: Distance::Cosine, ..ProtoNet::new(Net::plain()) }),
    ]
}

fn train<'a>(
    learner: &'a dyn Learner<f32>,
    tasks: &'a dyn Tasks,
    meta_batch: usize,
    steps: usize,
) -> Trainer<'a> {
    let training = Training { meta_batch, outer_lr: 1e-2, seed: 1, ..Training::default() };
    let mut trainer = Trainer::new(learner, tasks, Adam::default(), training);
    for _ in 0..steps {
        trainer.step().unwrap();
    }
    trainer
}

#[test]
fn one_episode_is_learned_to_100_percent() {
    for learner in learners() {
        let tasks = Blobs { only: Some(5), ..Blobs::new(1) };
        let mut trainer = train(&*learner, &tasks, 1, 150);
        assert_eq!(trainer.step().unwrap().accuracy, Some(1.0));
    }
}

#[test]
fn new_tasks_are_learned_from_few_examples() {
    for learner in learners() {
        let tasks = Blobs { shots: [1, 2, 3], ..Blobs::new(1) };
        let trainer = train(&*learner, &tasks, 4, 150);
        let test = evaluate(&*learner, trainer.meta(), &Blobs::new(2), 200).unwrap();
        assert_eq!(test.metric, Metric::Accuracy);
        assert!(test.mean - 3.0 * test.interval > 0.5, "{} +- {}, chance is 0.33", test.mean, test.interval);
    }
}

#[test]
fn shuffled_labels_stay_at_chance() {
    for learner in learners() {
        let shuffled = |seed| Blobs { labels: QueryLabels::Shuffled, ..Blobs::new(seed) };
        let tasks = shuffled(1);
        let trainer = train(&*learner, &tasks, 2, 50);
        let test = evaluate(&*learner, trainer.meta(), &shuffled(2), 300).unwrap();
        let standard_error = test.interval / 1.96;
        assert!((test.mean - 1.0 / 3.0).abs() < 3.0 * standard_error, "{} +- {}", test.mean, test.interval);
    }
}

#[test]
fn reptile_learns_one_episode_and_new_ones() {
    let learner = Reptile { inner_lr: 0.02, eval_steps: 20, batch: Some(6), ..Reptile::new(Net::normed()) };
    let schedule = Schedule::Linear { iterations: 100, last: 0.0 };
    let training = Training { meta_batch: 5, outer_lr: 1.0, schedule, seed: 1, ..Training::default() };
    let run = |tasks: &Blobs| {
        let mut trainer = Trainer::new(&learner, tasks, Sgd::default(), training.clone());
        let last = (0..100).map(|_| trainer.step().unwrap()).last().unwrap();
        (last, trainer.meta().clone())
    };
    let one = Blobs { shots: [4; 3], only: Some(5), ..Blobs::new(1) };
    assert_eq!(run(&one).0.accuracy, Some(1.0));
    let (_, meta) = run(&Blobs { shots: [4; 3], ..Blobs::new(1) });
    let test = evaluate(&learner, &meta, &Blobs::new(2), 200).unwrap();
    assert!(test.mean - 3.0 * test.interval > 0.5, "{} +- {}", test.mean, test.interval);
}

#[test]
fn cavia_regresses_lines() {
    let model = Mlp::with(&[3, 16, 1], Activation::Relu, Init::XavierUniform, None);
    let learner = Cavia { inner_lr: 0.5, train_steps: 2, eval_steps: 2, ..Cavia::new(model, 2) };
    let tasks = Lines { seed: 1 };
    let trainer = train(&learner, &tasks, 8, 300);
    let curve = evaluate_by_step(&learner, trainer.meta(), &Lines { seed: 2 }, 200).unwrap();
    assert!(curve[2].mean < 0.5 * curve[0].mean, "{} {}", curve[0].mean, curve[2].mean);
}

#[test]
fn maml_regresses_lines() {
    let learner = Maml { inner_lr: 0.1, eval_steps: 3, ..Maml::new(Net::new(1, 1, None)) };
    let tasks = Lines { seed: 1 };
    let trainer = train(&learner, &tasks, 8, 200);
    let curve = evaluate_by_step(&learner, trainer.meta(), &Lines { seed: 2 }, 200).unwrap();
    assert_eq!(curve.len(), 4);
    assert!(curve.iter().all(|e| e.metric == Metric::Mse));
    // not adapted, no function does better than E[y^2] = 1 + 1/3
    assert!(curve[0].mean > 1.0, "{}", curve[0].mean);
    assert!(curve[1].mean < 0.5 * curve[0].mean, "{} {}", curve[0].mean, curve[1].mean);
    assert_eq!(curve[3], evaluate(&learner, trainer.meta(), &Lines { seed: 2 }, 200).unwrap());
}

#[test]
fn numbers_that_are_not_finite_stop_training_and_keep_the_weights() {
    let learner = Maml { inner_lr: 1e30, ..Maml::new(Net::plain()) };
    let tasks = Blobs::new(1);
    let mut trainer = Trainer::new(&learner, &tasks, Adam::default(), Training::default());
    let before = trainer.progress();
    let error = trainer.step().unwrap_err();
    assert!(matches!(error, Error::Diverged { iteration: 1, .. }), "{error}");
    assert!(
        error.to_string().contains("iteration 1")
            && error.to_string().contains("lower the inner or outer rate")
    );
    assert!(trainer.meta().theta == before.meta.theta && trainer.iteration() == 0);

    let learner = Maml { inner_lr: 0.1, ..Maml::new(Net::plain()) };
    let training = Training { outer_lr: 1e39, ..Training::default() };
    let mut trainer = Trainer::new(&learner, &tasks, Adam::default(), training);
    let before = trainer.progress();
    assert!(matches!(trainer.step(), Err(Error::Diverged { iteration: 1, what: "weights" })));
    let after = trainer.progress();
    assert!(after.meta.theta == before.meta.theta && after.optimizer == before.optimizer);
}

#[test]
fn an_evaluation_that_diverges_names_the_episode() {
    let learner = Maml { inner_lr: 1e30, eval_steps: 3, ..Maml::new(Net::plain()) };
    let meta = Learner::<f32>::init(&learner, 1);
    let error = evaluate(&learner, &meta, &Blobs::new(1), 5).unwrap_err();
    assert!(error.to_string().starts_with("test episode 0: the predictions are not finite"), "{error}");
}

#[test]
fn a_learner_that_diverges_late_keeps_its_early_results() {
    let learner = Maml { inner_lr: 1e12, eval_steps: 4, ..Maml::new(Net::plain()) };
    let meta = Learner::<f32>::init(&learner, 1);
    let steps = [0, 1, 4].into();
    let stages = evaluate_at_steps(&learner, &meta, &Blobs::new(1), 5, &steps);
    assert!(stages[0].is_ok() && stages[1].is_ok(), "{stages:?}");
    assert!(stages[2].is_err(), "{stages:?}");
}

#[test]
fn the_interval_is_1_96_population_deviations_over_the_root_of_the_episodes() {
    let values: Vec<f64> = (0..600).map(|i| if i < 300 { 0.4 } else { 0.6 }).collect();
    let evaluation = Evaluation::new(Metric::Accuracy, values);
    assert!((evaluation.mean - 0.5).abs() < 1e-12);
    assert!((evaluation.interval - 1.96 * 0.1 / 600f64.sqrt()).abs() < 1e-12);
    assert_eq!(format!("{:.4}", evaluation.interval), "0.0080");
}

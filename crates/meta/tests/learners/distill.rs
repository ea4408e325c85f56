//! Distillation against its closed form.

use crate::common::smooth::Smooth;
use crate::common::{Blobs, FEATURES, WAYS};
use approx::assert_relative_eq;
use fewshot_autodiff::Array;
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{
    Distill, Execution, Labels, Learner, Meta, Outcome, Pretrain, Runner, Task, Teacher, task_gradient,
};
use fewshot_nn::NormAffine;

fn network() -> Smooth {
    Smooth::new(FEATURES, WAYS, Some(NormAffine::ScaleShift))
}

/// A trained teacher: its statistics are not those of a fresh network.
fn taught() -> Meta<Array<f64>> {
    let fresh = Learner::<f64>::init(&Pretrain::new(network()), 2);
    Meta { statistics: fresh.statistics.map(|s| s.map(|x| 0.8 * x + 0.1)), ..fresh }
}

fn distill(share: f64, temperature: f64) -> Distill<Smooth, f64> {
    let plain = Distill::new(Pretrain::new(network()), Teacher::new(network(), &taught()));
    Distill { share, temperature, ..plain }
}

fn task() -> Task<Array<f64>> {
    Task::from(&Blobs::new(1).episode(0))
}

fn run(learner: &dyn Learner<f64>, task: &Task<Array<f64>>) -> Outcome<Array<f64>> {
    task_gradient(learner, &learner.init(1), task, stream(1, Purpose::Dropout, 0))
}

/// Probabilities of a row of logits divided by a temperature.
fn softmax(row: &[f64], temperature: f64) -> Vec<f64> {
    let powers: Vec<f64> = row.iter().map(|x| (x / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|x| x / sum).collect()
}

#[test]
fn the_loss_is_the_published_sum() {
    let task = task();
    let Labels::Classes(classes) = &task.query.y else { panic!("these are classes") };
    let pretrain = Pretrain::new(network());
    let plain = run(&pretrain, &task);
    let teacher = pretrain.adapt(&taught(), &task.support).predict(&task.query.x);
    for (share, temperature) in [(0.5, 4.0), (0.9, 1.0), (1.0, 2.0)] {
        let found = run(&distill(share, temperature), &task);
        assert_eq!(found.predictions, plain.predictions);
        assert_eq!(
            found.statistics.unwrap()["hidden.norm.mean"],
            plain.statistics.as_ref().unwrap()["hidden.norm.mean"]
        );
        let (mut labels, mut divergence) = (0.0, 0.0);
        for (i, &class) in classes.iter().enumerate() {
            let row = |logits: &Array<f64>| logits.data()[i * WAYS..][..WAYS].to_vec();
            labels -= softmax(&row(&plain.predictions), 1.0)[class].ln();
            let q = softmax(&row(&plain.predictions), temperature);
            let p = softmax(&row(&teacher), temperature);
            divergence += p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).sum::<f64>();
        }
        let n = classes.len() as f64;
        let expected = (1.0 - share) * labels / n + share * temperature * temperature * divergence / n;
        assert_relative_eq!(found.loss.item(), expected, max_relative = 1e-12);
        assert!(divergence > 1e-3, "the teacher says something else: {divergence}");
    }
}

#[test]
fn without_a_share_the_teacher_says_nothing() {
    let task = task();
    let (found, plain) = (run(&distill(0.0, 4.0), &task), run(&Pretrain::new(network()), &task));
    assert_relative_eq!(found.loss.item(), plain.loss.item(), max_relative = 1e-14);
    for (a, b) in found.gradient.values().iter().zip(plain.gradient.values()) {
        for (a, b) in a.data().iter().zip(b.data()) {
            assert_relative_eq!(*a, *b, epsilon = 1e-15, max_relative = 1e-12);
        }
    }
}

#[test]
fn who_knows_what_the_teacher_knows_learns_nothing_from_it() {
    // without norms, where batch and running statistics would tell the two apart
    let network = || Smooth::new(FEATURES, WAYS, None);
    let pretrain = Pretrain::new(network());
    let teacher = Teacher::new(network(), &Learner::<f64>::init(&pretrain, 1));
    let found = run(&Distill { share: 1.0, ..Distill::new(pretrain, teacher) }, &task());
    assert!(found.loss.item().abs() < 1e-14);
    assert!(found.gradient.values().iter().all(|g| g.data().iter().all(|g| g.abs() < 1e-14)));
}

#[test]
fn it_is_recorded_with_the_bits_of_eager_work_and_saved_as_pretraining_is() {
    let (learner, tasks) = (distill(0.5, 4.0), Blobs::new(1));
    let meta = learner.init(1);
    let [a, b] = [Execution::Recorded, Execution::Eager]
        .map(|execution| Runner::with(&learner, execution).meta_gradient(&meta, &tasks, 0..4, 1));
    assert!(a.gradient == b.gradient && a.statistics == b.statistics && a.loss == b.loss);
    let pretrain = Pretrain::new(network());
    let own = Learner::<f64>::init(&pretrain, 1);
    assert!(own.signature == meta.signature && own.theta == meta.theta);
    pretrain.check_meta(&meta).unwrap();
}

#[test]
#[should_panic(expected = "Distill::new: the teacher has 4 outputs, the student 3")]
fn a_teacher_of_other_classes_is_refused() {
    let four = || fewshot_nn::Mlp::new(&[FEATURES, 4]);
    let teacher = Teacher::new(four(), &Learner::<f64>::init(&Pretrain::new(four()), 1));
    let _ = Distill::new(Pretrain::new(fewshot_nn::Mlp::new(&[FEATURES, 3])), teacher);
}

//! What normalises a query: policies of batch norm in use.

use crate::common::score::Score;
use crate::common::{Blobs, FEATURES, Net, WAYS};
use fewshot_autodiff::Array;
use fewshot_episodes::Tasks;
use fewshot_meta::{
    IMaml, Learner, LstmMetaLearner, Maml, Matching, Meta, ProtoNet, R2d2, Relation, Reptile, Task, Trainer,
    Training,
};
use fewshot_nn::{Adam, NormAffine, NormPolicy};

fn policies() -> [NormPolicy; 4] {
    [
        NormPolicy::Batch,
        NormPolicy::Running { momentum: 0.1 },
        NormPolicy::SupportOnly,
        NormPolicy::SupportPlusOne,
    ]
}

/// Learners on networks with batch norm of this kind, or without.
fn learners(norm: Option<NormAffine>, policy: NormPolicy) -> [Box<dyn Learner<f64>>; 8] {
    let net = || Net::new(FEATURES, WAYS, norm);
    let score = Score::with(2 * WAYS, norm);
    [
        Box::new(Maml { policy, inner_lr: 0.3, ..Maml::new(net()) }),
        Box::new(ProtoNet { policy, ..ProtoNet::new(net()) }),
        Box::new(Reptile { policy, inner_lr: 0.01, ..Reptile::new(net()) }),
        Box::new(IMaml { policy, ..IMaml::new(net()) }),
        Box::new(LstmMetaLearner { policy, ..LstmMetaLearner::new(net()) }),
        Box::new(Matching { policy, ..Matching::with_full_context(net(), WAYS, 2) }),
        Box::new(Relation { policy, ..Relation::of(net(), score) }),
        Box::new(R2d2 { policy, lambda: 0.1, ..R2d2::new(net()) }),
    ]
}

const NORMED: Option<NormAffine> = Some(NormAffine::ScaleShift);

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |largest, (a, b)| f64::max(largest, (a - b).abs()))
}

fn trained(learner: &dyn Learner<f64>) -> Meta<Array<f64>> {
    let tasks = Blobs::new(1);
    let training = Training { meta_batch: 2, outer_lr: 1e-2, ..Training::default() };
    let mut trainer = Trainer::<f64>::with_element(learner, &tasks, Adam::default(), training);
    for _ in 0..5 {
        trainer.step().unwrap();
    }
    trainer.meta().clone()
}

/// Largest difference between predictions for all queries at once and for each alone.
fn difference(learner: &dyn Learner<f64>, meta: &Meta<Array<f64>>) -> f64 {
    let task = Task::from(&Blobs::new(9).episode(0));
    let predictor = learner.adapt(meta, &task.support);
    let (x, features) = (&task.query.x, task.query.x.shape()[1]);
    let all = predictor.predict(x);
    let ways = all.shape()[1];
    let mut largest: f64 = 0.0;
    for i in 0..x.shape()[0] {
        let one = Array::new(&[1, features], x.data()[i * features..(i + 1) * features].to_vec());
        let alone = predictor.predict(&one);
        largest = largest.max(largest_difference(alone.data(), &all.data()[i * ways..(i + 1) * ways]));
    }
    largest
}

#[test]
fn only_batch_statistics_make_queries_depend_on_each_other() {
    for policy in policies() {
        for learner in learners(NORMED, policy) {
            let meta = trained(&*learner);
            let difference = difference(&*learner, &meta);
            if policy == NormPolicy::Batch {
                assert!(difference > 1e-3, "{policy}: {difference}");
            } else {
                assert!(difference < 1e-12, "{policy}: {difference}");
            }
        }
    }
}

#[test]
fn policies_differ_from_each_other() {
    let task = Task::<Array<f64>>::from(&Blobs::new(9).episode(0));
    for (which, learner) in learners(NORMED, NormPolicy::Batch).iter().enumerate() {
        let meta = trained(&**learner);
        let predictions = policies()
            .map(|policy| learners(NORMED, policy)[which].adapt(&meta, &task.support).predict(&task.query.x));
        for i in 0..4 {
            for j in 0..i {
                let apart = largest_difference(predictions[i].data(), predictions[j].data());
                let [one, other] = [i, j].map(|place| policies()[place]);
                // the predictions themselves are of about 1
                assert!(apart > 1e-3, "learner {which}: {one} and {other} are {apart} apart");
            }
        }
    }
}

#[test]
fn without_batch_norm_all_policies_agree() {
    let task = Task::<Array<f64>>::from(&Blobs::new(9).episode(0));
    let predictions = policies().map(|policy| {
        learners(None, policy).map(|l| l.adapt(&l.init(4), &task.support).predict(&task.query.x))
    });
    for (policy, predictions_of_policy) in policies().iter().zip(&predictions) {
        assert_eq!(predictions_of_policy, &predictions[0], "{policy}");
    }
}

#[test]
fn training_moves_the_running_statistics_in_task_order() {
    let learner = ProtoNet { policy: NormPolicy::Running { momentum: 0.25 }, ..ProtoNet::new(Net::normed()) };
    let (tasks, meta) = (Blobs::new(1), Learner::<f64>::init(&learner, 0));
    let one = |i, meta: &Meta<Array<f64>>| {
        fewshot_meta::meta_gradient::<f64>(&learner, meta, &tasks, i..i + 1, 0).statistics
    };
    let first = Meta { statistics: one(0, &meta), ..meta.clone() };
    assert!(first.statistics != meta.statistics);
    let in_turn = one(1, &first);
    let together = fewshot_meta::meta_gradient::<f64>(&learner, &meta, &tasks, 0..2, 0).statistics;
    assert!(in_turn == together);
}

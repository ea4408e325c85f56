//! Same seed, same bits: for any number of threads, in one go or resumed.

use crate::common::{Blobs, Net};
use fewshot_autodiff::Array;
use fewshot_meta::{Evaluation, Learner, Maml, Meta, Progress, ProtoNet, Trainer, Training, evaluate};
use fewshot_nn::Adam;

fn maml() -> Maml<Net> {
    Maml { train_steps: 2, eval_steps: 2, inner_lr: 0.5, ..Maml::new(Net::normed()) }
}

fn train(
    learner: &dyn Learner<f32>,
    meta_batch: usize,
    steps: usize,
) -> (Meta<Array<f32>>, Vec<f64>, Evaluation) {
    let tasks = Blobs::new(1);
    let training = Training { meta_batch, seed: 3, ..Training::default() };
    let mut trainer = Trainer::new(learner, &tasks, Adam::default(), training);
    let losses = (0..steps).map(|_| trainer.step().unwrap().loss).collect();
    let evaluation = evaluate(learner, trainer.meta(), &Blobs::new(2), 9).unwrap();
    (trainer.meta().clone(), losses, evaluation)
}

#[test]
fn threads_do_not_change_a_bit() {
    let learners: [Box<dyn Learner<f32>>; 2] = [Box::new(maml()), Box::new(ProtoNet::new(Net::normed()))];
    for learner in &learners {
        for meta_batch in [1, 5] {
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| train(&**learner, meta_batch, 3))
            };
            let (meta, losses, evaluation) = run(1);
            for threads in [2, 7] {
                let (other_meta, other_losses, other_evaluation) = run(threads);
                assert!(meta.theta == other_meta.theta, "theta with {threads} threads");
                assert!(meta.statistics == other_meta.statistics, "statistics with {threads} threads");
                assert_eq!(losses, other_losses);
                assert_eq!(evaluation, other_evaluation);
            }
        }
    }
}

#[test]
fn seeds_decide() {
    let learner = maml();
    let init = |seed| Learner::<f32>::init(&learner, seed).theta;
    assert!(init(1) == init(1));
    assert!(init(1) != init(2));
}

#[test]
fn a_resumed_training_equals_an_unbroken_one() {
    let (learner, tasks) = (maml(), Blobs::new(1));
    let trainer = || {
        let training = Training { meta_batch: 3, ..Training::default() };
        Trainer::new(&learner, &tasks, Adam::default(), training)
    };
    let mut unbroken = trainer();
    let mut progress: Option<Progress> = None;
    for step in 0..4 {
        unbroken.step().unwrap();
        if step == 1 {
            progress = Some(unbroken.progress());
        }
    }
    let mut resumed = trainer().resume(progress.unwrap());
    assert_eq!(resumed.iteration(), 2);
    resumed.step().unwrap();
    assert_eq!(resumed.step().unwrap().iteration, 4);
    assert!(resumed.meta().theta == unbroken.meta().theta);
    assert!(resumed.meta().statistics == unbroken.meta().statistics);
}

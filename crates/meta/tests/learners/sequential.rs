//! A chain of layers as the model of learners: it is trained, kept, and told from other chains.

use std::collections::BTreeMap;

use crate::common::{Blobs, FEATURES, WAYS};
use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Conv, Padding, Pool};
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Anil, Checkpoint, Error, ExactnessCheck, Execution, Filter, Learner, Maml, Nil, ProtoNet, Task, Trainer,
    Training, Verdict, evaluate, meta_gradient, save, save_predictor,
};
use fewshot_nn::{Adam, Bias, Init, NormAffine, Sequential};

/// Linear, batch norm, ReLU, head.
fn chain() -> Sequential {
    Sequential::new(&[FEATURES]).linear(16).batch_norm(NormAffine::ScaleShift, 1e-5).relu().with_head(WAYS)
}

fn learners() -> Vec<Box<dyn Learner>> {
    vec![
        Box::new(Maml { inner_lr: 0.5, eval_steps: 3, ..Maml::new(chain()) }),
        Box::new(Anil { inner_lr: 0.5, ..Anil::new(chain()) }),
        Box::new(ProtoNet::new(chain())),
        Box::new(ProtoNet::new(Sequential::new(&[FEATURES]).linear(16).tanh().dropout(0.1).linear(8))),
        Box::new(Nil::new(chain())),
    ]
}

fn trained<'a>(
    learner: &'a dyn Learner,
    tasks: &'a dyn Tasks,
    execution: Execution,
    steps: usize,
) -> Trainer<'a> {
    let training = Training { meta_batch: 4, outer_lr: 1e-2, seed: 1, execution, ..Training::default() };
    let mut trainer = Trainer::new(learner, tasks, Adam::default(), training);
    for _ in 0..steps {
        trainer.step().unwrap();
    }
    trainer
}

#[test]
fn learners_learn_through_it_and_answer_the_same_when_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let [model, predictor] = ["model", "predictor"].map(|name| folder.path().join(name));
    for learner in learners() {
        let tasks = Blobs { shots: [1, 2, 3], ..Blobs::new(1) };
        let trainer = trained(&*learner, &tasks, Execution::Recorded, 150);
        let score = evaluate(&*learner, trainer.meta(), &Blobs::new(2), 200).unwrap();
        assert!(score.mean - 3.0 * score.interval > 0.5, "{} +- {}", score.mean, score.interval);

        let task = Task::<Array<f32>>::from(Blobs::new(3).episode(0));
        let adapted = learner.adapt(trainer.meta(), &task.support);
        save(&model, trainer.meta(), &BTreeMap::new()).unwrap();
        save_predictor(&predictor, &*adapted, &BTreeMap::new()).unwrap();
        let meta = Checkpoint::read(&model).unwrap().meta(&*learner).unwrap();
        let loaded = Checkpoint::read(&predictor).unwrap().predictor(&*learner).unwrap();
        let answers = adapted.predict(&task.query.x);
        assert_eq!(learner.adapt(&meta, &task.support).predict(&task.query.x), answers);
        assert_eq!(loaded.predict(&task.query.x), answers);
    }
}

#[test]
fn recorded_work_has_the_bits_of_the_tape() {
    for learner in learners() {
        let tasks = Blobs::new(1);
        let [recorded, eager] = [Execution::Recorded, Execution::Eager]
            .map(|execution| trained(&*learner, &tasks, execution, 3).meta().clone());
        assert!(recorded.theta == eager.theta && recorded.statistics == eager.statistics);
    }
}

#[test]
fn meta_gradients_are_exact_and_anil_finds_the_head() {
    let model = || {
        let start = Sequential::new(&[FEATURES]).with_init(Init::XavierUniform, Bias::Zeros);
        start.linear(5).layer_norm(1e-2).tanh().with_head(WAYS)
    };
    let task = Task::<Array<f64>>::from(Blobs::new(1).episode(0));
    let maml = Maml { train_steps: 2, inner_lr: 0.2, ..Maml::new(model()) };
    let on_head = Maml { adapted: Filter::only(&["head.*"]), ..maml.clone() };
    let anil = Anil { train_steps: 2, inner_lr: 0.2, ..Anil::new(model()) };
    let learners: [&dyn Learner<f64>; 3] = [&maml, &on_head, &anil];
    let [all, head, anil] = learners.map(|learner| {
        let meta = learner.init(1);
        let found = ExactnessCheck::default().run(learner, &meta, &task);
        assert_eq!(found.verdict, Verdict::Exact, "{found}");
        meta_gradient(learner, &meta, &Blobs::new(1), 0..2, 1).gradient
    });
    for (head, anil) in head.values().iter().zip(anil.values()) {
        assert_relative_eq!(head.data(), anil.data(), epsilon = 1e-12);
    }
    let far = all["head.weight"].zip(&head["head.weight"], |a, b| (a - b).abs());
    assert!(far.data().iter().any(|&d| d > 1e-3), "adapting the body changes nothing");
}

/// Chains of equal weights and unequal answers.
fn others() -> Vec<(Sequential, Sequential, &'static str)> {
    let same = Conv { padding: Padding::Same, ..Conv::default() };
    let images = || Sequential::new(&[4, 4, 1]).conv2d(3, 2, same);
    let row = || Sequential::new(&[FEATURES]).linear(4);
    let norm = |chain: Sequential, eps| chain.batch_norm(NormAffine::Shift, eps);
    let pool = Pool::valid(2);
    vec![
        (
            row().relu().with_head(2),
            row().tanh().with_head(2),
            "its layers is linear - relu - head, not linear - tanh - head",
        ),
        (
            row().leaky_relu(0.1),
            row().leaky_relu(0.2),
            "its layers is linear - leaky_relu 0.1, not linear - leaky_relu 0.2",
        ),
        (row().elu(1.0), row(), "its layers is linear - elu 1, not linear"),
        (
            images().max_pool(pool).flatten().with_head(2),
            images().avg_pool(pool).flatten().with_head(2),
            "its layers is conv - max_pool [2, 2] by [2, 2], valid - flatten - head, not",
        ),
        (images().max_pool(pool), images().max_pool(Pool::same(2)), "[2, 2] by [2, 2], valid, not"),
        (norm(images().relu(), 1e-3), norm(images(), 1e-3).relu(), "its layers is conv - relu - norm, not"),
        (norm(row(), 1e-3), norm(row(), 1e-5), "its norm1.eps is 0.001, not"),
    ]
}

#[test]
fn a_saved_model_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    for (own, other, words) in others() {
        let [own, other] = [own, other].map(ProtoNet::new);
        save(&path, &Learner::<f32>::init(&own, 1), &BTreeMap::new()).unwrap();
        let file = Checkpoint::read(&path).unwrap();
        file.meta::<f32>(&own).unwrap();
        let error = file.meta::<f32>(&other).err().unwrap_or_else(|| panic!("loaded: {words}"));
        assert!(matches!(error, Error::OtherModel { .. }) && error.to_string().contains(words), "{error}");
    }
    // dropout changes no answer
    let row = || Sequential::new(&[FEATURES]).linear(4);
    save(&path, &Learner::<f32>::init(&ProtoNet::new(row()), 1), &BTreeMap::new()).unwrap();
    Checkpoint::read(&path).unwrap().meta::<f32>(&ProtoNet::new(row().dropout(0.5))).unwrap();
}

//! What was learned from a support set, saved, loaded and extended.

use crate::common::score::Score;
use crate::common::smooth::Smooth;
use crate::common::{Blobs, FEATURES, Net, WAYS};
use fewshot_autodiff::Array;
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Anil, Cavia, Checkpoint, Error, Examples, FeatureHead, FineTune, FrozenFeatures, Head, HeadKind, IMaml,
    Labels, Learner, Leo, LstmMetaLearner, Maml, Matching, Meta, Nil, Predictor, PredictorState, Pretrain,
    ProtoNet, R2d2, Relation, Reptile, Scratch, Siamese, Task, Transform, save_predictor,
};
use fewshot_nn::{NormAffine, NormPolicy, Params};

const POLICIES: [NormPolicy; 4] = [
    NormPolicy::Batch,
    NormPolicy::Running { momentum: 0.1 },
    NormPolicy::SupportOnly,
    NormPolicy::SupportPlusOne,
];

fn smooth() -> Smooth {
    Smooth::new(FEATURES, WAYS, Some(NormAffine::ScaleShift))
}

fn centred() -> FeatureHead {
    FeatureHead::new(HeadKind::NearestMean, Transform::CentredUnitLength { centre: vec![0.1; 8] })
}

fn learners(policy: NormPolicy) -> Vec<Box<dyn Learner>> {
    let score = || Score::new(2 * WAYS);
    vec![
        Box::new(Maml { policy, inner_lr: 0.3, ..Maml::new(Net::normed()) }),
        Box::new(Maml { policy, ..Maml::plus_plus(Net::normed()) }),
        Box::new(Maml { policy, ..Maml::meta_sgd(Net::normed()) }),
        Box::new(Anil { policy, ..Anil::new(smooth()) }),
        Box::new(Reptile { policy, ..Reptile::new(Net::normed()) }),
        Box::new(IMaml { policy, ..IMaml::new(Net::normed()) }),
        Box::new(LstmMetaLearner { policy, ..LstmMetaLearner::new(Net::normed()) }),
        Box::new(Cavia {
            policy,
            ..Cavia::new(Smooth::new(FEATURES + 2, WAYS, Some(NormAffine::ScaleShift)), 2)
        }),
        Box::new(Pretrain { policy, ..Pretrain::new(Net::normed()) }),
        Box::new(FineTune { policy, head: Head::Zeros, ..FineTune::new(smooth()) }),
        Box::new(FrozenFeatures { policy, ..FrozenFeatures::rfs(smooth()) }),
        Box::new(FrozenFeatures { policy, ..FrozenFeatures::new(smooth(), centred()) }),
        Box::new(Scratch { policy, ..Scratch::new(Net::normed()) }),
        Box::new(ProtoNet { policy, ..ProtoNet::new(Net::normed()) }),
        Box::new(Nil { policy, ..Nil::new(smooth()) }),
        Box::new(Matching { policy, ..Matching::with_full_context(Net::normed(), WAYS, 2) }),
        Box::new(Relation { policy, ..Relation::of(Net::normed(), score()) }),
        Box::new(Siamese { policy, ..Siamese::new(Net::normed(), WAYS) }),
        Box::new(R2d2 { policy, ..R2d2::new(Net::normed()) }),
        Box::new(Leo { latent: 4, hidden: 3, ..Leo::new(FEATURES) }),
    ]
}

fn task() -> Task {
    Task::from(&Blobs { shots: [1, 3, 2], ..Blobs::new(1) }.episode(0))
}

/// Meta-parameters whose statistics are not those of a fresh network.
fn meta(learner: &dyn Learner) -> Meta {
    let fresh = learner.init(3);
    let statistics = fresh.statistics.map(|s| s.map(|x| 0.8 * x + 0.1));
    Meta { statistics, ..fresh }
}

#[test]
fn every_predictor_comes_back_from_a_file_with_its_bits() {
    let (task, folder) = (task(), tempfile::tempdir().unwrap());
    let path = folder.path().join("predictor.safetensors");
    for policy in POLICIES {
        for (i, learner) in learners(policy).into_iter().enumerate() {
            let predictor = learner.adapt(&meta(&*learner), &task.support);
            let answers = predictor.predict(&task.query.x);
            let again = learner.restore(&predictor.state().expect("it says what it holds")).unwrap();
            assert_eq!(again.predict(&task.query.x), answers, "learner {i}, {policy:?}");
            save_predictor(&path, &*predictor, &Default::default()).unwrap();
            let read = Checkpoint::read(&path).unwrap().predictor(&*learner).unwrap();
            assert_eq!(read.predict(&task.query.x), answers, "learner {i}, {policy:?}");
            assert_eq!(read.state(), again.state(), "learner {i}, {policy:?}");
        }
    }
}

#[test]
fn probabilities_add_up_to_one() {
    let task = task();
    for learner in learners(NormPolicy::Running { momentum: 0.1 }) {
        let p = learner.adapt(&meta(&*learner), &task.support).probabilities(&task.query.x);
        for row in p.data().chunks(WAYS) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5 && row.iter().all(|&p| p >= 0.0), "{row:?}");
        }
    }
}

#[test]
fn a_prototypical_network_measures_distances_of_its_embeddings() {
    let task = task();
    let Labels::Classes(classes) = &task.support.y else { panic!("these are classes") };
    for policy in POLICIES {
        let learner = ProtoNet { policy, ..prototypical() };
        let predictor = learner.adapt(&meta(&learner), &task.support);
        let one_by_one = policy == NormPolicy::SupportPlusOne;
        let query = predictor.embed(&task.query.x).expect("it compares");
        if policy == NormPolicy::Batch || one_by_one {
            // normalised beside the support: its own embeddings are of another batch
            assert_eq!(query.shape(), [task.query.y.len(), WAYS]);
            continue;
        }
        let tape = fewshot_autodiff::Tape::new();
        let support = tape.var(&predictor.embed(&task.support.x).unwrap());
        let centres = fewshot_meta::prototypes(support, &classes[..], WAYS);
        let distances = (-tape.var(&query).squared_distances(centres)).value();
        for (a, b) in distances.data().iter().zip(predictor.predict(&task.query.x).data()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
    let maml = Maml::new(Net::normed());
    assert!(maml.adapt(&meta(&maml), &task.support).embed(&task.query.x).is_none());
}

fn prototypical() -> ProtoNet<Net> {
    ProtoNet::new(Net::normed())
}

fn learned(learner: &dyn Learner) -> PredictorState {
    learner.adapt(&meta(learner), &task().support).state().unwrap()
}

#[track_caller]
fn refused(learner: &dyn Learner, learned: &PredictorState, named: &str) {
    let error = learner.restore(learned).err().expect("it is of another learner");
    assert!(matches!(error, Error::OtherLearner { .. }));
    assert!(error.to_string().contains(named), "{named}: {error}");
}

#[test]
fn what_another_learner_learned_is_refused() {
    let own = learned(&prototypical());
    refused(&ProtoNet::new(Net::plain()), &own, "hidden.norm");
    refused(&Maml { policy: NormPolicy::SupportPlusOne, ..Maml::new(Net::normed()) }, &own, "no support");
    refused(&Matching::new(Net::normed()), &own, "no embeddings");
    let batch = ProtoNet { policy: NormPolicy::Batch, ..prototypical() };
    refused(&batch, &own, "no support");
    refused(
        &prototypical(),
        &PredictorState { statistics: Params::default(), ..own.clone() },
        "no statistics",
    );
    let shorter = own.weights.first(own.weights.len() - 1);
    refused(&prototypical(), &PredictorState { weights: shorter, ..own.clone() }, "no weight head.bias");
    let wider = own.weights.map(|w| Array::zeros(&[w.shape(), &[2]].concat()));
    refused(&prototypical(), &PredictorState { weights: wider, ..own }, "hidden.weight is [6, 16, 2]");
    // a file of meta-parameters is no predictor
    let (folder, learner) = (tempfile::tempdir().unwrap(), prototypical());
    let path = folder.path().join("model.safetensors");
    fewshot_meta::save(&path, &meta(&learner), &Default::default()).unwrap();
    let error = Checkpoint::read(&path).unwrap().predictor::<f32>(&learner).err().unwrap();
    assert!(error.to_string().contains("theta."), "{error}");
}

#[test]
fn new_classes_leave_the_old_ones_alone() {
    let (learner, task) = (prototypical(), task());
    let before = learned(&learner);
    let more = Task::<Array<f32>>::from(&Blobs { shots: [2, 1, 1], ..Blobs::new(7) }.episode(0)).support;
    let after = learner.with_classes(&before, &more).unwrap();
    let [old, both] =
        [&before, &after].map(|learned| learner.restore(learned).unwrap().predict(&task.query.x));
    assert_eq!(both.shape()[1], 2 * WAYS);
    for (old, both) in old.data().chunks(WAYS).zip(both.data().chunks(2 * WAYS)) {
        assert_eq!(old, &both[..WAYS]);
    }
    // as if they had been learned at once
    let Labels::Classes(first) = &task.support.y else { panic!("these are classes") };
    let Labels::Classes(second) = &more.y else { panic!("these are classes") };
    let classes = first.iter().copied().chain(second.iter().map(|class| class + WAYS)).collect();
    let x: Vec<f32> = [task.support.x.data(), more.x.data()].concat();
    let all = Examples::new(Array::new(&[first.len() + second.len(), FEATURES], x), Labels::Classes(classes));
    let at_once = learner.adapt(&meta(&learner), &all).predict(&task.query.x);
    for (a, b) in both.data().iter().zip(at_once.data()) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    let batch = ProtoNet { policy: NormPolicy::Batch, ..prototypical() };
    let none = learned(&batch);
    assert!(batch.with_classes(&none, &more).unwrap_err().to_string().contains("no prototypes"));
}

/// A predictor of a user's own, which does not say what it holds.
struct Silent;

impl Predictor for Silent {
    fn predict(&self, x: &Array<f32>) -> Array<f32> {
        Array::zeros(&[x.shape()[0], 2])
    }
}

#[test]
fn a_predictor_that_does_not_say_what_it_holds_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictor.safetensors");
    let error = save_predictor(&path, &Silent, &Default::default()).unwrap_err();
    assert!(error.to_string().contains("does not say what it holds") && !path.exists(), "{error}");
}

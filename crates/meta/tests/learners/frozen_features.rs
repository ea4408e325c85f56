//! A head on the features of a frozen network: what it is made of, copies of the support, and what is refused.

use crate::common::smooth::Smooth;
use crate::common::{Blobs, FEATURES, WAYS};
use fewshot_autodiff::Array;
use fewshot_episodes::{Augmentation, Tasks};
use fewshot_meta::{
    Error, Examples, FeatureHead, Filter, FrozenFeatures, HeadKind, Labels, Learner, Meta, Pretrain,
    SupportCopies, Task, Trainer, Training, Transform, evaluate,
};
use fewshot_nn::{Adam, Conv4, Conv4Config, NormAffine, NormPolicy};

/// Numbers of a feature vector of [`Smooth`].
const D: usize = 8;

fn smooth(outputs: usize) -> Smooth {
    Smooth::new(FEATURES, outputs, Some(NormAffine::ScaleShift))
}

fn heads() -> Vec<FeatureHead> {
    let kinds =
        [HeadKind::NearestMean, HeadKind::cosine(), HeadKind::logistic(), HeadKind::ridge(), HeadKind::svm()];
    let transforms = [Transform::UnitLength, Transform::CentredUnitLength { centre: vec![0.1; D] }];
    kinds.iter().flat_map(|&kind| transforms.clone().map(|t| FeatureHead::new(kind, t))).collect()
}

fn task() -> Task<Array<f64>> {
    Task::from(&Blobs { shots: [1, 3, 2], ..Blobs::new(1) }.episode(0))
}

/// Meta-parameters whose statistics are not those of a fresh network.
fn meta<F: fewshot_autodiff::Float>(learner: &dyn Learner<F>) -> Meta<Array<F>> {
    let fresh = learner.init(3);
    let statistics = fresh.statistics.map(|s| s.map(|x| F::of(0.8) * x + F::of(0.1)));
    Meta { statistics, ..fresh }
}

fn of_features(
    learner: &FrozenFeatures<Smooth>,
    meta: &Meta<Array<f64>>,
    support: &Examples<Array<f64>>,
) -> Examples<Array<f64>> {
    Examples::new(learner.features(meta, &support.x), support.y.clone())
}

#[test]
fn it_is_the_head_on_the_features_with_running_statistics() {
    let task = task();
    for head in heads() {
        let learner = FrozenFeatures::new(smooth(WAYS), head.clone());
        let meta = meta(&learner);
        let support = of_features(&learner, &meta, &task.support);
        let query = learner.features(&meta, &task.query.x);
        assert_eq!(query.shape(), [task.query.y.len(), D]);
        let expected = head.adapt(&Learner::<f64>::init(&head, 1), &support).predict(&query);
        let found = learner.adapt(&meta, &task.support);
        assert_eq!(found.predict(&task.query.x), expected, "{head:?}");
        assert_eq!(found.embed(&task.query.x), Some(query), "{head:?}");
    }
}

#[test]
fn the_classification_head_of_the_network_is_not_read() {
    let task = task();
    let learner = FrozenFeatures::rfs(smooth(WAYS));
    let own = meta(&learner);
    let of_head = Filter::only(&["head.*"]);
    let theta = own.theta.map_named(|name, w| if of_head.has(name) { w.map(|w| 7.0 - w) } else { w.clone() });
    let other = Meta { theta, ..own.clone() };
    let answers = |meta| learner.adapt(meta, &task.support).predict(&task.query.x);
    assert_eq!(answers(&own), answers(&other));
    // and what a classifier of other classes has learned is taken over by name
    let pretrain = Pretrain::new(smooth(64));
    let trained = meta::<f64>(&pretrain);
    let taken = trained.transfer(&learner, &of_head, 0);
    assert_eq!(taken.theta["hidden.weight"], trained.theta["hidden.weight"]);
    assert_eq!(taken.statistics, trained.statistics);
}

#[test]
fn a_support_of_the_batch_is_solved_for_beside_its_queries() {
    let task = task();
    let learner = FrozenFeatures { policy: NormPolicy::Batch, ..FrozenFeatures::rfs(smooth(WAYS)) };
    let meta = meta(&learner);
    let predictor = learner.adapt(&meta, &task.support);
    let all = predictor.predict(&task.query.x);
    let first = Array::new(&[1, FEATURES], task.query.x.data()[..FEATURES].to_vec());
    let alone = predictor.predict(&first);
    let apart = alone.data().iter().zip(all.data()).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
    assert!(apart > 1e-4, "queries normalise each other: {apart}");
}

#[test]
fn a_centre_is_the_mean_feature_of_all_batches() {
    let task = task();
    let simple_shot = FrozenFeatures::simple_shot(smooth(WAYS));
    let meta = meta(&simple_shot);
    let (a, b) = (&task.support.x, &task.query.x);
    let centred = simple_shot.clone().centred(&meta, [a.clone(), b.clone()]);
    let all = Array::new(&[a.shape()[0] + b.shape()[0], FEATURES], [a.data(), b.data()].concat());
    let whole = Transform::centred_on(&simple_shot.features(&meta, &all));
    let (found, expected) = (centred.head.transform.centre().unwrap(), whole.centre().unwrap());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14), "{found:?} {expected:?}");
}

fn pictures(copies: Option<SupportCopies>, kind: HeadKind) -> FrozenFeatures<Conv4> {
    let config = Conv4Config { filters: 4, size: 16, channels: 3, ..Conv4Config::pooled_64() };
    let head = FeatureHead::new(kind, Transform::UnitLength);
    FrozenFeatures { copies, ..FrozenFeatures::new(Conv4::new(&config), head) }
}

fn support() -> Examples<Array<f32>> {
    let x = Array::from_fn(&[4, 16, 16, 3], |i| (0.5 + 0.5 * (i as f64 * 0.37).sin()) as f32);
    Examples::new(x, Labels::Classes(vec![0, 1, 1, 0]))
}

fn copies(count: usize, augmentation: Augmentation, seed: u64) -> Option<SupportCopies> {
    Some(SupportCopies { count, augmentation, seed })
}

#[test]
fn copies_of_a_support_are_what_the_head_learns_from() {
    let support = support();
    let answers = |copies, kind| {
        let learner = pictures(copies, kind);
        learner.adapt(&Learner::<f32>::init(&learner, 1), &support).predict(&support.x)
    };
    let unchanged = |count, kind| answers(copies(count, Augmentation::NONE, 1), kind);
    for kind in [HeadKind::NearestMean, HeadKind::logistic()] {
        let plain = answers(None, kind);
        assert_eq!(unchanged(1, kind), plain, "{kind:?}");
        // the sum of five times the losses beside one penalty is that of a penalty a fifth as strong; means stay
        let five = unchanged(5, kind);
        let like = match kind {
            HeadKind::Logistic { c } => answers(None, HeadKind::Logistic { c: 5.0 * c }),
            _ => plain.clone(),
        };
        let apart = five.data().iter().zip(like.data()).fold(0.0, |m: f32, (a, b)| m.max((a - b).abs()));
        assert!(apart < 1e-5, "{kind:?}: {apart}");
        let changed = |seed| answers(copies(5, Augmentation::cifar(), seed), kind);
        assert_eq!(changed(1), changed(1));
        assert!(changed(1) != changed(2) && changed(1) != plain, "{kind:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let refused = |learner: &FrozenFeatures<Conv4>, support: &Examples<Array<f32>>, named: &str| {
        let error = learner.try_adapt(&Learner::<f32>::init(learner, 1), support).err().unwrap();
        assert!(error.to_string().contains(named), "{named}: {error}");
    };
    let kind = HeadKind::logistic();
    refused(&pictures(copies(0, Augmentation::NONE, 1), kind), &support(), "no copies");
    refused(&pictures(None, HeadKind::Logistic { c: 0.0 }), &support(), "the C of the head is 0");
    let mut cold = pictures(None, kind);
    cold.head.temperature = -1.0;
    refused(&cold, &support(), "the temperature of the head is -1");
    let gap = Examples { y: Labels::Classes(vec![0, 2, 2, 0]), ..support() };
    refused(&pictures(None, kind), &gap, "class 1 of 3 has no support example");
    let vectors =
        FrozenFeatures { copies: copies(5, Augmentation::cifar(), 1), ..FrozenFeatures::rfs(smooth(WAYS)) };
    let error = vectors.try_adapt(&Learner::<f64>::init(&vectors, 1), &task().support).err().unwrap();
    assert!(error.to_string().contains("its examples are [6]"), "{error}");
}

#[test]
fn it_is_not_trained_by_episodes() {
    let learner = FrozenFeatures::rfs(smooth(WAYS));
    let tasks = Blobs::new(1);
    let mut trainer = Trainer::new(&learner, &tasks, Adam::default(), Training::default());
    let error = trainer.step().unwrap_err().to_string();
    assert!(error.contains("train the network by ordinary classification (Pretrain)"), "{error}");
}

#[test]
fn weights_that_are_not_finite_are_no_answer() {
    let tasks = Blobs::new(1);
    for head in heads() {
        let learner = FrozenFeatures::new(smooth(WAYS), head);
        let fresh = Learner::<f32>::init(&learner, 1);
        let broken = Meta { theta: fresh.theta.map(|w| w.map(|_| f32::NAN)), ..fresh.clone() };
        assert!(matches!(evaluate(&learner, &broken, &tasks, 2), Err(Error::Predictions { .. })));
        assert!(evaluate(&learner, &fresh, &tasks, 2).is_ok());
    }
}

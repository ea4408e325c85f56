//! Heads on fixed features as learners: what is saved, restored, refused and evaluated.

use crate::common::{Blobs, WAYS};
use crate::heads::{KINDS, points};
use fewshot_autodiff::{Array, with_split};
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Checkpoint, Error, Examples, FeatureHead, HeadKind, Labels, Learner, Runner, Scale, Task, Transductive,
    TransductiveHead, Transform, evaluate, save_predictor,
};

fn task<F: fewshot_autodiff::Float>() -> Task<Array<F>> {
    Task::from(&Blobs { shots: [1, 3, 2], ..Blobs::new(1) }.episode(0))
}

fn heads() -> Vec<FeatureHead> {
    let centre = || Transform::CentredUnitLength { centre: vec![0.1; 6] };
    KINDS
        .into_iter()
        .flat_map(|kind| {
            [Transform::Plain, Transform::UnitLength, centre()].map(|t| FeatureHead::new(kind, t))
        })
        .collect()
}

#[test]
fn what_a_head_has_learned_comes_back_from_a_file_with_its_bits() {
    let (task, folder) = (task::<f32>(), tempfile::tempdir().unwrap());
    let path = folder.path().join("predictor.safetensors");
    for head in heads() {
        let predictor = head.adapt(&head.init(1), &task.support);
        save_predictor(&path, &*predictor, &Default::default()).unwrap();
        let again = Checkpoint::read(&path).unwrap().predictor::<f32>(&head).unwrap();
        assert!(predictor.predict(&task.query.x).all_finite(), "{head:?}");
        assert_eq!(again.predict(&task.query.x), predictor.predict(&task.query.x), "{head:?}");
        assert_eq!(again.embed(&task.query.x), predictor.embed(&task.query.x), "{head:?}");
        assert_eq!(again.state(), predictor.state(), "{head:?}");
        let meta = Learner::<f32>::init(&head, 1);
        let meta_path = folder.path().join("model.safetensors");
        fewshot_meta::save(&meta_path, &meta, &Default::default()).unwrap();
        assert_eq!(Checkpoint::read(&meta_path).unwrap().meta::<f32>(&head).unwrap().theta, meta.theta);
    }
}

#[test]
fn a_restored_head_keeps_the_centre_it_was_saved_with() {
    let task = task::<f64>();
    let head = |number| {
        FeatureHead::new(HeadKind::NearestMean, Transform::CentredUnitLength { centre: vec![number; 6] })
    };
    let predictor = head(0.3).adapt(&head(0.3).init(1), &task.support);
    let again = head(0.0).restore(&predictor.state().unwrap()).unwrap();
    assert_eq!(again.predict(&task.query.x), predictor.predict(&task.query.x));
}

#[test]
fn what_another_head_has_learned_is_refused() {
    let task = task::<f32>();
    let state = |head: &FeatureHead| head.adapt(&head.init(1), &task.support).state().unwrap();
    let own = FeatureHead::new(HeadKind::cosine(), Transform::UnitLength);
    let refused = |other: FeatureHead, named: &str| {
        let error = own.restore(&state(&other)).err().expect("it is of another head").to_string();
        assert!(error.contains(named), "{named}: {error}");
    };
    refused(FeatureHead { kind: HeadKind::NearestMean, ..own.clone() }, "its head is nearest mean");
    refused(
        FeatureHead { kind: HeadKind::Cosine { scale: 2.0 }, ..own.clone() },
        "its head is cosine times 2",
    );
    refused(FeatureHead { transform: Transform::Plain, ..own.clone() }, "its transform is plain");
    refused(FeatureHead { temperature: 2.0, ..own.clone() }, "its temperature is 2");
    let mut damaged = state(&own);
    damaged.memory = damaged.memory.map(|array| array.reshape(&[array.len()]));
    assert!(own.restore(&damaged).err().unwrap().to_string().contains("means is [18], not a matrix"));
}

#[test]
fn heads_are_evaluated_like_any_learner_and_do_better_than_chance() {
    for head in heads() {
        let tasks = Blobs { shots: [5; WAYS], ..Blobs::new(1) };
        let result = evaluate::<f32>(&head, &head.init(1), &tasks, 50).unwrap();
        assert!(result.mean - result.interval > 0.7, "{head:?}: {result}");
        assert_eq!(result, evaluate::<f32>(&head, &head.init(2), &tasks, 50).unwrap());
    }
}

#[test]
fn results_have_the_same_bits_for_any_number_of_threads() {
    let tasks = Blobs { shots: [2, 4, 3], ..Blobs::new(2) };
    let transductive = TransductiveHead::new(Transductive::tim(), Transform::UnitLength);
    let mut learners: Vec<Box<dyn Learner>> = vec![Box::new(transductive)];
    learners.extend(heads().into_iter().map(|head| Box::new(head) as Box<dyn Learner>));
    for learner in &learners {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (learner, task) = (&**learner, task::<f32>());
            let answers = || learner.adapt(&learner.init(1), &task.support).predict(&task.query.x);
            let both =
                || (evaluate(learner, &learner.init(1), &tasks, 10).unwrap(), with_split(true, answers));
            pool.install(both)
        };
        let one = run(1);
        assert!([2, 7].into_iter().all(|threads| run(threads) == one));
    }
}

#[test]
fn a_head_of_fixed_features_is_not_trained() {
    let head = FeatureHead::new(HeadKind::logistic(), Transform::UnitLength);
    let error =
        Runner::new(&head).try_meta_gradient(&Learner::<f32>::init(&head, 1), &Blobs::new(1), 0..2, 1);
    let error = error.expect_err("there is nothing to train").to_string();
    assert!(error.contains("nothing to train"), "{error}");
}

#[test]
fn settings_and_supports_that_do_not_fit_are_refused() {
    let (task, meta) =
        (task::<f64>(), Learner::<f64>::init(&FeatureHead::new(HeadKind::svm(), Transform::Plain), 1));
    let refused = |head: FeatureHead, support: &Examples<Array<f64>>, named: &str| {
        let error = head.try_adapt(&meta, support).err().expect("it does not fit");
        assert!(
            matches!(error, Error::Unfit { .. }) && error.to_string().contains(named),
            "{named}: {error}"
        );
    };
    let plain = |kind| FeatureHead::new(kind, Transform::Plain);
    refused(plain(HeadKind::Logistic { c: 0.0 }), &task.support, "the C of the head is 0");
    refused(
        plain(HeadKind::Svm { c: f64::NAN, unit_ridge: true }),
        &task.support,
        "the C of the head is NaN",
    );
    refused(plain(HeadKind::Cosine { scale: -1.0 }), &task.support, "the scale of the head is -1");
    refused(
        FeatureHead { temperature: 0.0, ..plain(HeadKind::svm()) },
        &task.support,
        "the temperature of the head is 0",
    );
    let left_out = HeadKind::Ridge { lambda: 1.0, scale: Scale::LeaveOneOut };
    refused(plain(left_out), &task.support, "class 0 of 3 has fewer than two support examples");
    let centred = Transform::CentredUnitLength { centre: vec![0.0; 5] };
    refused(FeatureHead::new(HeadKind::NearestMean, centred), &task.support, "the learner takes");
    let missing = Examples::new(points(2, 6, 0.0), Labels::Classes(vec![0, 2]));
    refused(plain(HeadKind::NearestMean), &missing, "class 1 of 3 has no support example");
    let nan = Examples::new(points(2, 6, 0.0).map(|_| f64::NAN), Labels::Classes(vec![0, 1]));
    refused(plain(HeadKind::NearestMean), &nan, "not finite");
}

#[test]
fn what_does_not_converge_says_so_and_answers_nothing() {
    // lengths far apart and hardly a penalty
    let x = Array::from_fn(&[6, 4], |i| 1e9_f64.powi(i as i32 % 4) * (i as f64).sin());
    let support = Examples::new(x.clone(), Labels::Classes(vec![0, 1, 2, 0, 1, 2]));
    let head = FeatureHead::new(HeadKind::Logistic { c: 1e12 }, Transform::Plain);
    let error = head.try_adapt(&head.init(1), &support).err().expect("it does not converge").to_string();
    assert!(error.contains("has not converged: the gradient is"), "{error}");
    let boxed: Box<dyn Learner<f64>> = Box::new(head);
    assert!(
        boxed.try_adapt(&boxed.init(1), &support).err().unwrap().to_string().contains("has not converged")
    );
    assert!(boxed.adapt(&boxed.init(1), &support).try_predict(&x).is_err());
}

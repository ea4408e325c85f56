//! What learners give for the queries of test episodes: logits that calibration is taken of, and scores of known and unknown queries.

use std::collections::BTreeSet;

use crate::common::{Blobs, Net};
use fewshot_autodiff::Array;
use fewshot_episodes::{Purpose, Sinusoid, Tasks};
use fewshot_meta::{
    Examples, KnownScore, Labels, Learner, Maml, ProtoNet, QueryLogits, UnknownScores, auroc,
    evaluate_at_steps, evaluate_unknown, evaluate_with_logits, fit_temperature,
};
use fewshot_nn::Mlp;

const EPISODES: u64 = 9;
const KNOWN: usize = 2;

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn bits(logits: &[QueryLogits]) -> Vec<u32> {
    logits.iter().flat_map(|episode| episode.logits().data().iter().map(|x| x.to_bits())).collect()
}

#[test]
fn logits_are_those_that_were_scored() {
    let learner = Maml { eval_steps: 2, inner_lr: 0.5, ..Maml::new(Net::normed()) };
    let (meta, tasks, steps) = (learner.init(1), Blobs::new(2), BTreeSet::from([0, 2]));
    let run =
        |threads| on_threads(threads, || evaluate_with_logits(&learner, &meta, &tasks, EPISODES, &steps, 2));
    let (scores, logits) = run(1);
    let scores: Vec<_> = scores.into_iter().map(Result::unwrap).collect();
    let expected = evaluate_at_steps(&learner, &meta, &tasks, EPISODES, &steps);
    assert_eq!(scores, expected.into_iter().map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!(logits.len() as u64, EPISODES);
    for (episode, value) in logits.iter().zip(&scores[1].values) {
        assert_eq!(Labels::Classes(episode.classes().to_vec()).score(episode.logits()), *value);
    }
    assert_ne!(scores[0].values, scores[1].values, "the steps tell the two apart");
    for threads in [2, 7] {
        assert_eq!(bits(&run(threads).1), bits(&logits), "{threads} threads");
    }
}

#[test]
fn regression_has_no_logits() {
    let (learner, tasks) = (Maml::new(Mlp::new(&[1, 8, 1])), Sinusoid::new(5, 5, 1, Purpose::Test).unwrap());
    let found = evaluate_with_logits::<f32>(&learner, &learner.init(1), &tasks, 3, &BTreeSet::from([1]), 1);
    assert!(found.0[0].is_ok() && found.1.is_empty());
}

#[test]
fn a_temperature_changes_probabilities_and_no_answer() {
    let learner = ProtoNet::new(Net::plain());
    let meta = learner.init(1);
    let logits = |seed| {
        let tasks = Blobs::new(seed);
        QueryLogits::pooled(&evaluate_with_logits(&learner, &meta, &tasks, 60, &[0].into(), 0).1)
    };
    let (fitted, tested): (QueryLogits, QueryLogits) = (logits(3), logits(4));
    let temperature = fit_temperature(fitted.logits(), fitted.classes()).unwrap();
    let [before, after] = [1.0, temperature].map(|temperature| tested.calibration(temperature));
    assert!(after.negative_log_likelihood < before.negative_log_likelihood, "{before:?} {after:?}");
    assert_ne!(before.confidence, after.confidence);
    let answers =
        |temperature| Labels::Classes(tested.classes().to_vec()).score(&tested.probabilities(temperature));
    assert_eq!([0.01, temperature, 100.0].map(answers), [answers(1.0); 3]);
}

#[test]
fn being_sure_of_a_wrong_class_has_a_finite_loss() {
    let logits = QueryLogits::new(Array::new(&[1, 2], vec![2000.0_f32, 0.0]), vec![1]);
    assert_eq!(logits.calibration(1.0).negative_log_likelihood, 2000.0);
    assert_eq!(logits.calibration(1000.0).negative_log_likelihood, 2.0 + (1.0 + (-2.0_f64).exp()).ln());
}

#[test]
fn queries_of_further_classes_are_unknown() {
    let learner = ProtoNet::new(Net::plain());
    let (meta, tasks) = (learner.init(1), Blobs::new(5));
    let run = |score| evaluate_unknown::<f32>(&learner, &meta, &tasks, KNOWN, EPISODES, score).unwrap();
    let scores = on_threads(1, || run(KnownScore::MaxLogit));
    for threads in [2, 7] {
        assert_eq!(on_threads(threads, || run(KnownScore::MaxLogit)), scores, "{threads} threads");
    }
    // the first episode by hand: its support without the third class
    let episode = tasks.episode(0);
    let [support, query] = [&episode.support, &episode.query].map(Examples::<Array>::from);
    let part = |examples: &Examples, known: bool| {
        let Labels::Classes(classes) = &examples.y else { panic!("classes") };
        let places: Vec<usize> = (0..classes.len()).filter(|&i| (classes[i] < KNOWN) == known).collect();
        let size = examples.x.shape()[1];
        let data = places.iter().flat_map(|&i| examples.x.data()[i * size..][..size].to_vec()).collect();
        let labels = Labels::Classes(places.iter().map(|&i| classes[i]).collect());
        Examples::new(Array::new(&[places.len(), size], data), labels)
    };
    let predictor = learner.adapt(&meta, &part(&support, true));
    let [known, unknown] = [true, false].map(|known| part(&query, known));
    let of = |queries: &Examples| KnownScore::MaxLogit.of(&predictor.predict(&queries.x));
    let expected = UnknownScores {
        known: of(&known),
        unknown: of(&unknown),
        accuracy: known.y.score(&predictor.predict(&known.x)),
    };
    assert_eq!((expected.known.len(), expected.unknown.len()), (8, 4));
    assert_eq!(scores[0], expected);
    assert_eq!(scores[0].auroc(), auroc(&expected.known, &expected.unknown));
    assert_ne!(run(KnownScore::MaxProbability)[0].known, expected.known);
}

#[test]
fn without_further_classes_none_is_unknown() {
    let learner = ProtoNet::new(Net::plain());
    let found =
        evaluate_unknown::<f32>(&learner, &learner.init(1), &Blobs::new(5), 3, 2, KnownScore::MaxLogit);
    let said = found.unwrap_err().to_string();
    assert!(said.contains("no query of a class beyond the 3"), "{said}");
}

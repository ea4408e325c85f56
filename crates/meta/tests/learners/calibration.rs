//! Calibration, and the answer "none of these": definitions by hand, in f64.

use crate::common::{Blobs, WAYS};
use fewshot_autodiff::{Array, Tape};
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Error, FeatureHead, HeadKind, KnownScore, Labels, Learner, LeaveOneOut, Reliability, Task, Transform,
    auroc, brier_score, distance_scores, false_positive_rate, fit_temperature, negative_log_likelihood,
    quantile_threshold, relative_distance_scores,
};

fn rows<const N: usize>(each: [f64; N], count: usize) -> Array<f64> {
    Array::new(&[count, N], each.repeat(count))
}

#[track_caller]
fn near(a: f64, b: f64, within: f64) {
    assert!((a - b).abs() <= within, "{a} {b}");
}

fn softmax(logits: &Array<f64>) -> Array<f64> {
    Tape::new().var(logits).softmax(1).value()
}

/// Logits of 60 queries of three classes, right for most.
fn logits() -> (Array<f64>, Vec<usize>) {
    let classes: Vec<usize> = (0..60).map(|i| i % 3).collect();
    let number = |i: usize| {
        let own = f64::from(classes[i / 3] == i % 3);
        3.0 * own + 4.0 * ((i * i + i) as f64 * 0.37).sin()
    };
    (Array::from_fn(&[60, 3], number), classes)
}

#[test]
fn a_perfect_prediction_has_no_error() {
    let p = Array::from_fn(&[6, 3], |i| f64::from(i / 3 % 3 == i % 3));
    let classes = [0, 1, 2, 0, 1, 2];
    let reliability = Reliability::new(&p, &classes);
    assert_eq!((reliability.expected_error(), reliability.maximum_error()), (0.0, 0.0));
    assert_eq!((brier_score(&p, &classes), negative_log_likelihood(&p, &classes)), (0.0, 0.0));
}

#[test]
fn equal_probabilities_are_calibrated_where_classes_are_balanced() {
    for ways in [2, 5, 20] {
        let p = Array::full(&[3 * ways, ways], 1.0 / ways as f64);
        let classes: Vec<usize> = (0..3 * ways).map(|i| i % ways).collect();
        near(Reliability::new(&p, &classes).expected_error(), 0.0, 1e-15);
        near(negative_log_likelihood(&p, &classes), (ways as f64).ln(), 1e-14);
        near(brier_score(&p, &classes), 1.0 - 1.0 / ways as f64, 1e-14);
    }
}

#[test]
fn nine_tenths_that_are_right_seven_times_of_ten() {
    let (p, classes) = (rows([0.9, 0.1], 10), [0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    let reliability = Reliability::new(&p, &classes);
    near(reliability.expected_error(), 0.2, 1e-15);
    near(reliability.maximum_error(), 0.2, 1e-15);
    near(brier_score(&p, &classes), 0.7 * 0.02 + 0.3 * 1.62, 1e-15);
    near(negative_log_likelihood(&p, &classes), -0.7 * 0.9_f64.ln() - 0.3 * 0.1_f64.ln(), 1e-15);
}

#[test]
fn bins_are_of_equal_width_and_closed_above() {
    let p = Array::new(&[4, 2], vec![0.5, 0.5, 0.75, 0.25, 0.76, 0.24, 1.0, 0.0]);
    let reliability = Reliability::with_bins(&p, &[0, 1, 0, 0], 4);
    let counts: Vec<usize> = reliability.bins.iter().map(|bin| bin.count).collect();
    assert_eq!(counts, [0, 1, 1, 2]);
    assert_eq!((reliability.bins[0].confidence, reliability.bins[2].accuracy), (0.0, 0.0));
    near(reliability.bins[3].confidence, 0.88, 1e-15);
    near(reliability.maximum_error(), 0.75, 1e-15);
    near(reliability.expected_error(), (0.5 + 0.75 + 2.0 * 0.12) / 4.0, 1e-15);
}

#[test]
fn the_maximum_error_is_that_of_the_worst_bin() {
    let p = Array::new(&[4, 2], vec![0.6, 0.4, 0.6, 0.4, 0.9, 0.1, 0.9, 0.1]);
    let reliability = Reliability::new(&p, &[0, 1, 1, 1]);
    near(reliability.maximum_error(), 0.9, 1e-15);
    near(reliability.expected_error(), 0.5 * 0.1 + 0.5 * 0.9, 1e-15);
}

#[test]
fn the_temperature_has_the_least_negative_log_likelihood() {
    let (logits, classes) = logits();
    let temperature = fit_temperature(&logits, &classes).unwrap();
    let loss = |t: f64| negative_log_likelihood(&softmax(&logits.map(|x| x / t)), &classes);
    for factor in [0.5, 0.9, 0.999, 1.001, 1.1, 2.0] {
        assert!(loss(factor * temperature) > loss(temperature), "{factor} {temperature}");
    }
    // the derivative vanishes
    let slope = (loss(temperature * 1.0001) - loss(temperature * 0.9999)) / 2e-4;
    near(slope, 0.0, 1e-7);
    // logits 50 times as large have 50 times the temperature
    near(
        fit_temperature(&logits.map(|x| 50.0 * x), &classes).unwrap(),
        50.0 * temperature,
        1e-9 * temperature,
    );
    near(fit_temperature(&logits.map(|x| x + 1e3), &classes).unwrap(), temperature, 1e-9);
}

#[test]
fn a_high_temperature_makes_classes_equal_and_none_changes_the_answer() {
    let (logits, classes) = logits();
    let accuracy = Labels::Classes(classes.clone()).score(&logits);
    for t in [0.1, 1.0, 30.0] {
        assert_eq!(Labels::Classes(classes.clone()).score(&softmax(&logits.map(|x| x / t))), accuracy);
    }
    for p in softmax(&logits.map(|x| x / 1e12)).data() {
        near(*p, 1.0 / 3.0, 1e-11);
    }
}

#[test]
fn where_no_temperature_is_best_this_is_said() {
    let sure = Array::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0]);
    let error = fit_temperature(&sure, &[0, 1]).unwrap_err();
    assert!(
        matches!(error, Error::Unfit { .. }) && error.to_string().contains("all answers are right"),
        "{error}"
    );
    let error = fit_temperature(&sure, &[1, 0]).unwrap_err().to_string();
    assert!(error.contains("no better than chance"), "{error}");
    assert!(fit_temperature(&rows([1.0, 1.0], 4), &[0, 1, 0, 1]).is_err());
}

#[test]
fn the_area_under_the_curve_counts_pairs() {
    assert_eq!(auroc(&[3.0, 1.0], &[2.0, 0.0]), 0.75);
    assert_eq!((auroc(&[1.0], &[0.0]), auroc(&[0.0], &[1.0]), auroc(&[2.0, 2.0], &[2.0])), (1.0, 0.0, 0.5));
    let scores =
        |n: usize, seed: usize| -> Vec<f64> { (0..n).map(|i| ((i * 7 + seed) % 11) as f64).collect() };
    let (known, unknown) = (scores(23, 3), scores(17, 1));
    let pair = |a: &f64, b: &f64| if a > b { 1.0 } else { 0.5 * f64::from(a == b) };
    let pairs: f64 = known.iter().map(|a| unknown.iter().map(|b| pair(a, b)).sum::<f64>()).sum();
    near(auroc(&known, &unknown), pairs / (23.0 * 17.0), 1e-15);
    assert_eq!(auroc(&[f64::INFINITY], &[f64::NEG_INFINITY, 0.0]), 1.0);
}

#[test]
fn false_positives_where_the_known_are_kept() {
    let known: Vec<f64> = (0..100).map(f64::from).collect();
    // five of a hundred may be refused: those below 5
    assert_eq!(false_positive_rate(&known, &[4.9, 5.0, 50.0, -1.0], 0.95), 0.5);
    assert_eq!(false_positive_rate(&known, &[0.0, -1.0], 1.0), 0.5);
    // of equal scores all are kept
    assert_eq!(false_positive_rate(&[1.0; 20], &[1.0, 0.0], 0.95), 0.5);
}

#[test]
fn a_threshold_refuses_the_share_that_is_asked_for() {
    let scores: Vec<f64> = (0..40).map(|i| ((i * 17) % 40) as f64).collect();
    for refused in [0.0, 0.025, 0.05, 0.1, 0.5, 0.99] {
        let threshold = quantile_threshold(&scores, refused);
        let below = scores.iter().filter(|&&s| s < threshold).count() as f64;
        assert_eq!(below, (40.0 * refused + 1e-9).floor(), "{refused}");
    }
    assert_eq!(quantile_threshold(&[2.0], 0.05), 2.0);
}

#[test]
fn scores_by_hand() {
    let logits = Array::new(&[1, 3], vec![1.0, 3.0, 2.0]);
    let sum = |t: f64| [1.0, 3.0, 2.0].iter().map(|x: &f64| (x / t).exp()).sum::<f64>();
    near(KnownScore::MaxProbability.of(&logits)[0], 3_f64.exp() / sum(1.0), 1e-15);
    assert_eq!(KnownScore::MaxLogit.of(&logits), [3.0]);
    near(KnownScore::Energy { temperature: 2.0 }.of(&logits)[0], 2.0 * sum(2.0).ln(), 1e-14);
    near(KnownScore::Energy { temperature: 1e-3 }.of(&logits)[0], 3.0, 1e-12);
    let far = Array::new(&[1, 2], vec![-1e5, -1e5]);
    near(KnownScore::Energy { temperature: 1.0 }.of(&far)[0], -1e5 + 2_f64.ln(), 1e-9);
    assert_eq!(distance_scores(&Array::new(&[2, 2], vec![4.0, 9.0, 1.0, 0.0])), [-4.0, 0.0]);
    assert_eq!(relative_distance_scores(&Array::new(&[1, 2], vec![4.0, 9.0]), &[1.0, 6.0]), [-0.5]);
    assert!(KnownScore::MaxLogit.of(&logits.map(|x| x * f64::NAN))[0].is_nan());
}

#[test]
fn what_is_left_out_is_compared_with_the_mean_of_the_others() {
    let z = Array::from_fn(&[7, 3], |i| ((i * i) as f64 * 0.61).sin());
    let classes = [0, 1, 1, 0, 1, 2, 1];
    let left_out = LeaveOneOut::new(&z, &classes);
    let squares = left_out.squares();
    let kept: Vec<usize> = (0..7).filter(|&i| classes[i] != 2).collect();
    for (&i, square) in kept.iter().zip(&squares) {
        let others: Vec<usize> = (0..7).filter(|&j| j != i && classes[j] == classes[i]).collect();
        let mean = |k: usize| others.iter().map(|&j| z.data()[3 * j + k]).sum::<f64>() / others.len() as f64;
        near(*square, (0..3).map(|k| (z.data()[3 * i + k] - mean(k)).powi(2)).sum(), 1e-14);
    }
    // (K^2 - 1) / K^2 for two and for four
    near(left_out.corrected()[0], squares[0] * 0.75, 1e-15);
    near(left_out.corrected()[1], squares[1] * 15.0 / 16.0, 1e-15);
}

#[test]
fn two_points_have_the_expectation_of_a_query() {
    let left_out = LeaveOneOut::new(&Array::new(&[2, 1], vec![0.0, 2.0]), &[0, 0]);
    assert_eq!(left_out.squares(), [4.0, 4.0]);
    assert_eq!(left_out.corrected(), [3.0, 3.0]);
    assert_eq!(3.0, 2.0 * (1.0 + 0.5)); // unbiased variance 2
}

#[test]
fn a_support_of_one_shot_has_no_scale_and_no_threshold() {
    let single = LeaveOneOut::new(&Array::new(&[2, 1], vec![0.0, 2.0]), &[0, 1]);
    assert!(single.class_scales().unwrap_err().to_string().contains("two examples"));
    assert!(single.refusal_distance(0.5).unwrap_err().to_string().contains("two examples"));
}

#[test]
fn the_least_rate_of_refusals_is_that_of_the_support() {
    // 24 distances: a 25th at the least
    let z = Array::from_fn(&[24, 2], |i| ((i * i) as f64 * 0.3).sin());
    let left_out = LeaveOneOut::new(&z, &(0..24).map(|i| i % 4).collect::<Vec<_>>());
    let mut corrected = left_out.corrected();
    corrected.sort_by(f64::total_cmp);
    let at = |refused| left_out.refusal_distance(refused).unwrap().powi(2);
    near(at(0.04), corrected[23], 1e-15);
    near(at(0.08), corrected[22], 1e-15);
    near(at(0.5), corrected[12], 1e-15);
    let error = left_out.refusal_distance(0.01).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Unfit { .. }) && text.contains("at least 0.0400"), "{text}");
    assert!(text.contains("give 99 examples"), "{text}");
}

/// Scores of queries of the classes of a support, and of queries of the classes of another.
fn known_and_unknown(episode: u64) -> (Task<Array<f64>>, Task<Array<f64>>) {
    let tasks = Blobs { shots: [10; WAYS], queries: 30, ..Blobs::new(5) };
    (Task::from(&tasks.episode(episode)), Task::from(&tasks.episode(1000 + episode)))
}

#[test]
fn distances_tell_known_from_unknown_queries_and_refuse_about_the_rate_asked_for() {
    let head = FeatureHead::new(HeadKind::NearestMean, Transform::Plain);
    let (mut areas, mut refused, mut relative) = (0.0, 0.0, 0.0);
    for episode in 0..40 {
        let (own, other) = known_and_unknown(episode);
        let predictor = head.adapt(&head.init(1), &own.support);
        let squares = |x| predictor.predict(x).map(|logit: f64| -logit);
        let (known, unknown) = (squares(&own.query.x), squares(&other.query.x));
        areas += auroc(&distance_scores(&known), &distance_scores(&unknown)) / 40.0;
        let Labels::Classes(classes) = &own.support.y else { panic!("these are classes") };
        let left_out = LeaveOneOut::new(&predictor.embed(&own.support.x).unwrap(), classes);
        let scales = left_out.class_scales().unwrap();
        let scores = |squares| relative_distance_scores(squares, &scales);
        relative += auroc(&scores(&known), &scores(&unknown)) / 40.0;
        let limit = left_out.refusal_distance(0.1).unwrap();
        let beyond = distance_scores(&known).into_iter().filter(|score| -score > limit * limit).count();
        refused += beyond as f64 / (40.0 * 90.0);
    }
    assert!(areas > 0.85 && relative > 0.85, "{areas} {relative}");
    // to the nearest mean, which may be another than that of its class
    assert!((0.04..0.12).contains(&refused), "{refused}");
}

#[test]
#[should_panic(expected = "brier_score: probabilities [3, 2] and 2 classes")]
fn labels_that_do_not_fit_are_named() {
    brier_score(&rows([0.5, 0.5], 3), &[0, 1]);
}

#[test]
#[should_panic(expected = "Reliability::new: 1.5 is no probability: probabilities [1, 2]")]
fn what_is_no_probability_is_named() {
    Reliability::new(&rows([1.5, -0.5], 1), &[0]);
}

#[test]
#[should_panic(expected = "fit_temperature: class 2 among 2: logits [2, 2]")]
fn a_class_beyond_the_logits_is_named() {
    let _ = fit_temperature(&rows([0.5, 0.5], 2), &[0, 2]);
}

#[test]
#[should_panic(expected = "quantile_threshold: score 1 of 3 is NaN")]
fn a_score_that_is_no_number_is_named() {
    quantile_threshold(&[1.0, f64::NAN, 0.0], 0.05);
}

#[test]
#[should_panic(expected = "relative_distance_scores: squared distances [1, 2] and 3 scales")]
fn scales_of_other_classes_are_named() {
    relative_distance_scores(&rows([0.5, 0.5], 1), &[1.0, 1.0, 1.0]);
}

//! Heads on fixed features: closed forms and optimality conditions, in f64.

use fewshot_autodiff::{Array, Tape};
use fewshot_meta::{Examples, FeatureHead, HeadKind, Labels, Learner, Predictor, Scale, Transform};

pub const KINDS: [HeadKind; 6] = [
    HeadKind::NearestMean,
    HeadKind::Cosine { scale: 10.0 },
    HeadKind::Logistic { c: 1.0 },
    HeadKind::Ridge { lambda: 1.0, scale: Scale::Fixed(10.0) },
    HeadKind::Svm { c: 0.1, unit_ridge: false },
    HeadKind::Svm { c: 0.1, unit_ridge: true },
];

fn matrix<const N: usize, const D: usize>(rows: [[f64; D]; N]) -> Array<f64> {
    Array::new(&[N, D], rows.concat())
}

fn examples<const N: usize, const D: usize>(
    rows: [[f64; D]; N],
    classes: [usize; N],
) -> Examples<Array<f64>> {
    Examples::new(matrix(rows), Labels::Classes(classes.to_vec()))
}

fn adapted(kind: HeadKind, transform: Transform, support: &Examples<Array<f64>>) -> Box<dyn Predictor<f64>> {
    let head = FeatureHead::new(kind, transform);
    head.adapt(&head.init(1), support)
}

#[track_caller]
fn close(a: &[f64], b: &[f64], within: f64) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= within, "{a:?} {b:?}");
    }
}

/// Points that no transform or class makes special: `n` of `d` numbers.
pub fn points(n: usize, d: usize, seed: f64) -> Array<f64> {
    Array::from_fn(&[n, d], |i| ((i * i + 5 * i) as f64 * 0.731 + seed).sin() + 0.3)
}

fn unequal(d: usize) -> Examples<Array<f64>> {
    Examples::new(points(7, d, 0.0), Labels::Classes(vec![0, 1, 1, 2, 0, 1, 1]))
}

#[test]
fn nearest_mean_after_each_transform_by_hand() {
    let support = examples([[3.0, 0.0], [0.0, 1.0]], [0, 1]);
    let query = matrix([[2.0, 1.0]]);
    let logits = |transform| adapted(HeadKind::NearestMean, transform, &support).predict(&query);
    close(logits(Transform::Plain).data(), &[-2.0, -4.0], 1e-15);
    let (a, b) = (2.0 / 5_f64.sqrt(), 1.0 / 5_f64.sqrt());
    let by_hand = [(a - 1.0).powi(2) + b * b, a * a + (b - 1.0).powi(2)];
    close(&by_hand, &[0.211, 1.106], 5e-4);
    close(logits(Transform::UnitLength).data(), &by_hand.map(|d| -d), 1e-15);
    let centred = logits(Transform::CentredUnitLength { centre: vec![2.0, 0.0] });
    close(centred.data(), &[-2.0, -(a * a + (b - 1.0).powi(2))], 1e-15);
}

#[test]
fn the_mean_of_unit_vectors_is_not_normalised_again() {
    let support = examples([[1.0, 0.0], [0.0, 5.0], [0.0, -1.0]], [0, 0, 1]);
    let predictor = adapted(HeadKind::NearestMean, Transform::UnitLength, &support);
    assert_eq!(predictor.state().unwrap().memory["means"].data(), [0.5, 0.5, 0.0, -1.0]);
    close(predictor.predict(&matrix([[2.0, 0.0]])).data(), &[-0.5, -2.0], 1e-15);
}

#[test]
fn centred_unit_length_does_not_see_the_distance_from_the_centre() {
    let centre = vec![0.4, -0.2, 0.9];
    let transform = Transform::CentredUnitLength { centre: centre.clone() };
    let x = points(5, 3, 2.0);
    let further = Array::from_fn(&[5, 3], |i| 3.7 * (x.data()[i] - centre[i % 3]) + centre[i % 3]);
    close(transform.apply(&x).data(), transform.apply(&further).data(), 1e-14);
    let zero = Transform::CentredUnitLength { centre: vec![0.0; 3] };
    assert_eq!(zero.apply(&x), Transform::UnitLength.apply(&x));
    assert_ne!(transform.apply(&x), Transform::UnitLength.apply(&x));
}

#[test]
fn vectors_of_zeros_and_of_any_size_have_a_unit_length_or_none() {
    let z = Transform::UnitLength.apply(&matrix([[0.0, 0.0], [3e200, 4e200], [3e-200, 4e-200]]));
    close(z.data(), &[0.0, 0.0, 0.6, 0.8, 0.6, 0.8], 1e-15);
}

#[test]
fn the_centre_is_the_mean_of_given_features() {
    let of = Transform::centred_on(&matrix([[1.0, 2.0], [3.0, -4.0]]));
    assert_eq!(of.centre(), Some(&[2.0, -1.0][..]));
}

#[test]
#[should_panic(expected = "Transform::apply: features [1, 3] and a centre [2]")]
fn a_centre_of_another_size_is_named() {
    Transform::CentredUnitLength { centre: vec![0.0; 2] }.apply(&matrix([[1.0, 2.0, 3.0]]));
}

#[test]
fn cosines_are_bounded_and_do_not_see_lengths() {
    let support = unequal(4);
    let predictor = adapted(HeadKind::Cosine { scale: 2.0 }, Transform::Plain, &support);
    let query = points(20, 4, 1.0);
    let logits = predictor.predict(&query);
    assert!(logits.data().iter().all(|x| x.abs() <= 2.0));
    close(predictor.predict(&query.map(|x| 17.0 * x)).data(), logits.data(), 1e-13);
    // the largest probability of five classes: along one mean, against the others
    let line = examples([[1.0], [-1.0], [-2.0], [-1.0], [-3.0]], [0, 1, 2, 3, 4]);
    let sure =
        adapted(HeadKind::Cosine { scale: 2.0 }, Transform::Plain, &line).probabilities(&matrix([[1.0]]));
    let largest = 2_f64.exp() / (2_f64.exp() + 4.0 * (-2_f64).exp());
    assert!((largest - 0.932).abs() < 5e-4);
    close(&sure.data()[..1], &[largest], 1e-14);
}

#[test]
fn cosines_are_taken_to_the_mean_of_features_as_they_are() {
    let support = examples([[4.0, 0.0], [0.0, 2.0], [-1.0, -1.0]], [0, 0, 1]);
    let logits = adapted(HeadKind::cosine(), Transform::Plain, &support).predict(&matrix([[1.0, 0.0]]));
    close(logits.data(), &[10.0 * 2.0 / 5_f64.sqrt(), -10.0 / 2_f64.sqrt()], 1e-13);
}

fn linear(predictor: &dyn Predictor<f64>) -> [Array<f64>; 2] {
    let memory = predictor.state().unwrap().memory;
    ["weights", "bias"].map(|name| memory[name].clone())
}

/// Probabilities minus labels.
fn residual(predictor: &dyn Predictor<f64>, support: &Examples<Array<f64>>) -> Array<f64> {
    let p = predictor.probabilities(&support.x);
    let ways = p.shape()[1];
    let Labels::Classes(classes) = &support.y else { panic!("these are classes") };
    Array::from_fn(p.shape(), |i| p.data()[i] - f64::from(classes[i / ways] == i % ways))
}

fn product_tn(a: &Array<f64>, b: &Array<f64>) -> Array<f64> {
    let tape = Tape::new();
    tape.var(a).matmul_tn(tape.var(b)).value()
}

#[test]
fn the_gradient_of_logistic_regression_is_zero_at_the_solution() {
    for d in [3, 40] {
        for c in [0.01, 1.0, 100.0] {
            let support = unequal(d);
            let predictor = adapted(HeadKind::Logistic { c }, Transform::UnitLength, &support);
            let [weights, _] = linear(&*predictor);
            let residual = residual(&*predictor, &support);
            let of_loss = product_tn(&Transform::UnitLength.apply(&support.x), &residual);
            let gradient = of_loss.zip(&weights, |g, w| g + w / c);
            close(gradient.data(), &vec![0.0; 3 * d], 1e-7 / c.min(1.0));
            let of_bias = product_tn(&Array::ones(&[7, 1]), &residual);
            close(of_bias.data(), &[0.0; 3], 1e-7);
            // what is added to all classes changes no probability, so that the penalty leaves nothing of it
            for row in weights.data().chunks(3) {
                assert!(row.iter().sum::<f64>().abs() < 1e-8, "{row:?}");
            }
        }
    }
}

#[test]
fn permuting_classes_permutes_what_logistic_regression_finds() {
    let (support, other) = (unequal(5), [2, 0, 1]);
    let Labels::Classes(classes) = &support.y else { panic!("these are classes") };
    let permuted = classes.iter().map(|&class| other[class]).collect();
    let permuted = Examples::new(support.x.clone(), Labels::Classes(permuted));
    let find = |support| linear(&*adapted(HeadKind::logistic(), Transform::UnitLength, support));
    let ([w, b], [pw, pb]) = (find(&support), find(&permuted));
    let moved = |array: &Array<f64>, i: usize| array.data()[i / 3 * 3 + other[i % 3]];
    close(w.data(), &(0..15).map(|i| moved(&pw, i)).collect::<Vec<_>>(), 1e-8);
    close(b.data(), &(0..3).map(|i| moved(&pb, i)).collect::<Vec<_>>(), 1e-8);
}

#[test]
fn without_weights_logistic_regression_answers_with_the_shares_of_the_classes() {
    let predictor = adapted(HeadKind::Logistic { c: 1e-9 }, Transform::UnitLength, &unequal(5));
    for row in predictor.probabilities(&points(4, 5, 3.0)).data().chunks(3) {
        close(row, &[2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0], 1e-7);
    }
}

#[test]
fn both_systems_of_ridge_regression_have_one_solution() {
    // as many examples as features: the larger system, against the smaller one with a feature of zeros more
    let support = unequal(6);
    let wider =
        Array::from_fn(&[7, 8], |i| if i % 8 < 6 { support.x.data()[i / 8 * 6 + i % 8] } else { 0.0 });
    let kind = HeadKind::Ridge { lambda: 0.3, scale: Scale::Fixed(2.0) };
    let [small, _] = linear(&*adapted(kind, Transform::Plain, &support));
    let wider = Examples::new(wider, support.y.clone());
    let [large, _] = linear(&*adapted(kind, Transform::Plain, &wider));
    close(small.data(), &large.data()[..18], 1e-12);
    assert!(large.data()[18..].iter().all(|&w| w == 0.0));
    // Z'(Z W - Y) + lambda W = 0
    let tape = Tape::new();
    let z = tape.var(&support.x);
    let Labels::Classes(classes) = &support.y else { panic!("these are classes") };
    let w = tape.var(&small.map(|w| w / 2.0));
    let left = z.matmul_tn(z.matmul(w) - tape.one_hot(&classes[..], 3)) + w * 0.3;
    close(left.value().data(), &[0.0; 18], 1e-12);
}

#[test]
fn ridge_regression_by_hand() {
    // orthonormal examples: the weights are the labels over 1 + lambda
    let support = examples([[1.0, 0.0], [0.0, 1.0]], [0, 1]);
    let kind = HeadKind::Ridge { lambda: 3.0, scale: Scale::Fixed(2.0) };
    let logits = adapted(kind, Transform::Plain, &support).predict(&matrix([[1.0, 3.0]]));
    close(logits.data(), &[0.5, 1.5], 1e-14);
}

#[test]
fn the_scale_found_by_leaving_one_out_is_small_where_classes_cannot_be_told_apart() {
    let scale = |support: &Examples<Array<f64>>| {
        let weights = |scale| {
            let kind = HeadKind::Ridge { lambda: 1.0, scale };
            linear(&*adapted(kind, Transform::UnitLength, support))[0].data()[0]
        };
        weights(Scale::LeaveOneOut) / weights(Scale::Fixed(1.0))
    };
    let apart = examples(
        [[1.0, 0.1], [1.0, 0.2], [1.0, 0.0], [0.1, 1.0], [0.0, 1.0], [0.2, 1.0]],
        [0, 0, 0, 1, 1, 1],
    );
    let mixed = Examples::new(apart.x.clone(), Labels::Classes(vec![0, 1, 0, 1, 0, 1]));
    assert!(scale(&apart) > 1.0, "{}", scale(&apart));
    assert!(scale(&mixed) < 0.5 * scale(&apart), "{} {}", scale(&mixed), scale(&apart));
    assert!(scale(&apart) < 100.0, "labels are smoothed: {}", scale(&apart));
}

#[test]
fn the_support_vector_machine_by_hand() {
    let support = examples([[1.0, 0.0], [0.0, 1.0]], [0, 1]);
    let scores = |c, unit_ridge| {
        let predictor = adapted(HeadKind::Svm { c, unit_ridge }, Transform::Plain, &support);
        predictor.predict(&matrix([[1.0, 0.0]])).to_vec()
    };
    close(&scores(0.1, false), &[0.1, -0.1], 1e-12);
    close(&scores(1.0, false), &[0.5, -0.5], 1e-7);
    close(&scores(1.0, true), &[0.25, -0.25], 1e-7);
    close(&scores(0.1, true), &[0.1, -0.1], 1e-12);
}

#[test]
fn duplicates_of_a_support_example_share_its_weight() {
    let once = examples([[1.0, 0.0], [0.0, 1.0]], [0, 1]);
    let twice = examples([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 1]);
    let query = points(3, 2, 0.0);
    let scores = |support| {
        let kind = HeadKind::Svm { c: 1.0, unit_ridge: false };
        adapted(kind, Transform::Plain, support).predict(&query)
    };
    close(scores(&twice).data(), scores(&once).data(), 1e-6);
}

#[test]
fn the_support_vector_machine_is_at_the_least_primal_objective() {
    // |W|^2 / 2 + C sum_i max_n (1 - [n = y] + (w_n - w_y) x_i), which nothing near it improves
    let (support, c) = (unequal(5), 0.5);
    let Labels::Classes(classes) = support.y.clone() else { panic!("these are classes") };
    let objective = |w: &[f64]| {
        let loss = |(i, &y): (usize, &usize)| {
            let score = |n: usize| (0..5).map(|k| support.x.data()[i * 5 + k] * w[k * 3 + n]).sum::<f64>();
            (0..3).map(|n| f64::from(n != y) + score(n) - score(y)).fold(0.0, f64::max)
        };
        0.5 * w.iter().map(|w| w * w).sum::<f64>() + c * classes.iter().enumerate().map(loss).sum::<f64>()
    };
    let [weights, _] = linear(&*adapted(HeadKind::Svm { c, unit_ridge: false }, Transform::Plain, &support));
    let least = objective(weights.data());
    for k in 0..200 {
        let by = 1e-3 * (1 + k % 7) as f64;
        let near: Vec<f64> = weights
            .data()
            .iter()
            .enumerate()
            .map(|(i, w)| w + by * ((i * 13 + k * 7) as f64).sin())
            .collect();
        assert!(objective(&near) >= least - 1e-6, "{k}: {} below {least}", objective(&near));
    }
}

#[test]
fn logits_are_divided_by_the_temperature() {
    let query = points(3, 5, 1.0);
    for kind in KINDS {
        let logits = |temperature| {
            let head = FeatureHead { temperature, ..FeatureHead::new(kind, Transform::UnitLength) };
            head.adapt(&head.init(1), &unequal(5)).predict(&query)
        };
        close(&logits(4.0).map(|x| 4.0 * x).to_vec(), logits(1.0).data(), 1e-12);
    }
}

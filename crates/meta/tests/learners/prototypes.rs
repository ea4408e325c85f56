//! What prototypical networks compute, in closed form.

use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Tape};
use fewshot_meta::{Distance, prototypes};

fn array(shape: &[usize], salt: f64) -> Array<f64> {
    Array::from_fn(shape, |i| (salt + 1.3 * i as f64).sin())
}

/// Logits of queries for a support with classes.
fn logits(distance: Distance, support: &Array<f64>, classes: &[usize], query: &Array<f64>) -> Array<f64> {
    let tape = Tape::new();
    distance
        .logits(
            tape.var(query),
            prototypes(tape.var(support), classes, 1 + classes.iter().max().expect("there are classes")),
        )
        .value()
}

fn assert_close(a: &Array<f64>, b: &Array<f64>) {
    assert_eq!(a.shape(), b.shape());
    assert_relative_eq!(a.data(), b.data(), epsilon = 1e-12);
}

#[test]
fn printed_numbers() {
    let centres = Array::new(&[2, 2], vec![0.0, 0.0, 2.0, 0.0]);
    let query = Array::new(&[1, 2], vec![0.5, 0.0]);
    let logits = logits(Distance::SquaredEuclid, &centres, &[0, 1], &query);
    assert_relative_eq!(logits.data(), &[-0.25, -2.25][..], epsilon = 1e-15);
    let tape = Tape::new();
    let probabilities = tape.var(&logits).softmax(1).value();
    assert_relative_eq!(probabilities.data(), &[0.880797, 0.119203][..], epsilon = 5e-7);
}

#[test]
fn squared_euclid_is_a_linear_classifier() {
    // softmax(-|z - c|^2) = softmax(2 c z - |c|^2)
    let (support, query) = (array(&[6, 4], 0.0), array(&[5, 4], 9.0));
    let classes = [2, 0, 1, 0, 2, 2];
    let tape = Tape::new();
    let centres = prototypes(tape.var(&support), &classes, 3);
    let bias = centres.square().sum_axes(&[1]);
    let linear = (tape.var(&query).matmul_nt(centres) * 2.0 - bias).softmax(1).value();
    let distances = logits(Distance::SquaredEuclid, &support, &classes, &query);
    assert_close(&tape.var(&distances).softmax(1).value(), &linear);
}

#[test]
fn prototypes_are_class_means_for_unequal_shots() {
    let z = Array::new(&[4, 2], vec![1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 5.0, 9.0]);
    let tape = Tape::new();
    let means = prototypes(tape.var(&z), &[0, 1, 0, 0], 2).value();
    assert_close(&means, &Array::new(&[2, 2], vec![3.0, 5.0, 10.0, 20.0]));
}

#[test]
#[should_panic(expected = "class 1 of 3 has no support example")]
fn a_class_without_support_is_named() {
    let tape = Tape::new();
    prototypes(tape.var(&array(&[2, 2], 0.0)), &[0, 2], 3);
}

#[test]
fn translation_changes_nothing_for_euclid_and_scale_nothing_for_cosine() {
    let (support, query) = (array(&[6, 4], 0.0), array(&[5, 4], 9.0));
    let classes = [0, 1, 2, 0, 1, 2];
    let both = |distance, change: fn(f64) -> f64| {
        let before = logits(distance, &support, &classes, &query);
        (before, logits(distance, &support.map(change), &classes, &query.map(change)))
    };
    let (before, after) = both(Distance::SquaredEuclid, |x| x + 3.0);
    assert_close(&before, &after);
    let (before, after) = both(Distance::Cosine, |x| x * 17.0);
    assert_close(&before, &after);
    let (before, after) = both(Distance::SquaredEuclid, |x| x * 2.0);
    assert_close(&before.map(|x| 4.0 * x), &after);
}

#[test]
fn permutations_of_support_and_of_labels() {
    let (support, query) = (array(&[4, 3], 0.0), array(&[5, 3], 9.0));
    let row = |x: &Array<f64>, i: usize| x.data()[3 * i..3 * i + 3].to_vec();
    let order = [2, 0, 3, 1];
    let permuted = Array::new(&[4, 3], order.iter().flat_map(|&i| row(&support, i)).collect());
    let classes = [0, 1, 0, 1];
    for distance in [Distance::SquaredEuclid, Distance::Cosine] {
        let before = logits(distance, &support, &classes, &query);
        let same = logits(distance, &permuted, &order.map(|i| classes[i]), &query);
        assert_close(&before, &same);
        let swapped = logits(distance, &support, &classes.map(|c| 1 - c), &query);
        let back = Array::from_fn(&[5, 2], |i| swapped.data()[i ^ 1]);
        assert_close(&before, &back);
    }
}

#[test]
fn an_embedding_of_zeros_has_finite_cosines_and_gradients() {
    let tape = Tape::<f64>::new();
    let z = tape.var(&Array::zeros(&[2, 3]));
    let logits = Distance::Cosine.logits(z, prototypes(z, &[0, 1], 2));
    assert_eq!(logits.value().data(), [0.0; 4]);
    assert!(logits.cross_entropy(&[0, 1]).grad(z).value().all_finite());
}

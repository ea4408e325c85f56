//! Values and derivatives at the edges: finite where the documentation says so, and never NaN.

use fewshot_autodiff::{Array, Pool, Tape, Var};

/// Value, gradient and second derivative along ones of `sum f(x)`.
fn three_orders(x: &Array<f64>, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> [Array<f64>; 3] {
    let tape = Tape::new();
    let x = tape.var(x);
    let y = f(x);
    let gradient = y.sum().grad(x);
    let second = gradient.sum().grad(x);
    [y.value(), gradient.value(), second.value()]
}

fn assert_finite(name: &str, x: &Array<f64>, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) {
    for (order, value) in three_orders(x, f).iter().enumerate() {
        assert!(value.all_finite(), "{name}, order {order}: {value:?}");
    }
}

#[test]
fn derivatives_at_zero_are_finite_to_second_order() {
    let zeros = Array::zeros(&[2, 3]);
    assert_finite("sqrt", &zeros, |x| x.sqrt());
    assert_finite("norm", &zeros, |x| x.norm());
    assert_finite("norm_axis", &zeros, |x| x.norm_axis(1));
    assert_finite("safe_recip", &zeros, |x| x.safe_recip());
    assert_finite("division by a norm", &zeros, |x| x / x.norm());
    assert_finite("division by row norms", &zeros, |x| x / x.square().keep_sum(&[1]).sqrt());
    assert_finite("cosine with itself", &zeros, |x| x.cosine_similarity(x));
    assert_finite("Adam's denominator", &zeros, |x| x / (x.square().sqrt() + 1e-8));
    assert_finite("abs", &zeros, |x| x.abs());
    assert_finite("relu", &zeros, |x| x.relu());
    assert_finite("variance", &zeros, |x| x.variance(&[0, 1]).sqrt());
    assert_finite("layer_norm", &zeros, |x| x.layer_norm(None, None, 0.0));
    assert_finite("cumprod", &zeros, |x| x.cumprod(1));
    assert_finite("squared_distances", &zeros, |x| x.squared_distances(x).sqrt());
}

#[test]
fn derivatives_at_zero_have_the_documented_values() {
    let zero = Array::scalar(0.0);
    let [value, first, second] = three_orders(&zero, |x| x.sqrt());
    assert_eq!([value.item(), first.item(), second.item()], [0.0; 3]);
    let [value, first, second] = three_orders(&zero, |x| x / x);
    assert_eq!([value.item(), first.item(), second.item()], [0.0; 3]);
    let [value, first, _] = three_orders(&zero, |x| x.relu());
    assert_eq!([value.item(), first.item()], [0.0; 2]);
    let [value, first, _] = three_orders(&zero, |x| x.leaky_relu(0.25));
    assert_eq!([value.item(), first.item()], [0.0, 0.25]);
}

#[test]
fn a_zero_vector_beside_others_leaves_their_cosine_gradients_alone() {
    let tape = Tape::new();
    let a = tape.var(&Array::new(&[2, 2], vec![0.0, 0.0, 3.0, 4.0]));
    let b = tape.var(&Array::new(&[1, 2], vec![1.0, 0.0]));
    let cosines = a.cosine_similarity(b);
    assert_eq!(cosines.value().data(), [0.0, 0.6]);
    let gradient = cosines.sum().grad(a).value();
    assert_eq!(&gradient.data()[..2], [0.0, 0.0]);
    // d cos / da = b/|a| - (a.b) a/|a|^3 = (1 - 9/25, -12/25) / 5
    approx::assert_relative_eq!(gradient.data()[2], 16.0 / 125.0, epsilon = 1e-15);
    approx::assert_relative_eq!(gradient.data()[3], -12.0 / 125.0, epsilon = 1e-15);
}

#[test]
fn large_logits_do_not_overflow() {
    let x = Array::new(&[2, 2], vec![1e4, -1e4, -1e4, -1e4]);
    assert_finite("softmax", &x, |x| x.softmax(1));
    assert_finite("log_softmax", &x, |x| x.log_softmax(1));
    assert_finite("logsumexp", &x, |x| x.logsumexp(1));
    assert_finite("cross_entropy", &x, |x| x.cross_entropy(&[1, 0]));
    assert_finite("sigmoid", &x, |x| x.sigmoid());
    assert_finite("softplus", &x, |x| x.softplus());
    assert_finite("binary_cross_entropy", &x, |x| x.binary_cross_entropy(x.sign()));
}

#[test]
fn a_branch_that_is_not_taken_passes_no_nan() {
    let tape = Tape::<f64>::new();
    let x = tape.var(&Array::new(&[2], vec![-1.0, 4.0]));
    let zero = tape.scalar(0.0);
    let y = x.gt(zero).select(x.ln(), zero);
    assert_eq!(y.value().data()[0], 0.0);
    // The derivative of ln at -1 is finite; that of its value, NaN, must not come through.
    assert!(y.sum().grad(x).value().all_finite());
}

#[test]
fn ties_give_the_gradient_to_the_first() {
    let tape = Tape::<f64>::new();
    let x = tape.var(&Array::new(&[1, 4], vec![2.0, 5.0, 5.0, 1.0]));
    assert_eq!(x.max_axes(&[1]).sum().grad(x).value().data(), [0.0, 1.0, 0.0, 0.0]);
    let image = x.reshape(&[1, 2, 2, 1]);
    assert_eq!(image.max_pool(Pool::valid(2)).sum().grad(x).value().data(), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(x.maximum(x.detach()).sum().grad(x).value().data(), [1.0; 4]);
    assert_eq!(x.argmax(1), [1]);
}

#[test]
fn an_input_without_influence_has_a_zero_gradient() {
    let tape = Tape::<f64>::new();
    let x = tape.var(&Array::ones(&[2, 3]));
    let other = tape.scalar(2.0);
    let y = other * other;
    assert_eq!(y.grad(x).value(), Array::zeros(&[2, 3]));
    assert_eq!(y.backward(&[x, other])[0], Array::zeros(&[2, 3]));
}

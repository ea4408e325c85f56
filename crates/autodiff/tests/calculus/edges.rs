//! Values and derivatives at the edges: finite where the documentation says so, and never NaN.

use fewshot_autodiff::{Activation, Array, Conv, ConvBlock, ConvLayer, Pool, Program, Tape, Var};

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

type Function = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

/// Value and derivatives up to the third of `f` at `x`.
fn four_orders(x: f64, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> [f64; 4] {
    let tape = Tape::new();
    let x = tape.scalar(x);
    let y = f(x);
    let first = y.grad(x);
    let second = first.grad(x);
    [y, first, second, second.grad(x)].map(|y| y.item())
}

#[test]
fn powers_with_whole_exponents_are_polynomials_at_zero() {
    let at_zero = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 6.0]];
    for (p, wanted) in at_zero.into_iter().enumerate() {
        assert_eq!(four_orders(0.0, |x| x.powi(p as i32)), wanted, "powi {p}");
        assert_eq!(four_orders(0.0, |x| x.powf(p as f64)), wanted, "powf {p}");
        assert_eq!(four_orders(0.0, |x| x.pow(x.tape().scalar(p as f64))), wanted, "pow {p}");
        // of both: the exponent's own derivatives do not get in the way
        assert_eq!(four_orders(0.0, |x| x.pow(x.sign() + p as f64)), wanted, "pow {p} of a step");
    }
}

#[test]
fn an_update_by_the_gradient_of_a_power_has_its_derivative() {
    let w = Array::new(&[2], vec![0.0, 1.0]);
    let powers: [(&str, Function); 3] =
        [("powf", |w| w.powf(1.0)), ("pow", |w| w.pow(w.tape().scalar(1.0))), ("powi", |w| w.powi(1))];
    fn updated<'t>(w: Var<'t, f64>, power: fn(Var<'t, f64>) -> Var<'t, f64>) -> Var<'t, f64> {
        let fast = w - power(w).sum().grad(w) * 0.1;
        fast.square().sum().grad(w)
    }
    for (name, power) in powers {
        let tape = Tape::new();
        let got = updated(tape.var(&w), power).value();
        assert_eq!(got.data(), [-0.2, 1.8], "{name}");
        let program = Program::record(|tape| vec![updated(tape.input(&[2]), power)]);
        assert_eq!(program.run(&[&w])[0], got, "{name} in a program");
    }
}

#[test]
fn an_infinite_slope_is_infinite_and_only_where_a_gradient_arrives() {
    const INF: f64 = f64::INFINITY;
    assert_eq!(four_orders(0.0, |x| x.ln())[..3], [-INF, INF, -INF]);
    assert_eq!(four_orders(0.0, |x| 1.0 / x), [INF, -INF, INF, -INF]);
    assert_eq!(four_orders(0.0, |x| x.recip()), [INF, -INF, INF, -INF]);
    assert_eq!(four_orders(0.0, |x| x.powf(0.5))[..3], [0.0, INF, -INF]);
    assert_eq!(four_orders(0.0, |x| x.powf(1.5))[..3], [0.0, 0.0, INF]);
    // a / b at (2, 0) and at (0, 0)
    let tape = Tape::<f64>::new();
    let (a, b) = (tape.var(&Array::new(&[3], vec![2.0, 0.0, -2.0])), tape.var(&Array::zeros(&[3])));
    let y = a / b;
    let [to_a, to_b] = y.sum().grads(&[a, b])[..] else { panic!("there are two") };
    assert_eq!(y.value().data(), [INF, 0.0, -INF]);
    assert_eq!(to_a.value().data(), [INF, 0.0, INF]);
    assert_eq!(to_b.value().data(), [-INF, 0.0, INF]);
    let by_number = a / 0.0;
    assert_eq!(by_number.value().data(), [INF, 0.0, -INF]);
    assert_eq!(by_number.sum().grad(a).value().data(), [INF, 0.0, INF]);
    // where no gradient arrives, none leaves
    let x = tape.var(&Array::zeros(&[2]));
    let one = tape.var(&Array::new(&[2], vec![0.0, 1.0]));
    let functions: [Function; 4] =
        [|x| x.ln(), |x| x.recip(), |x| x.powf(0.5), |x| x.pow(x.tape().scalar(0.25))];
    for f in functions {
        let gradient = one.select(f(x), x).sum().grad(x).value();
        assert!(gradient.data()[0] == 1.0 && gradient.data()[1].is_infinite(), "{gradient:?}");
    }
    // e^1000 is infinite, and not chosen
    let x = tape.scalar(1000.0);
    assert_eq!(x.gt(tape.scalar(1.0)).select(x, x.exp()).grad(x).item(), 1.0);
}

#[test]
fn a_slope_of_zero_stops_an_infinite_gradient() {
    assert_eq!(four_orders(-1.0, |x| x.relu().ln())[..2], [f64::NEG_INFINITY, 0.0]);
    assert_eq!(four_orders(-1.0, |x| x.max_scalar(0.0).ln())[..2], [f64::NEG_INFINITY, 0.0]);
    let x = Array::new(&[2], vec![-1.0, 2.0]);
    let program = Program::record(|tape| {
        let x = tape.input(&[2]);
        vec![x.relu().ln().sum().grad(x)]
    });
    assert_eq!(program.run(&[&x])[0].data(), [0.0, 0.5]);
}

#[test]
fn activations_of_minus_infinity_are_their_limits() {
    const INF: f32 = f32::INFINITY;
    let tape = Tape::<f32>::new();
    let x = tape.var(&Array::full(&[37], -INF));
    let all = [
        (x.relu(), 0.0),
        (x.leaky_relu(0.0), 0.0),
        (x.leaky_relu(0.1), -INF),
        (x.elu(2.0), -2.0),
        (x.gelu(), 0.0),
        (x.softplus(), 0.0),
        (x.max_scalar(-1.0), -1.0),
    ];
    for (i, (y, wanted)) in all.into_iter().enumerate() {
        assert_eq!(y.value().data(), [wanted; 37], "{i}");
    }
    assert_eq!(x.relu().sum().grad(x).value().data(), [0.0; 37]);
    // joined with what comes before, in a program and in one operator
    let program = Program::record(|tape| {
        let (x, b) = (tape.input(&[4, 5]), tape.input(&[3]));
        vec![(x.matmul(tape.input(&[5, 3])) + b).relu()]
    });
    let y = program.run(&[&Array::ones(&[4, 5]), &Array::full(&[3], -INF), &Array::ones(&[5, 3])]);
    assert_eq!(y[0].data(), [0.0; 12]);
    for (c_in, kernel, stride, pool) in [(1, 3, 1, true), (1, 3, 2, true), (2, 3, 1, false), (8, 3, 1, true)]
    {
        let x = tape.var(&Array::from_fn(&[3, 6, 6, c_in], |i| (i as f32).sin()));
        let w = tape.var(&Array::from_fn(&[kernel, kernel, c_in, 5], |i| (i as f32).cos()));
        let shift = tape.var(&Array::full(&[5], -INF));
        let conv = Conv { stride: [stride; 2], ..Conv::default() };
        let pool = pool.then_some(Pool::valid(2));
        for (activation, wanted) in [(Activation::Relu, 0.0), (Activation::LeakyRelu(0.5), -INF)] {
            let layer = x.conv_layer(w, Some(shift), ConvLayer { conv, activation, pool });
            let how = ConvBlock { conv, eps: 1e-3, activation, pool };
            for y in [layer, x.conv_block(w, None, Some(shift), how).0] {
                assert!(y.value().data().iter().all(|&y| y == wanted), "{c_in} {stride} {:?}", y.value());
            }
        }
    }
}

#[test]
fn gradients_for_symmetric_matrices_are_symmetric() {
    let tape = Tape::<f64>::new();
    let a = tape.var(&Array::new(&[2, 2], vec![4.0, 1.0, 1.0, 3.0]));
    let b = tape.var(&Array::new(&[2, 1], vec![1.0, 2.0]));
    let solved = a.solve_spd(b).expect("it is positive definite");
    // the solution is (1, 7) / 11, and d sum x / dA = -(A^-1 1) x^T, made symmetric: A^-1 1 = (2, 3) / 11
    let wanted = [2.0, 8.5, 8.5, 21.0].map(|x: f64| -x / 121.0);
    let factor = a.cholesky().expect("it is positive definite");
    let determinant = (factor.value().data()[0] * factor.value().data()[3]).powi(2);
    approx::assert_relative_eq!(determinant, 11.0, epsilon = 1e-12);
    let gradient = solved.sum().grad(a).value();
    for (got, wanted) in gradient.data().iter().zip(wanted) {
        approx::assert_relative_eq!(*got, wanted, epsilon = 1e-14);
    }
    // the logarithm of the determinant has the inverse as its gradient
    let diagonal = tape.var(&Array::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0]));
    let gradient = ((factor * diagonal).sum_axes(&[1]).ln().sum() * 2.0).grad(a).value();
    for (got, wanted) in gradient.data().iter().zip([3.0, -1.0, -1.0, 4.0]) {
        approx::assert_relative_eq!(*got, wanted / 11.0, epsilon = 1e-14);
    }
}

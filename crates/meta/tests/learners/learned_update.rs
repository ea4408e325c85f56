//! The update of the LSTM meta-learner on coordinates of its own.

use approx::assert_relative_eq;
use fewshot_autodiff::gradcheck::check;
use fewshot_autodiff::{Array, Tape, Var};
use fewshot_episodes::{ChaCha8Rng, Purpose, RngExt, stream};
use fewshot_meta::{Coordinates, LearnedUpdate, preprocessed};
use fewshot_nn::Params;

const HIDDEN: usize = 3;

fn normal(rng: &mut ChaCha8Rng, shape: &[usize], std: f64) -> Array<f64> {
    Array::from_fn(shape, |_| std * rng.normal())
}

/// The weights of an update, large enough for every gate to differ.
fn params(update: &LearnedUpdate) -> Params<Array<f64>> {
    let mut rng = stream(1, Purpose::Init, 0);
    update
        .spec()
        .init(&mut stream(2, Purpose::Init, 0))
        .map(|x: &Array<f64>| normal(&mut rng, x.shape(), 0.7))
}

fn pre(x: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    preprocessed(tape.var(&Array::new(&[x.len(), 1], x.to_vec()))).value().to_vec()
}

#[test]
fn gradients_and_losses_are_preprocessed() {
    let x = [1.0, 0.1, -0.001, 1e-4, 1e-5, 0.0];
    let expected =
        [[0.0, 1.0], [-0.230259, 1.0], [-0.690776, -1.0], [-0.921034, 1.0], [-1.0, 0.220265], [-1.0, 0.0]];
    for (own, expected) in pre(&x).iter().zip(expected.as_flattened()) {
        assert_relative_eq!(*own, *expected, epsilon = 5e-7);
    }
    // both branches meet
    let limit = (-10.0_f64).exp();
    let around = pre(&[limit * (1.0 + 1e-9), limit * (1.0 - 1e-9), -1e-9, 1e3]);
    let expected = [-1.0, 1.0, -1.0, 1.0, -1.0, -1e-9 * 10.0_f64.exp(), 1e3_f64.ln() / 10.0, 1.0];
    for (own, expected) in around.iter().zip(expected) {
        assert_relative_eq!(*own, expected, epsilon = 1e-8);
    }
}

/// The coordinates after steps along these gradients `[n, 1]`, at losses that fall.
fn after<'t>(
    update: &LearnedUpdate,
    params: &Params<Var<'t, f64>>,
    theta: Var<'t, f64>,
    gradients: &[Var<'t, f64>],
) -> Coordinates<'t, f64> {
    gradients.iter().enumerate().fold(update.start(theta), |state, (t, &g)| {
        let loss = theta.tape().scalar(1.5 - 0.4 * t as f64);
        update.step(params, &state, g, loss)
    })
}

#[test]
fn a_permutation_of_the_coordinates_is_one_of_the_updates() {
    let (update, mut rng, n) = (LearnedUpdate::new(HIDDEN), stream(3, Purpose::Data, 0), 7);
    let order = [4, 2, 6, 0, 1, 5, 3];
    let (theta, gradients) = (normal(&mut rng, &[n, 1], 1.0), [0; 3].map(|_| normal(&mut rng, &[n, 1], 1.0)));
    let run = |order: &[usize]| {
        let tape = Tape::new();
        let place = |x: &Array<f64>| tape.var(x).gather(0, order);
        let gradients: Vec<Var<'_, f64>> = gradients.iter().map(place).collect();
        let end = after(&update, &params(&update).on(&tape), place(&theta), &gradients);
        [end.theta, end.gates, end.lstm.hidden, end.lstm.cell].map(|x| x.value())
    };
    let identity: Vec<usize> = (0..n).collect();
    let (straight, permuted) = (run(&identity), run(&order));
    for (a, b) in straight.iter().zip(&permuted) {
        assert!(a != b);
        let tape = Tape::new();
        assert!(tape.var(a).gather(0, &order[..]).value() == *b);
    }
}

#[test]
fn through_constant_gates_the_start_decays_by_the_forget_gate() {
    let update = LearnedUpdate::new(HIDDEN);
    let constant = update.spec().init(&mut stream(1, Purpose::Init, 0)).map_named(|name, x: &Array<f64>| {
        Array::full(
            x.shape(),
            match name {
                "meta_learner.forget.bias" => 1.2,
                "meta_learner.input.bias" => -2.0,
                _ => 0.0,
            },
        )
    });
    let (tape, mut rng) = (Tape::new(), stream(3, Purpose::Data, 0));
    let theta = tape.var(&normal(&mut rng, &[4, 1], 1.0));
    let gradients = [0; 5].map(|_| tape.var(&normal(&mut rng, &[4, 1], 1.0)));
    let end = after(&update, &constant.on(&tape), theta, &gradients).theta;
    for slope in end.sum().grad(theta).value().data() {
        assert_relative_eq!(*slope, tape.scalar(1.2).sigmoid().item().powi(5), max_relative = 1e-14);
    }
}

#[test]
fn gradients_are_central_differences_where_those_inside_are_given() {
    let update = LearnedUpdate::new(HIDDEN);
    let (weights, mut rng) = (params(&update), stream(3, Purpose::Data, 0));
    let mut inputs = vec![normal(&mut rng, &[4, 1], 1.0)];
    inputs.extend_from_slice(weights.values());
    let gradients = [0; 4].map(|_| normal(&mut rng, &[4, 1], 1.0));
    let report = check(&inputs, 2, |tape, x| {
        let gradients = gradients.each_ref().map(|g| tape.var(g));
        after(&update, &weights.with_values(x[1..].to_vec()), x[0], &gradients).theta
    });
    assert!(report.worst() < 1e-7, "{report:?}");
}

#[test]
#[should_panic(expected = "LearnedUpdate: gradients [3, 1] are not [4, 1]")]
fn gradients_of_other_coordinates_are_refused() {
    let (update, tape) = (LearnedUpdate::new(HIDDEN), Tape::new());
    let zeros = |n| tape.var(&Array::<f64>::zeros(&[n, 1]));
    after(&update, &params(&update).on(&tape), zeros(4), &[zeros(3)]);
}

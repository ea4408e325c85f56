//! Outer optimisers against steps computed by hand and closed forms.

use approx::assert_relative_eq;
use fewshot_autodiff::Array;
use fewshot_nn::{Adam, LayerSettings, Layerwise, Momentum, Optimizer, Params, RmsProp, Sgd};

type Weights = Params<Array<f64>>;

fn one(x: f64) -> Weights {
    Params::new(vec![("w".to_owned(), Array::scalar(x))])
}

/// Where `optimizer` leads from `start` with these gradients and rate 0.1.
fn path(optimizer: &mut dyn Optimizer<f64>, start: f64, gradients: &[f64]) -> Vec<f64> {
    let mut theta = one(start);
    let mut step = |g: &f64| {
        theta = optimizer.step(&theta, &one(*g), 0.1);
        theta["w"].item()
    };
    gradients.iter().map(&mut step).collect()
}

#[track_caller]
fn assert_path(optimizer: &mut dyn Optimizer<f64>, start: f64, gradients: &[f64], expected: &[f64]) {
    assert_relative_eq!(path(optimizer, start, gradients)[..], *expected, max_relative = 1e-12);
}

#[test]
fn sgd() {
    assert_path(&mut Sgd::default(), 1.0, &[0.5, -2.0], &[0.95, 1.15]);
}

#[test]
fn sgd_on_a_quadratic_is_geometric() {
    // gradient 2 w: w <- (1 - 0.1 * 2) w
    let mut theta = one(3.0);
    let mut sgd = Sgd::default();
    for _ in 0..20 {
        theta = sgd.step(&theta, &theta.map(|w| w.map(|w| 2.0 * w)), 0.1);
    }
    assert_relative_eq!(theta["w"].item(), 3.0 * 0.8_f64.powi(20), max_relative = 1e-13);
}

#[test]
fn momentum_gathers_earlier_gradients() {
    // v = 1, 0.9 + 1, 0.9 * 1.9 - 2
    let mut heavy = Sgd::new(0.9, Momentum::HeavyBall, 0.0);
    assert_path(&mut heavy, 0.0, &[1.0, 1.0, -2.0], &[-0.1, -0.29, -0.261]);
    // steps g + 0.9 v = 1.9, 1 + 1.71, -2 - 0.261
    let mut nesterov = Sgd::new(0.9, Momentum::Nesterov, 0.0);
    assert_path(&mut nesterov, 0.0, &[1.0, 1.0, -2.0], &[-0.19, -0.461, -0.2349]);
}

#[test]
fn constant_gradients_reach_the_terminal_velocity() {
    // v_k = (1 - mu^k) / (1 - mu), summed: k / (1 - mu) - mu (1 - mu^k) / (1 - mu)^2
    let (mu, k) = (0.8_f64, 12);
    let end =
        *path(&mut Sgd::new(mu, Momentum::HeavyBall, 0.0), 0.0, &vec![1.0; k]).last().expect("12 steps");
    let sum = k as f64 / (1.0 - mu) - mu * (1.0 - mu.powi(k as i32)) / (1.0 - mu).powi(2);
    assert_relative_eq!(end, -0.1 * sum, max_relative = 1e-12);
}

#[test]
fn weight_decay_of_sgd_joins_the_gradient() {
    // g = 0.5 + 0.1 * 2 = 0.7; then v = 0.9 * 0.7 + 0.5 + 0.1 * 1.93
    let mut sgd = Sgd::new(0.9, Momentum::HeavyBall, 0.1);
    assert_path(&mut sgd, 2.0, &[0.5, 0.5], &[1.93, 1.93 - 0.1 * 1.323]);
}

#[test]
fn adam_by_hand() {
    // m = 0.1, -0.11; v = 0.001, 0.004999; corrected by 1 - 0.9^t and 1 - 0.999^t
    let first = 1.0 - 0.1 * 1.0 / (1.0 + 1e-8);
    let second = first + 0.1 * (0.11 / 0.19) / ((0.004999_f64 / 0.001999).sqrt() + 1e-8);
    assert_path(&mut Adam::default(), 1.0, &[1.0, -2.0], &[first, second]);
}

#[test]
fn adam_moves_by_the_rate_under_constant_gradients() {
    for g in [1e-3, 7.0, -250.0_f64] {
        let steps = path(&mut Adam::new(0.9, 0.999, 0.0), 0.0, &[g; 5]);
        let expected: Vec<f64> = (1..=5).map(|k| -0.1 * k as f64 * g.signum()).collect();
        assert_relative_eq!(steps[..], expected[..], max_relative = 1e-12);
    }
}

#[test]
fn adam_without_memory_starts_with_the_sign() {
    // beta1 = 0: what Reptile's inner loop uses
    assert_path(&mut Adam::new(0.0, 0.999, 0.0), 0.0, &[-0.02], &[0.1]);
}

#[test]
fn adam_stays_where_nothing_pulls() {
    assert_path(&mut Adam::default(), 1.5, &[0.0, 0.0], &[1.5, 1.5]);
}

#[test]
fn decoupled_decay_shrinks_weights_beside_adam() {
    assert_path(&mut Adam::decoupled(0.5), 1.0, &[0.0; 3], &[0.95, 0.95 * 0.95, 0.95 * 0.95 * 0.95]);
    let mut both = Adam::decoupled(0.5);
    both.eps = 0.0;
    assert_path(&mut both, 1.0, &[3.0], &[0.95 - 0.1]);
}

#[test]
fn rmsprop_by_hand() {
    // s = 0.1 g^2; u = 0.5 u + 0.1 g / sqrt(s + 0.01)
    let (s1, s2): (f64, f64) = (0.4, 0.9 * 0.4 + 0.1);
    let u1 = 0.1 * 2.0 / (s1 + 0.01).sqrt();
    let u2 = 0.5 * u1 - 0.1 / (s2 + 0.01).sqrt();
    assert_path(&mut RmsProp::new(0.9, 0.5, 0.01), 1.0, &[2.0, -1.0], &[1.0 - u1, 1.0 - u1 - u2]);
}

fn all() -> Vec<Box<dyn Optimizer<f64>>> {
    vec![
        Box::new(Sgd::new(0.9, Momentum::Nesterov, 0.01)),
        Box::new(Adam::decoupled(0.01)),
        Box::new(RmsProp::new(0.9, 0.5, 1e-8)),
    ]
}

#[test]
fn a_restored_state_goes_on_with_the_same_bits() {
    for (mut whole, mut resumed) in all().into_iter().zip(all()) {
        path(&mut *whole, 1.0, &[0.3, -0.7, 0.2]);
        resumed.restore(&whole.state());
        assert_eq!(path(&mut *whole, 2.0, &[0.1, 0.5]), path(&mut *resumed, 2.0, &[0.1, 0.5]));
        assert_eq!(whole.state(), resumed.state());
    }
}

#[test]
fn the_state_before_the_first_step_can_be_restored() {
    for (mut fresh, mut used) in all().into_iter().zip(all()) {
        path(&mut *used, 1.0, &[0.3, -0.7]);
        used.restore(&fresh.state());
        assert_eq!(path(&mut *fresh, 2.0, &[0.1, 0.5]), path(&mut *used, 2.0, &[0.1, 0.5]));
    }
}

#[test]
#[should_panic(expected = "the state of another kind of optimiser")]
fn a_foreign_state_is_refused() {
    let mut sgd = Sgd::default();
    path(&mut sgd, 1.0, &[1.0]);
    Adam::default().restore(&Optimizer::<f64>::state(&sgd));
}

#[test]
#[should_panic(expected = r#"the names "w" and "v" differ"#)]
fn gradients_of_other_weights_are_refused() {
    let gradients = Params::new(vec![("v".to_owned(), Array::scalar(1.0))]);
    Adam::default().step(&one(1.0), &gradients, 0.1);
}

fn layer(scope: &str, rate: f64, momentum: f64, penalty: f64) -> LayerSettings {
    LayerSettings { scope: scope.into(), rate, momentum, penalty }
}

fn of_two(convolution: f64, dense: f64) -> Weights {
    let named = |name: &str, x| (name.to_owned(), Array::scalar(x));
    Params::new(vec![named("conv1.weight", convolution), named("conv10.bias", dense)])
}

#[test]
fn each_layer_has_a_rate_a_momentum_and_a_penalty() {
    let layers = vec![layer("conv1", 2.0, 0.9, 0.0), layer("conv10", 1.0, 0.7, 0.25)];
    let mut optimizer = Layerwise::new(layers, 2);
    // momentum 0.5, 0.7, 0.9, 0.9 and 0.5, 0.6, 0.7, 0.7; gradients 1 and 0 with pull 2 * 0.25 w
    let (mut theta, mut found) = (of_two(0.0, 1.0), Vec::new());
    let (mut w, mut d, mut expected) = ([0.0, 1.0], [0.0, 0.0], Vec::new());
    for mu in [[0.5, 0.5], [0.7, 0.6], [0.9, 0.7], [0.9, 0.7]] {
        theta = optimizer.step(&theta, &of_two(1.0, 0.0), 0.1);
        found.extend(theta.values().iter().map(Array::item));
        d = [mu[0] * d[0] - 0.2, mu[1] * d[1] - 0.1 * 0.5 * w[1]];
        w = [w[0] + d[0], w[1] + d[1]];
        expected.extend(w);
    }
    assert_relative_eq!(found[..], expected[..], max_relative = 1e-12);
    assert_relative_eq!(found[..4], [-0.2, 0.95, -0.54, 0.95 - 0.0475 - 0.03], max_relative = 1e-12);
}

#[test]
fn one_layer_without_rise_or_penalty_is_sgd_with_momentum() {
    let gradients = [1.0, 0.3, -2.0, 0.5];
    let mut by_layers =
        Layerwise::new(vec![layer("conv1", 1.0, 0.5, 0.0), layer("conv10", 1.0, 0.5, 0.0)], 1);
    let mut theta = of_two(0.7, 0.7);
    let moved: Vec<f64> = gradients
        .iter()
        .map(|&g| {
            theta = by_layers.step(&theta, &of_two(g, g), 0.1);
            theta["conv10.bias"].item()
        })
        .collect();
    let plain = path(&mut Sgd::new(0.5, Momentum::HeavyBall, 0.0), 0.7, &gradients);
    assert_relative_eq!(moved[..], plain[..], max_relative = 1e-12);
}

#[test]
fn layers_go_on_from_a_saved_state() {
    let new = || Layerwise::new(vec![layer("conv1", 1.0, 0.9, 0.1), layer("conv10", 0.5, 0.8, 0.0)], 5);
    let step = |optimizer: &mut Layerwise<f64>, theta: &Weights| optimizer.step(theta, theta, 0.1);
    let (mut straight, mut stopped) = (new(), new());
    let start = of_two(1.0, 2.0);
    let middle = step(&mut straight, &start);
    step(&mut stopped, &start);
    let mut resumed = new();
    resumed.restore(&Optimizer::state(&stopped));
    assert_eq!(Optimizer::state(&stopped).names(), Optimizer::state_like(&stopped, &start).names());
    assert_eq!(step(&mut straight, &middle), step(&mut resumed, &middle));
}

#[test]
#[should_panic(expected = "Layerwise: the weight \"w\" is in none of the layers")]
fn a_weight_of_no_layer_is_named() {
    path(&mut Layerwise::new(vec![layer("conv1", 1.0, 0.5, 0.0)], 1), 0.0, &[1.0]);
}

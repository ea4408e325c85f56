//! Meta-gradients of a small network against central differences, in 64-bit.

use fewshot_autodiff::{Array, Tape, Var};
use fewshot_meta::{Filter, InnerLoop, Rate, Rule};
use fewshot_nn::{Clip, Params};

const RATE: f64 = 0.2;

fn array(shape: &[usize], salt: f64) -> Array<f64> {
    Array::from_fn(shape, |i| (salt + 1.7 * i as f64 + 0.3 * (i * i) as f64).sin())
}

fn theta() -> Params<Array<f64>> {
    let shapes: [(&str, &[usize]); 4] = [("w1", &[2, 5]), ("b1", &[5]), ("w2", &[5, 3]), ("b2", &[3])];
    Params::new(
        shapes.iter().enumerate().map(|(i, (name, s))| (name.to_string(), array(s, i as f64))).collect(),
    )
}

fn rates() -> Params<Array<f64>> {
    theta().map(|w| w.map(|x| RATE * (1.0 + 0.5 * x)))
}

fn forward<'t>(p: &Params<Var<'t, f64>>, x: Var<'t, f64>) -> Var<'t, f64> {
    (x.matmul(p["w1"]) + p["b1"]).tanh().matmul(p["w2"]) + p["b2"]
}

/// L_Q(phi_k(theta)) with a rate for each parameter, and its gradients for theta and for the rates.
fn run(
    theta: &Params<Array<f64>>,
    rates: &Params<Array<f64>>,
    inner: &InnerLoop,
) -> (f64, Params<Array<f64>>, Params<Array<f64>>) {
    let tape = Tape::new();
    let (theta_on, rates_on) = (theta.on(&tape), rates.on(&tape));
    let (support, query) = (tape.var(&array(&[4, 2], 7.0)), tape.var(&array(&[6, 2], 8.0)));
    let fast =
        inner.run(&theta_on, Rate::Each(&rates_on), |_, p| forward(p, support).cross_entropy(&[0, 1, 2, 1]));
    let loss = forward(&fast, query).cross_entropy(&[0, 1, 2, 0, 1, 2]);
    let value = loss.item();
    let wrt: Vec<_> = theta_on.values().iter().chain(rates_on.values()).copied().collect();
    let mut gradients = loss.backward(&wrt);
    let of_rates = gradients.split_off(theta.len());
    (value, theta.with_values(gradients), rates.with_values(of_rates))
}

/// Central difference of `f` in every entry of `at`, checked against `gradient`.
fn check(at: &Params<Array<f64>>, gradient: &Params<Array<f64>>, f: impl Fn(&Params<Array<f64>>) -> f64) {
    const H: f64 = 1e-5;
    let largest = gradient.values().iter().flat_map(|g| g.data()).fold(0.0, |m, x| f64::max(m, x.abs()));
    assert!(largest > 1e-3, "the gradient is too small to be told from zero: {largest}");
    for (name, array) in at.iter() {
        for i in 0..array.len() {
            let moved = |by: f64| {
                f(&at.map_named(|other, x| {
                    let mut x = x.clone();
                    if other == name {
                        x.data_mut()[i] += by;
                    }
                    x
                }))
            };
            let difference = (moved(H) - moved(-H)) / (2.0 * H);
            let error = (difference - gradient[name].data()[i]).abs() / largest;
            assert!(error < 1e-6, "{name}[{i}]: {difference} against {}", gradient[name].data()[i]);
        }
    }
}

#[track_caller]
fn check_both(inner: &InnerLoop) {
    let (theta, rates) = (theta(), rates());
    let (_, gradient, of_rates) = run(&theta, &rates, inner);
    check(&theta, &gradient, |theta| run(theta, &rates, inner).0);
    check(&rates, &of_rates, |rates| run(&theta, rates, inner).0);
}

#[test]
fn meta_gradients() {
    for steps in [1, 2, 5] {
        check_both(&InnerLoop { steps, ..InnerLoop::default() });
    }
}

#[test]
fn meta_gradients_when_only_the_head_adapts() {
    let (theta, rates) = (theta(), rates());
    let inner = InnerLoop { steps: 2, adapted: Filter::only(&["*2"]), ..InnerLoop::default() };
    let (_, gradient, _) = run(&theta, &rates, &inner);
    check(&theta, &gradient, |theta| run(theta, &rates, &inner).0);
}

#[test]
fn meta_gradients_through_momentum_and_adam() {
    let rules = [
        Rule::Momentum { momentum: 0.9 },
        Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-2 },
        Rule::Adam { beta1: 0.0, beta2: 0.999, eps: 1e-2 },
    ];
    for rule in rules {
        for steps in [1, 3] {
            check_both(&InnerLoop { steps, rule, ..InnerLoop::default() });
        }
    }
}

#[test]
fn meta_gradients_through_clipping() {
    let apart = Clip::NormApart { limit: 0.1, prefix: "w" };
    let each = Clip::ValueThenEachNorm { value: 0.05, norm: 0.06 };
    for clip in [Clip::Value(0.05), Clip::Norm(0.2), Clip::Norm(100.0), apart, each] {
        check_both(&InnerLoop { steps: 3, clip: Some(clip), ..InnerLoop::default() });
    }
}

/// A gradient of exactly 0 leaves Adam's denominator at its epsilon; second derivatives stay finite.
#[test]
fn adam_at_a_gradient_of_zero() {
    let tape = Tape::<f64>::new();
    let theta = Params::new(vec![("w".to_string(), tape.scalar(3.0))]);
    let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
    let inner = InnerLoop { steps: 2, rule, ..InnerLoop::default() };
    let fast = inner.run(&theta, Rate::Scalar(0.1), |_, p| (p["w"] - 3.0).square());
    assert_eq!(fast["w"].item(), 3.0);
    assert!(fast["w"].grad(theta["w"]).item().is_finite());
}

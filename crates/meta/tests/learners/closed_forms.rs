//! MAML on problems whose answer is known in closed form.

use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Tape, Var};
use fewshot_meta::{Filter, InnerLoop, Order, Rate};
use fewshot_nn::Params;

type Loss = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

/// Adapted weight and meta-gradient of a one-parameter problem.
fn solve(support: Loss, query: Loss, theta: f64, rate: f64, steps: usize, order: Order) -> (f64, f64) {
    let tape = Tape::new();
    let theta = Params::new(vec![("theta".to_string(), tape.scalar(theta))]);
    let inner = InnerLoop { steps, order, ..InnerLoop::default() };
    let fast = inner.run(&theta, Rate::Scalar(rate), |_, p| support(p["theta"]));
    let phi = fast["theta"].item();
    let gradient = query(fast["theta"]).backward(theta.values());
    (phi, gradient[0].item())
}

#[test]
fn quadratic() {
    // L_S = a_s / 2 (theta - c_s)^2, L_Q = a_q / 2 (theta - c_q)^2 with a_s = 2, c_s = 3, a_q = 1, c_q = 2
    let support: Loss = |w| (w - 3.0).square();
    let query: Loss = |w| (w - 2.0).square() * 0.5;
    for (steps, phi, full, first) in
        [(1, 1.4, -0.48, -0.6), (2, 1.72, -0.1792, -0.28), (3, 1.976, -0.012288, -0.024)]
    {
        let (adapted, gradient) = solve(support, query, 1.0, 0.1, steps, Order::Second);
        assert_relative_eq!(adapted, phi, max_relative = 1e-14);
        assert_relative_eq!(gradient, full, max_relative = 1e-12);
        let (adapted, gradient) = solve(support, query, 1.0, 0.1, steps, Order::First);
        assert_relative_eq!(adapted, phi, max_relative = 1e-14);
        assert_relative_eq!(gradient, first, max_relative = 1e-12);
    }
}

#[test]
fn square_of_the_weight() {
    // f = theta^2 x, L = (f - y)^2 / 2, support (1, 2), query (1, 1)
    let support: Loss = |w| (w.square() - 2.0).square() * 0.5;
    let query: Loss = |w| (w.square() - 1.0).square() * 0.5;
    for (steps, phi, first, full) in [(1, 1.2, 1.056, 0.8448), (2, 1.3344, 2.083328, 0.893331)] {
        let (adapted, gradient) = solve(support, query, 1.0, 0.1, steps, Order::Second);
        assert_relative_eq!(adapted, phi, max_relative = 1e-14);
        assert_relative_eq!(gradient, full, epsilon = 5e-7);
        let (_, gradient) = solve(support, query, 1.0, 0.1, steps, Order::First);
        assert_relative_eq!(gradient, first, epsilon = 5e-7);
    }
}

#[test]
fn without_curvature_both_orders_agree() {
    let support: Loss = |w| w * 3.0 + 1.0;
    let query: Loss = |w| w.square();
    let [first, second] =
        [Order::First, Order::Second].map(|order| solve(support, query, 2.0, 0.1, 4, order));
    assert_eq!(first, second);
    assert_relative_eq!(second.1, 2.0 * (2.0 - 4.0 * 0.3), max_relative = 1e-14);
}

#[test]
fn a_rate_of_zero_gives_the_gradient_of_the_query_loss() {
    let support: Loss = |w| w.powi(4);
    let query: Loss = |w| w.exp();
    for order in [Order::First, Order::Second] {
        assert_eq!(solve(support, query, 0.7, 0.0, 3, order), (0.7, 0.7_f64.exp()));
    }
}

/// Two weights, of which the filter adapts one.
#[test]
fn what_the_filter_leaves_out_is_meta_learned_but_not_adapted() {
    for order in [Order::First, Order::Second] {
        let tape = Tape::<f64>::new();
        let theta = Params::new(vec![
            ("norm.shift".to_string(), tape.scalar(1.0) * 2.0),
            ("weight".to_string(), tape.scalar(3.0) * 1.0),
        ]);
        let filter = Filter::except(&["*norm.*"]);
        let inner = InnerLoop { steps: 2, order, adapted: filter.clone(), ..InnerLoop::default() };
        let all = inner
            .trajectory(&theta, Rate::Scalar(0.1), |_, p| (p["weight"] * p["norm.shift"]).square() * 0.5);
        // w <- w (1 - 0.1 b^2), b = 2
        let weights: Vec<f64> = all.iter().map(|p| p["weight"].item()).collect();
        assert_relative_eq!(weights[..], [3.0, 1.8, 1.08][..], max_relative = 1e-14);
        assert!(all.iter().all(|p| p["norm.shift"].item() == 2.0));
        // d/db of w0 (1 - 0.1 b^2)^2 b = w0 [(1 - 0.1 b^2)^2 - 0.4 b^2 (1 - 0.1 b^2)]; first order: the weight is constant
        let query = all[2]["weight"] * all[2]["norm.shift"];
        let expected = if order == Order::Second { 3.0 * (0.36 - 1.6 * 0.6) } else { 1.08 };
        assert_relative_eq!(query.grad(theta["norm.shift"]).item(), expected, max_relative = 1e-12);
    }
}

#[test]
fn rates_per_parameter_are_learned() {
    // phi = w - r g with g = 2 (w - 3) = -4: d phi^2 / dr = -2 phi g
    for order in [Order::First, Order::Second] {
        let tape = Tape::<f64>::new();
        let theta = Params::new(vec![("w".to_string(), tape.scalar(1.0))]);
        let rates = Params::new(vec![("w".to_string(), tape.scalar(0.25))]);
        let inner = InnerLoop { steps: 1, order, ..InnerLoop::default() };
        let fast = inner.run(&theta, Rate::Each(&rates), |_, p| (p["w"] - 3.0).square());
        assert_eq!(fast["w"].item(), 2.0);
        assert_eq!(fast["w"].square().grad(rates["w"]).item(), 16.0);
    }
}

#[test]
#[should_panic(expected = "no parameter matches")]
fn a_filter_that_leaves_nothing_is_refused() {
    let tape = Tape::<f64>::new();
    let theta = Params::new(vec![("w".to_string(), tape.scalar(1.0))]);
    let filter = Filter::only(&["head.*"]);
    InnerLoop { steps: 1, order: Order::Second, adapted: filter.clone(), ..InnerLoop::default() }.run(
        &theta,
        Rate::Scalar(0.1),
        |_, p| p["w"].square(),
    );
}

/// Nodes recorded by `steps` steps, the query loss and its recorded gradient.
fn nodes(steps: usize, order: Order) -> usize {
    let tape = Tape::<f64>::new();
    let weight = tape.var(&Array::from_fn(&[3, 2], |i| 0.1 * i as f64));
    let theta = Params::new(vec![("w".to_string(), weight)]);
    let x = tape.var(&Array::from_fn(&[4, 3], |i| (i as f64).sin()));
    let loss = |_, p: &Params<_>| x.matmul(p["w"]).tanh().square().mean();
    let inner = InnerLoop { steps, order, ..InnerLoop::default() };
    let fast = inner.run(&theta, Rate::Scalar(0.1), loss);
    let query = x.matmul(fast["w"]).exp().mean();
    query.grads(theta.values());
    tape.len()
}

#[test]
fn the_record_grows_linearly_with_the_steps() {
    for order in [Order::First, Order::Second] {
        let counts = [1, 2, 4, 8, 16].map(|steps| nodes(steps, order));
        let per_step = counts[1] - counts[0];
        for (steps, count) in [1, 2, 4, 8, 16].iter().zip(counts) {
            assert_eq!(count, counts[0] + per_step * (steps - 1), "{order:?}: {counts:?}");
        }
    }
}

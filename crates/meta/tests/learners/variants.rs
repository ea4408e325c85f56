//! What the relatives of MAML have in common with it, and where they differ: closed forms and identities (sections 8 to 10 of the
//! reference).

use crate::common::point::{Point, quadratics};
use crate::common::{Blobs, Net};
use approx::assert_relative_eq;
use fewshot_autodiff::Array;
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{
    Anil, Cavia, Filter, Learner, Maml, Meta, MultiStep, Order, Outcome, Rates, Rule, Sharing, Task,
    task_gradient,
};
use fewshot_nn::{Clip, Conv4, Conv4Config, Mlp, Params};

fn run(learner: &dyn Learner<f64>, meta: &Meta<Array<f64>>, task: &Task<Array<f64>>) -> Outcome<Array<f64>> {
    task_gradient(learner, meta, task, stream(1, Purpose::Dropout, 0))
}

fn task(seed: u64) -> Task<Array<f64>> {
    Task::from(&Blobs::new(seed).episode(2))
}

#[track_caller]
fn assert_close(a: &Params<Array<f64>>, b: &Params<Array<f64>>) {
    for ((name, a), b) in a.iter().zip(b.values()) {
        assert_eq!(a.shape(), b.shape(), "{name}");
        for (a, b) in a.data().iter().zip(b.data()) {
            assert_relative_eq!(*a, *b, epsilon = 1e-13, max_relative = 1e-9);
        }
    }
}

/// The quadratic of section 5.6: `g_S = -4`, `g_Q = -0.6` after a step of 0.1.
#[test]
fn meta_sgd_has_the_closed_form() {
    let learner = Maml { rates: Rates::Each { low: 0.1, high: 0.1 }, ..Maml::new(Point::at(1.0)) };
    let meta: Meta<Array<f64>> = learner.init(1);
    assert_eq!(meta.theta.names(), ["head.w", "inner_lr.head.w"]);
    let gradient = run(&learner, &meta, &quadratics((2.0, 3.0), (1.0, 2.0))).gradient;
    assert_relative_eq!(gradient["head.w"].data()[0], -0.48, max_relative = 1e-12);
    assert_relative_eq!(gradient["inner_lr.head.w"].data()[0], -2.4, max_relative = 1e-12);
}

#[test]
fn constant_rates_are_those_of_maml() {
    let maml = |rates| Maml { train_steps: 3, inner_lr: 0.3, rates, ..Maml::new(Net::normed()) };
    let plain = maml(Rates::Fixed);
    let meta: Meta<Array<f64>> = plain.init(1);
    let expected = run(&plain, &meta, &task(1));
    for rates in [Rates::Each { low: 0.3, high: 0.3 }, Rates::PerStep] {
        let learner = maml(rates);
        let fresh: Meta<Array<f64>> = learner.init(1);
        let theta = fresh.theta.replace(&meta.theta);
        let found = run(&learner, &Meta { theta, ..fresh }, &task(1));
        assert_relative_eq!(found.loss.item(), expected.loss.item(), max_relative = 1e-12);
        assert_close(&found.gradient.first(meta.theta.len()), &expected.gradient);
    }
}

#[test]
fn rates_start_within_their_bounds_and_norms_have_none() {
    let learner = Maml::meta_sgd(Net::normed());
    let meta: Meta<Array<f32>> = learner.init(1);
    let rates = meta.theta.within("inner_lr");
    assert_eq!(rates.names(), ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]);
    assert!(rates.values().iter().flat_map(|r| r.data()).all(|r| (0.005..0.1).contains(r)));
}

#[test]
fn multi_step_weights_sum_to_one_and_move_to_the_last_step() {
    let mini = MultiStep { epochs: 15, epoch: 500 };
    let close = |epoch, expected: [f64; 5]| {
        let weights = mini.weights(5, epoch);
        weights.iter().zip(expected).for_each(|(w, e)| assert_relative_eq!(*w, e, epsilon = 1e-5));
    };
    close(0, [0.2; 5]);
    close(1, [0.18667, 0.18667, 0.18667, 0.18667, 0.25333]);
    close(14, [0.01333, 0.01333, 0.01333, 0.01333, 0.94667]);
    close(15, [0.0, 0.0, 0.0, 0.0, 1.0]);
    for epoch in 0..20 {
        for steps in 1..8 {
            assert_relative_eq!(mini.weights(steps, epoch).iter().sum::<f64>(), 1.0, epsilon = 1e-12);
        }
    }
}

#[test]
fn the_multi_step_loss_is_the_weighted_sum_of_query_losses() {
    let multi_step = MultiStep { epochs: 10, epoch: 1 };
    let maml = |steps| Maml { train_steps: steps, inner_lr: 0.3, ..Maml::new(Net::normed()) };
    let learner = Maml { multi_step: Some(multi_step), ..maml(3) };
    let mut meta: Meta<Array<f64>> = learner.init(1);
    for epoch in [0, 4, 9, 10, 50] {
        meta.iteration = epoch;
        let weights = multi_step.weights(3, epoch);
        let parts: Vec<_> = (1..=3).map(|steps| run(&maml(steps), &meta, &task(1))).collect();
        let expected: f64 = parts.iter().zip(&weights).map(|(part, w)| part.loss.item() * w).sum();
        let found = run(&learner, &meta, &task(1));
        assert_relative_eq!(found.loss.item(), expected, max_relative = 1e-12);
        let sum =
            parts.iter().zip(&weights).fold(meta.theta.map(|w| Array::zeros(w.shape())), |sum, (p, w)| {
                sum.zip(&p.gradient, |s, g| s.zip(g, |s, g| s + w * g))
            });
        assert_close(&found.gradient, &sum);
    }
}

#[test]
fn the_order_is_annealed_by_updates() {
    let maml = |order| Maml { train_steps: 2, inner_lr: 0.5, order, ..Maml::new(Net::normed()) };
    let annealed = Maml { first_order_until: 3, ..maml(Order::Second) };
    let mut meta: Meta<Array<f64>> = annealed.init(1);
    for (iteration, order) in [(0, Order::First), (2, Order::First), (3, Order::Second)] {
        meta.iteration = iteration;
        assert_close(&run(&annealed, &meta, &task(1)).gradient, &run(&maml(order), &meta, &task(1)).gradient);
    }
}

#[test]
fn norm_weights_per_step_begin_as_shared_ones() {
    let maml = Maml { train_steps: 3, inner_lr: 0.3, ..Maml::new(Net::normed()) };
    let stepped = Maml { norm_weights: Sharing::PerStep, norm_statistics: Sharing::PerStep, ..maml.clone() };
    let (meta, many): (Meta<Array<f64>>, Meta<Array<f64>>) = (maml.init(1), stepped.init(1));
    assert_eq!(many.theta["hidden.norm.scale"].shape(), [3, 16]);
    assert_eq!(many.statistics["hidden.norm.mean"].shape(), [3, 16]);
    let (one, each) = (run(&maml, &meta, &task(1)), run(&stepped, &many, &task(1)));
    assert_relative_eq!(one.loss.item(), each.loss.item(), max_relative = 1e-12);
    let (shared, parts) = (&one.gradient["hidden.norm.scale"], &each.gradient["hidden.norm.scale"]);
    for c in 0..16 {
        let sum: f64 = (0..3).map(|t| parts.data()[16 * t + c]).sum();
        assert_relative_eq!(sum, shared.data()[c], epsilon = 1e-12);
    }
    // the statistics are those of each step's support
    let statistics = each.statistics.unwrap();
    assert_eq!(statistics["hidden.norm.variance"].shape(), [3, 16]);
    assert_eq!(statistics["hidden.norm.rows"].item(), 6.0);
    // adapting on further steps than trained uses the last set
    let longer = Maml { eval_steps: 6, ..stepped };
    assert_eq!(longer.adapt_by_step(&many, &task(1).support).len(), 7);
}

#[test]
#[should_panic(expected = "needs train_steps of 1 or more")]
fn parts_per_step_need_a_step() {
    let _ = Learner::<f64>::init(&Maml { train_steps: 0, ..Maml::plus_plus(Net::normed()) }, 1);
}

#[test]
fn all_parts_off_is_maml() {
    let off = Maml {
        rates: Rates::Fixed,
        multi_step: None,
        norm_weights: Sharing::Shared,
        norm_statistics: Sharing::Shared,
        ..Maml::plus_plus(Net::normed())
    };
    let maml = Maml { train_steps: 5, eval_steps: 5, inner_lr: 0.1, ..Maml::new(Net::normed()) };
    let meta: Meta<Array<f64>> = maml.init(1);
    assert_eq!(Learner::<f64>::spec(&off), Learner::<f64>::spec(&maml));
    assert_eq!(run(&off, &meta, &task(1)).gradient, run(&maml, &meta, &task(1)).gradient);
}

#[test]
fn plus_plus_on_the_paper_network() {
    let learner = Maml::plus_plus(Conv4::new(&Conv4Config::pooled_64().with_head(5)));
    let meta: Meta<Array<f32>> = learner.init(1);
    assert_eq!(meta.theta["block1.norm.shift"].shape(), [5, 64]);
    assert_eq!(meta.theta["inner_lr.block1.conv.weight"].data(), [0.1; 5]);
    assert!(meta.theta.get("inner_lr.block1.norm.shift").is_none());
}

#[test]
fn anil_is_maml_on_the_head_alone() {
    let config = Conv4Config { filters: 3, ..Conv4Config::strided_flat() }.with_head(3);
    let x =
        |n: usize, salt: usize| Array::from_fn(&[n, 28, 28, 1], |i| ((i * 7919 + salt) % 101) as f64 / 101.0);
    let examples = |n, salt| {
        let classes = (0..n).map(|i| i % 3).collect();
        fewshot_meta::Examples::new(x(n, salt), fewshot_meta::Labels::Classes(classes))
    };
    let task = Task { support: examples(4, 1), query: examples(5, 2) };
    for order in [Order::Second, Order::First] {
        let anil = Anil { order, inner_lr: 0.4, ..Anil::new(Conv4::new(&config)) };
        let maml = Maml {
            order,
            inner_lr: 0.4,
            train_steps: 5,
            eval_steps: 5,
            adapted: Filter::only(&["head.*"]),
            ..Maml::new(Conv4::new(&config))
        };
        let meta: Meta<Array<f64>> = anil.init(1);
        let (a, m) = (run(&anil, &meta, &task), run(&maml, &meta, &task));
        assert_relative_eq!(a.loss.item(), m.loss.item(), max_relative = 1e-12);
        assert_close(&a.gradient, &m.gradient);
        let predicted = [anil.adapt(&meta, &task.support), maml.adapt(&meta, &task.support)]
            .map(|predictor| predictor.predict(&task.query.x));
        let pairs = predicted[0].data().iter().zip(predicted[1].data());
        pairs.for_each(|(a, b)| assert_relative_eq!(*a, *b, epsilon = 1e-12));
    }
}

#[test]
fn a_body_without_rates_is_anil_too() {
    let anil = Anil { train_steps: 2, inner_lr: 0.4, ..Anil::new(Mlp::new(&[6, 8, 3])) };
    let each = Maml {
        train_steps: 2,
        rates: Rates::Each { low: 0.4, high: 0.4 },
        ..Maml::new(Mlp::new(&[6, 8, 3]))
    };
    let mut meta: Meta<Array<f64>> = each.init(1);
    let body = |name: &str, x: &Array<f64>| match name.starts_with("inner_lr.layer") {
        true => Array::zeros(x.shape()),
        false => x.clone(),
    };
    meta.theta = meta.theta.map_named(body);
    let plain = Meta { theta: meta.theta.first(4), ..meta.clone() };
    let (a, m) = (run(&anil, &plain, &task(1)), run(&each, &meta, &task(1)));
    assert_close(&a.gradient, &m.gradient.first(4));
}

/// `c_1 = -inner_lr grad_c L_S(theta, 0)` for a network `w . [x, c]`: with `w = (u, v)`, prediction `u x + v c`.
#[test]
fn cavia_has_the_closed_form() {
    let learner = Cavia { inner_lr: 0.25, ..Cavia::new(Mlp::new(&[2, 1]), 1) };
    let mut meta: Meta<Array<f64>> = learner.init(1);
    assert_eq!(meta.theta.names(), ["head.weight", "head.bias"]);
    meta.theta = meta.theta.with_values(vec![Array::new(&[2, 1], vec![2.0, 3.0]), Array::zeros(&[1])]);
    let one = |x: f64, y: f64| {
        let column = |v| Array::new(&[1, 1], vec![v]);
        fewshot_meta::Examples::new(column(x), fewshot_meta::Labels::Values(column(y)))
    };
    let task = Task { support: one(1.0, 1.0), query: one(1.0, 0.0) };
    let result = run(&learner, &meta, &task);
    // error 1, c = -0.25 * 2 * 1 * v = -1.5; prediction 2 + 3 * -1.5 = -2.5
    assert_relative_eq!(result.loss.item(), 6.25, max_relative = 1e-12);
    // with e = u - 1, c = -e v / 2, p = u - e v^2 / 2: dp/du = 1 - v^2 / 2, dp/dv = -e v; the bias moves e, too
    let d = 2.0 * -2.5;
    let weight = result.gradient["head.weight"].data().to_vec();
    assert_relative_eq!(weight[0], d * (1.0 - 4.5), max_relative = 1e-12);
    assert_relative_eq!(weight[1], d * -3.0, max_relative = 1e-12);
    assert_relative_eq!(result.gradient["head.bias"].data()[0], d * (1.0 - 4.5), max_relative = 1e-12);
    let predicted = learner.adapt(&meta, &task.support).predict(&task.query.x);
    assert_relative_eq!(predicted.data()[0], -2.5, max_relative = 1e-12);
}

/// Every rule and clipping against the same learner with recomputed steps, and against differences in `finite_differences.rs`.
#[test]
fn momentum_is_the_written_out_one() {
    // quadratic a = 2, c = 3 from 1, rate 0.1, momentum 0.5: g -4, v -4, w 1.4; g -3.2, v -5.2, w 1.92
    let rule = Rule::Momentum { momentum: 0.5 };
    let learner = Maml { rule, inner_lr: 0.1, train_steps: 2, ..Maml::new(Point::at(1.0)) };
    let result = run(&learner, &learner.init(1), &quadratics((2.0, 3.0), (2.0, 0.0)));
    assert_relative_eq!(result.loss.item(), 1.92 * 1.92, max_relative = 1e-12);
    // d w2 / d w0: w1 = w0 - 0.2 w0, v2 = 0.5 * 2 + 2 * 0.8 = 2.6, w2 = 0.8 - 0.26
    assert_relative_eq!(result.gradient.values()[0].data()[0], 2.0 * 1.92 * 0.54, max_relative = 1e-12);
}

#[test]
fn clipping_limits_what_a_step_sees() {
    let run = |clip| {
        let learner = Maml { clip: Some(clip), inner_lr: 0.1, ..Maml::new(Point::at(1.0)) };
        run(&learner, &learner.init(1), &quadratics((2.0, 3.0), (2.0, 0.0))).loss.item()
    };
    // the gradient is -4
    assert_relative_eq!(run(Clip::Value(1.5)), 1.15 * 1.15, max_relative = 1e-12);
    assert_relative_eq!(run(Clip::Norm(2.0)), 1.2 * 1.2, max_relative = 1e-12);
    assert_relative_eq!(run(Clip::Norm(9.0)), 1.4 * 1.4, max_relative = 1e-12);
}

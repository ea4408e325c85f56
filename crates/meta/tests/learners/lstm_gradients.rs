//! The meta-gradient of the LSTM meta-learner: written out, on several blocks of weights, and against differences.

use crate::common::smooth::Smooth;
use crate::common::{Blobs, FEATURES, WAYS};
use crate::lstm_meta_learner::{adapted, gradient, learner, lively, normed, task};
use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Tape, Var};
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Checkpointing, ExactnessCheck, Learner, LstmMetaLearner, Meta, Order, Slope, Task, Verdict, preprocessed,
};
use fewshot_nn::{Model, Params, Pass};

/// `[n, 1]`.
fn column<'t>(weights: &[Var<'t, f64>]) -> Var<'t, f64> {
    let flat = |w: &Var<'t, f64>| w.reshape(&[w.shape().count(), 1]);
    Var::concat(&weights.iter().map(flat).collect::<Vec<_>>(), 0)
}

/// The equations of the paper one by one, on all weights at once.
fn written_out<'t>(
    model: &Smooth,
    theta: &Params<Var<'t, f64>>,
    task: &Task<Var<'t, f64>>,
    steps: usize,
) -> Var<'t, f64> {
    let (start, p) = (theta.first(6), theta.within("meta_learner"));
    let tape = task.support.x.tape();
    let mut cell = column(start.values());
    let n = cell.shape()[0];
    let zeros = |width| tape.var(&Array::zeros(&[n, width]));
    let (mut h, mut c, mut f, mut i) = (zeros(5), zeros(5), zeros(1), zeros(1));
    let shaped = |cell: Var<'t, f64>| {
        let mut from = 0;
        start.map(|w| {
            from += w.shape().count();
            cell.slice(0, from - w.shape().count()..from).reshape(&w.shape())
        })
    };
    for _ in 0..steps {
        let fast = shaped(cell);
        let loss = task.support.y.loss(model.forward(&fast, task.support.x, &mut Pass::batch()));
        let g = column(&loss.grads(fast.values())).detach();
        let loss = loss.detach().reshape(&[1, 1]).broadcast_to(&[n, 1]);
        let seen = Var::concat(&[preprocessed(g), preprocessed(loss)], 1);
        let gates = seen.matmul(p["lstm.w_x"]) + h.matmul(p["lstm.w_h"]) + p["lstm.b"];
        let part = |k: usize| gates.slice(1, 5 * k..5 * (k + 1));
        c = part(1).sigmoid() * c + part(0).sigmoid() * part(2).tanh();
        h = part(3).sigmoid() * c.tanh();
        f = Var::concat(&[h, cell, f], 1).matmul(p["forget.weight"]) + p["forget.bias"];
        i = Var::concat(&[h, cell, i], 1).matmul(p["input.weight"]) + p["input.bias"];
        cell = f.sigmoid() * cell - i.sigmoid() * g;
    }
    task.query.y.loss(model.forward(&shaped(cell), task.query.x, &mut Pass::batch()))
}

#[test]
fn loss_and_gradient_are_those_of_the_equations() {
    let task = task();
    for memory in [Checkpointing::Keep, Checkpointing::Recompute] {
        let learner = LstmMetaLearner { checkpointing: memory, ..learner(normed(), 4) };
        let meta = lively(&learner);
        let tape = Tape::new();
        let theta = meta.theta.on(&tape);
        let loss = written_out(&normed(), &theta, &task.on(&tape), 4);
        let expected = meta.theta.with_values(loss.grads(theta.values())).arrays();
        let own = gradient(&learner, &meta, &task);
        assert_relative_eq!(own.loss.item(), loss.item(), max_relative = 1e-13);
        // of the bias before a norm nothing is left
        for (name, expected) in expected.iter().filter(|(name, _)| *name != "hidden.bias") {
            let scale = expected.data().iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            assert!(scale > 1e-7, "{name} has no influence");
            for (a, b) in own.gradient[name].data().iter().zip(expected.data()) {
                assert!((a - b).abs() < 1e-10 * scale, "{name}: {a} {b}");
            }
        }
    }
}

#[test]
fn a_network_of_several_blocks_is_updated_like_one_column() {
    // 1,203 weights are more than a block
    let task = task();
    let wide = fewshot_nn::Mlp::new(&[FEATURES, 120, WAYS]);
    assert_eq!(Model::<f64>::spec(&wide).count(), 1203);
    let learner = learner(wide, 2);
    let meta = lively(&learner);
    let tape = Tape::new();
    let (theta, support) = (meta.theta.on(&tape), task.support.on(&tape));
    let (mut weights, params) = (theta.first(4), theta.after(4));
    let mut state = learner.update.start(column(weights.values()));
    for _ in 0..2 {
        let loss = support.y.loss(learner.model.forward(&weights, support.x, &mut Pass::batch()));
        let g = column(&loss.grads(weights.values()));
        state = learner.update.step(&params, &state, g, loss);
        let counts: Vec<usize> = weights.values().iter().map(|w| w.shape().count()).collect();
        let parts = state.theta.split(0, &counts);
        let shaped = parts.iter().zip(weights.values()).map(|(part, w)| part.reshape(&w.shape()));
        weights = weights.with_values(shaped.collect());
    }
    for (a, b) in adapted(&learner, &meta, &task).values().iter().zip(weights.arrays().values()) {
        a.data().iter().zip(b.data()).for_each(|(a, b)| assert_relative_eq!(*a, *b, epsilon = 1e-14));
    }
}

#[test]
fn the_lstm_meta_learner_takes_inner_gradients_for_constants_unless_told_otherwise() {
    let first = LstmMetaLearner { train_steps: 3, ..LstmMetaLearner::new(normed()) };
    let second = LstmMetaLearner { order: Order::Second, ..first.clone() };
    let meta = Learner::<f64>::init(&first, 1);
    // wider gates, so that what gradients do to them matters
    let theta = meta.theta.map_named(|name, x| match name {
        "meta_learner.forget.bias" => x.map(|x| x - 2.0),
        "meta_learner.input.bias" => x.map(|x| x + 4.0),
        name if name.starts_with("meta_learner.") => x.map(|x| 10.0 * x),
        _ => x.clone(),
    });
    let meta = Meta { theta, ..meta };
    let task = Task::from(Blobs::new(1).episode(0));
    // the logarithm of a small gradient turns within short ways
    let check = ExactnessCheck { step: 1e-6, ..ExactnessCheck::default() };
    let found = check.run(&first, &meta, &task);
    assert_eq!(found.verdict, Verdict::FirstOrderOnly, "{found}");
    for memory in [Checkpointing::Keep, Checkpointing::Recompute] {
        let found = check.run(&LstmMetaLearner { checkpointing: memory, ..second.clone() }, &meta, &task);
        assert_eq!(found.verdict, Verdict::Exact, "{found}");
        let of_update = |s: &&Slope| s.parameter.starts_with("meta_learner.");
        assert!(found.slopes.iter().filter(of_update).all(|s| s.gradient.abs() > 1e-9), "{:?}", found.slopes);
    }
}

//! The cell of memory-augmented networks: what it writes, reads and counts; its gradients.

use fewshot_autodiff::{Array, Tape, Var, gradcheck};
use fewshot_nn::{Access, Init, MannCell, MannConfig, MannState, ParamBuilder, ParamSpec, Params};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const VARIANTS: [Access; 3] = [Access::Paper, Access::PerHead, Access::Shared];

fn cell(inputs: usize, config: MannConfig) -> (MannCell, ParamSpec) {
    let mut b = ParamBuilder::new();
    let cell = MannCell::new(&mut b, inputs, &config);
    (cell, b.finish())
}

fn small(access: Access) -> MannConfig {
    MannConfig { controller: 4, slots: 6, width: 3, heads: 2, decay: 0.9, access }
}

fn random(shape: &[usize], seed: u64) -> Array<f64> {
    Init::Normal { std: 0.7 }.array(shape, &mut ChaCha8Rng::seed_from_u64(seed))
}

fn weights(spec: &ParamSpec, seed: u64) -> Params<Array<f64>> {
    let mut seed = 100 * seed;
    let fresh = spec.init::<f64>(&mut ChaCha8Rng::seed_from_u64(0));
    fresh.map(|w| {
        seed += 1;
        random(w.shape(), seed)
    })
}

/// Weights by which the only head, on two numbers a slot, has this key and this gate, whatever the input.
fn told(spec: &ParamSpec, key: [f64; 2], gate: f64) -> Params<Array<f64>> {
    let fresh = spec.init::<f64>(&mut ChaCha8Rng::seed_from_u64(0));
    fresh.map_named(|name, w| match name {
        "b_heads" => Array::new(&[2], key.map(f64::atanh).to_vec()),
        "gates" => Array::full(&[1], gate),
        _ => Array::zeros(w.shape()),
    })
}

/// One step of a cell with one head and three slots from usage (0.2, 0.5, 0.1), having read the first slot.
fn one_step(gate: f64) -> (Vec<f64>, Vec<f64>) {
    let config = MannConfig { controller: 1, slots: 3, width: 2, heads: 1, ..small(Access::Paper) };
    let (cell, spec) = cell(1, config);
    let tape = Tape::new();
    let theta = told(&spec, [0.6, -0.2], gate).on(&tape);
    let held = Array::new(&[1, 3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let state = MannState {
        memory: tape.var(&held),
        usage: tape.var(&Array::new(&[1, 3], vec![0.2, 0.5, 0.1])),
        ..cell.start(&tape, 1)
    };
    let (_, next) = cell.forward(&theta, tape.var(&Array::ones(&[1, 1])), state);
    let memory = next.memory.value().data().to_vec();
    let reads = next.read_weights.value();
    let written: Vec<f64> = next.usage.value().data().to_vec();
    let before = [0.2, 0.5, 0.1];
    let write = (0..3).map(|i| written[i] - 0.9 * before[i] - reads.data()[i]).collect();
    (memory, write)
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
}

#[test]
fn half_goes_to_where_it_read_and_half_to_the_least_used_slot() {
    let (memory, write) = one_step(0.0);
    near(&write, &[0.5, 0.0, 0.5]);
    near(&memory, &[1.0 + 0.3, 2.0 - 0.1, 3.0, 4.0, 0.3, -0.1]); // the third slot was cleared
}

#[test]
fn an_open_gate_writes_where_it_read_and_a_shut_one_to_the_least_used_slot() {
    near(&one_step(50.0).1, &[1.0, 0.0, 0.0]);
    near(&one_step(-50.0).1, &[0.0, 0.0, 1.0]);
}

#[test]
fn weights_and_usage_add_up() {
    for access in VARIANTS {
        let config = small(access);
        let (cell, spec) = cell(3, config);
        let theta = weights(&spec, 1).map_named(|name, w| match name {
            "gates" => Array::new(&[2], vec![0.3, -0.4]),
            _ => w.clone(),
        });
        let tape = Tape::new();
        let theta = theta.on(&tape);
        let mut state = cell.start(&tape, 2);
        for t in 0..20 {
            let before = state.usage.value();
            let (output, next) = cell.forward(&theta, tape.var(&random(&[2, 3], 50 + t)), state);
            assert_eq!(output.shape().to_vec(), [2, cell.outputs()]);
            let reads = next.read_weights.value();
            assert!(reads.data().chunks(6).all(|w| (w.iter().sum::<f64>() - 1.0).abs() < 1e-12));
            assert!(reads.data().iter().all(|w| *w >= 0.0));
            let s = |x: f64| 1.0 / (1.0 + (-x).exp());
            let expected = match access {
                Access::Paper => 2.0 + [0.3, -0.4].map(|g| s(g) + (1.0 - s(g)) * 2.0).iter().sum::<f64>(),
                Access::PerHead => 4.0,
                Access::Shared => f64::NAN,
            };
            for (k, usage) in next.usage.value().data().chunks(6).enumerate() {
                let added = usage.iter().sum::<f64>() - 0.9 * before.data()[6 * k..][..6].iter().sum::<f64>();
                match access {
                    Access::Shared => assert!((4.0..6.0).contains(&added), "{added}"),
                    _ => assert!((added - expected).abs() < 1e-12, "{access:?} {t}: {added} {expected}"),
                }
            }
            state = next;
        }
    }
}

#[test]
fn equal_slots_are_read_equally() {
    let (cell, spec) = cell(3, MannConfig { slots: 128, ..small(Access::Shared) });
    let tape = Tape::new();
    let theta = weights(&spec, 2).on(&tape);
    let (_, next) = cell.forward(&theta, tape.var(&random(&[1, 3], 1)), cell.start(&tape, 1));
    assert!(next.read_weights.value().data().iter().all(|w| (w - 1.0 / 128.0).abs() < 1e-12));
}

#[test]
fn each_head_has_a_least_used_slot_of_its_own() {
    let (cell, spec) = cell(3, small(Access::PerHead));
    let fresh = spec.init::<f64>(&mut ChaCha8Rng::seed_from_u64(0));
    // gates shut, each head writes another number everywhere
    let theta = fresh.map_named(|name, w| match name {
        "b_heads" => Array::from_fn(&[14], |i| match i {
            6..9 => 0.5,
            9..12 => -0.25,
            12.. => -60.0,
            _ => 0.1,
        }),
        _ => Array::zeros(w.shape()),
    });
    let tape = Tape::new();
    let usage = Array::new(&[1, 6], vec![0.6, 0.1, 0.5, 0.05, 0.4, 0.3]);
    let state = MannState { usage: tape.var(&usage), ..cell.start(&tape, 1) };
    let (_, next) = cell.forward(&theta.on(&tape), tape.var(&random(&[1, 3], 1)), state);
    let memory = next.memory.value();
    let slot = |i: usize| memory.data()[3 * i];
    near(&[slot(3), slot(1)], &[0.5f64.tanh(), 1e-6 - 0.25f64.tanh()]); // only the least used one was cleared
    assert!([0, 2, 4, 5].iter().all(|&i| (slot(i) - 1e-6).abs() < 1e-15), "{memory:?}");
}

#[test]
fn gradients_of_two_steps_against_differences() {
    for access in VARIANTS {
        let (cell, spec) = cell(3, small(access));
        let theta = weights(&spec, 3);
        let mut inputs = vec![random(&[2, 3], 90), random(&[2, 3], 91), random(&[2, 6, 3], 92)];
        inputs.extend(theta.values().iter().cloned());
        let report = gradcheck::check(&inputs, 2, |tape: &Tape<f64>, values: &[Var<'_, f64>]| {
            let params = theta.with_values(values[3..].to_vec());
            let start = MannState { memory: values[2], ..cell.start(tape, 2) };
            let (first, state) = cell.forward(&params, values[0], start);
            let (second, state) = cell.forward(&params, values[1], state);
            Var::concat(&[first.flatten(), second.flatten(), state.memory.reshape(&[2, 18])], 1)
        });
        assert!(report.worst() < 1e-6, "{access:?}: {report:?}");
    }
}

//! The gates of an LSTM against their formulas in double precision.

use crate::cpu::isa::forced::at_every_level;
use crate::element::Element;
use crate::elementwise::lstm_gates::{lstm, lstm_backward};
use crate::elementwise::map::Source;
use crate::testing::{assert_close, values};

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn wide<F: Element>(x: &[F]) -> Vec<f64> {
    x.iter().map(|x| x.as_f64()).collect()
}

/// Hidden states, next cells, and the gradients for gates and cells.
fn plainly(gates: &[f64], cell: &[f64], d_hidden: &[f64], d_next: &[f64], size: usize) -> [Vec<f64>; 4] {
    let [mut hidden, mut next, mut d_cell] = [0; 3].map(|_| vec![0.0; cell.len()]);
    let mut d_gates = vec![0.0; gates.len()];
    for at in 0..cell.len() {
        let place = |k: usize| 4 * size * (at / size) + k * size + at % size;
        let [i, f, o] = [0, 1, 3].map(|k| logistic(gates[place(k)]));
        let g = gates[place(2)].tanh();
        next[at] = f * cell[at] + i * g;
        let t = next[at].tanh();
        hidden[at] = o * t;
        let d = d_next[at] + d_hidden[at] * o * (1.0 - t * t);
        d_gates[place(0)] = d * g * i * (1.0 - i);
        d_gates[place(1)] = d * cell[at] * f * (1.0 - f);
        d_gates[place(2)] = d * i * (1.0 - g * g);
        d_gates[place(3)] = d_hidden[at] * t * o * (1.0 - o);
        d_cell[at] = d * f;
    }
    [hidden, next, d_gates, d_cell]
}

fn agrees<F: Element>(rows: usize, size: usize) {
    let gates: Vec<F> = values(4 * rows * size, 1).into_iter().map(|x: F| x * F::of(3.0)).collect();
    let [cell, d_hidden, d_next]: [Vec<F>; 3] = [2, 3, 4].map(|seed| values(rows * size, seed));
    let [cells, heights, depths] = [&cell, &d_hidden, &d_next].map(|x| wide(x));
    let wanted = plainly(&wide(&gates), &cells, &heights, &depths, size);
    let [mut hidden, mut next, mut d_cell] = [0; 3].map(|_| vec![F::nan(); rows * size]);
    let [mut d_gates, mut active] = [0; 2].map(|_| vec![F::nan(); gates.len()]);
    lstm(&mut hidden, &mut next, &mut active, Source::Slice(&gates), &cell, size);
    let apart = [hidden.clone(), next.clone(), active.clone()];
    active.copy_from_slice(&gates);
    lstm(&mut hidden, &mut next, &mut active, Source::Out, &cell, size);
    assert!(apart == [hidden.clone(), next.clone(), active.clone()], "in place");
    lstm_backward(&mut d_gates, &mut d_cell, &active, &cell, &next, &d_hidden, &d_next, size);
    for (got, wanted) in [hidden, next, d_gates, d_cell].iter().zip(&wanted) {
        let wanted: Vec<F> = wanted.iter().map(|&x| F::of(x)).collect();
        assert_close(got, &wanted, 1.0);
    }
}

#[test]
fn rows_of_any_width_follow_the_formulas() {
    at_every_level(|_| {
        for (rows, size) in [(1, 1), (3, 3), (2, 20), (60, 20), (200, 3), (5, 16), (1, 64), (2, 65), (2, 200)]
        {
            agrees::<f32>(rows, size);
            agrees::<f64>(rows, size);
        }
    });
}

#[test]
fn large_gates_are_open_or_shut() {
    let (mut hidden, mut next, mut gates) = ([f32::NAN], [f32::NAN], [-200.0, 200.0, 5.0, 200.0]);
    lstm(&mut hidden, &mut next, &mut gates, Source::Out, &[0.5], 1);
    assert_eq!((hidden[0], next[0]), (0.5f32.tanh(), 0.5));
}

//! The table of all operators: each row is an operator and a shape case, checked against central differences in f64 at first
//! and second order (some at third). What is checked is what this table says.

use std::collections::BTreeSet;

use fewshot_autodiff::{Array, Program, Tape, Var, gradcheck, operators};

#[path = "rows/arrays.rs"]
mod arrays;
#[path = "rows/images.rs"]
mod images;

type Function = Box<dyn for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>>;

/// One operator on inputs of one kind of shape.
struct Row {
    /// The operator's name, then what is special about the case.
    name: &'static str,
    inputs: Vec<Array<f64>>,
    orders: usize,
    function: Function,
}

fn row<G>(name: &'static str, inputs: &[Array<f64>], function: G) -> Row
where
    G: for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64> + 'static,
{
    Row { name, inputs: inputs.to_vec(), orders: 2, function: Box::new(function) }
}

impl Row {
    fn third(mut self) -> Self {
        self.orders = 3;
        self
    }
}

/// Values in about [-1.5, 1.5], none within 0.02 of 0 and no two equal: away from every kink.
fn any(shape: &[usize]) -> Array<f64> {
    seeded(shape, 0.37)
}

fn seeded(shape: &[usize], phase: f64) -> Array<f64> {
    Array::from_fn(shape, |i| {
        let x = 1.5 * (12.9898 * (i as f64 + 1.0) + 78.233 * phase).sin();
        if x.abs() < 0.02 { x + 0.05 } else { x }
    })
}

/// Values in [0.3, 2.3].
fn positive(shape: &[usize]) -> Array<f64> {
    any(shape).map(|x| x.abs() + 0.3)
}

/// A symmetric positive definite matrix.
fn spd(n: usize) -> Array<f64> {
    let a = any(&[n, n]);
    Array::from_fn(&[n, n], |i| {
        let (r, c) = (i / n, i % n);
        let dot: f64 = (0..n).map(|k| a.data()[r * n + k] * a.data()[c * n + k]).sum();
        dot + if r == c { 1.0 } else { 0.0 }
    })
}

fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    arrays::elementwise(&mut rows);
    arrays::binary(&mut rows);
    arrays::reductions(&mut rows);
    arrays::layout(&mut rows);
    arrays::products(&mut rows);
    images::convolutions(&mut rows);
    images::conv_blocks(&mut rows);
    images::conv_layers(&mut rows);
    images::norms(&mut rows);
    rows
}

#[test]
fn every_row_agrees_with_central_differences() {
    let mut failures = Vec::new();
    for row in table() {
        let report = gradcheck::check(&row.inputs, row.orders, &*row.function);
        let bad = |e: &f64| e.is_nan() || *e > 1e-7;
        if report.errors.iter().any(bad) {
            failures.push(format!("{}: {:?}", row.name, report.errors));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn unrecorded_gradients_equal_recorded_ones() {
    for row in table() {
        let tape = Tape::new();
        let x: Vec<Var<'_, f64>> = row.inputs.iter().map(|x| tape.var(x)).collect();
        let y = (row.function)(&tape, &x).tanh().sum();
        let recorded: Vec<Array<f64>> = y.grads(&x).into_iter().map(Var::value).collect();
        let before = tape.len();
        assert_eq!(y.backward(&x), recorded, "{}", row.name);
        assert_eq!(tape.len(), before, "{}: `backward` left a record", row.name);
    }
}

/// A row's value and its gradients of first and second order.
fn results<'t>(row: &Row, tape: &'t Tape<f64>, x: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
    let y = (row.function)(tape, x);
    let first = y.tanh().sum().grads(x);
    let contracted = first.iter().map(|g| g.square().sum()).reduce(|a, b| a + b).expect("there are inputs");
    let second = contracted.grads(x);
    std::iter::once(y).chain(first).chain(second).collect()
}

#[test]
fn programs_give_the_bits_of_the_tape() {
    for row in table() {
        let program = Program::record(|tape| {
            let x: Vec<Var<'_, f64>> = row.inputs.iter().map(|x| tape.input(x.shape())).collect();
            results(&row, tape, &x)
        });
        let inputs: Vec<&Array<f64>> = row.inputs.iter().collect();
        let tape = Tape::new();
        let x: Vec<Var<'_, f64>> = row.inputs.iter().map(|x| tape.var(x)).collect();
        let eager: Vec<Array<f64>> = results(&row, &tape, &x).iter().map(|y| y.value()).collect();
        for round in 0..2 {
            assert_eq!(program.run(&inputs), eager, "{}, round {round}", row.name);
        }
    }
}

/// Every input in turn is common to all tasks, then none.
#[test]
fn several_tasks_at_once_have_the_bits_of_one_after_the_other() {
    const FACTORS: [f64; 3] = [1.0, 0.9375, 1.0625];
    for row in table() {
        for common in 0..=row.inputs.len() {
            let program = Program::record(|tape| {
                let input = |(i, x): (usize, &Array<f64>)| match i == common {
                    true => tape.shared_input(x.shape()),
                    false => tape.input(x.shape()),
                };
                let x: Vec<Var<'_, f64>> = row.inputs.iter().enumerate().map(input).collect();
                results(&row, tape, &x)
            });
            let scaled = |factor: f64| {
                let inputs = row.inputs.iter().enumerate();
                inputs.map(|(i, x)| if i == common { x.clone() } else { x.map(|v| v * factor) }).collect()
            };
            let tasks: [Vec<Array<f64>>; 3] = FACTORS.map(scaled);
            let tasks: Vec<Vec<&Array<f64>>> = tasks.iter().map(|inputs| inputs.iter().collect()).collect();
            let mut batch = program.batched(tasks.len());
            tasks.iter().for_each(|inputs| batch.add(inputs));
            let batch = batch.run();
            for (k, inputs) in tasks.iter().enumerate() {
                for (i, (all, one)) in batch.iter().zip(program.run(inputs)).enumerate() {
                    assert_eq!(all.shape(), [&[tasks.len()], one.shape()].concat(), "{}", row.name);
                    let own = &all.data()[k * one.len()..][..one.len()];
                    assert_eq!(
                        own,
                        one.data(),
                        "{}: result {i} of task {k}, input {common} common",
                        row.name
                    );
                }
            }
        }
    }
}

/// Operators that are no step of these programs: two whose values are their input's, and one of labels, which are constant here.
const NO_STEP: [&str; 3] = ["detach", "reshape", "one_hot"];

#[test]
fn every_operator_is_used_in_a_row() {
    let mut used = BTreeSet::from(NO_STEP);
    for row in table() {
        // what stands alone is joined to other steps than what gradients are taken of
        for alone in [true, false] {
            let program = Program::record(|tape| {
                let x: Vec<Var<'_, f64>> = row.inputs.iter().map(|x| tape.input(x.shape())).collect();
                if alone { vec![(row.function)(tape, &x)] } else { results(&row, tape, &x) }
            });
            let inputs: Vec<&Array<f64>> = row.inputs.iter().collect();
            used.extend(program.profile(&inputs).iter().map(|step| step.operator));
        }
    }
    let all = BTreeSet::from_iter(operators());
    assert_eq!(all.difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new(), "operators without a row");
    assert_eq!(used.difference(&all).collect::<Vec<_>>(), Vec::<&&str>::new(), "not in the list `operators`");
}

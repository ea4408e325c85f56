//! Programs for several tasks at once: the bits of one after the other, also where kernels choose by size.
//!
//! `gradcheck.rs` has the same for every operator at small sizes.

use fewshot_autodiff::{Array, Program, Tape, Var};

fn noise(shape: &[usize], seed: usize) -> Array {
    Array::from_fn(shape, |i| ((i * 7 + seed * 131) as f32 * 12.9898).sin())
}

fn run_batched(program: &Program, tasks: &[Vec<&Array>]) -> Vec<Array> {
    let mut batch = program.batched(tasks.len());
    tasks.iter().for_each(|inputs| batch.add(inputs));
    batch.run()
}

const TASKS: usize = 3;

/// Compares a program of one common input and inputs of each task, run for all tasks at once and one after the other.
fn check(common: &[usize], each: &[&[usize]], f: impl for<'t> Fn(Var<'t>, &[Var<'t>]) -> Vec<Var<'t>>) {
    let program = Program::record(|tape| {
        let w = tape.shared_input(common);
        let x: Vec<Var<'_>> = each.iter().map(|shape| tape.input(shape)).collect();
        f(w, &x)
    });
    let w = noise(common, 0);
    let own: Vec<Vec<Array>> =
        (0..TASKS).map(|k| each.iter().map(|shape| noise(shape, k + 1)).collect()).collect();
    let inputs: Vec<Vec<&Array>> = own.iter().map(|x| std::iter::once(&w).chain(x).collect()).collect();
    let batch = run_batched(&program, &inputs);
    for (k, inputs) in inputs.iter().enumerate() {
        for (i, (all, one)) in batch.iter().zip(program.run(inputs)).enumerate() {
            assert_eq!(all.shape(), [&[TASKS], one.shape()].concat(), "result {i}");
            assert!(all.data()[k * one.len()..][..one.len()] == *one.data(), "result {i} of task {k}");
        }
    }
}

#[test]
fn an_inner_loop_has_the_same_bits() {
    fn loss<'t>(w: Var<'t>, x: Var<'t>) -> Var<'t> {
        (x.matmul(w).relu().tanh().matmul_nt(w) - x).square().mean()
    }
    check(&[40, 40], &[&[10, 40], &[10, 40]], |w, x| {
        let fast = w - loss(w, x[0]).grad(w) * 0.5;
        let fast = fast - loss(fast, x[0]).grad(fast) * 0.5;
        let query = loss(fast, x[1]);
        vec![query, query.grad(w)]
    });
}

#[test]
fn what_is_added_to_products_is_each_tasks_or_common() {
    check(&[10, 10], &[&[10, 10], &[10]], |w, x| {
        let row = w.slice(0, 0..1);
        vec![x[0].matmul(w) + w, x[0].matmul(w) + row, x[0].matmul(w) + x[1], w.matmul(x[0]) + w.matmul(w)]
    });
}

#[test]
fn a_single_row_keeps_the_kernel_of_single_rows() {
    check(&[40, 33], &[&[1, 40], &[1, 33]], |w, x| {
        vec![x[0].matmul(w), x[1].matmul_nt(w), x[0].matmul_tn(x[1])]
    });
}

#[test]
fn large_products_keep_the_kernel_of_one_task() {
    check(&[700, 200], &[&[70, 700], &[70, 200]], |w, x| vec![x[0].matmul(w), x[1].matmul_nt(w)]);
}

#[test]
fn narrow_products_with_a_large_factor_have_the_same_bits() {
    check(&[200, 150], &[&[9, 150]], |w, x| vec![x[0].matmul_nt(w), x[0].matmul_nt(w) + x[0].sum()]);
}

#[test]
fn sums_in_pieces_are_cut_where_those_of_one_task_are() {
    check(&[7], &[&[20_000, 7], &[3, 3000, 7]], |w, x| {
        vec![(x[0] * w).sum_axes(&[0]), x[1].sum_axes(&[1]), x[1].sum_axes(&[0, 2]), x[0].sum()]
    });
}

#[test]
fn what_repeats_along_axes_does_so_within_its_task() {
    check(&[4, 1, 5], &[&[5], &[3, 1], &[4, 3, 5], &[]], |w, x| {
        vec![
            w + x[0],
            x[1] * x[0],
            x[2] - x[1] * w,
            x[3] * w,
            x[2] / x[3],
            (x[1] + w).sum_axes(&[0, 1]),
            x[0].exp(),
        ]
    });
}

#[test]
fn results_may_be_inputs_constants_common_or_the_same() {
    check(&[2, 3], &[&[3]], |w, x| {
        let y = w * x[0];
        let constant = w.tape().var(&noise(&[4], 9));
        vec![w, x[0], y, constant, w.exp(), y.reshape(&[6]), y, x[0].reshape(&[3, 1])]
    });
}

#[test]
fn a_value_of_each_task_does_not_overwrite_a_common_one() {
    check(&[20], &[&[20]], |w, x| {
        let common = w.exp();
        vec![common * x[0], common.tanh().sigmoid().tanh() + x[0]]
    });
}

#[test]
fn numbers_of_tasks_may_change_from_run_to_run() {
    let program = Program::record(|tape| vec![(tape.shared_input(&[5]) * tape.input(&[5])).sum().exp()]);
    let (w, x) = (noise(&[5], 0), noise(&[5], 1));
    let one = program.run(&[&w, &x])[0].item();
    for tasks in [4, 1, 7, 2] {
        let all = run_batched(&program, &vec![vec![&w, &x]; tasks]);
        assert_eq!(all[0].data(), vec![one; tasks]);
        assert_eq!(program.run(&[&w, &x])[0].item(), one);
    }
    assert!(program.tasks_at_once() > 1);
}

#[test]
fn large_programs_take_tasks_one_at_a_time() {
    let program = Program::<f32>::record(|tape| vec![tape.input(&[300, 300]).exp()]);
    assert_eq!(program.tasks_at_once(), 1);
}

#[test]
#[should_panic(expected = "BatchedRun::run: there is no task")]
fn no_task_is_refused() {
    Program::<f32>::record(|tape| vec![tape.input(&[3]).exp()]).batched(2).run();
}

#[test]
#[should_panic(expected = "BatchedRun::add: there are 2 tasks already")]
fn more_tasks_than_were_said_are_refused() {
    let program = Program::<f32>::record(|tape| vec![tape.input(&[3]).exp()]);
    let (mut batch, x) = (program.batched(2), noise(&[3], 0));
    (0..3).for_each(|_| batch.add(&[&x]));
}

#[test]
fn fewer_tasks_than_were_said_may_run() {
    let program = Program::record(|tape| vec![(tape.shared_input(&[5]) * tape.input(&[5])).exp()]);
    let (w, x) = (noise(&[5], 0), [noise(&[5], 1), noise(&[5], 2)]);
    let mut batch = program.batched(7);
    x.iter().for_each(|x| batch.add(&[&w, x]));
    let all = batch.run();
    assert_eq!(all[0].data(), x.map(|x| program.run(&[&w, &x])[0].data().to_vec()).concat());
}

#[test]
#[should_panic(expected = "input 0 has shape [4], not [3]")]
fn another_shape_in_a_later_task_is_refused() {
    let program = Program::<f32>::record(|tape| vec![tape.input(&[3]).exp()]);
    run_batched(&program, &[vec![&noise(&[3], 0)], vec![&noise(&[4], 0)]]);
}

#[test]
#[should_panic(expected = "no program is being recorded")]
fn shared_inputs_belong_to_programs() {
    Tape::<f32>::new().shared_input(&[3]);
}

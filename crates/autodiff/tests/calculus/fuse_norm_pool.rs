//! Batch norms that a program joins with the max-pooling behind them: the tape's bits, and only where nobody else reads what lies
//! between.

use fewshot_autodiff::{Activation, Array, Padding, Pool, Program, Tape, Var};

fn noise(shape: &[usize], seed: f32) -> Array {
    Array::from_fn(shape, |i| ((i as f32 + seed) * 12.9898).sin())
}

/// What `f` makes of images `[2, 5, 4, 3]`, scale and shift as a program, printed, after a comparison with a tape, bit by bit.
fn compared(f: impl for<'t> Fn([Var<'t>; 3]) -> Vec<Var<'t>>) -> String {
    let shapes: [&[usize]; 3] = [&[2, 5, 4, 3], &[3], &[3]];
    let program = Program::record(|tape| f(shapes.map(|shape| tape.input(shape))));
    let arrays = shapes.map(|shape| noise(shape, 0.4 + shape.len() as f32));
    let tape = Tape::new();
    let eager = f(arrays.each_ref().map(|x| tape.var(x)));
    for (i, (program, tape)) in program.run(&arrays.each_ref()).iter().zip(&eager).enumerate() {
        let bits = |x: &Array| x.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(program.shape(), tape.value().shape());
        assert_eq!(bits(program), bits(&tape.value()), "result {i}");
    }
    program.to_string()
}

fn norm<'t>([x, scale, shift]: [Var<'t>; 3]) -> (Var<'t>, Var<'t>) {
    x.batch_norm(Some(scale), Some(shift), 1e-3, Activation::Relu)
}

/// A loss of the pooled norm that has a second derivative.
fn loss<'t>(all: [Var<'t>; 3]) -> Var<'t> {
    norm(all).0.max_pool(Pool::valid(2)).square().sum()
}

/// How often a printed program has the joined operators, and those that pool.
fn counts(text: &str) -> [usize; 5] {
    [
        "batch_norm + max_pool",
        "max_pool place + batch_norm gradient",
        "max_pool place + batch_norm second gradient",
        "max_pool",
        "max_pool place",
    ]
    .map(|name| text.matches(&format!("= {name} ->")).count())
}

#[test]
fn a_norm_and_its_pooling_are_one_operator_and_so_are_their_derivatives() {
    let forward = compared(|all| vec![norm(all).0.max_pool(Pool::valid(2))]);
    assert_eq!(counts(&forward), [1, 0, 0, 0, 0], "{forward}");
    let first = compared(|all| loss(all).grads(&all));
    assert_eq!(counts(&first), [1, 1, 0, 0, 0], "{first}");
    let descended = compared(|all| {
        let gradients = loss(all).grads(&all);
        let next = std::array::from_fn(|i| all[i] - gradients[i] * 0.3);
        loss(next).grads(&all)
    });
    let [forward, gradients, seconds, pools, places] = counts(&descended);
    assert!(forward == 2 && gradients >= 2 && seconds == 1, "{descended}");
    assert_eq!([pools, places], [0, 0], "{descended}");
}

#[test]
fn statistics_and_pooled_values_may_be_results() {
    let text = compared(|all| {
        let (y, statistics) = norm(all);
        let pooled = y.max_pool(Pool::valid(2));
        let mut results = vec![statistics, pooled.flatten(), pooled * 2.0];
        results.extend(pooled.square().sum().grads(&all));
        results.push(statistics * 3.0);
        results
    });
    assert_eq!(counts(&text), [1, 1, 0, 0, 0], "{text}");
}

#[test]
fn what_others_read_too_stays() {
    let shown = compared(|all| {
        let y = norm(all).0;
        vec![y.max_pool(Pool::valid(2)), y]
    });
    assert_eq!(counts(&shown), [0, 0, 0, 1, 0], "{shown}");
    let twice = compared(|all| {
        let y = norm(all).0;
        (y.max_pool(Pool::valid(2)).sum() + y.max_pool(Pool::valid(3)).square().sum()).grads(&all)
    });
    assert_eq!(counts(&twice), [0, 0, 0, 2, 2], "{twice}");
    let placed = compared(|all| {
        let y = norm(all).0;
        let gradients = y.max_pool(Pool::valid(2)).square().sum().grads(&[y, all[0]]);
        vec![gradients[0], gradients[1]]
    });
    assert_eq!(counts(&placed), [1, 0, 0, 0, 1], "{placed}");
}

#[test]
fn windows_that_overlap_or_are_padded_stay_apart() {
    let overlapping = Pool { size: [2, 2], stride: [1, 1], padding: Padding::Valid };
    for how in [overlapping, Pool::same(2)] {
        let text = compared(|all| norm(all).0.max_pool(how).square().sum().grads(&all));
        assert_eq!(counts(&text), [0, 0, 0, 1, 1], "{text}");
    }
}

#[test]
fn a_second_derivative_that_is_read_elsewhere_stays_apart() {
    let text = compared(|all| {
        let y = norm(all).0;
        let pooled = y.max_pool(Pool::valid(2)).square().sum();
        let [to_y, to_x]: [Var; 2] = pooled.grads(&[y, all[0]]).try_into().expect("two");
        let second = to_x.square().sum();
        vec![second.grad(to_y), second.grad(all[0])]
    });
    // but the gradient of the whole passes the norm once more, joined
    assert_eq!(counts(&text), [1, 1, 0, 0, 1], "{text}");
}

#[test]
fn several_tasks_have_their_bits_too() {
    let shapes: [&[usize]; 3] = [&[2, 5, 4, 3], &[3], &[3]];
    let program = Program::record(|tape| {
        let all = shapes.map(|shape| tape.input(shape));
        loss(all).grads(&all)
    });
    let tasks: Vec<_> = (0..3).map(|k| shapes.map(|shape| noise(shape, k as f32))).collect();
    let inputs: Vec<Vec<&Array>> = tasks.iter().map(|task| task.iter().collect()).collect();
    let mut batch = program.batched(inputs.len());
    inputs.iter().for_each(|inputs| batch.add(inputs));
    let batch = batch.run();
    for (k, inputs) in inputs.iter().enumerate() {
        for (all, one) in batch.iter().zip(program.run(inputs)) {
            assert_eq!(all.data()[k * one.len()..][..one.len()], *one.data(), "task {k}");
        }
    }
}

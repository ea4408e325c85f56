//! Recorded programs: the tape's bits, less memory, and what they refuse.

use fewshot_autodiff::{Activation, Array, Conv, Indices, Padding, Program, Tape, Var};

fn noise(shape: &[usize], seed: f32) -> Array {
    Array::from_fn(shape, |i| ((i as f32 + seed) * 12.9898).sin())
}

/// One MAML task of a small convolutional network: weights, support, query and labels to query loss and meta-gradient.
fn meta_gradient<'t>(
    w: &[Var<'t>; 4],
    x: [Var<'t>; 2],
    labels: impl Indices<'t, f32> + Copy,
    steps: usize,
) -> Vec<Var<'t>> {
    let forward = |w: &[Var<'t>], x: Var<'t>| {
        let how = Conv { stride: [2, 2], padding: Padding::all(1) };
        let z = x.conv2d(w[0], how).batch_norm(Some(w[1]), Some(w[2]), 1e-5, Activation::Relu).0;
        z.mean_axes(&[1, 2]).matmul(w[3]).cross_entropy(labels)
    };
    let mut fast = w.to_vec();
    for _ in 0..steps {
        let gradients = forward(&fast, x[0]).grads(&fast);
        fast = fast.iter().zip(gradients).map(|(w, g)| *w - g * 0.3).collect();
    }
    let loss = forward(&fast, x[1]);
    let mut all = vec![loss.detach()];
    all.extend(loss.constant_grads(w));
    all
}

fn weights() -> [Array; 4] {
    [noise(&[3, 3, 2, 10], 0.1), noise(&[10], 0.2), noise(&[10], 0.3), noise(&[10, 3], 0.4)]
}

fn recorded(steps: usize) -> Program {
    Program::record(|tape| {
        let w = weights().map(|w| tape.input(w.shape()));
        let x = [tape.input(&[3, 8, 8, 2]), tape.input(&[3, 8, 8, 2])];
        meta_gradient(&w, x, tape.input(&[3]), steps)
    })
}

#[test]
fn a_program_gives_the_bits_of_the_tape_for_every_task() {
    let program = recorded(2);
    for task in 0..4 {
        let (support, query) = (noise(&[3, 8, 8, 2], task as f32), noise(&[3, 8, 8, 2], 50.0 + task as f32));
        let labels = [task % 3, (task + 2) % 3, 1];
        let tape = Tape::new();
        let on = weights().map(|w| tape.var(&w));
        let eager = meta_gradient(&on, [tape.var(&support), tape.var(&query)], &labels, 2);
        let eager: Vec<Array> = eager.iter().map(|y| y.value()).collect();
        let w = weights();
        let labels = Array::index(&labels);
        let mut inputs: Vec<&Array> = w.iter().collect();
        inputs.extend([&support, &query, &labels]);
        assert_eq!(program.run(&inputs), eager, "task {task}");
    }
}

#[test]
fn an_input_that_is_read_transposed_twice_is_transposed_once() {
    fn chain<'t>(x: Var<'t>, w: Var<'t>) -> Vec<Var<'t>> {
        let y = x.matmul_nt(w);
        let z = y.matmul_nt(w.reshape(&[7, 7])) + y;
        let v = w.tanh();
        vec![z.matmul_nt(w), z.slice(0, 0..1).matmul_nt(w), z.matmul_nt(v).matmul_nt(v)]
    }
    let (x, w) = (noise(&[3, 7], 0.1), noise(&[7, 7], 0.2));
    let program = Program::record(|tape| {
        let (x, w) = (tape.input(&[3, 7]), tape.input(&[7, 7]));
        chain(x, w)
    });
    let tape = Tape::new();
    let eager: Vec<Array> = chain(tape.var(&x), tape.var(&w)).iter().map(|y| y.value()).collect();
    assert_eq!(program.run(&[&x, &w]), eager);
    let text = program.to_string();
    assert_eq!(
        [" permute", " matmul", " matmul_nt"].map(|name| text.matches(&format!("{name} ")).count()),
        [1, 3, 3],
        "{text}"
    );
}

#[test]
fn threads_share_a_program() {
    let program = recorded(1);
    let run = |task: usize| {
        let (w, x) = (weights(), noise(&[3, 8, 8, 2], task as f32));
        let labels = Array::index(&[0, 1, 2]);
        let mut inputs: Vec<&Array> = w.iter().collect();
        inputs.extend([&x, &x, &labels]);
        program.run(&inputs)
    };
    let alone: Vec<Vec<Array>> = (0..8).map(run).collect();
    let together: Vec<Vec<Array>> = std::thread::scope(|s| {
        let handles: Vec<_> = (0..8).map(|task| s.spawn(move || run(task))).collect();
        handles.into_iter().map(|h| h.join().expect("no panic")).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn memory_is_used_again_after_the_last_use() {
    let program = Program::<f32>::record(|tape| {
        let mut x = tape.input(&[1000]);
        for _ in 0..50 {
            x = x.tanh() + x;
        }
        let _unused = x.exp();
        vec![x]
    });
    assert_eq!(program.len(), 100, "what leads to no result is pruned");
    assert!(program.peak_bytes() <= 4 * 4000, "{} bytes", program.peak_bytes());
}

#[test]
fn large_values_that_are_cheap_are_computed_again_and_not_kept() {
    fn waves<'t>(x: Var<'t>) -> Vec<Var<'t>> {
        let kept: Vec<Var<'t>> = (1..=8).map(|i| (x * i as f32).reshape(&[1024, 1024])).collect();
        let there = kept.iter().fold(x.reshape(&[1024, 1024]), |sum, h| sum.sin() + *h);
        let back = kept.iter().rev().fold(there, |sum, h| (sum.cos() * *h).sin());
        vec![there.sum(), back.sum()]
    }
    let x = noise(&[1 << 20], 0.3);
    let program = Program::record(|tape| waves(tape.input(x.shape())));
    assert!(program.peak_bytes() <= 5 * (4 << 20), "{program}");
    let tape = Tape::new();
    let eager: Vec<Array> = waves(tape.var(&x)).iter().map(|y| y.value()).collect();
    assert_eq!(program.run(&[&x]), eager);
}

#[test]
fn constants_are_computed_once_and_results_may_be_anything() {
    let program = Program::<f64>::record(|tape| {
        let x = tape.input(&[2]);
        let constant = tape.scalar(2.0).exp() * 3.0;
        let y = x * constant;
        vec![y, x, constant, y.reshape(&[2, 1]), y.detach()]
    });
    assert_eq!(program.len(), 1);
    let x = Array::new(&[2], vec![1.0, -2.0]);
    for _ in 0..2 {
        let results = program.run(&[&x]);
        let c = 2.0_f64.exp() * 3.0;
        assert_eq!(results[0].data(), [c, -2.0 * c]);
        assert_eq!(results[1], x);
        assert_eq!(results[2].item(), c);
        assert_eq!(results[3].shape(), [2, 1]);
        assert_eq!(results[3].data(), results[0].data());
        assert_eq!(results[4], results[0]);
    }
}

#[test]
fn a_program_is_printed_with_shapes_bytes_and_memory() {
    let program = Program::<f32>::record(|tape| {
        let (x, w) = (tape.input(&[5, 3]), tape.input(&[3, 4]));
        vec![x.matmul(w).tanh().sum()]
    });
    let text = program.to_string();
    assert!(text.starts_with("program f32: 2 inputs, 0 constants, 3 operators, 1 results\n"), "{text}");
    assert!(text.contains("= matmul -> element 0, 80 B <- input 0 [5, 3], input 1 [3, 4]\n"), "{text}");
    assert!(text.contains("peak memory"), "{text}");
    let dot = program.to_dot();
    assert!(
        dot.starts_with("digraph program {") && dot.contains("in1 -> s0;") && dot.contains("s2 -> out0;"),
        "{dot}"
    );
}

#[test]
fn a_profile_names_every_step() {
    let program = Program::<f32>::record(|tape| vec![tape.input(&[3]).tanh().sum()]);
    let times = program.profile(&[&Array::ones(&[3])]);
    assert_eq!(times.iter().map(|t| t.operator).collect::<Vec<_>>(), ["tanh", "sum_to"]);
}

#[test]
#[should_panic(expected = "the value of `tanh` [3] is not known while a program is recorded")]
fn reading_a_value_is_refused() {
    Program::<f32>::record(|tape| vec![tape.scalar(tape.input(&[3]).tanh().value().data()[0])]);
}

#[test]
#[should_panic(expected = "Program::run: input 1 has shape [4], not [3]")]
fn a_wrong_shape_is_named() {
    let program = Program::<f32>::record(|tape| vec![tape.input(&[3]) + tape.input(&[3])]);
    program.run(&[&Array::ones(&[3]), &Array::ones(&[4])]);
}

#[test]
#[should_panic(expected = "one_hot: index or label 3 is not below 3")]
fn a_label_that_is_no_class_is_found_when_the_program_runs() {
    let program = Program::<f32>::record(|tape| vec![tape.one_hot(tape.input(&[2]), 3)]);
    program.run(&[&Array::index(&[0, 3])]);
}

#[test]
fn a_matrix_that_cannot_be_factored_gives_nan() {
    let program = Program::<f64>::record(|tape| {
        vec![tape.input(&[2, 2]).solve_spd(tape.input(&[2, 1])).expect("not known yet")]
    });
    let b = Array::ones(&[2, 1]);
    let good = Array::new(&[2, 2], vec![4.0, 0.0, 0.0, 16.0]);
    assert_eq!(program.run(&[&good, &b])[0].data(), [0.25, 0.0625]);
    assert!(program.run(&[&good.map(|x| -x), &b])[0].data().iter().all(|x| x.is_nan()));
}

/// `steps` steps of gradient descent on a small network, each under a checkpoint or not.
fn descend<'t>(
    tape: &'t Tape<f64>,
    w: Var<'t, f64>,
    x: Var<'t, f64>,
    steps: usize,
    checkpoints: bool,
) -> Var<'t, f64> {
    fn step<'s>(v: &[Var<'s, f64>]) -> Vec<Var<'s, f64>> {
        let loss = v[1].matmul(v[0]).tanh().square().mean();
        vec![v[0] - loss.grad(v[0]) * 0.5]
    }
    (0..steps).fold(w, |w, _| if checkpoints { tape.checkpoint(&[w, x], step)[0] } else { step(&[w, x])[0] })
}

#[test]
fn checkpoints_change_no_gradient_of_any_order() {
    let (w, x) = (noise(&[4, 5], 0.5).cast::<f64>(), noise(&[6, 4], 0.7).cast::<f64>());
    let results = |checkpoints| {
        let tape = Tape::new();
        let (w, x) = (tape.var(&w), tape.var(&x));
        let loss = x.matmul(descend(&tape, w, x, 3, checkpoints)).square().mean();
        let first = loss.grads(&[w, x]);
        let second = first[0].square().sum().grads(&[w, x]);
        let all: Vec<Array<f64>> = first.iter().chain(&second).map(|g| g.value()).collect();
        let third = second[0].sin().sum().backward(&[w, x]);
        all.into_iter().chain(third).collect::<Vec<_>>()
    };
    for (plain, checkpointed) in results(false).iter().zip(results(true)) {
        let scale = plain.data().iter().fold(1e-3, |m: f64, x| m.max(x.abs()));
        let worst =
            plain.zip(&checkpointed, |a, b| (a - b).abs()).data().iter().fold(0.0, |m: f64, &x| m.max(x));
        assert!(worst < 1e-12 * scale, "{worst} of {scale}");
    }
}

#[test]
fn the_memory_of_checkpointed_steps_does_not_grow_with_their_number() {
    let program = |steps, checkpoints| {
        Program::record(|tape| {
            let (w, x) = (tape.input(&[4, 5]), tape.input(&[600, 4]));
            let y = x.matmul(descend(tape, w, x, steps, checkpoints)).square().mean();
            y.constant_grads(&[w])
        })
    };
    let [two, thirty] = [2, 30].map(|steps| program(steps, true));
    // 28 more steps keep 28 more weights of 160 bytes; their activations of 24,000 bytes each are not kept
    assert!(thirty.peak_bytes() < two.peak_bytes() + 40 * 160, "{two:?} {thirty:?}");
    assert!(program(30, false).peak_bytes() > 10 * thirty.peak_bytes());
    let (w, x) = (noise(&[4, 5], 0.5).cast(), noise(&[600, 4], 0.7).cast());
    let tape = Tape::new();
    let (on, data) = (tape.var(&w), tape.var(&x));
    let eager = data.matmul(descend(&tape, on, data, 30, true)).square().mean().backward(&[on]);
    assert_eq!(thirty.run(&[&w, &x]), eager);
}

//! NaN is never passed over: wherever it stands among others, what is made of it is NaN, and nothing else is.
//!
//! `instruction_sets.rs` runs these at every instruction set.

use fewshot_autodiff::{Activation, Array, Conv, ConvBlock, ConvLayer, Padding, Pool, Program, Tape, Var};

/// Lengths around those of vectors and of the blocks of kernels.
const LENGTHS: [usize; 16] = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 130];

type Function = for<'t> fn(Var<'t>) -> Var<'t>;

fn noise(shape: &[usize]) -> Array {
    Array::from_fn(shape, |i| ((i as f32 + 0.3) * 12.9898).sin())
}

fn with_nan(shape: &[usize], at: usize) -> Array {
    let mut x = noise(shape);
    x.data_mut()[at] = f32::NAN;
    x
}

/// Places of NaN among the values.
fn places(x: &Array) -> Vec<usize> {
    (0..x.len()).filter(|&i| x.data()[i].is_nan()).collect()
}

/// What `f` makes of values, on a tape and the same in a program.
fn run(f: impl for<'t> Fn(Var<'t>) -> Var<'t>, x: &Array) -> Array {
    let tape = Tape::new();
    let eager = f(tape.var(x)).value();
    let program = Program::record(|tape| vec![f(tape.input(x.shape()))]).run(&[x]).remove(0);
    let bits =
        |x: &Array| x.data().iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect::<Vec<_>>();
    assert_eq!(bits(&eager), bits(&program));
    assert_eq!(places(&eager), places(&program));
    eager
}

#[test]
fn a_row_with_nan_anywhere_has_no_greatest_and_no_sum() {
    let of_rows: [(&str, Function); 7] = [
        ("max_axes", |x| x.max_axes(&[1])),
        ("min_axes", |x| x.min_axes(&[1])),
        ("logsumexp", |x| x.logsumexp(1)),
        ("norm_axis", |x| x.norm_axis(1)),
        ("sum_axes", |x| x.sum_axes(&[1])),
        ("cross_entropy", |x| x.slice(0, 1..2).cross_entropy(&[0]).reshape(&[1])),
        ("variance", |x| x.variance(&[1])),
    ];
    let softmaxes: [Function; 2] = [|x| x.softmax(1), |x| x.log_softmax(1)];
    for n in LENGTHS {
        for at in 0..n {
            let x = with_nan(&[3, n], n + at);
            for (name, f) in of_rows {
                let wanted = if name == "cross_entropy" { 0 } else { 1 };
                assert_eq!(places(&run(f, &x)), [wanted], "{name} of {n} with NaN at {at}");
                assert_eq!(places(&run(|x| x.t().max_axes(&[0]), &x)), [1], "max_axes of columns");
            }
            for f in softmaxes {
                assert_eq!(places(&run(f, &x)), (n..2 * n).collect::<Vec<_>>(), "softmax of {n}, {at}");
            }
            let tape = Tape::new();
            assert_eq!(tape.var(&x).argmax(1)[1], at, "argmax of {n}");
            let x = tape.var(&x);
            let gradient = (x.max_axes(&[1]) * 0.5).sum().grad(x).value();
            assert_eq!(gradient.data()[n + at], 0.5, "the gradient goes to NaN, at {at} of {n}");
        }
    }
}

#[test]
fn elements_are_nan_where_an_operand_is() {
    let functions: [(&str, Function); 22] = [
        ("relu", |x| x.relu()),
        ("leaky_relu", |x| x.leaky_relu(0.1)),
        ("elu", |x| x.elu(1.0)),
        ("gelu", |x| x.gelu()),
        ("abs", |x| x.abs()),
        ("sign", |x| x.sign()),
        ("max_scalar", |x| x.max_scalar(0.1)),
        ("min_scalar", |x| x.min_scalar(0.1)),
        ("clamp", |x| x.clamp(-0.1, 0.1)),
        ("maximum", |x| x.maximum(x.tape().scalar(0.1))),
        ("maximum second", |x| x.tape().scalar(0.1).maximum(x)),
        ("minimum", |x| x.minimum(-x.detach() * 0.0)),
        ("minimum second", |x| x.tape().scalar(0.1).minimum(x)),
        ("gt", |x| x.gt(x.tape().scalar(0.1))),
        ("ge", |x| x.tape().scalar(0.1).ge(x)),
        ("lt", |x| x.lt(x.tape().scalar(0.1))),
        ("le", |x| x.le(x.tape().scalar(0.1))),
        ("select", |x| x.select(x.tape().scalar(1.0), x.tape().scalar(2.0))),
        ("softplus", |x| x.softplus()),
        ("sigmoid", |x| x.sigmoid()),
        ("gradient of relu", |x| x.relu().sum().grad(x)),
        ("gradient of clamp", |x| x.clamp(-0.1, 0.1).sum().grad(x)),
    ];
    for n in LENGTHS {
        for at in (0..n).step_by(1 + n / 20) {
            let x = with_nan(&[n], at);
            for (name, f) in functions {
                assert_eq!(places(&run(f, &x)), [at], "{name} of {n} with NaN at {at}");
            }
        }
    }
    let limited = run(|x| x.max_scalar(f32::NAN), &noise(&[20]));
    assert_eq!(places(&limited), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_layer_of_a_program_keeps_nan() {
    for n in [1, 4, 17] {
        for at in 0..n {
            let program = Program::record(|tape| {
                let (x, w, b) = (tape.input(&[3, 5]), tape.input(&[5, n]), tape.input(&[n]));
                vec![(x.matmul(w) + b).relu()]
            });
            let b = with_nan(&[n], at);
            let y = program.run(&[&noise(&[3, 5]), &noise(&[5, n]), &b]).remove(0);
            assert_eq!(places(&y), [at, n + at, 2 * n + at]);
        }
    }
}

/// Windows `[n, oh, ow]` that hold the pixel.
fn windows(images: [usize; 3], pixel: [usize; 3], size: usize, stride: usize) -> Vec<usize> {
    let [n, h, w] = images;
    let [oh, ow] = [h, w].map(|side| (side - size) / stride + 1);
    let holds = |window: usize, place: usize| (window * stride..window * stride + size).contains(&place);
    let all = (0..n * oh * ow).filter(|&i| {
        let (image, y, x) = (i / (oh * ow), i / ow % oh, i % ow);
        image == pixel[0] && holds(y, pixel[1]) && holds(x, pixel[2])
    });
    all.collect()
}

#[test]
fn a_pooling_window_with_nan_anywhere_is_nan() {
    for c in [1, 3, 4, 16, 17, 21, 64] {
        for (size, stride) in [(2, 2), (3, 2), (2, 1), (3, 3)] {
            let pool = Pool { size: [size; 2], stride: [stride; 2], padding: Padding::Valid };
            let channels = [0, c / 2, c - 1];
            for (pixel, channel) in
                (0..2 * 6 * 7).step_by(5).flat_map(|i| channels.map(|channel| (i, channel)))
            {
                let x = with_nan(&[2, 6, 7, c], pixel * c + channel);
                let y = run(|x| x.max_pool(pool), &x);
                let wanted = windows([2, 6, 7], [pixel / 42, pixel / 7 % 6, pixel % 7], size, stride);
                let wanted: Vec<usize> = wanted.into_iter().map(|window| window * c + channel).collect();
                assert_eq!(places(&y), wanted, "{c} channels, {pool:?}, pixel {pixel}");
                let tape = Tape::new();
                let x = tape.var(&x);
                let picked = x.max_pool(pool).sum().grad(x).value().data()[pixel * c + channel];
                assert_eq!(picked, wanted.len() as f32, "the gradient goes to NaN");
            }
        }
    }
}

/// Convolution, bias, activation and pooling in one, by each of its kernels: NaN wherever the single operators have it, and near a
/// pixel that is NaN at most.
#[test]
fn a_layer_in_one_operator_keeps_nan() {
    for (c_in, c_out, kernel, stride) in
        [(1, 5, 3, 1), (1, 64, 3, 1), (3, 17, 3, 1), (1, 5, 3, 2), (2, 33, 2, 1), (8, 20, 3, 1)]
    {
        for pool in [None, Some(Pool::valid(2)), Some(Pool { stride: [1, 1], ..Pool::valid(2) })] {
            let conv = Conv { stride: [stride; 2], ..Conv::default() };
            let how = ConvLayer { conv, activation: Activation::Relu, pool };
            let w = noise(&[kernel, kernel, c_in, c_out]);
            for pixel in (0..81).step_by(4) {
                let x = with_nan(&[2, 9, 9, c_in], (81 + pixel) * c_in + pixel % c_in);
                let joined = places(&run(|x| x.conv_layer(x.tape().var(&w), None, how), &x));
                let tape = Tape::new();
                let apart = tape.var(&x).conv2d(tape.var(&w), conv).relu();
                let apart = places(&pool.map_or(apart, |pool| apart.max_pool(pool)).value());
                let missing: Vec<&usize> = apart.iter().filter(|i| !joined.contains(i)).collect();
                assert!(
                    missing.is_empty(),
                    "{c_in} {c_out} {kernel} {stride} {pool:?}, pixel {pixel}: {missing:?}"
                );
                assert!(!apart.is_empty() || stride > 1 || pool.is_some(), "pixel {pixel} is read");
            }
            // a bias makes NaN of its channel
            let bias = with_nan(&[c_out], c_out / 2);
            let y = run(
                |x| x.conv_layer(x.tape().var(&w), Some(x.tape().var(&bias)), how),
                &noise(&[2, 9, 9, c_in]),
            );
            let wanted: Vec<usize> = (0..y.len()).filter(|i| i % c_out == c_out / 2).collect();
            assert_eq!(places(&y), wanted, "{c_in} {c_out} {kernel} {stride} {pool:?}");
        }
    }
}

/// Of a norm, alone, with a pooling in a program, and in a block with its convolution: one NaN is in the statistics of its channel, and so
/// in all outputs and gradients of it.
#[test]
fn a_channel_with_nan_is_nan_in_a_norm_and_in_its_gradients() {
    for c in [1, 5, 16, 37] {
        for (which, channel) in (0..3).flat_map(|which| [0, c / 2, c - 1].map(|channel| (which, channel))) {
            let mut terms = [noise(&[2, 4, 4, c]), noise(&[c]), noise(&[c])];
            terms[which].data_mut()[channel] = f32::NAN;
            for pool in [None, Some(Pool::valid(2))] {
                let program = Program::record(|tape| {
                    let x = [&[2, 4, 4, c][..], &[c], &[c]].map(|shape| tape.input(shape));
                    let (y, _) = x[0].batch_norm(Some(x[1]), Some(x[2]), 1e-3, Activation::Relu);
                    let y = pool.map_or(y, |pool| y.max_pool(pool));
                    let gradients = y.sum().grads(&x);
                    [vec![y], gradients].concat()
                });
                for (i, y) in program.run(&terms.each_ref()).iter().enumerate() {
                    let wanted: Vec<usize> = (0..y.len()).filter(|k| k % c == channel).collect();
                    assert_eq!(places(y), wanted, "result {i} of {c} channels, {which} with NaN, {pool:?}");
                }
            }
        }
    }
}

#[test]
fn a_block_with_nan_is_nan_with_its_gradients() {
    for (c_in, kernel, pool) in [(1, 3, true), (3, 3, true), (1, 3, false), (2, 2, true)] {
        for which in 0..4 {
            let c = 21;
            let mut terms =
                [noise(&[3, 6, 6, c_in]), noise(&[kernel, kernel, c_in, c]), noise(&[c]), noise(&[c])];
            // of the weights those to channel 4
            terms[which].data_mut()[4] = f32::NAN;
            let pool = pool.then_some(Pool::valid(2));
            let how = ConvBlock { conv: Conv::default(), eps: 1e-3, activation: Activation::Relu, pool };
            let program = Program::record(|tape| {
                let x = terms.each_ref().map(|x| tape.input(x.shape()));
                let (y, _) = x[0].conv_block(x[1], Some(x[2]), Some(x[3]), how);
                let gradients = y.sum().grads(&x[1..]);
                [vec![y], gradients].concat()
            });
            for (i, y) in program.run(&terms.each_ref()).iter().enumerate() {
                let wanted: Vec<usize> = (0..y.len()).filter(|k| which == 0 || k % c == 4).collect();
                assert_eq!(places(y), wanted, "result {i}, {which} with NaN, {c_in} {kernel} {pool:?}");
            }
        }
    }
}

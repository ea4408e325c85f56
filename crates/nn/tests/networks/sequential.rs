//! Chains of layers: names, shapes, gradients, and the bits of the network that is written out.

use crate::gradients::check;
use crate::params::panic_of;
use fewshot_autodiff::{Activation, Array, Conv, Padding, Pool, Tape, Var};
use fewshot_nn::{
    Bias, Conv4, Conv4Config, Downsample, Features, Headed, Init, Input, Mlp, Mode, Model, Noise, NormAffine,
    ParamSpec, Params, Pass, Sequential,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn spec_of(model: &Sequential) -> &ParamSpec {
    Model::<f64>::spec(model)
}

fn same() -> Conv {
    Conv { padding: Padding::Same, ..Conv::default() }
}

/// Two blocks of another kind each, two dense layers, a head.
fn two_blocks() -> Sequential {
    Sequential::new(&[8, 6, 2])
        .conv2d(3, 4, same())
        .batch_norm(NormAffine::ScaleShift, 1e-2)
        .relu()
        .max_pool(Pool::valid(2))
        .conv2d(2, 3, Conv::default())
        .leaky_relu(0.1)
        .avg_pool(Pool::valid(2))
        .flatten()
        .linear(5)
        .layer_norm(1e-2)
        .linear(4)
        .batch_norm(NormAffine::Shift, 1e-2)
        .with_head(3)
}

#[test]
fn names_are_kinds_and_numbers_and_sizes_follow() {
    let model = two_blocks();
    let spec = spec_of(&model);
    let weights: Vec<(&str, &[usize])> = spec.weights().collect();
    let expected: [(&str, &[usize]); 15] = [
        ("conv1.weight", &[3, 3, 2, 4]),
        ("conv1.bias", &[4]),
        ("norm1.scale", &[4]),
        ("norm1.shift", &[4]),
        ("conv2.weight", &[2, 2, 4, 3]),
        ("conv2.bias", &[3]),
        ("linear1.weight", &[3, 5]),
        ("linear1.bias", &[5]),
        ("layer_norm1.scale", &[5]),
        ("layer_norm1.shift", &[5]),
        ("linear2.weight", &[5, 4]),
        ("linear2.bias", &[4]),
        ("norm2.shift", &[4]),
        ("head.weight", &[4, 3]),
        ("head.bias", &[3]),
    ];
    assert_eq!(weights, expected);
    let statistics: Vec<&str> = spec.statistic_shapes().map(|(name, _)| name).collect();
    assert_eq!(statistics, ["norm1.mean", "norm1.variance", "norm2.mean", "norm2.variance"]);
    let norms: Vec<&str> = spec.norms().collect();
    assert_eq!(
        norms,
        ["norm1.scale", "norm1.shift", "layer_norm1.scale", "layer_norm1.shift", "norm2.shift"]
    );
    assert_eq!((spec.input(), spec.outputs()), (&Input::Shape(vec![8, 6, 2]), Some(3)));
    let tape = Tape::<f64>::new();
    let theta = spec.init(&mut rng(1)).on(&tape);
    let x = tape.var(&Array::ones(&[7, 8, 6, 2]));
    assert_eq!(model.features(&theta, x, &mut Pass::batch()).shape(), [7, 4]);
    assert_eq!(model.forward(&theta, x, &mut Pass::batch()).shape(), [7, 3]);
}

#[test]
fn the_shape_of_every_layer_is_what_it_gives() {
    let strided = Conv { stride: [2, 1], padding: Padding::all(2) };
    let wide = Pool { size: [3, 2], stride: [2, 2], padding: Padding::Same };
    let start = || Sequential::new(&[9, 7, 2]);
    for model in [
        start(),
        start().conv2d(4, 3, strided),
        start().max_pool(wide),
        start().avg_pool(Pool::valid(3)),
        start().conv2d(3, 5, same()).max_pool(Pool::same(2)).gelu(),
        start().global_avg_pool(),
        start().flatten(),
        start().batch_norm(NormAffine::None, 1e-3).dropout(0.5),
        start().conv2d(3, 2, same()).drop_block(0.5, 3),
        start().residual(|x| x.conv2d(3, 2, same()), |x| x),
        start().residual(|x| x.conv2d(3, 5, strided).tanh(), |x| x.conv2d(3, 5, strided)).relu(),
    ] {
        let tape = Tape::<f64>::new();
        let theta = spec_of(&model).init(&mut rng(1)).on(&tape);
        let x = tape.var(&Array::from_fn(&[2, 9, 7, 2], |i| (i as f64).sin()));
        let y = model.forward(&theta, x, &mut Pass::batch());
        assert_eq!(y.shape()[1..], *model.output_shape(), "{model:?}");
        assert_eq!(spec_of(&model).outputs(), Some(model.output_shape().iter().product()));
    }
}

fn on_batch<'t>(model: &Sequential, p: &Params<Var<'t, f64>>, x: Var<'t, f64>) -> Var<'t, f64> {
    model.forward(p, x, &mut Pass::batch()).tanh()
}

#[test]
fn gradients_of_every_layer() {
    let blocks = two_blocks();
    check(spec_of(&blocks), &[3, 8, 6, 2], |p, x| on_batch(&blocks, p, x));
    let given = spec_of(&blocks).statistics().map(|s| s.map(|v| v + 0.3));
    check(spec_of(&blocks), &[3, 8, 6, 2], |p, x| {
        blocks.forward(p, x, &mut Pass::given(&given.on(x.tape()))).tanh()
    });
    let smooth = Sequential::new(&[5, 4, 1])
        .conv2d(2, 3, Conv::default())
        .tanh()
        .residual(|x| x.conv2d(3, 3, same()).tanh().drop_block(0.3, 2), |x| x)
        .residual(
            |x| x.conv2d(1, 2, same()).batch_norm(NormAffine::ScaleShift, 1e-2),
            |x| x.conv2d(1, 2, same()),
        )
        .global_avg_pool()
        .linear(4)
        .sigmoid()
        .linear(3)
        .gelu()
        .dropout(0.5)
        .linear(3)
        .elu(0.7)
        .linear(2)
        .softplus();
    check(spec_of(&smooth), &[4, 5, 4, 1], |p, x| {
        let noise = Noise::new(rng(4));
        smooth.forward(p, x, &mut Pass::batch().with_noise(&noise))
    });
}

/// The chain of a configuration of [`Conv4`].
fn as_chain(c: &Conv4Config) -> Sequential {
    let strided = c.downsample == Downsample::Stride;
    let conv = Conv { stride: [if strided { 2 } else { 1 }; 2], padding: c.padding };
    let start = Sequential::new(&[c.size, c.size, c.channels]).with_init(c.weight, c.bias);
    let blocks = (0..4).fold(start, |chain, _| {
        let chain = chain.conv2d(3, c.filters, conv).batch_norm(c.affine, c.eps);
        let chain = match c.activation {
            Activation::Identity => chain,
            Activation::Relu => chain.relu(),
            Activation::LeakyRelu(slope) => chain.leaky_relu(slope),
        };
        if strided { chain } else { chain.max_pool(Pool::valid(2)) }
    });
    let features = match c.features {
        Features::Mean => blocks.global_avg_pool(),
        Features::Flatten => blocks.flatten(),
    };
    features.with_init(c.head_weight, c.head_bias).with_head(5)
}

/// Values, statistics and second-order gradients of a network, as bits.
fn bits(model: &impl Headed<f32>, given: bool, mode: Mode) -> Vec<Vec<u32>> {
    let spec = model.spec();
    let theta = spec.init::<f32>(&mut rng(3));
    let tape = Tape::new();
    let on_tape = theta.on(&tape);
    let x = tape.var(&Init::Normal { std: 1.0 }.array(&[6, 28, 28, 1], &mut rng(4)));
    let statistics = spec.statistics().map(|s| s.map(|v| v + 0.25)).on(&tape);
    let pass = if given { Pass::given(&statistics) } else { Pass::batch() };
    let mut pass = pass.with_mode(mode);
    let y = model.forward(&on_tape, x, &mut pass);
    let mut all = vec![y];
    if mode != Mode::Inference {
        let first = y.square().sum().grads(&on_tape);
        let norm = first.values().iter().map(|g| g.square().sum()).reduce(|a, b| a + b).unwrap();
        all.extend_from_slice(first.values());
        all.extend_from_slice(norm.grads(&on_tape).values());
    }
    all.extend(pass.into_statistics().iter().flat_map(|s| s.values().to_vec()));
    all.extend_from_slice(on_tape.values());
    all.iter().map(|v| v.value().data().iter().map(|x| x.to_bits()).collect()).collect()
}

#[test]
fn a_chain_of_conv4s_layers_has_its_bits() {
    let leaky = Conv4Config { activation: Activation::LeakyRelu(0.2), ..Conv4Config::pooled_32() };
    for config in [Conv4Config::strided_gap(), Conv4Config::strided_flat(), Conv4Config::pooled_64(), leaky] {
        let config = Conv4Config { filters: 8, ..config };
        let (conv4, chain) = (Conv4::new(&config.with_head(5)), as_chain(&config));
        for (given, mode) in [
            (false, Mode::AnyOrder),
            (false, Mode::FirstOrder),
            (true, Mode::AnyOrder),
            (false, Mode::Inference),
            (true, Mode::Inference),
        ] {
            let same = bits(&conv4, given, mode) == bits(&chain, given, mode);
            assert!(same, "{config:?}, statistics given: {given}, {mode:?}");
        }
    }
}

#[test]
fn a_chain_of_mlps_layers_has_its_values() {
    let init = Init::XavierUniform;
    let norm = Some((NormAffine::Shift, 1e-3));
    let mlp = Mlp::with(&[6, 5, 4, 3], Activation::Relu, init, norm);
    let layer = |chain: Sequential, n| chain.linear(n).batch_norm(NormAffine::Shift, 1e-3).relu();
    let start = Sequential::new(&[6]).with_init(init, Bias::Zeros);
    let chain = layer(layer(start, 5), 4).with_head(3);
    let value = |model: &dyn Model<f64>| {
        let tape = Tape::new();
        let x = tape.var(&Array::from_fn(&[7, 6], |i| (i as f64).cos()));
        model.forward(&model.spec().init(&mut rng(2)).on(&tape), x, &mut Pass::batch()).value()
    };
    assert_eq!(value(&mlp), value(&chain));
}

#[test]
fn order_decides_what_is_one_and_dropout_comes_between() {
    let x = Array::from_fn(&[2, 4, 4, 1], |i| (i as f64 * 1.7).sin());
    let start = || Sequential::new(&[4, 4, 1]).conv2d(3, 2, same());
    let (mean, pool) = (spec_of(&start()).init::<f64>(&mut rng(5)), Pool::valid(2));
    let run = |model: &Sequential, mode| {
        let tape = Tape::new();
        let mut pass = Pass::batch().with_mode(mode);
        model.forward(&mean.on(&tape), tape.var(&x), &mut pass).value()
    };
    for mode in [Mode::AnyOrder, Mode::Inference] {
        let by_hand = |after: &dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>| {
            let tape = Tape::new();
            let p = mean.on(&tape);
            after(tape.var(&x).conv2d(p["conv1.weight"], same()) + p["conv1.bias"]).value()
        };
        let close = |model: Sequential, expected: Array<f64>| {
            let y = run(&model, mode);
            assert_eq!(y.shape(), expected.shape());
            approx::assert_relative_eq!(y.data(), expected.data(), epsilon = 1e-12);
        };
        close(start().leaky_relu(-0.5).max_pool(pool), by_hand(&|y| y.leaky_relu(-0.5).max_pool(pool)));
        close(start().max_pool(pool).leaky_relu(-0.5), by_hand(&|y| y.max_pool(pool).leaky_relu(-0.5)));
        close(start().leaky_relu(-0.5).leaky_relu(-0.5), by_hand(&|y| y.leaky_relu(-0.5).leaky_relu(-0.5)));
        close(start().max_pool(pool).max_pool(pool), by_hand(&|y| y.max_pool(pool).max_pool(pool)));
        close(start().dropout(0.9).relu(), by_hand(&|y| y.relu()));
    }
}

#[track_caller]
fn refused(make: impl FnOnce() -> Sequential, words: &str) {
    let (message, file) = panic_of(make);
    assert!(message.contains(words), "{message:?} does not say {words:?}");
    assert!(file.ends_with("networks/sequential.rs"), "{words}: at a line of {file}");
}

#[test]
fn what_does_not_fit_is_refused_at_the_callers_line() {
    let images = || Sequential::new(&[5, 4, 2]);
    let row = || Sequential::new(&[6]);
    refused(|| Sequential::new(&[]), "[] has no axis");
    refused(|| Sequential::new(&[3, 0]), "[3, 0] has no axis, or one of size 0");
    refused(|| images().linear(3), "Sequential::linear: takes [inputs], not [5, 4, 2]; flatten first");
    refused(|| images().with_head(3), "Sequential::with_head: takes [inputs], not [5, 4, 2]");
    refused(|| row().conv2d(3, 8, same()), "Sequential::conv2d: takes [h, w, c], not [6]");
    refused(|| row().max_pool(Pool::valid(2)), "Sequential::max_pool: takes [h, w, c], not [6]");
    refused(|| row().global_avg_pool(), "Sequential::global_avg_pool: takes [h, w, c], not [6]");
    refused(
        || images().conv2d(7, 8, Conv::default()),
        "window of [7, 7] does not fit into images [1, 5, 4, 1]",
    );
    refused(|| images().avg_pool(Pool::valid(5)), "window of [5, 5] does not fit into images [1, 5, 4, 1]");
    refused(|| row().linear(0), "Sequential::linear: 0 outputs");
    refused(|| row().linear(usize::MAX), "elements");
    refused(|| row().dropout(1.0), "rate 1");
    refused(|| row().drop_block(0.1, 2), "Sequential::drop_block: takes [h, w, c], not [6]");
    refused(
        || images().drop_block(0.1, 5),
        "images [1, 5, 4, 2] [n, h, w, c] have no room for a square of 5x5",
    );
    let grows = |x: Sequential| x.conv2d(3, 3, same());
    refused(|| images().residual(grows, |x| x), "the block gives [5, 4, 3] and the shortcut [5, 4, 2]");
    refused(|| row().residual(|x| x.with_head(6), |x| x), "a head within residual1");
    refused(|| row().residual(|x| x, |_| Sequential::new(&[6])), "residual1.shortcut is not the one given");
    let headed = || row().with_head(3);
    let behind = "behind the head, which is the last layer";
    refused(|| headed().relu(), behind);
    refused(|| headed().linear(2), behind);
    refused(|| headed().with_head(2), behind);
    refused(|| headed().flatten(), behind);
    refused(|| headed().dropout(0.1), behind);
    refused(|| headed().residual(|x| x, |x| x), behind);
    refused(|| headed().batch_norm(NormAffine::Shift, 1e-3), behind);
    refused(
        || {
            let tape = Tape::<f64>::new();
            let model = images().flatten().with_head(3);
            let theta = spec_of(&model).init(&mut rng(1)).on(&tape);
            model.forward(&theta, tape.var(&Array::zeros(&[2, 4, 5, 2])), &mut Pass::batch());
            model
        },
        "a batch [2, 4, 5, 2] is not of examples [5, 4, 2]",
    );
}

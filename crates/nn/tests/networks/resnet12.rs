//! ResNet-12: published sizes, the blocks written out, the same as a chain, gradients through an inner step.

use crate::params::panic_of;
use approx::assert_relative_eq;
use fewshot_autodiff::{Activation, Array, Conv, Padding, Pool, Program, Tape, Var};
use fewshot_nn::{
    Bias, Features, Headed, Init, Input, Mode, Model, Noise, NormAffine, ParamSpec, Params, Pass, ResNet12,
    ResNet12Config, Sequential,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn spec_of(model: &ResNet12) -> &ParamSpec {
    Model::<f64>::spec(model)
}

fn random(shape: &[usize], seed: u64) -> Array<f64> {
    Init::Normal { std: 1.0 }.array(shape, &mut rng(seed))
}

/// A narrow network for images of 16 pixels in colour.
fn narrow() -> ResNet12Config {
    ResNet12Config { size: 16, widths: [2, 3, 2, 4], drop_block: Some(1), ..ResNet12Config::rfs() }
}

/// Weights at which no two of a kind are equal.
fn weights(spec: &ParamSpec) -> Params<Array<f64>> {
    let mut rng = rng(3);
    spec.init::<f64>(&mut rng).map(|w| Init::NormalAround { mean: 0.3, std: 0.5 }.array(w.shape(), &mut rng))
}

#[test]
fn parameter_and_feature_counts_are_the_published_ones() {
    let count = |config: ResNet12Config| spec_of(&ResNet12::new(&config)).count();
    assert_eq!(count(ResNet12Config::rfs()), 12_424_320);
    assert_eq!(count(ResNet12Config::meta_opt_net()), 12_424_320);
    assert_eq!(count(ResNet12Config::meta_baseline()), 7_996_800);
    assert_eq!(count(ResNet12Config::rfs().with_head(64)), 12_424_320 + 64 * 641);
    let first: usize = spec_of(&ResNet12::new(&ResNet12Config::rfs()))
        .weights()
        .filter(|(name, _)| name.starts_with("block1."))
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum();
    assert_eq!(first, 76_160);
    for (config, features) in [
        (ResNet12Config::rfs(), 640),
        (ResNet12Config::meta_opt_net(), 16_000),
        (ResNet12Config::meta_opt_net().for_cifar(), 2560),
        (ResNet12Config::meta_baseline().for_cifar(), 512),
    ] {
        assert_eq!(config.feature_count(), features);
        assert_eq!(spec_of(&ResNet12::new(&config)).outputs(), Some(features));
    }
}

#[test]
fn names_and_initial_values() {
    let model = ResNet12::new(&narrow().with_head(5));
    let spec = spec_of(&model);
    let names: Vec<&str> = spec.weights().map(|(name, _)| name).collect();
    let first = [
        "block1.layer1.conv.weight",
        "block1.layer1.norm.scale",
        "block1.layer1.norm.shift",
        "block1.layer2.conv.weight",
    ];
    assert_eq!(names[..4], first);
    assert_eq!(names[9], "block1.shortcut.conv.weight");
    assert_eq!(names[48..], ["head.weight", "head.bias"]);
    assert_eq!(spec.norms().count(), 32);
    assert_eq!(spec.statistic_shapes().count(), 32);
    assert_eq!((spec.input(), spec.outputs()), (&Input::Shape(vec![16, 16, 3]), Some(5)));
    let theta =
        spec_of(&ResNet12::new(&ResNet12Config { widths: [8, 16, 64, 32], ..narrow() })).init(&mut rng(1));
    let w: &Array<f64> = &theta["block3.layer1.conv.weight"];
    let variance = w.data().iter().map(|w| w * w).sum::<f64>() / w.len() as f64;
    // 9,216 numbers: five standard errors are 5 sqrt(2 / 9,216)
    assert!((variance * 9.0 * 64.0 / 2.0 - 1.0).abs() < 0.074, "2 / fan_out, not {variance}");
}

/// The network in operators, without a head.
fn written<'t>(p: &Params<Var<'t, f64>>, x: Var<'t, f64>, features: Features) -> Var<'t, f64> {
    let last = (1..=4).fold(x, |x, i| {
        let weight = |name: &str| p[format!("block{i}.{name}").as_str()];
        let layer = |name: &str, x: Var<'t, f64>, padding, activation| {
            let of = |part: &str| weight(&format!("{name}.{part}"));
            let y = x.conv2d(of("conv.weight"), Conv { stride: [1; 2], padding });
            y.batch_norm(Some(of("norm.scale")), Some(of("norm.shift")), 1e-5, activation).0
        };
        let leaky = Activation::LeakyRelu(0.1);
        let h = layer("layer1", x, Padding::all(1), leaky);
        let h = layer("layer2", h, Padding::all(1), leaky);
        let h = layer("layer3", h, Padding::all(1), Activation::Identity);
        let r = layer("shortcut", x, Padding::Valid, Activation::Identity);
        (h + r).leaky_relu(0.1).max_pool(Pool::valid(2))
    });
    match features {
        Features::Mean => last.mean_axes(&[1, 2]),
        Features::Flatten => last.flatten(),
    }
}

#[test]
fn blocks_are_as_written_out() {
    for (size, features) in [(16, Features::Mean), (37, Features::Flatten)] {
        let model = ResNet12::new(&ResNet12Config { size, features, ..narrow() }.with_head(5));
        let tape = Tape::new();
        let p = weights(spec_of(&model)).on(&tape);
        let x = tape.var(&random(&[4, size, size, 3], 5));
        let expected = written(&p, x, features);
        assert_relative_eq!(
            model.features(&p, x, &mut Pass::batch()).value().data(),
            expected.value().data(),
            epsilon = 1e-10
        );
        let y = model.forward(&p, x, &mut Pass::batch().with_mode(Mode::FirstOrder)).value();
        let expected = (expected.matmul(p["head.weight"]) + p["head.bias"]).value();
        assert_eq!(y.shape(), [4, 5]);
        assert_relative_eq!(y.data(), expected.data(), epsilon = 1e-9);
    }
}

#[test]
fn inference_folds_the_norms_of_given_statistics() {
    let model = ResNet12::new(&narrow());
    let tape = Tape::new();
    let (p, x) = (weights(spec_of(&model)).on(&tape), tape.var(&random(&[3, 16, 16, 3], 5)));
    let statistics = spec_of(&model).statistics().map(|s| s.map(|v| v + 0.3)).on(&tape);
    let [plain, folded] = [Mode::AnyOrder, Mode::Inference]
        .map(|mode| model.forward(&p, x, &mut Pass::given(&statistics).with_mode(mode)).value());
    assert_relative_eq!(plain.data(), folded.data(), epsilon = 1e-9);
    let mut batch = Pass::batch();
    let on_batch = model.forward(&p, x, &mut batch).value();
    let again = Pass::given(&batch.into_statistics().expect("the norms used the batch"));
    assert_relative_eq!(model.forward(&p, x, &mut { again }).value().data(), on_batch.data(), epsilon = 1e-9);
}

/// The network as a chain of residual blocks.
fn as_chain(c: &ResNet12Config) -> Sequential {
    let of = |kernel: usize| Conv { stride: [1; 2], padding: Padding::all(kernel / 2) };
    let layer = |chain: Sequential, kernel, width| {
        chain.conv2d(kernel, width, of(kernel)).batch_norm(NormAffine::ScaleShift, c.eps)
    };
    let start = Sequential::new(&[c.size, c.size, c.channels]).with_init(c.weight, Bias::None);
    let last = c.widths.iter().enumerate().fold(start, |chain, (i, &width)| {
        let chain = chain
            .residual(
                |x| {
                    let x = layer(x, 3, width).leaky_relu(c.slope);
                    let x = layer(x, 3, width).leaky_relu(c.slope);
                    layer(x, 3, width)
                },
                |x| layer(x, 1, width),
            )
            .leaky_relu(c.slope)
            .max_pool(Pool::valid(2));
        if i < 2 { chain.dropout(c.drop_rate) } else { chain.drop_block(c.drop_rate, c.drop_block.unwrap()) }
    });
    last.global_avg_pool().with_init(c.head_weight, c.head_bias).with_head(5)
}

#[test]
fn a_chain_of_residual_blocks_has_its_bits() {
    let config = ResNet12Config { drop_rate: 0.3, drop_block: Some(2), size: 32, ..narrow() };
    let (network, chain) = (ResNet12::new(&config.with_head(5)), as_chain(&config));
    fn run(model: &impl Model<f64>, noise: Option<u64>, mode: Mode) -> Vec<Array<f64>> {
        let tape = Tape::new();
        let p = model.spec().init(&mut rng(1)).on(&tape);
        let mut pass = Pass::batch().with_mode(mode);
        if let Some(seed) = noise {
            pass = pass.with_noise(&Noise::new(rng(seed)));
        }
        let y = model.forward(&p, tape.var(&random(&[3, 32, 32, 3], 5)), &mut pass);
        let mut all = y.square().sum().grads(&p).values().to_vec();
        all.push(y);
        all.iter().map(|v| v.value()).collect()
    }
    for mode in [Mode::AnyOrder, Mode::FirstOrder] {
        for noise in [None, Some(7)] {
            assert_eq!(run(&network, noise, mode), run(&chain, noise, mode), "noise {noise:?}, {mode:?}");
        }
    }
    assert_ne!(run(&network, None, Mode::AnyOrder), run(&network, Some(7), Mode::AnyOrder));
    assert_ne!(run(&network, Some(8), Mode::AnyOrder), run(&network, Some(7), Mode::AnyOrder));
    let names: Vec<&str> = Model::<f64>::spec(&chain).weights().map(|(name, _)| name).collect();
    assert_eq!(names[0], "residual1.conv1.weight");
    assert_eq!(names[9], "residual1.shortcut.conv1.weight");
    assert_eq!(names[12], "residual2.conv1.weight");
}

/// The query loss after an inner step of MAML on the support, with dropout and DropBlock of one stream.
fn after_a_step<'t>(model: &ResNet12, p: &Params<Var<'t, f64>>, follow: bool) -> Var<'t, f64> {
    let tape = p.values()[0].tape();
    let noise = Noise::new(rng(11));
    let loss = |p: &Params<Var<'t, f64>>, seed| {
        let y =
            model.forward(p, tape.var(&random(&[4, 16, 16, 3], seed)), &mut Pass::batch().with_noise(&noise));
        y.cross_entropy(tape.var(&Array::index(&[0, 1, 2, 1])))
    };
    let gradient = loss(p, 21).grads(p);
    let gradient = if follow { gradient } else { gradient.map(|g| g.detach()) };
    loss(&(p - gradient * 0.1), 22)
}

#[test]
fn the_gradient_through_an_inner_step_is_exact() {
    let model = ResNet12::new(&ResNet12Config { drop_rate: 0.2, eps: 1e-2, ..narrow() }.with_head(3));
    let theta = weights(spec_of(&model));
    let value = |theta: &Params<Array<f64>>| {
        let tape = Tape::new();
        after_a_step(&model, &theta.on(&tape), true).item()
    };
    let gradient = |follow| {
        let tape = Tape::new();
        let p = theta.on(&tape);
        after_a_step(&model, &p, follow).grads(&p).arrays()
    };
    let [exact, first_order] = [true, false].map(gradient);
    for seed in 31..34 {
        let direction = theta.map(|w| random(w.shape(), seed + w.len() as u64));
        let along = |gradient: &Params<Array<f64>>| -> f64 {
            let products = gradient.zip(&direction, |g, d| g.zip(d, |g, d| g * d).data().iter().sum::<f64>());
            products.values().iter().sum()
        };
        // steps so small that maxima and activations change sides nowhere
        let moved = |h: f64| value(&theta.zip(&direction, |w, d| w.zip(d, |w, d| w + h * d)));
        let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
        let close = |gradient| (along(gradient) - difference).abs() < 1e-6 * (1.0 + difference.abs());
        assert!(close(&exact), "{} and {difference}", along(&exact));
        assert!(!close(&first_order), "a first-order gradient would pass, too");
    }
}

/// Masks are inputs of a recorded program, drawn for each run.
#[test]
fn a_recorded_step_draws_what_the_tape_draws() {
    let model = ResNet12::new(&ResNet12Config { drop_rate: 0.3, ..narrow() });
    let theta = weights(spec_of(&model));
    fn work<'t>(
        model: &ResNet12,
        p: &Params<Var<'t, f64>>,
        x: Var<'t, f64>,
        noise: &Noise,
    ) -> Vec<Var<'t, f64>> {
        let y = model.forward(p, x, &mut Pass::batch().with_noise(noise)).square().sum();
        let mut results = y.grads(p).values().to_vec();
        results.push(y);
        results
    }
    let x = random(&[2, 16, 16, 3], 5);
    let recorder = Noise::recorder();
    let program = Program::record(|tape| {
        let p = theta.map(|w| tape.input(w.shape()));
        work(&model, &p, tape.input(x.shape()), &recorder)
    });
    assert_eq!(recorder.draws().len(), 4);
    for seed in [1, 2] {
        let mut stream = rng(seed);
        let mut inputs = theta.values().to_vec();
        inputs.push(x.clone());
        inputs.extend(recorder.draws().iter().map(|draw| draw.array(&mut stream)));
        let tape = Tape::new();
        let expected = work(&model, &theta.on(&tape), tape.var(&x), &Noise::new(rng(seed)));
        let expected: Vec<_> = expected.iter().map(|v| v.value()).collect();
        assert_eq!(program.run(&inputs.iter().collect::<Vec<_>>()), expected);
    }
}

#[test]
fn what_does_not_fit_is_refused_at_the_callers_line() {
    let refused = |config: ResNet12Config, words: &str| {
        let (message, file) = panic_of(|| ResNet12::new(&config));
        assert!(message.contains(words), "{message:?} does not say {words:?}");
        assert!(file.ends_with("networks/resnet12.rs"), "{words}: at a line of {file}");
    };
    refused(ResNet12Config { size: 15, ..narrow() }, "four halvings leave nothing of images of 15 pixels");
    refused(ResNet12Config { drop_rate: 1.0, ..narrow() }, "rate 1 is not in [0, 1)");
    refused(ResNet12Config { size: 32, ..ResNet12Config::rfs() }, "no room for a square of 5x5 pixels");
    let (message, _) = panic_of(|| {
        let model = ResNet12::new(&narrow());
        let tape = Tape::<f64>::new();
        let p = spec_of(&model).init(&mut rng(1)).on(&tape);
        model.forward(&p, tape.var(&Array::zeros(&[2, 16, 16, 1])), &mut Pass::batch()).value()
    });
    assert!(message.contains("ResNet12: images [2, 16, 16, 1] are not [n, 16, 16, 3]"), "{message}");
}

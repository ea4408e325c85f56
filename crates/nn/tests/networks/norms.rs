//! Batch norm: where its statistics come from, and what becomes of them.

use approx::assert_relative_eq;
use fewshot_autodiff::{Activation, Array, Conv, Padding, Program, Tape, Var};
use fewshot_nn::{
    BatchNorm, Bias, Conv2d, Conv4, Conv4Config, ConvNorm, Init, Mode, Model, NormAffine, ParamBuilder,
    ParamSpec, Params, Pass, update_running,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn random(shape: &[usize], seed: u64) -> Array<f64> {
    Init::Normal { std: 1.0 }.array(shape, &mut ChaCha8Rng::seed_from_u64(seed))
}

/// Random values for all weights, so that no term is at its neutral start.
fn weights(spec: &ParamSpec) -> Params<Array<f64>> {
    let start = spec.init::<f64>(&mut ChaCha8Rng::seed_from_u64(0));
    let mut seed = 0;
    start.map(|w| {
        seed += 1;
        random(w.shape(), seed)
    })
}

fn norm(affine: NormAffine) -> (BatchNorm, ParamSpec) {
    let mut b = ParamBuilder::new();
    let layer = b.scope("norm", |b| BatchNorm::new(b, 2, affine, 1e-3));
    (layer, b.finish())
}

/// Rows (1, 0), (2, 0), (4, 3).
fn rows() -> Array<f64> {
    Array::new(&[3, 2], vec![1.0, 0.0, 2.0, 0.0, 4.0, 3.0])
}

fn small_conv4() -> Conv4 {
    Conv4::new(&Conv4Config { size: 16, filters: 3, ..Conv4Config::pooled_64().with_head(4) })
}

fn forward(
    model: &Conv4,
    theta: &Params<Array<f64>>,
    x: &Array<f64>,
    given: Option<&Params<Array<f64>>>,
) -> (Array<f64>, Option<Params<Array<f64>>>) {
    let tape = Tape::new();
    let mut pass = given.map_or_else(Pass::batch, |given| Pass::given(&given.on(&tape)));
    let y = model.forward(&theta.on(&tape), tape.var(x), &mut pass).value();
    (y, pass.into_statistics().map(|statistics| statistics.arrays()))
}

#[test]
fn names_of_weights_follow_the_affine_choice() {
    let names = |affine| norm(affine).1.weights().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert!(names(NormAffine::None).is_empty());
    assert_eq!(names(NormAffine::Shift), ["norm.shift"]);
    assert_eq!(names(NormAffine::ScaleShift), ["norm.scale", "norm.shift"]);
}

#[test]
fn a_batch_is_normalised_by_its_own_statistics() {
    let (layer, spec) = norm(NormAffine::ScaleShift);
    let theta = Params::new(vec![
        ("norm.scale".to_owned(), Array::new(&[2], vec![2.0, -1.0])),
        ("norm.shift".to_owned(), Array::new(&[2], vec![0.5, 0.25])),
    ]);
    assert_eq!(spec.weights().count(), 2);
    let tape = Tape::new();
    let mut pass = Pass::batch();
    let y = layer.forward(&theta.on(&tape), tape.var(&rows()), Activation::Relu, &mut pass).value();
    // mean 7/3, variance 14/9 and mean 1, variance 2
    let a = |x: f64| 2.0 * (x - 7.0 / 3.0) / (14.0 / 9.0 + 1e-3_f64).sqrt() + 0.5;
    let b = |x: f64| -(x - 1.0) / (2.0 + 1e-3_f64).sqrt() + 0.25;
    let expected = [a(1.0), b(0.0), a(2.0), b(0.0), a(4.0), b(3.0)].map(|y| y.max(0.0));
    assert_relative_eq!(y.data(), &expected[..], epsilon = 1e-12);

    let statistics = pass.into_statistics().expect("a norm ran on the batch").arrays();
    assert_eq!(statistics.names(), ["norm.mean", "norm.variance", "norm.rows"]);
    assert_relative_eq!(statistics["norm.mean"].data(), &[7.0 / 3.0, 1.0][..], max_relative = 1e-12);
    assert_relative_eq!(statistics["norm.variance"].data(), &[14.0 / 9.0, 2.0][..], max_relative = 1e-12);
    assert_eq!(statistics["norm.rows"].item(), 3.0);
}

#[test]
fn running_averages_follow_pytorch() {
    let (layer, spec) = norm(NormAffine::None);
    let tape = Tape::new();
    let mut pass = Pass::batch();
    layer.forward(&Params::default(), tape.var(&rows()), Activation::Identity, &mut pass);
    let batch = pass.into_statistics().expect("a norm ran on the batch").arrays();
    // torch.nn.BatchNorm1d(2, momentum=0.1): mean 0.1 * batch, variance 0.9 + 0.1 * unbiased (7/3 and 3)
    let once = update_running(&spec.statistics(), &batch, 0.1);
    assert_relative_eq!(once["norm.mean"].data(), &[0.7 / 3.0, 0.1][..], max_relative = 1e-12);
    assert_relative_eq!(once["norm.variance"].data(), &[0.9 + 0.7 / 3.0, 1.2][..], max_relative = 1e-12);
    let twice = update_running(&once, &batch, 0.1);
    assert_relative_eq!(twice["norm.mean"].data()[1], 0.19, max_relative = 1e-12);
    assert_relative_eq!(twice["norm.variance"].data()[1], 0.81 + 0.19 * 3.0, max_relative = 1e-12);
    assert_eq!(twice.names(), spec.statistics::<f64>().names());
}

#[test]
fn a_norm_outside_all_scopes_has_plain_names() {
    let mut b = ParamBuilder::new();
    let layer = BatchNorm::new(&mut b, 2, NormAffine::None, 1e-3);
    let spec = b.finish();
    let tape = Tape::new();
    let mut pass = Pass::batch();
    let y = layer.forward(&Params::default(), tape.var(&rows()), Activation::Identity, &mut pass).value();
    let batch = pass.into_statistics().expect("a norm ran on the batch").arrays();
    assert_eq!(update_running(&spec.statistics(), &batch, 1.0).names(), ["mean", "variance"]);
    let again = layer.forward(
        &Params::default(),
        tape.var(&rows()),
        Activation::Identity,
        &mut Pass::given(&batch.on(&tape)),
    );
    assert_relative_eq!(again.value().data(), y.data(), epsilon = 1e-12);
}

#[test]
fn statistics_of_a_batch_given_back_change_nothing() {
    let model = small_conv4();
    let theta = weights(Model::<f64>::spec(&model));
    let x = random(&[6, 16, 16, 1], 77);
    let (batch, statistics) = forward(&model, &theta, &x, None);
    let statistics = statistics.expect("the norms ran on the batch");
    // Also shows that the convolution biases, left out on a batch, are in the collected means.
    let (given, none) = forward(&model, &theta, &x, Some(&statistics));
    assert_relative_eq!(given.data(), batch.data(), epsilon = 1e-9, max_relative = 1e-9);
    assert!(none.is_none(), "nothing was normalised by a batch");
}

#[test]
fn given_statistics_make_examples_independent() {
    let model = small_conv4();
    let theta = weights(Model::<f64>::spec(&model));
    let statistics = Model::<f64>::spec(&model).statistics();
    let x = random(&[3, 16, 16, 1], 5);
    let first = Array::new(&[1, 16, 16, 1], x.data()[..256].to_vec());
    let both = [&x, &first];
    let given = both.map(|x| forward(&model, &theta, x, Some(&statistics)).0);
    assert_relative_eq!(given[0].data()[..4], given[1].data()[..], max_relative = 1e-9);
    let batch = both.map(|x| forward(&model, &theta, x, None).0);
    assert!((batch[0].data()[0] - batch[1].data()[0]).abs() > 1e-3, "a batch norm sees the other examples");
}

#[test]
fn a_bias_before_a_batch_norm_has_no_effect_but_on_the_collected_mean() {
    let how = Conv { stride: [1, 1], padding: Padding::Same };
    let mut b = ParamBuilder::new();
    let layer = ConvNorm::new(&mut b, |b| Conv2d::new(b, 3, 1, 2, how), 2, NormAffine::Shift, 1e-3);
    let theta = weights(&b.finish());
    let tape = Tape::new();
    let p = theta.on(&tape);
    let x = tape.var(&random(&[2, 4, 4, 1], 8));
    let mut pass = Pass::batch();
    let y = layer.forward(&p, x, Activation::Relu, &mut pass);

    let with_bias = x.conv2d(p["conv.weight"], how) + p["conv.bias"];
    let (expected, statistics) = with_bias.batch_norm(None, Some(p["norm.shift"]), 1e-3, Activation::Relu);
    assert_relative_eq!(y.value().data(), expected.value().data(), epsilon = 1e-12);
    let collected = pass.into_statistics().expect("a norm ran on the batch").arrays();
    assert_relative_eq!(collected["norm.mean"].data(), &statistics.value().data()[..2], epsilon = 1e-12);
    assert_relative_eq!(collected["norm.variance"].data(), &statistics.value().data()[2..], epsilon = 1e-12);

    assert_eq!(y.square().sum().grad(p["conv.bias"]).value().data(), [0.0; 2]);
    let given = layer.forward(&p, x, Activation::Identity, &mut Pass::given(&collected.on(&tape)));
    let gradient = given.square().sum().grad(p["conv.bias"]).value();
    assert!(
        gradient.data().iter().all(|g| g.abs() > 1e-3),
        "with given statistics a bias counts: {gradient:?}"
    );
}

#[test]
#[should_panic(expected = r#"there is no "norm.mean" among ["other.mean"]"#)]
fn given_statistics_of_another_model_are_refused() {
    let (layer, _) = norm(NormAffine::None);
    let other = Params::new(vec![("other.mean".to_owned(), Array::zeros(&[2]))]);
    let tape = Tape::new();
    layer.forward(
        &Params::default(),
        tape.var(&rows()),
        Activation::Identity,
        &mut Pass::given(&other.on(&tape)),
    );
}

#[test]
#[should_panic(expected = r#"the norm "norm" ran twice; make a new Pass for each forward pass"#)]
fn a_pass_serves_one_forward_pass() {
    let (layer, _) = norm(NormAffine::None);
    let tape = Tape::new();
    let x: Var<'_, f64> = tape.var(&rows());
    let mut pass = Pass::batch();
    layer.forward(&Params::default(), x, Activation::Identity, &mut pass);
    layer.forward(&Params::default(), x, Activation::Identity, &mut pass);
}

/// Output, collected statistics, and first and second gradients for the weights.
fn results(model: &Conv4, x: &Array<f64>, mode: Mode) -> Vec<Array<f64>> {
    let tape = Tape::new();
    let theta = weights(Model::<f64>::spec(model)).on(&tape);
    let mut pass = Pass::batch().with_mode(mode);
    assert_eq!(pass.mode(), mode);
    let y = model.forward(&theta, tape.var(x), &mut pass);
    let first = y.tanh().sum().grads(theta.values());
    let second = first.iter().map(|g| g.square().sum()).reduce(|a, b| a + b).expect("there are weights");
    let second = second.grads(theta.values());
    let statistics = pass.into_statistics().expect("the norms ran on the batch");
    let all = [&[y], statistics.values(), &first[..], &second[..]].concat();
    all.iter().map(|x| x.value()).collect()
}

#[test]
fn a_first_order_pass_gives_the_same_numbers_of_any_order() {
    for (channels, config) in
        [(1, Conv4Config::pooled_64()), (3, Conv4Config::pooled_64()), (1, Conv4Config::strided_gap())]
    {
        let model = Conv4::new(&Conv4Config { size: 17, channels, filters: 3, ..config.with_head(4) });
        let x = random(&[5, 17, 17, channels], 9);
        let [kept, once] = [Mode::AnyOrder, Mode::FirstOrder].map(|mode| results(&model, &x, mode));
        for (i, (kept, once)) in kept.iter().zip(&once).enumerate() {
            let largest = kept.data().iter().fold(1.0_f64, |m, x| m.max(x.abs()));
            assert_relative_eq!(kept.data(), once.data(), epsilon = 1e-9 * largest);
            assert_eq!(kept.shape(), once.shape(), "result {i}");
        }
    }
}

#[test]
fn a_first_order_pass_stores_no_map_of_the_first_layer() {
    let config = Conv4Config { size: 16, filters: 4, ..Conv4Config::pooled_64() };
    let model = Conv4::new(&config);
    let listing = |mode: Mode| {
        let program = Program::<f32>::record(|tape| {
            let theta = Model::<f32>::spec(&model).init::<f32>(&mut ChaCha8Rng::seed_from_u64(0)).on(tape);
            let x = tape.input(&[2, 16, 16, 1]);
            let mut pass = Pass::batch().with_mode(mode);
            let y = model.forward(&theta, x, &mut pass);
            y.sum().grads(theta.values())
        });
        program.to_string()
    };
    assert!(listing(Mode::AnyOrder).contains("[2, 16, 16, 4]"));
    assert!(!listing(Mode::FirstOrder).contains("[2, 16, 16, 4]"), "{}", listing(Mode::FirstOrder));
}

#[test]
fn a_pass_for_inference_gives_the_same_outputs() {
    let flat = Conv4Config { bias: Bias::FanIn, ..Conv4Config::strided_flat() };
    for (channels, config) in [(1, Conv4Config::pooled_64()), (3, Conv4Config::pooled_32()), (1, flat)] {
        let model = Conv4::new(&Conv4Config { size: 17, channels, filters: 5, ..config.with_head(4) });
        let tape = Tape::new();
        let spec = Model::<f64>::spec(&model);
        let theta = weights(spec).on(&tape);
        let given = spec.statistics::<f64>().map(|s| random(s.shape(), 5).map(|x| x.abs() + 0.5));
        let x = tape.var(&random(&[5, 17, 17, channels], 9));
        for given in [None, Some(given)] {
            let pass = || given.as_ref().map_or_else(Pass::batch, |given| Pass::given(&given.on(&tape)));
            let [mut plain, mut used] = [pass(), pass().with_mode(Mode::Inference)];
            assert_eq!((plain.mode(), used.mode()), (Mode::AnyOrder, Mode::Inference));
            let [plain, used] = [&mut plain, &mut used].map(|pass| model.forward(&theta, x, pass).value());
            assert_relative_eq!(plain.data(), used.data(), epsilon = 1e-9);
        }
    }
}

//! The published Conv4 variants against the same blocks written out.

use approx::assert_relative_eq;
use fewshot_autodiff::{Activation, Array, Conv, Padding, Pool, Tape, Var};
use fewshot_nn::{Conv4, Conv4Config, Init, Model, Params, Pass};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

type Weights<'t> = Params<Var<'t, f64>>;

/// Four times convolution with bias, batch norm and ReLU, then `after`.
fn blocks<'t>(
    p: &Weights<'t>,
    x: Var<'t, f64>,
    conv: Conv,
    eps: f64,
    after: impl Fn(Var<'t, f64>) -> Var<'t, f64>,
) -> Var<'t, f64> {
    (1..=4).fold(x, |x, i| {
        let of = |name: &str| p.get(&format!("block{i}.{name}")).copied();
        let weight = |name| of(name).expect("every block has one");
        let y = x.conv2d(weight("conv.weight"), conv) + weight("conv.bias");
        let (y, _) = y.batch_norm(of("norm.scale"), of("norm.shift"), eps, Activation::Relu);
        after(y)
    })
}

/// Compares a variant, with few filters and random weights, to `written`: without a head, and with one of 5 outputs.
#[track_caller]
fn compare(config: Conv4Config, written: impl for<'t> Fn(&Weights<'t>, Var<'t, f64>) -> Var<'t, f64>) {
    let config = Conv4Config { filters: 3, ..config };
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for config in [config, config.with_head(5)] {
        let model = Conv4::new(&config);
        let start = Model::<f64>::spec(&model).init::<f64>(&mut rng);
        let theta = start.map(|w| Init::Normal { std: 1.0 }.array(w.shape(), &mut rng));
        let x: Array<f64> = Init::Uniform { bound: 1.0 }.array(&[4, 28, 28, 1], &mut rng);
        let tape = Tape::new();
        let (p, x) = (theta.on(&tape), tape.var(&x));
        let features = written(&p, x);
        let expected = match p.get("head.weight") {
            Some(head) => features.matmul(*head) + p["head.bias"],
            None => features,
        };
        let y = model.forward(&p, x, &mut Pass::batch());
        assert_eq!(y.shape(), expected.shape());
        assert_relative_eq!(y.value().data(), expected.value().data(), epsilon = 1e-10);
    }
}

#[test]
fn strided_with_mean() {
    let conv = Conv { stride: [2, 2], padding: Padding::Same };
    compare(Conv4Config::strided_gap(), |p, x| {
        assert!(p.get("block1.norm.scale").is_none(), "shift only");
        blocks(p, x, conv, 1e-3, |y| y).mean_axes(&[1, 2])
    });
}

#[test]
fn strided_and_flat() {
    let conv = Conv { stride: [2, 2], padding: Padding::Same };
    compare(Conv4Config::strided_flat(), |p, x| blocks(p, x, conv, 1e-3, |y| y).flatten());
}

#[test]
fn pooled() {
    let conv = Conv { stride: [1, 1], padding: Padding::all(1) };
    compare(Conv4Config::pooled_64(), |p, x| {
        blocks(p, x, conv, 1e-5, |y| y.max_pool(Pool::valid(2))).flatten()
    });
}

//! Gradients of layers and networks, first and second order, against central differences.

use fewshot_autodiff::{Activation, Array, Conv, Float, Padding, Tape, Var, gradcheck};
use fewshot_nn::{
    BatchNorm, Bias, Conv2d, Conv4, Conv4Config, ConvNorm, Direction, DropBlock, Dropout, Features, Gru,
    Init, LayerNorm, Linear, Lstm, LstmCell, Mlp, Model, Noise, NormAffine, ParamBuilder, ParamSpec, Params,
    Pass,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn random(shape: &[usize], seed: u64) -> Array<f64> {
    Init::Normal { std: 0.7 }.array(shape, &mut ChaCha8Rng::seed_from_u64(seed))
}

/// Checks `forward` for all weights of `spec`, at random ones, and for an input of shape `x`.
#[track_caller]
pub fn check<G>(spec: &ParamSpec, x: &[usize], forward: G)
where
    G: for<'t> Fn(&Params<Var<'t, f64>>, Var<'t, f64>) -> Var<'t, f64>,
{
    let names = spec.init::<f64>(&mut ChaCha8Rng::seed_from_u64(0));
    let mut inputs = vec![random(x, 99)];
    inputs.extend(names.values().iter().enumerate().map(|(i, w)| random(w.shape(), i as u64)));
    let report = gradcheck::check(&inputs, 2, |_: &Tape<f64>, values| {
        forward(&names.with_values(values[1..].to_vec()), values[0])
    });
    assert!(report.worst() < 1e-7, "{report:?}");
}

/// A layer in a builder of its own.
fn build<L>(make: impl FnOnce(&mut ParamBuilder) -> L) -> (L, ParamSpec) {
    let mut b = ParamBuilder::new();
    let layer = make(&mut b);
    (layer, b.finish())
}

#[test]
fn linear() {
    let (layer, spec) = build(|b| Linear::new(b, 3, 4));
    check(&spec, &[5, 3], |p, x| layer.forward(p, x).tanh());
}

#[test]
fn convolution() {
    for padding in [Padding::Valid, Padding::Same, Padding::all(1)] {
        let how = Conv { stride: [2, 2], padding };
        let (layer, spec) = build(|b| Conv2d::new(b, 3, 2, 3, how));
        check(&spec, &[2, 6, 5, 2], |p, x| layer.forward(p, x).tanh());
    }
}

#[test]
fn batch_norm_on_the_batch_and_with_given_statistics() {
    for affine in [NormAffine::None, NormAffine::Shift, NormAffine::ScaleShift] {
        let (layer, spec) = build(|b| BatchNorm::new(b, 3, affine, 1e-2));
        check(&spec, &[7, 3], |p, x| layer.forward(p, x, Activation::Identity, &mut Pass::batch()));
        let given = spec.statistics().map(|s| s.map(|v| v + 0.3));
        check(&spec, &[7, 3], |p, x| {
            layer.forward(p, x, Activation::Identity, &mut Pass::given(&given.on(x.tape())))
        });
    }
}

#[test]
fn layer_norm() {
    let (layer, spec) = build(|b| LayerNorm::new(b, 5, 1e-2));
    check(&spec, &[3, 5], |p, x| layer.forward(p, x));
}

#[test]
fn convolution_with_norm() {
    let how = Conv { stride: [1, 1], padding: Padding::Same };
    let conv = |b: &mut ParamBuilder| Conv2d::new(b, 3, 1, 2, how);
    let (layer, spec) = build(|b| ConvNorm::new(b, conv, 2, NormAffine::ScaleShift, 1e-2));
    let given = spec.statistics().map(|s| s.map(|v| v + 0.3));
    check(&spec, &[2, 4, 3, 1], |p, x| layer.forward(p, x, Activation::Identity, &mut Pass::batch()).tanh());
    check(&spec, &[2, 4, 3, 1], |p, x| {
        layer.forward(p, x, Activation::Identity, &mut Pass::given(&given.on(x.tape()))).tanh()
    });
}

#[test]
fn lstm_over_three_steps() {
    let (cell, spec) = build(|b| LstmCell::new(b, 2, 3));
    check(&spec, &[3, 4, 2], |p, x| {
        let mut state = cell.start(x.tape(), 4);
        let mut hidden = Vec::new();
        for t in 0..3 {
            state = cell.forward(p, x.slice(0, t..t + 1).remove_axis(0), state);
            hidden.push(state.hidden);
        }
        Var::stack(&hidden, 0)
    });
}

#[test]
fn recurrent_layers_both_ways() {
    fn steps(x: Var<'_, f64>) -> Vec<Var<'_, f64>> {
        (0..3).map(|t| x.slice(0, t..t + 1).remove_axis(0)).collect()
    }
    let (lstm, spec) = build(|b| Lstm::new(b, 2, 2, 2, Direction::Both));
    check(&spec, &[3, 2, 2], |p, x| Var::stack(&lstm.forward(p, &steps(x), None).0, 0));
    let (gru, spec) = build(|b| Gru::new(b, 2, 2, 2, Direction::Both));
    check(&spec, &[3, 2, 2], |p, x| Var::stack(&gru.forward(p, &steps(x), None).0, 0));
}

#[test]
fn dropout_with_equal_streams() {
    let (layer, spec) = build(|b| Linear::new(b, 3, 4));
    let dropout = Dropout::new(0.5);
    check(&spec, &[5, 3], |p, x| {
        let noise = Noise::new(ChaCha8Rng::seed_from_u64(4));
        dropout.forward(layer.forward(p, x).tanh(), &mut Pass::batch().with_noise(&noise)).square()
    });
}

#[test]
fn drop_block_with_equal_streams() {
    let how = Conv { stride: [1, 1], padding: Padding::Same };
    let (layer, spec) = build(|b| Conv2d::new(b, 3, 2, 3, how));
    let squares = DropBlock::new(0.4, 2);
    check(&spec, &[2, 5, 4, 2], |p, x| {
        let noise = Noise::new(ChaCha8Rng::seed_from_u64(4));
        squares.forward(layer.forward(p, x).tanh(), &mut Pass::batch().with_noise(&noise)).square()
    });
}

fn run<'t, F: Float>(model: &impl Model<F>, p: &Params<Var<'t, F>>, x: Var<'t, F>) -> Var<'t, F> {
    model.forward(p, x, &mut Pass::batch())
}

// Without kinks: differences are wrong across them. The activations themselves are checked with their operators.

#[test]
fn mlp() {
    let weight = Init::XavierUniform;
    for norm in [None, Some((NormAffine::Shift, 1e-1))] {
        let model = Mlp::with(&[2, 4, 3, 2], Activation::Identity, weight, norm);
        check(Model::<f64>::spec(&model), &[6, 2], |p, x| run(&model, p, x).tanh());
    }
}

#[test]
fn conv4() {
    for features in [Features::Mean, Features::Flatten] {
        for bias in [Bias::None, Bias::Zeros] {
            let config = Conv4Config {
                size: 17,
                channels: 2,
                filters: 2,
                eps: 1e-1,
                activation: Activation::Identity,
                features,
                bias,
                ..Conv4Config::strided_flat().with_head(3)
            };
            let model = Conv4::new(&config);
            check(Model::<f64>::spec(&model), &[2, 17, 17, 2], |p, x| run(&model, p, x).tanh());
        }
    }
}

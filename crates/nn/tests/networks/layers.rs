//! Layers and networks: shapes, values by hand, initial weights, dropout.

use approx::assert_relative_eq;
use fewshot_autodiff::{Activation, Array, Conv, Padding, Tape};
use fewshot_nn::{
    Bias, Clip, Conv2d, Conv4, Conv4Config, Direction, Dropout, Gru, GruCell, Init, LayerNorm, Linear, Lstm,
    LstmCell, LstmState, Mlp, Model, Noise, NormAffine, ParamBuilder, ParamSpec, Params, Pass,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn spec_of(model: &dyn Model<f32>) -> &ParamSpec {
    model.spec()
}

fn build<L>(make: impl FnOnce(&mut ParamBuilder) -> L) -> (L, Params<Array<f64>>) {
    let mut b = ParamBuilder::new();
    let layer = make(&mut b);
    (layer, b.finish().init(&mut rng(1)))
}

#[test]
fn linear_is_x_w_plus_b() {
    let (layer, names) = build(|b| Linear::new(b, 2, 3));
    let weight = Array::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let theta = names.with_values(vec![weight, Array::new(&[3], vec![0.5, 0.0, -0.5])]);
    let tape = Tape::new();
    let y = layer.forward(&theta.on(&tape), tape.var(&Array::new(&[1, 2], vec![10.0, 1.0])));
    assert_eq!(y.value(), Array::new(&[1, 3], vec![14.5, 25.0, 35.5]));
}

#[test]
fn layers_without_a_bias_have_no_weight_for_it() {
    let (_, linear) = build(|b| Linear::with_init(b, 2, 3, Init::Ones, Bias::None));
    assert_eq!(linear.names(), ["weight"]);
    let (_, conv) = build(|b| Conv2d::with_init(b, [3, 3, 1, 2], Conv::default(), Init::Ones, Bias::None));
    assert_eq!(conv.names(), ["weight"]);
}

#[test]
fn convolutions_halve_images_as_their_padding_says() {
    for (padding, size) in [(Padding::Valid, 13), (Padding::Same, 14), (Padding::all(1), 14)] {
        let how = Conv { stride: [2, 2], padding };
        let (layer, theta) = build(|b| Conv2d::new(b, 3, 1, 5, how));
        let tape = Tape::new();
        let y = layer.forward(&theta.on(&tape), tape.var(&Array::zeros(&[2, 28, 28, 1])));
        assert_eq!(y.shape(), [2, size, size, 5], "{padding:?}");
        // Nothing but the bias is left of an empty image.
        assert_eq!(y.value().data()[..5], *theta["bias"].data());
    }
}

#[test]
fn layer_norm_makes_rows_standard() {
    let (layer, theta) = build(|b| LayerNorm::new(b, 4, 0.0));
    let tape = Tape::new();
    let x = Array::new(&[1, 4], vec![1.0, 3.0, 1.0, 3.0]);
    let y = layer.forward(&theta.on(&tape), tape.var(&x)).value();
    assert_relative_eq!(y.data(), &[-1.0, 1.0, -1.0, 1.0][..], max_relative = 1e-12);
}

#[test]
fn lstm_step_by_hand() {
    let (cell, names) = build(|b| LstmCell::new(b, 1, 1));
    let theta = names.with_values(vec![
        Array::new(&[1, 4], vec![0.5, -0.5, 1.0, 2.0]),
        Array::new(&[1, 4], vec![0.1, 0.2, 0.3, 0.4]),
        Array::new(&[4], vec![0.0, 1.0, 0.0, -1.0]),
    ]);
    let tape = Tape::new();
    let one = |x: f64| tape.var(&Array::new(&[1, 1], vec![x]));
    let state = LstmState { hidden: one(-1.0), cell: one(0.25) };
    let next = cell.forward(&theta.on(&tape), one(2.0), state);
    // gates x w_x + h w_h + b: input 0.9, forget -0.2, cell 1.7, output 2.6
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let c = sigmoid(-0.2) * 0.25 + sigmoid(0.9) * 1.7_f64.tanh();
    assert_relative_eq!(next.cell.item(), c, max_relative = 1e-12);
    assert_relative_eq!(next.hidden.item(), sigmoid(2.6) * c.tanh(), max_relative = 1e-12);
}

#[test]
fn an_open_forget_gate_is_one_init() {
    let init = |b: &mut ParamBuilder| {
        LstmCell::with_init(b, 2, 3, Init::XavierUniform, Init::ForgetGate { bias: 1.0 })
    };
    let (cell, theta) = build(init);
    assert_eq!(theta.names(), ["w_x", "w_h", "b"]);
    let expected = [[0.0; 3], [1.0; 3], [0.0; 3], [0.0; 3]].concat();
    assert_eq!(theta["b"].data(), expected);
    let tape = Tape::<f64>::new();
    let start = cell.start(&tape, 5);
    assert_eq!(start.hidden.value(), Array::zeros(&[5, 3]));
    assert_eq!(start.cell.value(), Array::zeros(&[5, 3]));
}

#[test]
fn gru_step_by_hand() {
    let (cell, names) = build(|b| GruCell::new(b, 1, 1));
    let theta = names.with_values(vec![
        Array::new(&[1, 3], vec![0.5, -0.5, 1.0]),
        Array::new(&[1, 3], vec![0.1, 0.2, 0.3]),
        Array::new(&[3], vec![0.0, 1.0, -0.5]),
        Array::new(&[3], vec![0.2, -0.2, 0.4]),
    ]);
    let tape = Tape::new();
    let one = |x: f64| tape.var(&Array::new(&[1, 1], vec![x]));
    let next = cell.forward(&theta.on(&tape), one(2.0), one(-1.0)).item();
    // reset 1.0 - 0.1 + 0.2, update -1.0 + 1.0 - 0.2 - 0.2, candidate 2.0 - 0.5 + r (-0.3 + 0.4)
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (r, z) = (sigmoid(1.1), sigmoid(-0.4));
    let g = (1.5 + r * 0.1).tanh();
    assert_relative_eq!(next, (1.0 - z) * g - z, max_relative = 1e-12);
}

/// A layer read in two parts, its state going out and in, is the layer read at once; and the way back is the way there on the
/// sequence turned round.
#[test]
fn recurrent_layers_carry_their_state_and_read_both_ways() {
    let (lstm, theta) = build(|b| Lstm::new(b, 3, 4, 2, Direction::Forward));
    let tape = Tape::new();
    let params = theta.on(&tape);
    let steps: Vec<_> =
        (0..5).map(|t| tape.var(&Array::from_fn(&[2, 3], |i| (1.3 * (7 * t + i) as f64).sin()))).collect();
    let (whole, last) = lstm.forward(&params, &steps, None);
    let (first, state) = lstm.forward(&params, &steps[..2], None);
    let (second, end) = lstm.forward(&params, &steps[2..], Some(&state));
    for (a, b) in whole.iter().zip(first.iter().chain(&second)) {
        assert_eq!(a.value(), b.value());
    }
    assert_eq!(last[1].hidden.value(), end[1].hidden.value());
    assert_eq!(last[1].cell.value(), end[1].cell.value());
    assert_eq!(last[1].hidden.value(), whole[4].value());

    let (both, theta) = build(|b| Gru::new(b, 3, 4, 1, Direction::Both));
    let (one, names) = build(|b| Gru::new(b, 3, 4, 1, Direction::Forward));
    let params = theta.on(&tape);
    let way = |way: &str| {
        let weights = names.map_named(|name, _| params[name.replace("forward", way).as_str()]);
        let mut steps = steps.clone();
        if way == "backward" {
            steps.reverse();
        }
        let mut outputs = one.forward(&weights, &steps, None).0;
        if way == "backward" {
            outputs.reverse();
        }
        outputs
    };
    let (there, back) = (way("forward"), way("backward"));
    let (outputs, last) = both.forward(&params, &steps, None);
    for (t, output) in outputs.iter().enumerate() {
        let halves = output.split(1, &[4, 4]);
        assert_eq!(halves[0].value(), there[t].value());
        assert_eq!(halves[1].value(), back[t].value());
    }
    assert_eq!(last[0].value(), there[4].value());
    assert_eq!(last[1].value(), back[0].value());
}

#[test]
fn dropout_follows_its_stream_and_keeps_the_mean() {
    let dropout = Dropout::new(0.3);
    let tape = Tape::<f64>::new();
    let x = tape.var(&Array::full(&[100, 100], 2.0));
    let drop = |seed| dropout.forward(x, &mut Pass::batch().with_noise(&Noise::new(rng(seed)))).value();
    let y = drop(5);
    assert_eq!(y, drop(5));
    assert_ne!(y, drop(6));
    assert!(y.data().iter().all(|&y| y == 0.0 || y == 2.0 * (1.0 / 0.7)));
    let kept = y.data().iter().filter(|&&y| y != 0.0).count() as f64 / 1e4;
    // standard deviation of the share: sqrt(0.21 / 10,000) = 0.0046
    assert!((kept - 0.7).abs() < 0.02, "{kept}");
    assert!((y.data().iter().sum::<f64>() / 1e4 - 2.0).abs() < 0.06);
}

#[test]
fn masks_of_one_pass_differ_from_layer_to_layer() {
    let tape = Tape::<f64>::new();
    let x = tape.var(&Array::ones(&[64]));
    let mut pass = Pass::batch().with_noise(&Noise::new(rng(1)));
    let dropout = Dropout::new(0.5);
    assert_ne!(dropout.forward(x, &mut pass).value(), dropout.forward(x, &mut pass).value());
}

#[test]
fn without_a_stream_nothing_is_dropped() {
    let tape = Tape::<f64>::new();
    let x = tape.var(&Array::ones(&[8]));
    assert_eq!(Dropout::new(0.9).forward(x, &mut Pass::batch()).value(), x.value());
}

#[test]
#[should_panic(expected = "Dropout: rate 1 is not in [0, 1)")]
fn dropping_everything_is_refused() {
    Dropout::new(1.0);
}

#[test]
fn mlp_flattens_images_and_names_its_layers() {
    let model =
        Mlp::with(&[12, 5, 3], Activation::Relu, Init::XavierUniform, Some((NormAffine::Shift, 1e-3)));
    let theta = spec_of(&model).init::<f32>(&mut rng(1));
    let names = ["layer1.weight", "layer1.bias", "layer1.norm.shift", "head.weight", "head.bias"];
    assert_eq!(theta.names(), names);
    let tape = Tape::new();
    let y = model.forward(&theta.on(&tape), tape.var(&Array::ones(&[7, 2, 3, 2])), &mut Pass::batch());
    assert_eq!(y.shape(), [7, 3]);
}

#[test]
fn initial_weights_of_the_published_networks() {
    let maml = spec_of(&Conv4::new(&Conv4Config::strided_gap().with_head(5))).init::<f64>(&mut rng(3));
    let bound = (6.0 / (9.0 * 128.0_f64)).sqrt();
    assert!(maml["block2.conv.weight"].data().iter().all(|w| w.abs() <= bound));
    let square = maml["head.weight"].data().iter().map(|w| w * w).sum::<f64>() / 320.0;
    assert!((square - 1.0).abs() < 0.3, "normal with standard deviation 1: {square}");
    for name in ["block1.conv.bias", "block4.norm.shift", "head.bias"] {
        assert!(maml[name].data().iter().all(|&b| b == 0.0), "{name}");
    }
    let proto = spec_of(&Conv4::new(&Conv4Config::pooled_64())).init::<f64>(&mut rng(3));
    for (block, bound) in [(1, 1.0 / 3.0), (2, 1.0 / 24.0)] {
        for part in ["weight", "bias"] {
            let values = &proto[format!("block{block}.conv.{part}").as_str()];
            let largest = values.data().iter().fold(0.0_f64, |a, w| a.max(w.abs()));
            assert!(0.8 * bound < largest && largest <= bound, "block {block} {part}: {largest} {bound}");
        }
        assert!(proto[format!("block{block}.norm.scale").as_str()].data().iter().all(|&s| s == 1.0));
    }
    let sine = spec_of(&Mlp::new(&[1, 40, 40, 1])).init::<f64>(&mut rng(3));
    assert!(sine["layer2.weight"].data().iter().all(|w| w.abs() <= 0.02));
}

#[test]
fn equal_seeds_give_equal_weights_in_either_precision() {
    let model = Conv4::new(&Conv4Config { filters: 4, ..Conv4Config::strided_gap().with_head(5) });
    let spec = spec_of(&model);
    let theta = spec.init::<f64>(&mut rng(7));
    assert_eq!(theta, spec.init(&mut rng(7)));
    assert_ne!(theta, spec.init(&mut rng(8)));
    assert_eq!(theta.cast::<f32>(), spec.init(&mut rng(7)));
    assert_eq!(theta.count(), spec.count());
}

#[test]
#[should_panic(expected = "Conv4: images [2, 32, 32, 1] are not [n, 28, 28, 1]")]
fn images_of_another_size_are_refused() {
    let model = Conv4::new(&Conv4Config { filters: 2, ..Conv4Config::strided_flat() });
    let theta = spec_of(&model).init::<f32>(&mut rng(1));
    let tape = Tape::new();
    model.forward(&theta.on(&tape), tape.var(&Array::zeros(&[2, 32, 32, 1])), &mut Pass::batch());
}

#[test]
#[should_panic(expected = "Params: a layer asks for value 1")]
fn a_part_of_the_weights_is_refused() {
    let (layer, theta) = build(|b| Linear::new(b, 2, 2));
    let part = theta.select(|name| name == "weight");
    let tape = Tape::new();
    layer.forward(&part.on(&tape), tape.var(&Array::zeros(&[1, 2])));
}

#[test]
#[should_panic(expected = r#"there is already a weight "head.weight""#)]
fn two_layers_in_one_scope_are_refused() {
    build(|b| {
        b.scope("head", |b| Linear::new(b, 2, 2));
        b.scope("head", |b| Linear::new(b, 2, 2));
    });
}

proptest! {
    #[test]
    fn clipped_gradients_keep_their_direction_and_limit(values in prop::collection::vec(-1e3..1e3_f64, 1..20), limit in 1e-3..1e3_f64) {
        let g = Params::new(vec![("g".to_owned(), Array::new(&[values.len()], values.clone()))]);
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let scaled = Clip::Norm(limit).apply(&g)["g"].to_vec();
        prop_assert!(norm(&scaled) <= limit * (1.0 + 1e-12) || norm(&values) <= limit);
        let dot: f64 = scaled.iter().zip(&values).map(|(a, b)| a * b).sum();
        prop_assert!((dot - norm(&scaled) * norm(&values)).abs() <= 1e-9 * dot.abs());
        for (clipped, value) in Clip::Value(limit).apply(&g)["g"].data().iter().zip(&values) {
            prop_assert_eq!(*clipped, value.clamp(-limit, limit));
        }
    }
}

#[test]
#[should_panic(expected = "shape [4294967296, 4294967296, 1, 1] has more elements than can be counted")]
fn weights_that_cannot_be_counted_are_refused() {
    build(|b| Conv2d::new(b, 1 << 32, 1, 1, Conv::default()));
}

#[test]
#[should_panic(expected = "conv2d: images [2, 0, 4, 1] [n, h, w, c] have no pixels")]
fn images_without_pixels_are_refused() {
    let (layer, params) = build(|b| Conv2d::new(b, 3, 1, 2, Conv { stride: [1, 1], padding: Padding::Same }));
    let tape = Tape::new();
    layer.forward(&params.on(&tape), tape.var(&Array::zeros(&[2, 0, 4, 1])));
}

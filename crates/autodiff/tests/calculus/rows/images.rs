//! Rows of convolutions, pooling and norms.

use fewshot_autodiff::{Activation, Array, Conv, ConvBlock, ConvLayer, Padding, Pool};

use super::{Row, any, positive, row, seeded};

pub fn convolutions(rows: &mut Vec<Row>) {
    let pair = |a: &[usize], b: &[usize]| [any(a), seeded(b, 0.9)];
    let how = |s: [usize; 2], padding| Conv { stride: s, padding };
    let cases: [(&'static str, [usize; 4], [usize; 4], Conv); 5] = [
        ("conv2d", [2, 5, 4, 2], [3, 2, 2, 3], how([1, 1], Padding::Valid)),
        ("conv2d same stride 2", [1, 6, 5, 2], [3, 3, 2, 3], how([2, 2], Padding::Same)),
        ("conv2d padded", [1, 4, 5, 3], [3, 3, 3, 2], how([1, 1], Padding::all(1))),
        ("conv2d uneven", [2, 5, 6, 1], [2, 3, 1, 5], how([2, 3], Padding::Explicit([[0, 1], [2, 1]]))),
        ("conv2d 1x1", [2, 3, 2, 5], [1, 1, 5, 2], how([1, 1], Padding::Valid)),
    ];
    for (name, x, w, how) in cases {
        rows.push(row(name, &pair(&x, &w), move |_, x| x[0].conv2d(x[1], how).tanh()));
    }
    let image = || [any(&[2, 5, 4, 3])];
    let wide = Pool { size: [3, 3], stride: [2, 1], padding: Padding::all(1) };
    rows.extend([
        row("conv2d", &pair(&[1, 3, 3, 2], &[2, 2, 2, 2]), |_, x| x[0].conv2d(x[1], Conv::default()).tanh())
            .third(),
        row("max_pool", &image(), |_, x| x[0].powi(3).max_pool(Pool::valid(2))),
        row("max_pool same", &image(), |_, x| x[0].powi(3).max_pool(Pool::same(2))),
        row("max_pool overlapping", &image(), move |_, x| x[0].powi(3).max_pool(wide)),
        row("avg_pool", &image(), |_, x| x[0].powi(3).avg_pool(Pool::valid(2))),
        row("avg_pool overlapping", &image(), move |_, x| x[0].powi(3).avg_pool(wide)),
        row("global_avg_pool", &image(), |_, x| x[0].powi(3).global_avg_pool()),
    ]);
}

pub fn conv_blocks(rows: &mut Vec<Row>) {
    let how = |stride, padding, activation, pool: Option<usize>| ConvBlock {
        conv: Conv { stride: [stride; 2], padding },
        eps: 1e-2,
        activation,
        pool: pool.map(Pool::valid),
    };
    let inputs = |channels| {
        let (x, w) = (any(&[2, 5, 6, channels]), seeded(&[3, 3, channels, 2], 0.7));
        [x, w, seeded(&[2], 0.9), seeded(&[2], 0.2)]
    };
    let leaky = Activation::LeakyRelu(0.2);
    let cases = [
        ("conv_block", 1, how(1, Padding::all(1), Activation::Relu, Some(2))),
        ("conv_block valid", 1, how(1, Padding::Valid, leaky, Some(2))),
        ("conv_block stride 2", 1, how(2, Padding::Same, Activation::Relu, None)),
        ("conv_block colours", 3, how(1, Padding::all(1), leaky, Some(2))),
        ("conv_block steep", 1, how(2, Padding::Same, Activation::LeakyRelu(1.5), None)),
        ("conv_block wide pool", 1, how(1, Padding::all(1), leaky, Some(3))),
        ("conv_block colours stride 2", 3, how(2, Padding::all(1), Activation::Identity, None)),
    ];
    for (name, channels, how) in cases {
        let all = inputs(channels);
        rows.extend([
            row(name, &all, move |_, x| x[0].conv_block(x[1], Some(x[2]), Some(x[3]), how).0.powi(2)),
            row(name, &all[..2], move |_, x| x[0].conv_block(x[1], None, None, how).0.powi(2)),
            row(name, &all[..3], move |_, x| x[0].conv_block(x[1], None, Some(x[2]), how).0.powi(2)),
            row(name, &all[..3], move |_, x| x[0].conv_block(x[1], Some(x[2]), None, how).0.powi(2)),
            row(name, &all[1..], move |t, x| {
                let images = t.var(&any(&[2, 5, 6, channels]));
                images.conv_block(x[0], Some(x[1]), Some(x[2]), how).0.powi(2)
            })
            .third(),
        ]);
    }
    let overlapping = Some(Pool { size: [2, 2], stride: [1, 1], padding: Padding::Valid });
    let overlapping = ConvBlock { pool: overlapping, ..cases[0].2 };
    rows.extend([
        row("conv_block statistics", &inputs(1)[..2], move |_, x| {
            let (y, statistics) = x[0].conv_block(x[1], None, None, cases[1].2);
            y.sum_axes(&[0, 1, 2]) * statistics.square().sum_axes(&[0]) + statistics.slice(0, 1..2)
        }),
        row("conv_block overlapping", &inputs(1), move |_, x| {
            x[0].conv_block(x[1], Some(x[2]), Some(x[3]), overlapping).0.powi(2)
        }),
    ]);
}

pub fn conv_layers(rows: &mut Vec<Row>) {
    let conv = Conv { stride: [1; 2], padding: Padding::all(1) };
    let leaky = Activation::LeakyRelu(0.2);
    let cases = [
        ("conv_layer", ConvLayer { conv, activation: Activation::Relu, pool: Some(Pool::valid(2)) }),
        ("conv_layer without pooling", ConvLayer { conv, activation: leaky, pool: None }),
        ("conv_layer padded pool", ConvLayer { conv, activation: leaky, pool: Some(Pool::same(2)) }),
    ];
    for (name, how) in cases {
        let all = [any(&[2, 5, 6, 2]), seeded(&[3, 3, 2, 2], 0.7), seeded(&[2], 0.2)];
        rows.extend([
            row(name, &all, move |_, x| x[0].conv_layer(x[1], Some(x[2]), how).powi(2)).third(),
            row(name, &all[..2], move |_, x| x[0].conv_layer(x[1], None, how).powi(2)),
        ]);
    }
}

pub fn norms(rows: &mut Vec<Row>) {
    let terms = || [any(&[5, 3]), seeded(&[3], 0.9), seeded(&[3], 0.2)];
    let image = || [any(&[2, 3, 2, 3]), seeded(&[3], 0.9), seeded(&[3], 0.2)];
    let act = [
        ("batch_norm", Activation::Identity),
        ("batch_norm relu", Activation::Relu),
        ("batch_norm leaky relu", Activation::LeakyRelu(0.2)),
    ];
    for (name, act) in act {
        rows.push(
            row(name, &terms(), move |_, x| x[0].batch_norm(Some(x[1]), Some(x[2]), 1e-2, act).0.powi(2))
                .third(),
        );
    }
    rows.extend([
        row("batch_norm images", &image(), |_, x| {
            x[0].batch_norm(Some(x[1]), Some(x[2]), 1e-3, Activation::Identity).0
        }),
        row("batch_norm plain", &[any(&[6, 2])], |_, x| {
            x[0].batch_norm(None, None, 1e-2, Activation::Identity).0.powi(3)
        })
        .third(),
        row("batch_norm shift", &[any(&[6, 2]), any(&[2])], |_, x| {
            x[0].batch_norm(None, Some(x[1]), 1e-2, Activation::Relu).0.powi(3)
        })
        .third(),
        row("batch_norm scale", &[any(&[6, 2]), any(&[2])], |_, x| {
            x[0].batch_norm(Some(x[1]), None, 1e-2, Activation::Identity).0.powi(2)
        }),
        row("batch_norm statistics", &[any(&[6, 2]), any(&[2])], |_, x| {
            let (y, statistics) = x[0].batch_norm(None, Some(x[1]), 1e-2, Activation::Identity);
            y.sum_axes(&[0]) * statistics.square().sum_axes(&[0]) + statistics.slice(0, 1..2)
        }),
        row("normalize", &[any(&[4, 3]), any(&[3]), positive(&[3])], |_, x| {
            x[0].normalize(x[1], x[2], Some(x[1]), Some(x[2]), 1e-3)
        }),
        row("layer_norm", &terms(), |_, x| x[0].layer_norm(Some(x[1]), Some(x[2]), 1e-3)),
        row("instance_norm", &image(), |_, x| x[0].instance_norm(Some(x[1]), Some(x[2]), 1e-3)),
        row("cross_entropy", &[any(&[3, 4])], |_, x| x[0].cross_entropy(&[2, 0, 3])).third(),
        row("mse", &[any(&[3, 2]), seeded(&[3, 2], 0.9)], |_, x| x[0].powi(2).mse(x[1])),
        row("binary_cross_entropy", &[any(&[3, 2])], |t, x| {
            x[0].binary_cross_entropy(t.var(&Array::from_fn(&[3, 2], |i| (i % 2) as f64)))
        }),
    ]);
}

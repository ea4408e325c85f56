//! The table of all operators: each row is an operator and a shape case, checked against central differences in f64 at first
//! and second order (some at third). What is checked is what this table says.

use fewshot_autodiff::{
    Activation, Array, Conv, ConvBlock, ConvLayer, Padding, Pool, Program, Tape, Transpose, Triangle, Var,
    gradcheck,
};

type Function = Box<dyn for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>>;

/// One operator on inputs of one kind of shape.
struct Row {
    /// The operator's name, then what is special about the case.
    name: &'static str,
    inputs: Vec<Array<f64>>,
    orders: usize,
    function: Function,
}

fn row<G>(name: &'static str, inputs: &[Array<f64>], function: G) -> Row
where
    G: for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64> + 'static,
{
    Row { name, inputs: inputs.to_vec(), orders: 2, function: Box::new(function) }
}

impl Row {
    fn third(mut self) -> Self {
        self.orders = 3;
        self
    }
}

/// Values in about [-1.5, 1.5], none within 0.02 of 0 and no two equal: away from every kink.
fn any(shape: &[usize]) -> Array<f64> {
    seeded(shape, 0.37)
}

fn seeded(shape: &[usize], phase: f64) -> Array<f64> {
    Array::from_fn(shape, |i| {
        let x = 1.5 * (12.9898 * (i as f64 + 1.0) + 78.233 * phase).sin();
        if x.abs() < 0.02 { x + 0.05 } else { x }
    })
}

/// Values in [0.3, 2.3].
fn positive(shape: &[usize]) -> Array<f64> {
    any(shape).map(|x| x.abs() + 0.3)
}

/// A symmetric positive definite matrix.
fn spd(n: usize) -> Array<f64> {
    let a = any(&[n, n]);
    Array::from_fn(&[n, n], |i| {
        let (r, c) = (i / n, i % n);
        let dot: f64 = (0..n).map(|k| a.data()[r * n + k] * a.data()[c * n + k]).sum();
        dot + if r == c { 1.0 } else { 0.0 }
    })
}

fn elementwise(rows: &mut Vec<Row>) {
    let x = || [any(&[3, 4])];
    let p = || [positive(&[5])];
    rows.extend([
        row("neg", &x(), |_, x| -x[0] * x[0]),
        row("powi", &x(), |_, x| x[0].powi(3)).third(),
        row("powi negative", &p(), |_, x| x[0].powi(-2)),
        row("powf", &p(), |_, x| x[0].powf(1.7)).third(),
        row("square", &x(), |_, x| x[0].square()),
        row("sqrt", &p(), |_, x| x[0].sqrt()).third(),
        row("recip", &p(), |_, x| x[0].recip()),
        row("safe_recip", &p(), |_, x| x[0].safe_recip()),
        row("exp", &x(), |_, x| x[0].exp()).third(),
        row("ln", &p(), |_, x| x[0].ln()),
        row("sin", &x(), |_, x| x[0].sin()),
        row("cos", &x(), |_, x| x[0].cos()),
        row("tanh", &x(), |_, x| x[0].tanh()).third(),
        row("sigmoid", &x(), |_, x| x[0].sigmoid()).third(),
        row("softplus", &x(), |_, x| x[0].softplus()),
        row("erf", &x(), |_, x| x[0].erf()),
        row("relu", &x(), |_, x| (x[0] * x[0] * x[0]).relu()),
        row("leaky_relu", &x(), |_, x| (x[0] * x[0] * x[0]).leaky_relu(0.1)),
        row("elu", &x(), |_, x| x[0].elu(0.8)),
        row("gelu", &x(), |_, x| x[0].gelu()),
        row("abs", &x(), |_, x| (x[0] * x[0] * x[0]).abs()),
        row("sign", &x(), |_, x| x[0].sign() * x[0].square()),
        row("max_scalar", &x(), |_, x| x[0].square().max_scalar(0.4)),
        row("min_scalar", &x(), |_, x| x[0].square().min_scalar(0.4)),
        row("clamp", &x(), |_, x| x[0].powi(3).clamp(-0.4, 0.5)),
    ]);
}

fn binary(rows: &mut Vec<Row>) {
    let same = || [any(&[2, 3]), seeded(&[2, 3], 0.9)];
    let bias = || [any(&[2, 3]), seeded(&[3], 0.9)];
    let outer = || [any(&[2, 1]), seeded(&[1, 3], 0.9)];
    let scalar = || [any(&[]), seeded(&[2, 3], 0.9)];
    let base = || [positive(&[2, 3]), seeded(&[3], 0.9)];
    rows.extend([
        row("add", &same(), |_, x| (x[0] + x[1]).square()),
        row("add bias", &bias(), |_, x| (x[0] + x[1]).square()),
        row("add number", &[any(&[4])], |_, x| (1.5 + x[0] + 2.0).square()),
        row("sub", &outer(), |_, x| (x[0] - x[1]).powi(3)).third(),
        row("sub number", &[any(&[4])], |_, x| (1.0 - x[0] - 0.5).square()),
        row("mul", &bias(), |_, x| x[0] * x[1] * x[0]),
        row("mul scalar", &scalar(), |_, x| x[0] * x[1] * x[0]),
        row("div", &same(), |_, x| x[0] / x[1]).third(),
        row("div outer", &outer(), |_, x| x[0] / x[1]),
        row("div number", &[positive(&[4])], |_, x| 2.0 / x[0] / 3.0),
        row("pow", &base(), |_, x| x[0].pow(x[1])),
        row("maximum", &same(), |_, x| x[0].powi(3).maximum(x[1].square())),
        row("minimum", &bias(), |_, x| x[0].powi(3).minimum(x[1].square())),
        row("gt", &same(), |_, x| x[0].gt(x[1]) * x[0].square()),
        row("ge", &same(), |_, x| x[0].ge(x[1]) * x[0].square()),
        row("lt", &bias(), |_, x| x[0].lt(x[1]) * x[0].square()),
        row("le", &bias(), |_, x| x[0].le(x[1]) * x[0].square()),
        row("select", &bias(), |_, x| x[0].gt(x[1]).select(x[0].square(), x[1].powi(3))),
    ]);
}

fn reductions(rows: &mut Vec<Row>) {
    let x = || [any(&[2, 3, 4])];
    rows.extend([
        row("sum", &x(), |_, x| x[0].square().sum()),
        row("mean", &x(), |_, x| x[0].powi(3).mean()),
        row("sum_axes", &x(), |_, x| x[0].square().sum_axes(&[0, 2])),
        row("keep_sum", &x(), |_, x| x[0] * x[0].square().keep_sum(&[1])),
        row("mean_axes", &x(), |_, x| x[0].powi(3).mean_axes(&[1])),
        row("variance", &x(), |_, x| x[0].variance(&[0, 2])),
        row("norm", &x(), |_, x| x[0].norm()).third(),
        row("norm_axis", &x(), |_, x| x[0].norm_axis(1)),
        row("cumprod", &x(), |_, x| x[0].cumprod(1)).third(),
        row("max_axes", &x(), |_, x| x[0].powi(3).max_axes(&[2])),
        row("max_axes inner", &x(), |_, x| x[0].powi(3).max_axes(&[0, 1])),
        row("min_axes", &x(), |_, x| x[0].powi(3).min_axes(&[1])),
        row("logsumexp", &x(), |_, x| x[0].logsumexp(2)).third(),
        row("logsumexp inner", &x(), |_, x| x[0].logsumexp(1)),
        row("softmax", &x(), |_, x| x[0].softmax(2)).third(),
        row("softmax inner", &x(), |_, x| x[0].softmax(0)),
        row("log_softmax", &x(), |_, x| x[0].log_softmax(2)),
        row("log_softmax inner", &x(), |_, x| x[0].log_softmax(1)),
    ]);
}

fn layout(rows: &mut Vec<Row>) {
    let x = || [any(&[2, 3, 4])];
    let pair = || [any(&[2, 3]), seeded(&[2, 5], 0.9)];
    rows.extend([
        row("sum_to", &x(), |_, x| x[0].square().sum_to(&[3, 1])),
        row("broadcast_to", &[any(&[3, 1])], |_, x| x[0].broadcast_to(&[2, 3, 4]).square()),
        row("reshape", &x(), |_, x| x[0].reshape(&[6, 4]).square()),
        row("flatten", &x(), |_, x| x[0].flatten().square()),
        row("insert_axis", &x(), |_, x| x[0].insert_axis(1).square()),
        row("remove_axis", &[any(&[3, 1, 2])], |_, x| x[0].remove_axis(1).square()),
        row("permute", &x(), |_, x| x[0].permute(&[2, 0, 1]).powi(3)),
        row("t", &[any(&[2, 5])], |_, x| x[0].t().square()),
        row("concat", &pair(), |_, x| Var::concat(&[x[0], x[1], x[0]], 1).powi(3)),
        row("stack", &[any(&[2, 3]), seeded(&[2, 3], 0.9)], |_, x| Var::stack(&[x[0], x[1]], 1).powi(3)),
        row("slice", &x(), |_, x| x[0].slice(1, 1..3).square()),
        row("split", &x(), |_, x| {
            let parts = x[0].split(2, &[1, 3]);
            parts[0] * parts[1].square()
        })
        .third(),
        row("split in part", &x(), |_, x| {
            let parts = x[0].split(1, &[1, 0, 1, 1]);
            parts[0].powi(3) * parts[3]
        }),
        row("crop", &x(), |_, x| x[0].crop(&[0..1, 1..3, 2..4]).square()),
        row("pad", &x(), |_, x| x[0].pad(&[(1, 0), (0, 2), (1, 1)]).powi(3)),
        row("gather", &x(), |_, x| x[0].gather(1, &[2, 0, 2, 1]).powi(3)),
        row("scatter_add", &x(), |_, x| x[0].scatter_add(1, &[3, 0, 3], 5).powi(3)),
        row("detach", &x(), |_, x| x[0].square() * x[0].sign().detach()),
        row("gather on the tape", &x(), |t, x| x[0].gather(1, t.index(&[2, 0])).powi(3)),
        row("one_hot", &[any(&[3, 4])], |t, x| x[0].square() * t.one_hot(&[2, 0, 3], 4)),
    ]);
}

fn products(rows: &mut Vec<Row>) {
    let pair = |a: &[usize], b: &[usize]| [any(a), seeded(b, 0.9)];
    rows.extend([
        row("matmul", &pair(&[2, 3], &[3, 4]), |_, x| x[0].matmul(x[1]).square()).third(),
        row("matmul batched", &pair(&[2, 2, 3], &[2, 3, 4]), |_, x| x[0].matmul(x[1]).square()),
        row("matmul one for all", &pair(&[2, 2, 3], &[3, 4]), |_, x| x[0].matmul(x[1]).square()),
        row("matmul vector", &pair(&[5, 3], &[3, 1]), |_, x| x[0].matmul(x[1]).square()),
        row("matmul_nt", &pair(&[2, 3], &[4, 3]), |_, x| x[0].matmul_nt(x[1]).square()),
        row("matmul_nt batched", &pair(&[3, 2, 3], &[3, 4, 3]), |_, x| x[0].matmul_nt(x[1]).square()),
        row("matmul_tn", &pair(&[3, 2], &[3, 4]), |_, x| x[0].matmul_tn(x[1]).square()),
        row("matmul_tn batched", &pair(&[2, 3, 2], &[2, 3, 4]), |_, x| x[0].matmul_tn(x[1]).square()),
        row("squared_distances", &pair(&[3, 9], &[4, 9]), |_, x| x[0].squared_distances(x[1]).square()),
        row("cosine_similarity", &pair(&[3, 5], &[4, 5]), |_, x| x[0].cosine_similarity(x[1])),
        row("lstm_gates", &pair(&[3, 8], &[3, 2]), |_, x| {
            let (hidden, cell) = x[0].lstm_gates(x[1]);
            hidden.square() + cell.powi(3)
        })
        .third(),
        row("lstm_gates hidden alone", &pair(&[2, 12], &[2, 3]), |_, x| x[0].lstm_gates(x[1]).0.square()),
        row("lstm_gates cell alone", &pair(&[12], &[3]), |_, x| x[0].lstm_gates(x[1]).1.powi(3)),
        row("cholesky", &[spd(4)], |_, x| x[0].cholesky().expect("it is").square()),
        row("solve_spd", &[spd(3), any(&[3, 2])], |_, x| x[0].solve_spd(x[1]).expect("it is")),
    ]);
    for (name, triangle, transpose) in [
        ("solve_triangular lower", Triangle::Lower, Transpose::No),
        ("solve_triangular lower transposed", Triangle::Lower, Transpose::Yes),
        ("solve_triangular upper", Triangle::Upper, Transpose::No),
        ("solve_triangular upper transposed", Triangle::Upper, Transpose::Yes),
    ] {
        rows.push(row(name, &[spd(3), any(&[3, 2])], move |_, x| {
            x[0].solve_triangular(x[1], triangle, transpose)
        }));
    }
}

fn convolutions(rows: &mut Vec<Row>) {
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

fn conv_blocks(rows: &mut Vec<Row>) {
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

fn conv_layers(rows: &mut Vec<Row>) {
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

fn norms(rows: &mut Vec<Row>) {
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

fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    elementwise(&mut rows);
    binary(&mut rows);
    reductions(&mut rows);
    layout(&mut rows);
    products(&mut rows);
    convolutions(&mut rows);
    conv_blocks(&mut rows);
    conv_layers(&mut rows);
    norms(&mut rows);
    rows
}

#[test]
fn every_row_agrees_with_central_differences() {
    let mut failures = Vec::new();
    for row in table() {
        let report = gradcheck::check(&row.inputs, row.orders, &*row.function);
        let bad = |e: &f64| e.is_nan() || *e > 1e-7;
        if report.errors.iter().any(bad) {
            failures.push(format!("{}: {:?}", row.name, report.errors));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn unrecorded_gradients_equal_recorded_ones() {
    for row in table() {
        let tape = Tape::new();
        let x: Vec<Var<'_, f64>> = row.inputs.iter().map(|x| tape.var(x)).collect();
        let y = (row.function)(&tape, &x).tanh().sum();
        let recorded: Vec<Array<f64>> = y.grads(&x).into_iter().map(Var::value).collect();
        let before = tape.len();
        assert_eq!(y.backward(&x), recorded, "{}", row.name);
        assert_eq!(tape.len(), before, "{}: `backward` left a record", row.name);
    }
}

/// A row's value and its gradients of first and second order.
fn results<'t>(row: &Row, tape: &'t Tape<f64>, x: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
    let y = (row.function)(tape, x);
    let first = y.tanh().sum().grads(x);
    let contracted = first.iter().map(|g| g.square().sum()).reduce(|a, b| a + b).expect("there are inputs");
    let second = contracted.grads(x);
    std::iter::once(y).chain(first).chain(second).collect()
}

#[test]
fn programs_give_the_bits_of_the_tape() {
    for row in table() {
        let program = Program::record(|tape| {
            let x: Vec<Var<'_, f64>> = row.inputs.iter().map(|x| tape.input(x.shape())).collect();
            results(&row, tape, &x)
        });
        let inputs: Vec<&Array<f64>> = row.inputs.iter().collect();
        let tape = Tape::new();
        let x: Vec<Var<'_, f64>> = row.inputs.iter().map(|x| tape.var(x)).collect();
        let eager: Vec<Array<f64>> = results(&row, &tape, &x).iter().map(|y| y.value()).collect();
        for round in 0..2 {
            assert_eq!(program.run(&inputs), eager, "{}, round {round}", row.name);
        }
    }
}

/// Every input in turn is common to all tasks, then none.
#[test]
fn several_tasks_at_once_have_the_bits_of_one_after_the_other() {
    const FACTORS: [f64; 3] = [1.0, 0.9375, 1.0625];
    for row in table() {
        for common in 0..=row.inputs.len() {
            let program = Program::record(|tape| {
                let input = |(i, x): (usize, &Array<f64>)| match i == common {
                    true => tape.common_input(x.shape()),
                    false => tape.input(x.shape()),
                };
                let x: Vec<Var<'_, f64>> = row.inputs.iter().enumerate().map(input).collect();
                results(&row, tape, &x)
            });
            let scaled = |factor: f64| {
                let inputs = row.inputs.iter().enumerate();
                inputs.map(|(i, x)| if i == common { x.clone() } else { x.map(|v| v * factor) }).collect()
            };
            let tasks: [Vec<Array<f64>>; 3] = FACTORS.map(scaled);
            let tasks: Vec<Vec<&Array<f64>>> = tasks.iter().map(|inputs| inputs.iter().collect()).collect();
            let mut together = program.together(tasks.len());
            tasks.iter().for_each(|inputs| together.add(inputs));
            let together = together.run();
            for (k, inputs) in tasks.iter().enumerate() {
                for (i, (all, one)) in together.iter().zip(program.run(inputs)).enumerate() {
                    assert_eq!(all.shape(), [&[tasks.len()], one.shape()].concat(), "{}", row.name);
                    let own = &all.data()[k * one.len()..][..one.len()];
                    assert_eq!(
                        own,
                        one.data(),
                        "{}: result {i} of task {k}, input {common} common",
                        row.name
                    );
                }
            }
        }
    }
}

/// Functions of the operator files that are no operators with a gradient.
const NO_ROW: &[(&str, &str)] = &[
    ("all", "makes a Padding"),
    ("output_size", "a size of a Conv"),
    ("valid", "makes a Pool"),
    ("same", "makes a Pool"),
    ("slope", "a number of an Activation"),
    ("apply", "Activation: calls relu and leaky_relu"),
    ("argmax", "returns places, not values"),
    ("index", "puts places on a tape, which have no gradient"),
];

/// Names of the public operators, read from the source: `pub fn name(` and the lines of the macros' tables.
fn public_operators() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops");
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder).expect("the operators' folder is part of the crate") {
        let text = std::fs::read_to_string(file.expect("readable").path()).expect("readable");
        for line in text.lines().map(str::trim) {
            let name = line.strip_prefix("pub fn ").or_else(|| {
                let table = line.contains(" => Unary::") || line.contains(" => Binary::");
                (table && line.ends_with(';')).then_some(line)
            });
            let Some(name) = name else { continue };
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            // The operator traits' own table begins with the trait; its methods have rows under their names.
            if end > 0 && name.starts_with(char::is_lowercase) {
                names.push(name[..end].to_owned());
            }
        }
    }
    names
}

#[test]
fn every_public_operator_has_a_row() {
    let rows = table();
    let names = public_operators();
    assert!(names.len() > 80, "only {} operators were found in the source", names.len());
    let missing: Vec<&String> = names
        .iter()
        .filter(|n| !rows.iter().any(|r| r.name.split(' ').next() == Some(n)))
        .filter(|n| !NO_ROW.iter().any(|(name, _)| name == n))
        .collect();
    assert!(missing.is_empty(), "operators without a row: {missing:?}");
}

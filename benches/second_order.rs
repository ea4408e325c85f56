//! What a second derivative costs beside the first: `cargo bench --bench second_order`.

use criterion::{Criterion, criterion_group, criterion_main};
use fewshot::autodiff::{Activation, Array, Conv, Padding, Tape, Var};

/// A loss of weights, on fixed data.
type Loss = for<'t> fn(&[Var<'t>]) -> Var<'t>;

fn mlp<'t>(w: &[Var<'t>]) -> Var<'t> {
    w[0].matmul(w[1]).relu().matmul(w[2]).relu().square().mean()
}

fn block<'t>(w: &[Var<'t>]) -> Var<'t> {
    let how = Conv { stride: [2, 2], padding: Padding::all(1) };
    let x = w[0].conv2d(w[1], how).batch_norm(None, None, 1e-3, Activation::Relu).0;
    x.conv2d(w[2], how).batch_norm(None, None, 1e-3, Activation::Relu).0.square().mean()
}

fn second_order(c: &mut Criterion) {
    let noise = |shape: &[usize]| Array::<f32>::from_fn(shape, |i| ((i as f32 + 0.5) * 12.9898).sin() * 0.3);
    let cases: [(&str, Loss, Vec<Array>); 2] = [
        ("mlp_40", mlp, vec![noise(&[10, 40]), noise(&[40, 40]), noise(&[40, 40])]),
        (
            "two_conv_blocks_64",
            block,
            vec![noise(&[5, 14, 14, 64]), noise(&[3, 3, 64, 64]), noise(&[3, 3, 64, 64])],
        ),
    ];
    for (name, loss, arrays) in cases {
        let mut group = c.benchmark_group(format!("second_order/{name}"));
        group.sample_size(30);
        let run = |order: usize| {
            let tape = Tape::new();
            let w: Vec<Var<'_>> = arrays.iter().map(|x| tape.var(x)).collect();
            let y = loss(&w);
            match order {
                0 => vec![y.value()],
                1 => y.backward(&w[1..]),
                _ => {
                    let gradients = y.grads(&w[1..]);
                    let squares = gradients.into_iter().map(|g| g.square().sum());
                    squares.reduce(|a, b| a + b).expect("there are weights").backward(&w[1..])
                }
            }
        };
        for (order, what) in ["value", "gradient", "gradient_of_gradient"].iter().enumerate() {
            group.bench_function(*what, |b| b.iter(|| run(order)));
        }
        group.finish();
    }
}

criterion_group!(benches, second_order);
criterion_main!(benches);

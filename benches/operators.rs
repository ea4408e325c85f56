//! Single operators at the sizes of few-shot networks, on one thread: `cargo bench --bench operators`.
//!
//! Convolutions report floating-point operations, padding counted as work, so their rates compare with a core's peak.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fewshot::{Activation, Array, Conv, Padding, Pool, Tape, Var};

fn noise(shape: &[usize]) -> Array {
    Array::from_fn(shape, |i| ((i as f32 + 0.5) * 12.9898).sin())
}

/// An operator applied to inputs on a fresh tape.
fn measure(
    c: &mut Criterion,
    name: &str,
    flops: usize,
    inputs: &[Array],
    f: impl for<'t> Fn(&[Var<'t>]) -> Var<'t>,
) {
    let mut group = c.benchmark_group("operators");
    if flops > 0 {
        group.throughput(Throughput::Elements(flops as u64));
    }
    group.bench_function(name, |b| {
        b.iter(|| {
            let tape = Tape::new();
            let x: Vec<Var<'_>> = inputs.iter().map(|x| tape.var(x)).collect();
            f(&x).value()
        });
    });
    group.finish();
}

fn convolutions(c: &mut Criterion) {
    for (n, size, stride) in [(75, 14, 2), (75, 7, 2), (60, 14, 1), (60, 7, 1)] {
        let how = Conv { stride: [stride; 2], padding: Padding::all(1) };
        let out = (size - 1) / stride + 1;
        let flops = 2 * n * out * out * 9 * 64 * 64;
        let inputs = [noise(&[n, size, size, 64]), noise(&[3, 3, 64, 64]), noise(&[n, out, out, 64])];
        let name = format!("{n}x{size}x{size}x64 stride {stride}");
        measure(c, &format!("conv2d {name}"), flops, &inputs[..2], move |x| x[0].conv2d(x[1], how));
        measure(c, &format!("conv2d and gradients {name}"), 3 * flops, &inputs, move |x| {
            x[0].conv2d(x[1], how).vjp(&x[..2], x[2])[0]
        });
    }
}

fn others(c: &mut Criterion) {
    let images = [noise(&[75, 14, 14, 64]), noise(&[64]), noise(&[64])];
    measure(c, "batch_norm relu 75x14x14x64", 0, &images, |x| {
        x[0].batch_norm(Some(x[1]), Some(x[2]), 1e-3, Activation::Relu).0
    });
    measure(c, "max_pool 75x14x14x64", 0, &images[..1], |x| x[0].max_pool(Pool::valid(2)));
    measure(c, "relu 75x14x14x64", 0, &images[..1], |x| x[0].relu());
    measure(c, "sum 75x14x14x64", 0, &images[..1], |x| x[0].sum());
    let square = [noise(&[512, 512]), noise(&[512, 512])];
    measure(c, "matmul 512", 2 * 512 * 512 * 512, &square, |x| x[0].matmul(x[1]));
    let small = [noise(&[10, 40]), noise(&[40, 40])];
    measure(c, "matmul 10x40x40", 2 * 10 * 40 * 40, &small, |x| x[0].matmul(x[1]));
    let rows = [noise(&[300, 64]), noise(&[60, 64])];
    measure(c, "squared_distances 300x60x64", 0, &rows, |x| x[0].squared_distances(x[1]));
    measure(c, "cross_entropy 300x60", 0, &[noise(&[300, 60])], |x| {
        x[0].cross_entropy(&(0..300).map(|i| i % 60).collect::<Vec<_>>())
    });
    let elements = [noise(&[200_000])];
    measure(c, "exp 200000", 0, &elements, |x| x[0].exp());
    measure(c, "tanh 200000", 0, &elements, |x| x[0].tanh());
}

criterion_group!(benches, convolutions, others);
criterion_main!(benches);

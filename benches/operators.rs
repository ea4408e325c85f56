//! Single operators at the sizes of few-shot networks, on one thread: `cargo bench --bench operators`.
//!
//! First a table of all convolutions as shares of the core's best rate, taps on padding not counted
//! (`cargo bench --bench operators -- shares` prints it alone; `FEWSHOT_ISA=avx2` chooses the instruction set).
//! The criterion benchmarks report floating-point operations with padding counted as work.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use fewshot::autodiff::{Activation, Array, Conv, Padding, Pool, Tape, Var};
use fewshot_autodiff::fma_rate;

/// Images, rows and columns, stride of the 3x3 convolutions of the table, padded by one.
const SHAPES: [[usize; 3]; 9] = [
    [5, 14, 2],
    [75, 14, 2],
    [5, 7, 2],
    [75, 7, 2],
    [5, 4, 2],
    [5, 14, 1],
    [60, 14, 1],
    [75, 14, 1],
    [60, 7, 1],
];
/// Channels in and out.
const CHANNELS: [[usize; 2]; 7] = [[64, 64], [32, 32], [48, 48], [96, 96], [100, 100], [1, 64], [3, 64]];
/// Shapes and channels of wide residual networks on images of 84x84 (ResNet-12: Oreshkin et al. 2018), and of steps of two.
const WIDE: [([usize; 3], [usize; 2]); 6] = [
    ([10, 42, 1], [160, 160]),
    ([10, 21, 1], [160, 320]),
    ([10, 21, 1], [320, 320]),
    ([10, 10, 1], [320, 640]),
    ([10, 10, 1], [640, 640]),
    ([25, 14, 2], [256, 512]),
];
/// Time spent on each convolution or gradient of the table.
const BUDGET: Duration = Duration::from_millis(60);

/// Taps of all windows along one axis that are not on the padding.
fn taps(size: usize, stride: usize) -> usize {
    let outputs = (size - 1) / stride + 1;
    (0..outputs).map(|o| (0..3).filter(|t| (1..=size).contains(&(o * stride + t))).count()).sum()
}

/// The least time of `f`, which measures itself, of at least three.
fn fastest(mut f: impl FnMut() -> Duration) -> f64 {
    let (start, mut best) = (Instant::now(), f().min(f()).min(f()));
    while start.elapsed() < BUDGET {
        best = best.min(f());
    }
    best.as_secs_f64()
}

/// Seconds of the convolution and of its gradients for images and weights.
fn seconds([n, size, stride]: [usize; 3], [c_in, c_out]: [usize; 2]) -> [f64; 3] {
    let how = Conv { stride: [stride; 2], padding: Padding::all(1) };
    let out = (size - 1) / stride + 1;
    let (x, w) = (noise(&[n, size, size, c_in]), noise(&[3, 3, c_in, c_out]));
    let g = noise(&[n, out, out, c_out]);
    let convolution = fastest(|| {
        let tape = Tape::new();
        let (x, w) = (tape.var(&x), tape.var(&w));
        let start = Instant::now();
        x.conv2d(w, how);
        start.elapsed()
    });
    let gradient = |which: usize| {
        fastest(|| {
            let tape = Tape::new();
            let (inputs, g) = ([tape.var(&x), tape.var(&w)], tape.var(&g));
            let y = inputs[0].conv2d(inputs[1], how);
            let start = Instant::now();
            y.vjp(&inputs[which..][..1], g);
            start.elapsed()
        })
    };
    [convolution, gradient(0), gradient(1)]
}

fn shares() {
    let peak = fma_rate::<f32>();
    println!(
        "multiply-adds in registers: {:.1} Gflop/s; convolutions 3x3, padded by 1, in % of it:",
        peak / 1e9
    );
    println!("{:>24} {:>12} {:>12} {:>12}", "", "forward", "images", "weights");
    let narrow = CHANNELS.into_iter().flat_map(|channels| SHAPES.map(|shape| (shape, channels)));
    for (shape, channels) in narrow.chain(WIDE) {
        let ([n, size, stride], [c_in, c_out]) = (shape, channels);
        let flops = 2 * n * taps(size, stride).pow(2) * c_in * c_out;
        let times = seconds(shape, channels);
        let [a, b, c] = times.map(|t| format!("{:.0} ({:.0} us)", 100.0 * flops as f64 / t / peak, 1e6 * t));
        println!("{n:>3} x {size:>2}x{size:<2} /{stride} {c_in:>3} -> {c_out:>3} {a:>12} {b:>12} {c:>12}");
    }
}

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
    // few rows by many weights
    let layer = [noise(&[64, 4096]), noise(&[4096, 1024]), noise(&[64, 1024])];
    measure(c, "matmul and gradients 64x4096x1024", 6 * 64 * 4096 * 1024, &layer, |x| {
        x[0].matmul(x[1]).vjp(&x[..2], x[2])[0]
    });
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

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|a| a == "--test" || a == "--list") {
        shares();
    }
    if !arguments.iter().any(|a| a == "shares") {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
}

//! One whole meta-gradient over a meta-batch, as an outer iteration takes it: `cargo bench --bench outer_loop`.
//!
//! Tasks run on the threads of rayon's pool; `RAYON_NUM_THREADS=2` fixes their number. `benches/peers` compares the same
//! workloads with other libraries.

mod workloads;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workloads::{NAMES, of_steps, workload};

fn outer_loop(c: &mut Criterion) {
    let mut group = c.benchmark_group("outer_loop");
    group.sample_size(10);
    for name in NAMES {
        group.bench_function(name, |b| {
            let workload = workload(name).expect("it is in the list");
            b.iter(workload.meta_gradient());
        });
    }
    group.finish();
}

/// Inner steps a second: as many with 32 steps as with one, but for the query pass that all steps share.
fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("steps");
    group.sample_size(10);
    for steps in [1, 2, 4, 8, 16, 32] {
        group.throughput(Throughput::Elements(steps as u64));
        for (name, workload) in of_steps(steps) {
            group.bench_function(format!("{name}/{steps}"), |b| b.iter(workload.meta_gradient()));
        }
    }
    group.finish();
}

criterion_group!(benches, outer_loop, steps);
criterion_main!(benches);

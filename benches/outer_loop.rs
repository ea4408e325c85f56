//! One whole meta-gradient over a meta-batch, as an outer iteration takes it: `cargo bench --bench outer_loop`.
//!
//! Tasks run on the threads of rayon's pool; `RAYON_NUM_THREADS=2` fixes their number. `benches/peers` compares the same
//! workloads with other libraries.

mod workloads;

use criterion::{Criterion, criterion_group, criterion_main};
use workloads::{NAMES, workload};

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

criterion_group!(benches, outer_loop);
criterion_main!(benches);

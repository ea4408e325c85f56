//! One whole meta-gradient over a meta-batch, as an outer iteration takes it: `cargo bench --bench outer_loop`.
//!
//! Tasks run on the threads of rayon's pool; `RAYON_NUM_THREADS=2` fixes their number.

mod workloads;

use criterion::{Criterion, criterion_group, criterion_main};
use fewshot::meta_gradient;
use workloads::{Workload, convolutional, proto, sine};

fn outer_loop(c: &mut Criterion) {
    let mut group = c.benchmark_group("outer_loop");
    group.sample_size(10);
    let mut all: Vec<Workload> = vec![sine("sine1", 1), sine("sine5", 5), proto()];
    all.extend(convolutional());
    for w in all {
        let meta = w.learner.init(1);
        group.bench_function(w.name, |b| {
            b.iter(|| meta_gradient(&*w.learner, &meta, &w.tasks, 0..w.count, 1));
        });
    }
    group.finish();
}

criterion_group!(benches, outer_loop);
criterion_main!(benches);

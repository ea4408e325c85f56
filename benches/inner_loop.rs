//! Learning one task from its support, for use (no meta-gradient): `cargo bench --bench inner_loop`.

mod workloads;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fewshot::{Conv4, Conv4Config, Learner, Maml, Mlp, Task, Tasks};
use workloads::workload;

fn inner_loop(c: &mut Criterion) {
    let mut group = c.benchmark_group("inner_loop");
    group.sample_size(20);
    let first = |name| Task::from(&workload(name).expect("it is in the list").tasks.episode(0));
    let (wave, characters) = (first("sine1"), first("conv_paper"));
    for steps in [1, 5, 10] {
        let mlp = Maml { eval_steps: steps, ..Maml::new(Mlp::new(&[1, 40, 40, 1])) };
        let meta = Learner::<f32>::init(&mlp, 1);
        group.bench_with_input(BenchmarkId::new("sine", steps), &steps, |b, _| {
            b.iter(|| mlp.adapt(&meta, &wave.support));
        });
        let network = Conv4::new(&Conv4Config::strided_gap().with_head(5));
        let conv = Maml { eval_steps: steps, ..Maml::new(network) };
        let meta = Learner::<f32>::init(&conv, 1);
        group.bench_with_input(BenchmarkId::new("conv_5way_1shot", steps), &steps, |b, _| {
            b.iter(|| conv.adapt(&meta, &characters.support));
        });
    }
    group.finish();
}

criterion_group!(benches, inner_loop);
criterion_main!(benches);

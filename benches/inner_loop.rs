//! Learning one task from its support, and answering its queries, for use (no meta-gradient): `cargo bench --bench inner_loop`.

mod workloads;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fewshot::autodiff::{Array, with_split};
use fewshot::episodes::Tasks;
use fewshot::meta::{Learner, Maml, ProtoNet, Reptile, Task};
use fewshot::nn::{Conv4, Conv4Config, Mlp};
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
    let reptile = Reptile::new(Conv4::new(&Conv4Config::strided_flat().with_head(5)));
    let meta = Learner::<f32>::init(&reptile, 1);
    group.bench_function(BenchmarkId::new("reptile_5way_1shot", reptile.eval_steps), |b| {
        b.iter(|| reptile.adapt(&meta, &characters.support));
    });
    group.finish();
}

/// Queries of a prototypical network, normalised with running statistics.
fn predict(c: &mut Criterion) {
    let mut group = c.benchmark_group("predict");
    group.sample_size(20);
    let task = Task::from(&workload("conv_paper").expect("it is in the list").tasks.episode(0));
    let protonet = ProtoNet::new(Conv4::new(&Conv4Config::pooled_64()));
    let meta = Learner::<f32>::init(&protonet, 1);
    let learned = protonet.adapt(&meta, &task.support);
    for count in [1, 75] {
        let x = Array::from_fn(&[count, 28, 28, 1], |i| (i * 37 % 101) as f32 / 101.0);
        group.bench_function(BenchmarkId::new("protonet", count), |b| b.iter(|| learned.predict(&x)));
        let all = BenchmarkId::new("protonet, all threads", count);
        group.bench_function(all, |b| with_split(true, || b.iter(|| learned.predict(&x))));
    }
    group.finish();
}

criterion_group!(benches, inner_loop, predict);
criterion_main!(benches);

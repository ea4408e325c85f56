//! The workloads of the benchmarks: MAML and prototypical networks at the sizes of their papers, on noise.
#![allow(dead_code)] // each benchmark uses some of them

use fewshot::episodes::Draw;
use fewshot::{
    Conv4, Conv4Config, Episode, Filter, Learner, Maml, Mlp, Order, Outputs, Padding, ProtoNet, Purpose, Set,
    Sinusoid, Targets, Tasks, stream,
};

/// Episodes made beforehand.
pub struct Fixed(Vec<Episode>);

impl Tasks for Fixed {
    fn episode(&self, i: u64) -> Episode {
        self.0[i as usize % self.0.len()].clone()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.0[0].support.x.shape()[1..].to_vec()
    }

    fn outputs(&self) -> Outputs {
        self.0[0].ways.map_or(Outputs::Values(1), Outputs::Classes)
    }
}

/// One meta-gradient: so many tasks of a learner.
pub struct Workload {
    pub name: &'static str,
    pub tasks: Fixed,
    pub count: u64,
    pub learner: Box<dyn Learner>,
}

/// A classification MAML workload on 28x28 images.
struct Conv {
    name: &'static str,
    count: u64,
    ways: usize,
    queries: usize,
    steps: usize,
    inner_lr: f64,
    order: Order,
}

/// 25 tasks of 10 points, network 1-40-40-1.
pub fn sine(name: &'static str, steps: usize) -> Workload {
    let source = Sinusoid::new(10, 10, 1, Purpose::Train).expect("valid sizes");
    let learner = Maml { train_steps: steps, ..Maml::new(Mlp::new(&[1, 40, 40, 1])) };
    Workload {
        name,
        tasks: Fixed((0..25).map(|i| source.episode(i)).collect()),
        count: 25,
        learner: Box::new(learner),
    }
}

/// All workloads with convolutions for MAML: 64 filters, stride 2, padding 1, scale and shift, 256 features, linear head.
pub fn convolutional() -> Vec<Workload> {
    let base = Conv {
        name: "conv_1step",
        count: 32,
        ways: 5,
        queries: 15,
        steps: 1,
        inner_lr: 0.4,
        order: Order::Second,
    };
    [
        Conv { name: "conv_paper", queries: 1, ..base },
        Conv { name: "conv_5step", steps: 5, ..base },
        Conv { name: "conv_fo", order: Order::First, ..base },
        Conv { name: "conv_20way", count: 16, ways: 20, queries: 1, steps: 5, inner_lr: 0.1, ..base },
        base,
    ]
    .map(conv)
    .into()
}

fn conv(c: Conv) -> Workload {
    let config = Conv4Config { padding: Padding::all(1), ..Conv4Config::strided_flat() };
    let learner = Maml {
        train_steps: c.steps,
        inner_lr: c.inner_lr,
        order: c.order,
        adapted: Filter::All,
        ..Maml::new(Conv4::new(&config.with_head(c.ways)))
    };
    Workload {
        name: c.name,
        tasks: noise(c.count, c.ways, 1, c.queries),
        count: c.count,
        learner: Box::new(learner),
    }
}

/// One episode of 60 ways, 5 shots and 5 queries a class.
pub fn proto() -> Workload {
    Workload {
        name: "proto",
        tasks: noise(1, 60, 5, 5),
        count: 1,
        learner: Box::new(ProtoNet::new(Conv4::new(&Conv4Config::pooled_64()))),
    }
}

/// Episodes of normal noise on 28x28 pixels.
fn noise(count: u64, ways: usize, shots: usize, queries: usize) -> Fixed {
    let set = |per_class: usize, i: u64, purpose| {
        let mut rng = stream(1, purpose, i);
        let y = (0..ways * per_class).map(|j| j / per_class).collect();
        let shape = vec![ways * per_class, 28, 28, 1];
        let x = ndarray::ArrayD::from_shape_simple_fn(shape, || rng.normal() as f32);
        Set::new(x, Targets::Classes(y))
    };
    let episode = |i| Episode {
        support: set(shots, i, Purpose::Train),
        query: set(queries, i, Purpose::Test),
        ways: Some(ways),
    };
    Fixed((0..count).map(episode).collect())
}

//! The workloads of the benchmarks and of the comparison in `benches/peers`: MAML, prototypical and memory-augmented networks at
//! the sizes of their papers, on made-up data.
#![allow(dead_code)] // each benchmark uses some of them

mod numbers;

use fewshot::autodiff::Padding;
use fewshot::episodes::{Episode, Outputs, Set, Targets, Tasks};
use fewshot::meta::MetaGradient;
use fewshot::meta::{Checkpointing, Filter, LabelCode, Learner, Maml, Mann, Meta, Order, ProtoNet, Runner};
use fewshot::nn::{Conv4, Conv4Config, Mlp};
use ndarray::ArrayD;

/// Every workload there is.
pub const NAMES: [&str; 10] = [
    "sine1",
    "sine5",
    "conv_paper",
    "conv_1step",
    "conv_5step",
    "conv_fo",
    "conv_20way",
    "proto",
    "mini",
    "mann",
];

/// One meta-gradient: a learner and all tasks of a meta-batch.
pub struct Workload {
    pub learner: Box<dyn Learner>,
    pub tasks: Fixed,
}

impl Workload {
    /// The weights the comparison starts from.
    pub fn meta(&self) -> Meta {
        let Meta { theta, statistics, .. } = self.learner.init(1);
        let theta = theta.map_named(|name, array| numbers::parameter(name, array.shape()));
        Meta::new(theta, statistics)
    }

    /// What is timed: every call takes the meta-gradient of all tasks at the same weights.
    pub fn meta_gradient(&self) -> impl FnMut() -> MetaGradient {
        let (meta, runner) = (self.meta(), Runner::new(&*self.learner));
        move || runner.meta_gradient(&meta, &self.tasks, 0..self.tasks.0.len() as u64, 1)
    }
}

/// The workload of this name.
pub fn workload(name: &str) -> Option<Workload> {
    Some(match name {
        "sine1" => sine(1),
        "sine5" => sine(5),
        "conv_paper" => Conv { queries: 1, ..OMNIGLOT }.workload(),
        "conv_1step" => OMNIGLOT.workload(),
        "conv_5step" => Conv { steps: 5, ..OMNIGLOT }.workload(),
        "conv_fo" => Conv { order: Order::First, ..OMNIGLOT }.workload(),
        "conv_20way" => {
            Conv { tasks: 16, ways: 20, queries: 1, steps: 5, inner_lr: 0.1, ..OMNIGLOT }.workload()
        }
        "proto" => proto(),
        "mini" => MINI_IMAGENET.workload(),
        "mann" => mann(),
        _ => return None,
    })
}

/// MAML of so many inner steps: 25 sine waves, or four tasks of conv_paper.
pub fn of_steps(steps: usize) -> [(&'static str, Workload); 2] {
    let conv = Conv { tasks: 4, queries: 1, inner_lr: 0.01, steps, ..OMNIGLOT };
    [("sine", sine(steps)), ("conv", conv.workload())]
}

/// 25 tasks of 10 points, network 1-40-40-1.
fn sine(steps: usize) -> Workload {
    let set = |of: &str, task: usize| {
        let column = |what: &str| {
            let values = numbers::uniform(&format!("{of}.{what}"), 10 * task).take(10);
            ArrayD::from_shape_vec(vec![10, 1], values.map(|u| 5.0 * u).collect()).expect("ten values")
        };
        Set::new(column("x"), Targets::Values(column("y")))
    };
    let episode = |i| Episode { support: set("support", i), query: set("query", i), ways: None };
    Workload {
        learner: Box::new(Maml { train_steps: steps, ..Maml::new(Mlp::new(&[1, 40, 40, 1])) }),
        tasks: Fixed((0..25).map(episode).collect()),
    }
}

/// MAML with one shot a class on images: four blocks with scale and shift, linear head, all of it adapted.
struct Conv {
    tasks: usize,
    ways: usize,
    queries: usize,
    steps: usize,
    inner_lr: f64,
    order: Order,
    size: usize,
    channels: usize,
    filters: usize,
    pooled: bool,
}

/// 64 filters, stride 2, 256 features.
const OMNIGLOT: Conv = Conv {
    tasks: 32,
    ways: 5,
    queries: 15,
    steps: 1,
    inner_lr: 0.4,
    order: Order::Second,
    size: 28,
    channels: 1,
    filters: 64,
    pooled: false,
};

/// 32 filters, max-pooling, 800 features.
const MINI_IMAGENET: Conv =
    Conv { tasks: 4, steps: 5, inner_lr: 0.01, size: 84, channels: 3, filters: 32, pooled: true, ..OMNIGLOT };

impl Conv {
    fn workload(&self) -> Workload {
        let blocks = if self.pooled { Conv4Config::pooled_64() } else { Conv4Config::strided_flat() };
        let config = Conv4Config {
            size: self.size,
            channels: self.channels,
            filters: self.filters,
            padding: Padding::all(1),
            eps: 1e-5,
            ..blocks
        };
        let learner = Maml {
            train_steps: self.steps,
            inner_lr: self.inner_lr,
            order: self.order,
            checkpointing: if self.pooled { Checkpointing::Recompute } else { Checkpointing::Keep },
            adapted: Filter::All,
            ..Maml::new(Conv4::new(&config.with_head(self.ways)))
        };
        let image = [self.size, self.size, self.channels];
        Workload {
            learner: Box::new(learner),
            tasks: noisy_patterns(self.tasks, self.ways, [1, self.queries], image),
        }
    }
}

/// One episode of 60 ways, 5 shots and 5 queries a class; 64 filters, max-pooling, 64 features.
fn proto() -> Workload {
    Workload {
        learner: Box::new(ProtoNet::new(Conv4::new(&Conv4Config::pooled_64()))),
        tasks: noisy_patterns(1, 60, [5, 5], [28, 28, 1]),
    }
}

/// 16 sequences of 50 drawings of 20x20 and 5 classes, as two tasks of 8; LSTM of 200 units, memory of 128 slots of 40, 4 heads.
fn mann() -> Workload {
    const TASKS: usize = 2;
    const SEQUENCES: usize = 8;
    const STEPS: usize = 50;
    const PIXELS: usize = 20 * 20;
    let rows = STEPS * SEQUENCES;
    let set = |n: usize, x: Vec<f32>, classes: Vec<usize>| {
        let x = ArrayD::from_shape_vec(vec![n, 20, 20, 1], x).expect("as many pixels as rows have");
        Set::new(x, Targets::Classes(classes))
    };
    let episode = |task: usize| {
        let x = numbers::uniform("query.x", task * rows * PIXELS).take(rows * PIXELS);
        let classes = numbers::uniform("classes", task * rows).take(rows);
        let classes = classes.map(|u| ((u + 1.0) * 2.5) as usize);
        let (support, query) = (set(0, vec![], vec![]), set(rows, x.collect(), classes.collect()));
        Episode { support, query, ways: Some(5) }
    };
    Workload {
        learner: Box::new(Mann::new(PIXELS, LabelCode::OneHot(5), SEQUENCES)),
        tasks: Fixed((0..TASKS).map(episode).collect()),
    }
}

/// Episodes of images, the examples of a class in a row: noise, in colour half as much beside a pattern of the class. On noise
/// alone gradients of miniImageNet's size nearly cancel, and in `f32` two libraries differ in the second digit of what is left.
fn noisy_patterns(tasks: usize, ways: usize, [shots, queries]: [usize; 2], image: [usize; 3]) -> Fixed {
    let set = |of: &str, per_class: usize, task: usize| {
        let classes: Vec<usize> = (0..ways * per_class).map(|j| j / per_class).collect();
        let pixels = image.iter().product();
        let patterns =
            |class: usize| numbers::uniform("patterns", (task * ways + class) * pixels).take(pixels);
        let noise = numbers::uniform(&format!("{of}.x"), task * classes.len() * pixels);
        let values = classes.iter().flat_map(|&class| patterns(class)).zip(noise);
        let values = values.map(|(p, u)| if image[2] > 1 { p + 0.5 * u } else { u });
        let shape = [&[classes.len()], &image[..]].concat();
        let x = ArrayD::from_shape_vec(shape, values.collect()).expect("an image for each example");
        Set::new(x, Targets::Classes(classes))
    };
    let episode =
        |i| Episode { support: set("support", shots, i), query: set("query", queries, i), ways: Some(ways) };
    Fixed((0..tasks).map(episode).collect())
}

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

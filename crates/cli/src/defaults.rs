//! What a run does when an option is not given, in one place, each with its source.
//!
//! (M): Finn, Abbeel, Levine 2017 (MAML), text, appendix A and released code.
//! (P): Snell, Swersky, Zemel 2017 (Prototypical networks), text and released code.
//! (F): chosen here, by measurement.

use crate::choices::{Algorithm, Data, Distance, Norm, Order, Rotations, Split};

/// The algorithm of `fewshot` and `fewshot train` without options (F).
pub const ALGORITHM: Algorithm = Algorithm::Protonet;
/// The seed of a run.
pub const SEED: u64 = 1;
/// The seed of the glyph alphabets: they are one fixed data set, whatever the seed of the run.
pub const GLYPHS_SEED: u64 = 1;
/// The seed of random class splits, whatever the seed of the run; (M) shuffles once, with seed 1.
pub const SPLIT_SEED: u64 = 1;
/// Test episodes (M; P on miniImageNet).
pub const EPISODES: usize = 600;
/// Classes of an episode (M, P).
pub const WAYS: usize = 5;
/// Support examples per class (M, P).
pub const SHOTS: usize = 1;
/// Support points of a sinusoid (M).
pub const SINUSOID_SHOTS: usize = 10;
/// Rate of Adam (M, P).
pub const OUTER_LR: f64 = 1e-3;
/// Drawings are resized to this many pixels a side (M, P).
pub const IMAGE_SIZE: usize = 28;
/// Distance of Prototypical networks (P); squared.
pub const DISTANCE: Distance = Distance::Euclidean;
/// Weight of a new batch in running statistics (the default of PyTorch, which (P) uses).
pub const RUNNING_MOMENTUM: f64 = 0.1;
/// Order of MAML's meta-gradient (M).
pub const ORDER: Order = Order::Second;
/// More ways than this take the values published for 20 ways, others those for 5.
const FEW_WAYS: usize = 10;

/// Defaults that depend on algorithm, data and ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// Outer updates.
    pub iterations: u64,
    /// Episodes in an outer update.
    pub meta_batch: usize,
    /// Halve the outer rate every so many iterations; 0: never.
    pub halve_every: u64,
    /// Classes of a training episode.
    pub train_ways: usize,
    /// Training queries per class.
    pub queries: usize,
    /// Test queries per class.
    pub eval_queries: usize,
    /// Inner rate, for the mean loss.
    pub inner_lr: f64,
    /// Inner steps in training.
    pub inner_steps: usize,
    /// Inner steps at test.
    pub eval_steps: usize,
    /// Batch-norm policy.
    pub norm: Norm,
    /// Rotations of drawings.
    pub rotations: Rotations,
    /// Split of the classes.
    pub split: Split,
}

/// The defaults of an algorithm on a kind of data, for so many ways and shots.
pub fn of(algorithm: Algorithm, data: &Data, ways: usize, shots: usize) -> Defaults {
    match (algorithm, data) {
        (Algorithm::Maml, Data::Sinusoid) => maml_sinusoid(shots),
        (Algorithm::Maml, _) => maml_drawings(data, ways, shots),
        (Algorithm::Protonet, _) => protonet(data, ways),
    }
}

/// (M) 5.2: one step of 0.01 on the mean squared error, 25 tasks, 70,000 updates, as many queries as shots.
fn maml_sinusoid(shots: usize) -> Defaults {
    Defaults {
        iterations: 70_000,
        meta_batch: 25,
        halve_every: 0,
        train_ways: 1,
        queries: shots,
        eval_queries: shots,
        inner_lr: 0.01,
        inner_steps: 1,
        eval_steps: 1,
        norm: Norm::Batch,
        rotations: Rotations::None,
        split: Split::Alphabets,
    }
}

/// (M) on Omniglot: 5 ways 1 step of 0.4, 32 tasks, 3 steps at test; 20 ways 5 steps of 0.1, 16 tasks.
///
/// The published rates are for the sum of the losses over the support divided by the shots, which is N
/// times the mean: 0.4 * 5 = 0.1 * 20 = 2.0.
fn maml_drawings(data: &Data, ways: usize, shots: usize) -> Defaults {
    let few = ways <= FEW_WAYS;
    Defaults {
        // (F) glyphs: about one minute on two cores; (M) 60,000
        iterations: if *data == Data::Glyphs { 1000 } else { 60_000 },
        meta_batch: if few { 32 } else { 16 },
        halve_every: 0,
        train_ways: ways,
        queries: shots,
        eval_queries: shots,
        inner_lr: 2.0,
        inner_steps: if few { 1 } else { 5 },
        eval_steps: if few { 3 } else { 5 },
        norm: Norm::Batch,
        rotations: Rotations::PerClass,
        split: split(data),
    }
}

/// (P) on Omniglot: 60-way training episodes with 5 queries per class, one per update; rate halved every
/// 2000; 15 test queries per class; running statistics.
fn protonet(data: &Data, ways: usize) -> Defaults {
    Defaults {
        // (F) glyphs: about one minute on two cores; elsewhere 5 halvings, for (P) stops by validation
        iterations: if *data == Data::Glyphs { 300 } else { 10_000 },
        meta_batch: 1,
        halve_every: 2000,
        train_ways: ways.max(60),
        queries: 5,
        eval_queries: 15,
        inner_lr: 0.0,
        inner_steps: 0,
        eval_steps: 0,
        norm: Norm::Running,
        rotations: Rotations::NewClasses,
        split: split(data),
    }
}

/// Whole alphabets on the built-in data, the random split of (M) on Omniglot.
fn split(data: &Data) -> Split {
    match data {
        Data::Omniglot(_) => Split::Maml,
        _ => Split::Alphabets,
    }
}

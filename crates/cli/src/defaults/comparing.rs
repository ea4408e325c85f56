//! Defaults of the algorithms that embed and compare.

use fewshot_nn::{Clip, RelationModule};

use super::table::{is_few, maml_sinusoid, on_drawings, split};
use super::{Defaults, PAIRS};
use crate::choices::{Data, Norm, Rotations, Split};
use crate::outer::{Decay, Outer};
use crate::shots::Shots;

/// Weights are chosen on validation classes as often as this: (P) does it every 100 episodes (F).
const VALIDATE_EVERY: u64 = 500;
/// Such measurements in the 200 epochs of 100 episodes after which (P) stops, and so does R2-D2.
const PATIENCE: u64 = 200 * 100 / VALIDATE_EVERY;

/// (P) on Omniglot: 60-way training episodes with 5 queries per class, one per update; rate halved every
/// 2000; 15 test queries per class; running statistics.
pub fn protonet(data: &Data, ways: usize, shots: usize) -> Defaults {
    Defaults {
        source: "Snell, Swersky, Zemel 2017, section 3.1 and released code",
        // elsewhere 5 halvings, for (P) stops by validation
        iterations: on_drawings(data, 10_000, 300),
        meta_batch: 1,
        decay: Decay::Halved(2000),
        validate_every: matches!(data, Data::Omniglot(_)).then_some(VALIDATE_EVERY),
        patience: Some(PATIENCE),
        train_ways: ways.max(60),
        queries: 5,
        eval_queries: 15,
        inner_lr: 0.0,
        inner_steps: 0,
        eval_steps: 0,
        norm: Norm::Running,
        rotations: Rotations::NewClasses,
        eval_rotations: Rotations::NewClasses,
        split: split(data),
        ..maml_sinusoid(shots)
    }
}

/// Vinyals et al. 2016, 4.1: episodes of training as at test, rotations as new classes; they publish neither optimiser nor number of
/// updates. Queries as Ravi and Larochelle 2017.
pub fn matching(data: &Data, ways: usize, shots: usize) -> Defaults {
    Defaults {
        source: "Vinyals et al. 2016, section 4.1; 15 queries of Ravi, Larochelle 2017; optimiser and iterations chosen here",
        iterations: on_drawings(data, 20_000, 600),
        decay: Decay::Halved(4000),
        patience: None,
        train_ways: ways,
        queries: 15,
        ..protonet(data, ways, shots)
    }
}

/// Sung et al. 2018, 4.1 and released code: queries so that an episode has 100 images or so, gradient norm of each network at
/// most 0.5, rate halved every 100,000 of 1,000,000 episodes, statistics of the batch at test, too.
pub fn relation(data: &Data, ways: usize, shots: usize) -> Defaults {
    let queries = match (is_few(ways), shots) {
        (true, 1) => 19,
        (true, _) => 15,
        (false, 1) => 10,
        (false, _) => 5,
    };
    Defaults {
        source: "Sung et al. 2018, section 4.1 and released code",
        iterations: on_drawings(data, 1_000_000, 600),
        decay: Decay::Halved(100_000),
        patience: None,
        clip: Some(Clip::NormApart { limit: 0.5, prefix: RelationModule::PREFIX }),
        train_ways: ways,
        queries,
        eval_queries: queries,
        norm: Norm::Batch,
        ..protonet(data, ways, shots)
    }
}

/// Bertinetto et al. 2019 and released code: 60-way episodes of 600 images, 1 to 9 of the 10 of a class for support, rate 5e-3 halved
/// every 2000.
pub fn r2d2(data: &Data, ways: usize, shots: usize) -> Defaults {
    Defaults {
        source: "Bertinetto et al. 2019 and released code, 64 channels",
        iterations: on_drawings(data, 120_000, 300),
        outer_lr: 5e-3,
        train_shots: Shots { least: 1, most: 9 },
        queries: 1,
        ..protonet(data, ways, shots)
    }
}

/// (F): Koch et al.'s pairs and distortions for a small network; a turned alphabet is another one, as (P) turns classes.
pub fn siamese(data: &Data, shots: usize) -> Defaults {
    Defaults {
        source: "Koch, Zemel, Salakhutdinov 2015, pairs and distortions; network and training chosen here",
        iterations: on_drawings(data, 6000, 300),
        meta_batch: 1,
        outer_lr: 2e-3,
        decay: Decay::Cosine,
        train_ways: 2,
        norm: Norm::Running,
        rotations: Rotations::NewClasses,
        split: if matches!(data, Data::Omniglot(_)) { Split::Koch } else { Split::Alphabets },
        eval_queries: 15,
        inner_lr: 0.0,
        inner_steps: 0,
        eval_steps: 0,
        ..maml_sinusoid(shots)
    }
}

/// Section 3.2: 150,000 pairs an epoch with 8 distorted copies each for at most 200 epochs, all rates times 0.99 after each, which
/// ends with one-shot trials, until 20 were no better; the paper does not give its rates (F).
pub fn koch(small: Defaults) -> Defaults {
    let epoch = 9 * 150_000 / PAIRS as u64;
    Defaults {
        source: "Koch, Zemel, Salakhutdinov 2015, sections 3 and 4; rates, momenta and penalties chosen here",
        iterations: 200 * 9 * 150_000 / PAIRS as u64,
        // pictures of one's own may have no classes for validation
        validate_every: (small.split != Split::Own).then_some(epoch),
        patience: Some(20),
        outer: Outer::Layers,
        outer_lr: 1e-2,
        decay: Decay::Epochs,
        rotations: Rotations::None,
        ..small
    }
}

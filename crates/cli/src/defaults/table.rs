//! The table of defaults: algorithm by algorithm, with the sources of [`crate::defaults`].

use super::comparing::{matching, protonet, r2d2, relation, siamese};
use super::features::leo;
use super::learned_optimiser::{lstm_meta_learner, lstm_meta_learner_sinusoid};
use super::recurrent::mann;
use super::{Defaults, EPISODES, OUTER_LR};
use crate::algorithm::Algorithm;
use crate::choices::{Data, Norm, Rotations, Split};
use crate::outer::{Decay, Outer};

/// More ways than this take the values published for 20 ways, others those for 5.
const FEW_WAYS: usize = 10;

/// The defaults of an algorithm on a kind of data, for so many ways and shots.
pub fn of(algorithm: Algorithm, data: &Data, ways: usize, shots: usize) -> Defaults {
    match (algorithm, data) {
        (Algorithm::Maml, Data::Sinusoid) => maml_sinusoid(shots),
        (Algorithm::Maml, _) => maml_drawings(data, ways, shots),
        (Algorithm::Fomaml, _) => fomaml(data, ways, shots),
        (Algorithm::Reptile, Data::Sinusoid) => reptile_sinusoid(shots),
        (Algorithm::Reptile, _) => reptile_drawings(data, ways, shots),
        (Algorithm::Anil, _) => anil(data, ways, shots),
        (Algorithm::MetaSgd, _) => meta_sgd(data, ways, shots),
        (Algorithm::Mamlpp, _) => mamlpp(data, ways, shots),
        (Algorithm::Imaml, _) => imaml(data, ways, shots),
        (Algorithm::Cavia, _) => cavia(shots),
        (Algorithm::LstmMetaLearner, Data::Sinusoid) => lstm_meta_learner_sinusoid(shots),
        (Algorithm::LstmMetaLearner, _) => lstm_meta_learner(data, ways, shots),
        (Algorithm::Protonet, _) => protonet(data, ways, shots),
        (Algorithm::Matching, _) => matching(data, ways, shots),
        (Algorithm::Relation, _) => relation(data, ways, shots),
        (Algorithm::R2d2 | Algorithm::Lrd2, _) => r2d2(data, ways, shots),
        (Algorithm::Siamese, _) => siamese(data, shots),
        (Algorithm::Mann, _) => mann(data, ways, shots),
        (Algorithm::Leo, _) => leo(shots),
        (Algorithm::Pretrain, Data::Sinusoid) => pretrain_sinusoid(shots),
        (Algorithm::Pretrain, _) => pretrain(data, ways, shots),
    }
}

/// (M) 5.2: one step of 0.01 on the mean squared error, 25 tasks, 70,000 updates, as many queries as shots.
pub fn maml_sinusoid(shots: usize) -> Defaults {
    Defaults {
        source: "Finn, Abbeel, Levine 2017, section 5.1 and released code",
        iterations: 70_000,
        meta_batch: 25,
        outer: Outer::Adam,
        outer_lr: OUTER_LR,
        decay: Decay::Constant,
        clip: None,
        validate_every: None,
        patience: None,
        train_ways: 1,
        train_shots: shots.into(),
        queries: shots,
        eval_queries: shots,
        episodes: EPISODES,
        inner_lr: 0.01,
        inner_steps: 1,
        eval_steps: 1,
        inner_batch: 10,
        eval_inner_batch: 10,
        norm: Norm::Batch,
        rotations: Rotations::None,
        eval_rotations: Rotations::None,
        split: Split::Alphabets,
    }
}

/// (M) on Omniglot: 5 ways 1 step of 0.4, 32 tasks, 3 steps at test; 20 ways 5 steps of 0.1, 16 tasks.
///
/// The published rates are for the sum of the losses over the support divided by the shots, which is N
/// times the mean: 0.4 * 5 = 0.1 * 20 = 2.0.
fn maml_drawings(data: &Data, ways: usize, shots: usize) -> Defaults {
    let few = is_few(ways);
    Defaults {
        source: "Finn, Abbeel, Levine 2017, section 5.2, appendix A.1 and released code",
        iterations: on_drawings(data, 60_000, if few { 1000 } else { 150 }),
        meta_batch: if few { 32 } else { 16 },
        train_ways: ways,
        inner_lr: 2.0,
        inner_steps: if few { 1 } else { 5 },
        eval_steps: if few { 3 } else { 5 },
        rotations: Rotations::PerClass,
        eval_rotations: Rotations::PerClass,
        split: split(data),
        ..maml_sinusoid(shots)
    }
}

fn maml(data: &Data, ways: usize, shots: usize) -> Defaults {
    of(Algorithm::Maml, data, ways, shots)
}

/// As MAML (M, 5.2: "a first-order approximation").
fn fomaml(data: &Data, ways: usize, shots: usize) -> Defaults {
    let maml = maml(data, ways, shots);
    Defaults { iterations: on_glyphs(data, maml.iterations, ways, [2000, 400]), ..maml }
}

/// The released commands: 5 ways 5 steps on 10 examples, 20 ways 10 steps on 20; 10 shots in
/// training, where a rotated character is another class; 50 steps at test, where nothing is rotated, and one query per class. The
/// split is (M)'s, of 1100 training characters and not 1200.
fn reptile_drawings(data: &Data, ways: usize, shots: usize) -> Defaults {
    let few = is_few(ways);
    Defaults {
        source: "Nichol, Achiam, Schulman 2018, section 6.1 and released commands",
        iterations: on_glyphs(data, if few { 100_000 } else { 200_000 }, ways, [2500, 600]),
        meta_batch: 5,
        outer: Outer::Sgd,
        outer_lr: 1.0,
        decay: Decay::Linear,
        train_shots: 10.into(),
        queries: 1,
        eval_queries: 1,
        episodes: if *data == Data::Glyphs { EPISODES } else { 10_000 },
        inner_lr: if few { 1e-3 } else { 5e-4 },
        inner_steps: if few { 5 } else { 10 },
        eval_steps: 50,
        inner_batch: if few { 10 } else { 20 },
        eval_inner_batch: if few { 5 } else { 10 },
        rotations: Rotations::NewClasses,
        eval_rotations: Rotations::None,
        ..maml(data, ways, shots)
    }
}

/// (F): the inner optimiser of the drawings, on 50 points in batches of 10, 32 steps at test as in the paper's figure.
fn reptile_sinusoid(shots: usize) -> Defaults {
    Defaults {
        source: "Nichol, Achiam, Schulman 2018, section 4.1; rates chosen here",
        iterations: 30_000,
        meta_batch: 5,
        outer: Outer::Sgd,
        outer_lr: 1.0,
        decay: Decay::Linear,
        train_shots: 50.into(),
        inner_lr: 5e-3,
        inner_steps: 10,
        eval_steps: 32,
        ..maml_sinusoid(shots)
    }
}

/// As MAML: the appendix's own table was not available. On sinusoids, where it has none, 5 steps of 0.1 (F).
fn anil(data: &Data, ways: usize, shots: usize) -> Defaults {
    let maml = maml(data, ways, shots);
    if *data == Data::Sinusoid {
        let source = "no published settings: MAML's, with 5 steps of 0.1 for the last layer";
        return Defaults { source, inner_lr: 0.1, inner_steps: 5, eval_steps: 5, ..maml };
    }
    Defaults {
        source: "Raghu, Raghu, Bengio, Vinyals 2020, section 4, with the settings of MAML; steps at test chosen here",
        iterations: on_glyphs(data, maml.iterations, ways, [2200, 1000]),
        // (F) with many ways twice those of training: 94.3 % instead of 91.9 on Omniglot, 20-way 1-shot
        eval_steps: if is_few(ways) { maml.eval_steps } else { 10 },
        ..maml
    }
}

/// Li et al., section 4: as MAML, with one step for any number of ways.
fn meta_sgd(data: &Data, ways: usize, shots: usize) -> Defaults {
    let maml = maml(data, ways, shots);
    Defaults {
        source: "Li, Zhou, Chen, Li 2017, section 4, one step, otherwise the settings of MAML",
        iterations: on_glyphs(data, maml.iterations, ways, [1000, 600]),
        inner_steps: 1,
        eval_steps: 1,
        ..maml
    }
}

/// The released Omniglot configurations: 5 steps of 0.1 on the mean loss, 8 tasks, one query per class, a rotated character is
/// another class, 100 epochs of 500 updates. On sinusoids, where there are none, 5 steps of 0.01 and MAML's other settings (F).
fn mamlpp(data: &Data, ways: usize, shots: usize) -> Defaults {
    let maml = maml(data, ways, shots);
    if *data == Data::Sinusoid {
        let source = "no published settings: MAML's, with 5 steps";
        return Defaults { source, decay: Decay::Cosine, inner_steps: 5, eval_steps: 5, ..maml };
    }
    Defaults {
        source: "Antoniou, Edwards, Storkey 2019, released configurations for Omniglot",
        iterations: on_glyphs(data, 50_000, ways, [250, 60]),
        meta_batch: 8,
        decay: Decay::Cosine,
        queries: 1,
        eval_queries: 1,
        inner_lr: 0.1,
        inner_steps: 5,
        eval_steps: 5,
        rotations: Rotations::NewClasses,
        eval_rotations: Rotations::NewClasses,
        ..maml
    }
}

/// Tables 2 and 3 and released code: 16 steps of 0.1, at 20 ways 25, 32 tasks, 20,000 updates; queries and rotations are MAML's.
/// The outer Adam has epsilon 1e-8, the released code 1e-3. On sinusoids, where there are no settings, 16 steps of 0.01 (F).
fn imaml(data: &Data, ways: usize, shots: usize) -> Defaults {
    let maml = maml(data, ways, shots);
    if *data == Data::Sinusoid {
        let source =
            "no published settings: MAML's, with 16 steps, a damped linear system and 20,000 iterations";
        return Defaults { source, iterations: 20_000, inner_steps: 16, eval_steps: 16, ..maml };
    }
    let steps = if is_few(ways) { 16 } else { 25 };
    Defaults {
        source: "Rajeswaran, Finn, Kakade, Levine 2019, tables 2 and 3 and released code",
        iterations: on_glyphs(data, 20_000, ways, [120, 15]),
        meta_batch: 32,
        inner_lr: 0.1,
        inner_steps: steps,
        eval_steps: steps,
        ..maml
    }
}

/// Section 5.1 and released code: one step of 1.0 on 5 context parameters, 25 tasks, 50,000 updates.
fn cavia(shots: usize) -> Defaults {
    Defaults {
        source: "Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019, section 5.1 and released code",
        iterations: 50_000,
        inner_lr: 1.0,
        ..maml_sinusoid(shots)
    }
}

/// Ravi and Larochelle, 5.1: 30,000 batches, Adam 1e-3, 15 steps of fine-tuning, 15 test queries; rotations as (P). Their rate of
/// fine-tuning is chosen on validation episodes; 0.01 is one of their choices (F).
fn pretrain(data: &Data, ways: usize, shots: usize) -> Defaults {
    Defaults {
        source: "Ravi, Larochelle 2017, section 5.1; fine-tuning rate chosen here, rotations of Snell et al. 2017",
        iterations: on_drawings(data, 30_000, 1000),
        decay: Decay::Constant,
        validate_every: None,
        patience: None,
        train_ways: ways,
        queries: shots,
        inner_lr: 0.01,
        eval_steps: 15,
        ..protonet(data, ways, shots)
    }
}

/// (M) 5.1, "pretrained on all of the tasks", measured as MAML is.
fn pretrain_sinusoid(shots: usize) -> Defaults {
    let source = "Finn, Abbeel, Levine 2017, section 5.1, pretrained on all tasks";
    Defaults { source, inner_steps: 0, ..maml_sinusoid(shots) }
}

pub fn is_few(ways: usize) -> bool {
    ways <= FEW_WAYS
}

/// The published number of iterations; on glyphs (F) about one minute on two cores.
pub fn on_drawings(data: &Data, published: u64, glyphs: u64) -> u64 {
    if *data == Data::Glyphs { glyphs } else { published }
}

/// The same with one number for few ways and one for many.
fn on_glyphs(data: &Data, published: u64, ways: usize, [few, many]: [u64; 2]) -> u64 {
    on_drawings(data, published, if is_few(ways) { few } else { many })
}

/// Whole alphabets on the built-in data, the random split of (M) on Omniglot.
pub fn split(data: &Data) -> Split {
    match data {
        Data::Omniglot(_) => Split::Maml,
        _ => Split::Alphabets,
    }
}

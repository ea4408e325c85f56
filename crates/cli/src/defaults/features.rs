//! Defaults of learning from feature vectors.

use super::comparing::protonet;
use super::table::maml_sinusoid;
use super::{Defaults, table};
use crate::algorithm::Algorithm;
use crate::choices::{Data, Rotations, Split};
use crate::outer::Decay;
use fewshot_meta::Leo;

/// Queries per class (Rusu et al. 2019, released code).
const QUERIES: usize = 15;
/// Weights are chosen on validation classes as often as this, and training ends after so many that were no better (F).
const VALIDATE_EVERY: u64 = 500;
const PATIENCE: u64 = 40;

/// Rusu et al. 2019, appendix and released code: settings found for miniImageNet, 12 episodes, at most 100,000 updates, ended early by
/// validation.
pub fn leo(shots: usize) -> Defaults {
    Defaults {
        source: "Rusu et al. 2019, settings for miniImageNet and released code; validation as often as chosen here",
        iterations: 100_000,
        meta_batch: 12,
        outer_lr: if shots == 1 { 2.739071e-4 } else { 4.102361e-4 },
        decay: Decay::Constant,
        clip: Some(Leo::CLIP),
        validate_every: Some(VALIDATE_EVERY),
        patience: Some(PATIENCE),
        queries: QUERIES,
        eval_queries: QUERIES,
        inner_lr: 0.0,
        inner_steps: 0,
        eval_steps: 0,
        split: Split::Own,
        ..maml_sinusoid(shots)
    }
}

/// (F): what stands beside LEO, on episodes and with validation as LEO's.
pub fn of(algorithm: Algorithm, ways: usize, shots: usize) -> Defaults {
    let own = match algorithm {
        Algorithm::Leo => leo(shots),
        Algorithm::Protonet => protonet(&Data::Glyphs, ways, shots),
        other => table::of(other, &Data::Glyphs, ways, shots),
    };
    let source = match algorithm {
        Algorithm::Leo => own.source,
        _ => "chosen here: a linear map of features of length one",
    };
    Defaults {
        source,
        iterations: if algorithm == Algorithm::Leo { own.iterations } else { 20_000 },
        train_ways: ways,
        queries: QUERIES,
        eval_queries: QUERIES,
        validate_every: Some(VALIDATE_EVERY),
        patience: Some(PATIENCE),
        rotations: Rotations::None,
        eval_rotations: Rotations::None,
        split: Split::Own,
        ..own
    }
}

//! Defaults of the LSTM meta-learner.

use fewshot_nn::Clip;

use super::Defaults;
use super::comparing::protonet;
use super::table::{maml_sinusoid, on_drawings};
use crate::choices::{Data, Norm};
use crate::outer::Decay;

/// Limit of the norm of the meta-gradient (section 5.1).
const CLIP: Option<Clip> = Some(Clip::Norm(0.25));
/// Weights are chosen on validation classes as often as this (released code).
const VALIDATE_EVERY: u64 = 1000;

/// Ravi and Larochelle, section 5.1 and released code: one episode per update, 15 queries; with one shot 12 steps and 75,000 episodes, with
/// five 8 and 50,000; each step sees batches of 5 or 25, the whole support of 5 ways, and so here with any number of ways. Splits and
/// rotations of drawings are (P)'s, for the paper has photographs.
pub fn lstm_meta_learner(data: &Data, ways: usize, shots: usize) -> Defaults {
    let (steps, episodes) = if shots == 1 { (12, 75_000) } else { (8, 50_000) };
    Defaults {
        source: "Ravi, Larochelle 2017, section 5.1 and released code, for miniImageNet; split and rotations of Snell et al. 2017",
        iterations: on_drawings(data, episodes, 200),
        decay: Decay::Constant,
        clip: CLIP,
        validate_every: matches!(data, Data::Omniglot(_)).then_some(VALIDATE_EVERY),
        train_ways: ways,
        queries: 15,
        inner_steps: steps,
        eval_steps: steps,
        inner_batch: ways * shots,
        norm: Norm::Support,
        ..protonet(data, ways, shots)
    }
}

/// (F): the steps of one shot on all points, the other settings of MAML but for one wave in an update.
pub fn lstm_meta_learner_sinusoid(shots: usize) -> Defaults {
    Defaults {
        source: "no published settings: Ravi, Larochelle 2017, section 5.1, with the points of MAML",
        iterations: 50_000,
        meta_batch: 1,
        clip: CLIP,
        inner_steps: 12,
        eval_steps: 12,
        inner_batch: shots,
        ..maml_sinusoid(shots)
    }
}

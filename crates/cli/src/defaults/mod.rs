//! What a run does when an option is not given, in one place, each with its source.
//!
//! (M): Finn, Abbeel, Levine 2017 (MAML), text, appendix A and released code.
//! (P): Snell, Swersky, Zemel 2017 (Prototypical networks), text and released code.
//! (F): chosen here, by measurement or for want of a published value.

mod comparing;
mod features;
mod learned_optimiser;
mod pictures;
mod recurrent;
mod table;

pub use comparing::koch;
pub use recurrent::{MOST_CLASSES, PER_CLASS, SEQUENCE_IMAGE_SIZE, SEQUENCES, naming};

use fewshot_nn::Clip;

use crate::algorithm::Algorithm;
use crate::choices::{Data, Distance, Norm, Order, Pull, Rotations, Split, Twin};
use crate::outer::{Decay, Outer};
use crate::shots::Shots;

/// The algorithm of `fewshot` and `fewshot train` without options (F).
pub const ALGORITHM: Algorithm = Algorithm::Protonet;
/// The algorithm of regression without options (F).
pub const SINUSOID_ALGORITHM: Algorithm = Algorithm::Maml;
/// The seed of a run.
pub const SEED: u64 = 1;
/// The seed of the glyph alphabets: they are one fixed data set, whatever the seed of the run.
pub const GLYPHS_SEED: u64 = 1;
/// The seed of random class splits, whatever the seed of the run; (M) shuffles once, with seed 1.
pub const SPLIT_SEED: u64 = 1;
/// Classes of an episode (M, P).
pub const WAYS: usize = 5;
/// Support examples per class (M, P).
pub const SHOTS: usize = 1;
/// Support points of a sinusoid (M).
pub const SINUSOID_SHOTS: usize = 10;
/// Drawings are resized to this many pixels a side (M, P).
pub const IMAGE_SIZE: usize = 28;
/// Distance of Prototypical networks (P); squared.
pub const DISTANCE: Distance = Distance::Euclidean;
/// Weight of a new batch in running statistics (the default of PyTorch, which (P) uses).
pub const RUNNING_MOMENTUM: f64 = 0.1;
/// Order of the meta-gradient, for algorithms that have the choice (M).
pub const ORDER: Order = Order::Second;
/// The same of the LSTM meta-learner (Ravi, Larochelle 2017, section 3.3.1).
pub const LSTM_ORDER: Order = Order::First;
/// Strength of iMAML's pull to the start (Rajeswaran et al., tables 2 and 3).
pub const PROXIMAL: f64 = 2.0;
/// When it acts (released code).
pub const PULL: Pull = Pull::LastStep;
/// Epsilon of the outer Adam (Kingma and Ba 2015).
pub const EPSILON: f64 = 1e-8;
/// The same of iMAML (released code).
pub const IMAML_EPSILON: f64 = 1e-3;
/// Steps of iMAML's conjugate gradient (the same).
pub const CG_STEPS: usize = 5;
/// Context parameters of CAVIA for sinusoids (Zintgraf et al., section 5.1).
pub const CONTEXT: usize = 5;
/// Distance of a Matching network (Vinyals et al. 2016, section 2.1.1).
pub const MATCHING_DISTANCE: Distance = Distance::Cosine;
/// Reads of the support by a query: on Omniglot the same paper has no full context.
pub const READS: usize = 0;
/// Newton steps of LR-D2 (Bertinetto et al. 2019, who have 1 and 5).
pub const NEWTON_STEPS: usize = 5;
/// Network of a Siamese network (F).
pub const TWIN: Twin = Twin::Small;
/// Pairs of a batch of a Siamese network (Koch, Zemel, Salakhutdinov 2015, section 3.2).
pub const PAIRS: usize = 128;
/// Drawings of a batch of pretraining (Ravi, Larochelle 2017, section 5.1).
pub const BATCH: usize = 64;
/// How fast the rate of fine-tuning falls: not at all (the same paper has it among its choices).
pub const TUNING_DECAY: f64 = 0.0;
/// Episodes of validation classes by which weights are chosen (F).
pub const VALIDATION_EPISODES: u64 = 200;
/// Test episodes (M; P on miniImageNet).
const EPISODES: usize = 600;
/// Rate of Adam (M, P).
const OUTER_LR: f64 = 1e-3;

/// The defaults of an algorithm on a kind of data, for so many ways and shots.
pub fn of(algorithm: Algorithm, data: &Data, ways: usize, shots: usize) -> Defaults {
    match data {
        Data::Folder(_) => pictures::of(algorithm, ways, shots),
        Data::Features(_) => features::of(algorithm, ways, shots),
        _ => table::of(algorithm, data, ways, shots),
    }
}

/// Defaults that depend on algorithm, data, ways and shots.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// Where they come from.
    pub source: &'static str,
    /// Outer updates.
    pub iterations: u64,
    /// Episodes in an outer update.
    pub meta_batch: usize,
    /// Outer optimiser.
    pub outer: Outer,
    /// Its rate.
    pub outer_lr: f64,
    /// How the rate falls.
    pub decay: Decay,
    /// Limit of the gradient.
    pub clip: Option<Clip>,
    /// Weights are measured on validation classes every so many updates, and the best are kept.
    pub validate_every: Option<u64>,
    /// Training ends once so many of these measurements in a row were no better.
    pub patience: Option<u64>,
    /// Classes of a training episode.
    pub train_ways: usize,
    /// Support examples per class of a training episode.
    pub train_shots: Shots,
    /// Training queries per class, beside the most shots.
    pub queries: usize,
    /// Test queries per class.
    pub eval_queries: usize,
    /// Test episodes.
    pub episodes: usize,
    /// Inner rate, for the mean loss.
    pub inner_lr: f64,
    /// Inner steps in training.
    pub inner_steps: usize,
    /// Inner steps at test.
    pub eval_steps: usize,
    /// Support examples of an inner step in training.
    pub inner_batch: usize,
    /// The same at test.
    pub eval_inner_batch: usize,
    /// Batch-norm policy.
    pub norm: Norm,
    /// Rotations of drawings in training.
    pub rotations: Rotations,
    /// Rotations of drawings at test.
    pub eval_rotations: Rotations,
    /// Split of the classes.
    pub split: Split,
}

//! Meta-learning in Rust: models that learn a new task from a handful of examples.
//!
//! Four libraries under one roof, each usable alone:
//!
//! | module | crate | what it is |
//! |---|---|---|
//! | [`autodiff`] | `fewshot-autodiff` | arrays and a tape whose gradients can be differentiated again, to any order |
//! | [`nn`] | `fewshot-nn` | named parameters, layers, the field's networks, outer optimisers |
//! | [`episodes`] | `fewshot-episodes` | data sets, class splits, few-shot episodes |
//! | [`meta`] | `fewshot-meta` | MAML and its relatives, Reptile, prototypical networks on one interface; training, evaluation, saved models |
//!
//! What most programs need is at the top of this crate.
//!
//! # A network that learns characters from one drawing each
//!
//! ```
//! use fewshot::episodes::glyphs::{self, GlyphConfig};
//! use fewshot::*;
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let images = Arc::new(glyphs::generate(&GlyphConfig::default(), 1)); // 1543 made-up characters, 20 drawings each
//! let split = glyphs::split(&images); // classes for training and test never meet
//! let protocol = Protocol { ways: 5, shots: 1, queries: 5, rotations: Rotations::None };
//! let train = ImageTasks::new(images.clone(), split.train(), protocol, 1, Purpose::Train)?;
//! let test = ImageTasks::new(images, split.test(), protocol, 1, Purpose::Test)?;
//!
//! let learner = ProtoNet::new(Conv4::new(&Conv4Config::pooled_64()));
//! let mut trainer = Trainer::<f32>::new(&learner, &train, Box::new(Adam::default()), Training::default());
//! for _ in 0..3 { // some hundreds, in earnest
//!     trainer.step()?;
//! }
//! let score = evaluate(&learner, trainer.meta(), &test, 10)?;
//! println!("accuracy {:.1} ± {:.1} %", 100.0 * score.mean, 100.0 * score.interval);
//! # assert!(score.mean > 0.2);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! Both are on by default. Who learns from numbers, feature vectors or the built-in glyphs can do without them, which saves
//! 29 of the 89 crates below these: `fewshot = { ..., default-features = false }`.
//!
//! | feature | what it brings |
//! |---|---|
//! | `images` | [`episodes::folder`]: folders of pictures of one's own, in PNG, JPEG, WebP, GIF, BMP, TIFF and PNM |
//! | `archives` | [`omniglot::load`](episodes::omniglot) and `omniglot::runs`: the official archives, read in place or unpacked |

#![forbid(unsafe_code)]
// links to what a feature brings lead nowhere without it
#![cfg_attr(not(all(feature = "images", feature = "archives")), allow(rustdoc::broken_intra_doc_links))]

pub use fewshot_autodiff as autodiff;
pub use fewshot_episodes as episodes;
pub use fewshot_meta as meta;
pub use fewshot_nn as nn;

pub use fewshot_autodiff::{
    Activation, Array, BatchedRun, Conv, CustomOp, Float, Indices, Padding, Pool, Program, Shape, StepTime,
    Tape, Var, gradcheck, with_split,
};
#[cfg(feature = "images")]
pub use fewshot_episodes::folder;
pub use fewshot_episodes::{
    ChaCha8Rng, ClassBatches, ClassSplit, Distortion, Episode, FeatureParts, FeatureSet, FeatureTasks,
    ImageSet, ImageTasks, OneShot, Outputs, PairProtocol, Pairs, Protocol, Purpose, Rotations,
    SequenceProtocol, Sequences, Set, Sinusoid, Targets, Tasks, omniglot, stream,
};
pub use fewshot_meta::{
    Anil, Answers, Cavia, Checkpoint, Displacement, Distance, Evaluation, ExactnessCheck, Examples,
    Execution, Filter, FineTune, FullContext, Gates, Head, IMaml, InnerGradient, InnerLoop, LabelCode,
    Labels, Learned, LearnedUpdate, Learner, Leo, LstmMetaLearner, Maml, Mann, Matching, Memory, Meta,
    Metric, MultiStep, Nil, Order, Predictor, Pretrain, ProtoNet, Pull, R2d2, Rate, Rates, Regression,
    Relation, Reptile, Rule, Runner, Scratch, Sharing, Siamese, Solver, Spread, Task, Trainer, Training,
    Verdict, Vote, by_instance, evaluate, evaluate_at_steps, evaluate_by_step, meta_gradient, save,
    save_predictor, save_progress,
};
pub use fewshot_nn::{
    Adam, Bias, Clip, Conv4, Conv4Config, Direction, Gru, Headed, Init, Input, Koch, LayerSettings,
    Layerwise, Linear, Lstm, MannConfig, Mlp, Mode, Model, Noise, NormPolicy, Optimizer, ParamBuilder,
    ParamId, ParamSpec, Params, Pass, R2d2Config, R2d2Encoder, RelationConfig, Schedule, Sgd, Signature,
    Tail,
};

/// The code of the README is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

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
//! What most programs name is in the [`prelude`]; everything else is in these modules.
//!
//! | to | read first |
//! |---|---|
//! | see the whole in twenty lines | the example below |
//! | learn from a table of one's own | [`episodes::Tasks`], `examples/11_own_table.rs` |
//! | learn from pictures of one's own | [`episodes::folder`], [`episodes::ImageTasks`] |
//! | name photographs with an encoder that others trained | feature `encoders`, [`meta::FeatureHead`] |
//! | use a model of one's own | [`nn::Sequential`], or [`nn::Model`] where layers are no chain; `examples/03_own_model.rs` |
//! | use another algorithm | [`meta`]: the learners, and what they share in [`meta::Learner`] |
//! | write an algorithm of one's own | [`meta::Learner`], [`meta::InnerLoop`], `examples/09_own_algorithm.rs` |
//! | train with progress, early stopping, resuming | [`meta::Trainer`], `examples/12_training_loop.rs` |
//! | answer in a server | [`meta::Predictor`], [`meta::Checkpoint`], `examples/13_server.rs` |
//! | differentiate anything | [`autodiff::Var`]: `grad`, `vjp`, `jacobian`, `hvp`; `examples/10_derivatives.rs` |
//! | write an operator of one's own | [`autodiff::CustomOp`], [`autodiff::gradcheck`], `examples/02_own_operator.rs` |
//!
//! # A network that learns characters from one drawing each
//!
//! ```
//! use fewshot::episodes::glyphs::{self, GlyphConfig};
//! use fewshot::prelude::*;
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
//! let mut trainer = Trainer::new(&learner, &train, Adam::default(), Training::default());
//! for _ in 0..3 { // some hundreds, in earnest
//!     trainer.step()?;
//! }
//! let score = evaluate(&learner, trainer.meta(), &test, 10)?;
//! println!("accuracy {score}");
//! # assert!(score.mean > 0.2);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! The first two are on by default. Who learns from numbers, feature vectors or the built-in glyphs can do without them, which saves
//! 29 of the 89 crates below these: `fewshot = { ..., default-features = false }`.
//!
//! | feature | what it brings |
//! |---|---|
//! | `images` | [`episodes::folder`]: folders of pictures of one's own, in PNG, JPEG, WebP, GIF, BMP, TIFF and PNM |
//! | `archives` | [`omniglot::load`](episodes::omniglot) and `omniglot::runs`: the official archives, read in place or unpacked |
//! | `encoders` | `encoders`: encoders that others trained, in ONNX; with [`meta::FeatureHead`] on their features |
//! | `serde` | enums of settings, such as [`meta::Order`] and [`meta::Distance`], are written to and read from files by their names |

#![forbid(unsafe_code)]
// links to what a feature brings lead nowhere without it
#![cfg_attr(not(all(feature = "images", feature = "archives")), allow(rustdoc::broken_intra_doc_links))]

pub use fewshot_autodiff as autodiff;
#[cfg(feature = "encoders")]
pub use fewshot_encoders as encoders;
pub use fewshot_episodes as episodes;
pub use fewshot_meta as meta;
pub use fewshot_nn as nn;
/// The arrays that episodes are made of.
pub use ndarray;

pub mod prelude;

/// The code of the README is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

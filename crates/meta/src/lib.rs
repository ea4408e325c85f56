//! Meta-learning algorithms on one interface.
//!
//! A [`Learner`] is an algorithm with its model: MAML ([`Maml`]), Prototypical networks ([`ProtoNet`]). From meta-parameters
//! and a task it makes the query loss on a tape, from which the meta-gradient follows. [`Trainer`] moves the meta-parameters,
//! [`evaluate`] measures on unseen tasks, [`save`] and [`Checkpoint`] keep them; none of them knows an algorithm by name.
//! After training, [`Learner::adapt`] turns a support set into a [`Predictor`].
//!
//! ```
//! use fewshot_episodes::{Purpose, Sinusoid, Tasks};
//! use fewshot_meta::{Examples, Learner, Maml, Trainer, Training, evaluate};
//! use fewshot_nn::{Adam, Mlp};
//!
//! let train = Sinusoid::new(10, 10, 1, Purpose::Train)?;
//! let test = Sinusoid::new(10, 10, 1, Purpose::Test)?;
//! let maml = Maml::new(Mlp::new(&[1, 40, 40, 1]));
//! let training = Training { meta_batch: 25, ..Training::default() };
//! let mut trainer = Trainer::<f32>::new(&maml, &train, Box::new(Adam::default()), training);
//! for _ in 0..3 {
//!     let step = trainer.step()?;
//!     println!("{}: {:.3}", step.iteration, step.loss);
//! }
//! let result = evaluate(&maml, trainer.meta(), &test, 100)?;
//! println!("{} {:.3} +- {:.3}", result.metric, result.mean, result.interval);
//!
//! let episode = test.episode(0);
//! let predictor = maml.adapt(trainer.meta(), &Examples::from(&episode.support));
//! assert_eq!(predictor.predict(&Examples::from(&episode.query).x).shape(), [10, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod adapt;
mod adapted;
mod anil;
mod atomic;
mod baselines;
mod boxed;
mod by_instance;
mod cavia;
mod checkpoint;
mod compare;
mod error;
mod evaluate;
mod exactness;
mod filter;
mod fit;
mod forward;
mod full_context;
mod gates;
mod imaml;
mod label_code;
mod learned;
mod learned_update;
mod learner;
mod leo;
mod leo_lesson;
mod leo_network;
mod leo_terms;
mod lstm_meta_learner;
mod lstm_steps;
mod maml;
mod maml_steps;
mod mamlpp;
mod mann;
mod mann_core;
mod mann_gradient;
mod mann_reader;
mod matching;
mod meta;
mod meta_sgd;
mod nil;
mod order;
mod predictor;
mod protonet;
mod r2d2;
mod recompute;
mod recording;
mod relation;
mod reptile;
mod rule;
mod runner;
mod save;
mod serve;
mod siamese;
mod slopes;
mod stepwise;
mod sum;
mod task;
mod task_vars;
mod tasks;
mod tensors;
mod trainer;
mod verification;

pub use adapt::{InnerLoop, Order, Rate};
pub use anil::Anil;
pub use atomic::write_atomically;
pub use baselines::{FineTune, Head, Pretrain, Scratch};
pub use by_instance::by_instance;
pub use cavia::Cavia;
pub use checkpoint::Checkpoint;
pub use error::Error;
pub use evaluate::{Evaluation, evaluate, evaluate_at_steps, evaluate_by_step};
pub use exactness::{Exactness, ExactnessCheck, Slope, Verdict};
pub use filter::Filter;
pub use fit::Answers;
pub use full_context::FullContext;
pub use gates::{Gates, Spread};
pub use imaml::{IMaml, Pull, Solver};
pub use label_code::LabelCode;
pub use learned::Learned;
pub use learned_update::{Coordinates, LearnedUpdate, preprocessed};
pub use learner::{Gradient, Learner, Meta, MetaVars, Outcome, Predictor, TaskGradient};
pub use leo::Leo;
pub use lstm_meta_learner::{InnerGradient, LstmMetaLearner};
pub use maml::{Maml, Rates, Sharing};
pub use mamlpp::MultiStep;
pub use mann::Mann;
pub use mann_core::Core;
pub use matching::Matching;
pub use nil::{Nil, Vote};
pub use protonet::{Distance, ProtoNet, prototypes};
pub use r2d2::{R2d2, Regression};
pub use recompute::Memory;
pub use relation::Relation;
pub use reptile::{Displacement, Reptile};
pub use rule::Rule;
pub use runner::{Execution, Runner};
pub use save::{save, save_predictor, save_progress};
pub use siamese::Siamese;
pub use task::{Examples, Labels, Metric, Task};
pub use task_vars::{ExampleVars, LabelVars, TaskVars};
pub use tasks::{MetaGradient, meta_gradient};
pub use trainer::{Progress, Step, Trainer, Training};
pub use verification::{Verification, verify};

//! Meta-learning algorithms on one interface.
//!
//! A [`Learner`] is an algorithm with its model: MAML ([`Maml`]), Prototypical networks ([`ProtoNet`]). From meta-parameters
//! and a task it makes the query loss on a tape, from which the meta-gradient follows. [`Trainer`] moves the meta-parameters,
//! [`evaluate`] measures on unseen tasks, [`save`] and [`Checkpoint`] keep them; none of them knows an algorithm by name.
//! After training, [`Learner::adapt`] turns a support set into a [`Predictor`].
//!
//! Features of an encoder that is not trained further are classified by a [`FeatureHead`], or by a [`TransductiveHead`] that answers all queries
//! together. What probabilities are worth is told by [`Reliability`] and mended by [`fit_temperature`]; [`KnownScore`], [`quantile_threshold`] and
//! [`LeaveOneOut`] serve to answer "none of these".
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
//! let mut trainer = Trainer::new(&maml, &train, Adam::default(), training);
//! for _ in 0..3 {
//!     let step = trainer.step()?;
//!     println!("{}: {:.3}", step.iteration, step.loss);
//! }
//! let result = evaluate(&maml, trainer.meta(), &test, 100)?;
//! println!("{} {result}", result.metric);
//!
//! let episode = test.episode(0);
//! let predictor = maml.adapt(trainer.meta(), &Examples::from(&episode.support));
//! assert_eq!(predictor.predict(&Examples::from(&episode.query).x).shape(), [10, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod baselines;
mod boxed;
mod calibration;
mod engine;
mod error;
mod fit;
mod heads;
mod inner_loop;
#[doc(hidden)]
pub mod instances;
mod io;
mod labels;
mod learner;
mod memory;
mod meta;
mod metric;
mod optimization;
mod outcome;
mod predictor;
mod task;

pub use baselines::{Distill, FineTune, FrozenFeatures, Head, Pretrain, Scratch, SupportCopies, Teacher};
pub use calibration::detection::{auroc, false_positive_rate};
pub use calibration::leave_one_out::LeaveOneOut;
pub use calibration::query_logits::{Calibration, QueryLogits};
pub use calibration::reliability::{ConfidenceBin, Reliability, brier_score, negative_log_likelihood};
pub use calibration::scores::{KnownScore, distance_scores, relative_distance_scores};
pub use calibration::temperature::fit_temperature;
pub use calibration::threshold::quantile_threshold;
pub use engine::by_instance::by_instance;
pub use engine::eager::task_gradient;
pub use engine::evaluate::{Evaluation, evaluate, evaluate_at_steps, evaluate_by_step, evaluate_with_logits};
pub use engine::exactness::{Exactness, ExactnessCheck, Slope, Verdict};
pub use engine::meta_gradient::{MetaGradient, meta_gradient};
pub use engine::runner::{Execution, Runner};
pub use engine::trainer::{Progress, Step, Trainer, Training};
pub use engine::unknown::{UnknownScores, evaluate_unknown};
pub use engine::verification::{Verification, verify};
pub use error::Error;
pub use fit::Answers;
pub use heads::feature_head::FeatureHead;
pub use heads::head_kind::{HeadKind, Scale};
pub use heads::transductive::head::{Transductive, TransductiveHead};
pub use heads::transductive::information::mutual_information;
pub use heads::transductive::label_propagation::Width;
pub use heads::transductive::tim::{Tim, TimSolver};
pub use heads::transform::Transform;
pub use inner_loop::adapt::{InnerLoop, Order, Rate};
pub use inner_loop::filter::Filter;
pub use inner_loop::mini_batches::MiniBatches;
pub use inner_loop::rematerialize::Checkpointing;
pub use inner_loop::rules::Rule;
pub use io::atomic::write_atomically;
pub use io::checkpoint::Checkpoint;
pub use io::save::{save, save_predictor, save_progress};
pub use labels::{ClassNumbers, Labels, Metric, Storage};
pub use learner::{Learner, Steps, learner_spec};
pub use memory::mann::Mann;
pub use memory::mann::core::Core;
pub use memory::mann::label_code::LabelCode;
pub use meta::Meta;
pub use metric::matching::Matching;
pub use metric::matching::full_context::FullContext;
pub use metric::metric_learner::MetricLearner;
pub use metric::nil::{Nil, Vote};
pub use metric::protonet::{Distance, ProtoNet, prototypes};
pub use metric::r2d2::{R2d2, Regression};
pub use metric::relation::Relation;
pub use metric::siamese::Siamese;
pub use optimization::anil::Anil;
pub use optimization::cavia::Cavia;
pub use optimization::imaml::{IMaml, ProximalAt, Solver};
pub use optimization::leo::Leo;
pub use optimization::lstm_meta_learner::gates::{Gates, Spread};
pub use optimization::lstm_meta_learner::update::{Coordinates, LearnedUpdate, preprocessed};
pub use optimization::lstm_meta_learner::{InnerGradient, LstmMetaLearner};
pub use optimization::maml::multi_step::MultiStep;
pub use optimization::maml::{Maml, Rates, Sharing};
pub use optimization::reptile::{Displacement, Reptile};
pub use outcome::Outcome;
pub use predictor::Predictor;
pub use predictor::adapted::AdaptedModel;
pub use predictor::state::PredictorState;
pub use task::{Examples, Task};

//! Meta-learning algorithms on one interface.
//!
//! A [`Learner`] is an algorithm with its model: MAML ([`Maml`]), Prototypical networks ([`ProtoNet`]). From meta-parameters
//! and a task it makes the query loss on a tape, from which the meta-gradient follows. [`Trainer`] moves the meta-parameters,
//! [`evaluate`] measures on unseen tasks, [`save`] and [`Checkpoint`] keep them; none of them knows an algorithm by name.
//! After training, [`Learner::adapt`] turns a support set into a [`Predictor`].

mod adapt;
mod checkpoint;
mod error;
mod evaluate;
mod filter;
mod forward;
mod header;
mod learner;
mod maml;
mod protonet;
mod task;
mod tasks;
mod trainer;

pub use adapt::{InnerLoop, Order, Rate};
pub use checkpoint::{Checkpoint, save};
pub use error::Error;
pub use evaluate::{Evaluation, evaluate, evaluate_by_step};
pub use filter::Filter;
pub use learner::{Learner, Meta, Outcome, Predictor, TaskGradient};
pub use maml::Maml;
pub use protonet::{Distance, ProtoNet, prototypes};
pub use task::{Examples, Labels, Metric, Task};
pub use tasks::{MetaGradient, meta_gradient};
pub use trainer::{Progress, Step, Trainer, Training};

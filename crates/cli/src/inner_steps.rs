//! What algorithms have in common of inner steps, rates and the outer optimiser, asked of any of them.

use crate::choices::Order;
use crate::defaults;
use crate::method::{Inner, Method, Steps};
use fewshot_meta::Checkpointing;
use fewshot_nn::{Clip, RelationModule};

impl Method {
    /// The inner steps with their rate, where it is a setting.
    fn inner(&self) -> Option<&Inner> {
        match self {
            Method::Maml { inner, .. }
            | Method::Fomaml { inner }
            | Method::Reptile { inner, .. }
            | Method::Anil { inner, .. }
            | Method::Mamlpp { inner, .. }
            | Method::Imaml { inner, .. }
            | Method::Cavia { inner, .. } => Some(inner),
            _ => None,
        }
    }

    /// The inner steps, for an algorithm that takes some in training.
    pub fn steps(&self) -> Option<Steps> {
        match self {
            Method::MetaSgd { steps, .. } | Method::LstmMetaLearner { steps, .. } => Some(*steps),
            other => other.inner().map(|inner| inner.steps),
        }
    }

    /// The inner steps at test, for an algorithm that takes some.
    pub fn eval_steps(&self) -> Option<usize> {
        match self {
            Method::Pretrain { tuning, .. } => Some(tuning.steps),
            Method::Leo(leo) => Some(leo.latent_steps + leo.fine_tuning_steps),
            other => other.steps().map(|steps| steps.eval),
        }
    }

    /// The same method with so many inner steps at test; nothing for one that takes none.
    pub fn with_eval_steps(mut self, eval: usize) -> Option<Method> {
        match &mut self {
            Method::MetaSgd { steps, .. } | Method::LstmMetaLearner { steps, .. } => steps.eval = eval,
            Method::Pretrain { tuning, .. } => tuning.steps = eval,
            Method::Maml { inner, .. }
            | Method::Fomaml { inner }
            | Method::Reptile { inner, .. }
            | Method::Anil { inner, .. }
            | Method::Mamlpp { inner, .. }
            | Method::Imaml { inner, .. }
            | Method::Cavia { inner, .. } => inner.steps.eval = eval,
            _ => return None,
        }
        Some(self)
    }

    /// The inner rate, where it is a setting.
    pub fn inner_lr(&self) -> Option<f64> {
        match self {
            Method::Pretrain { tuning, .. } => Some(tuning.lr),
            other => other.inner().map(|inner| inner.lr),
        }
    }

    /// The same method with this rate of inner steps at test; nothing where there is none, or it is learned.
    pub fn with_inner_lr(mut self, lr: f64) -> Option<Method> {
        match &mut self {
            Method::Pretrain { tuning, .. } => tuning.lr = lr,
            Method::Maml { inner, .. }
            | Method::Fomaml { inner }
            | Method::Reptile { inner, .. }
            | Method::Anil { inner, .. }
            | Method::Imaml { inner, .. }
            | Method::Cavia { inner, .. } => inner.lr = lr,
            _ => return None,
        }
        Some(self)
    }

    /// Epsilon of Adam as the outer optimiser.
    pub fn outer_epsilon(&self) -> f64 {
        match self {
            Method::Imaml { .. } => defaults::IMAML_EPSILON,
            _ => defaults::EPSILON,
        }
    }

    /// A limit of the norm of the meta-gradient; of two networks, for each of them.
    pub fn clip_norm(&self, limit: f64) -> Clip {
        match self {
            Method::Relation => Clip::NormApart { limit, prefix: RelationModule::PREFIX },
            _ => Clip::Norm(limit),
        }
    }

    /// The order of the meta-gradient, where it is a setting.
    pub fn order(&self) -> Option<Order> {
        match self {
            Method::Maml { order, .. }
            | Method::Anil { order, .. }
            | Method::MetaSgd { order, .. }
            | Method::Mamlpp { order, .. }
            | Method::Cavia { order, .. }
            | Method::LstmMetaLearner { order, .. } => Some(*order),
            _ => None,
        }
    }

    /// What is kept of inner steps, where it is a setting.
    pub fn memory(&self) -> Option<Checkpointing> {
        match self {
            Method::Maml { memory, .. } | Method::MetaSgd { memory, .. } | Method::Mamlpp { memory, .. } => {
                Some(*memory)
            }
            _ => None,
        }
    }
}

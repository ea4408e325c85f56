//! An algorithm with the settings only some algorithms have.

use crate::algorithm::Algorithm;
use crate::choices::{Access, Data, Distance, MannMemory, Naming, Order, Pull, Twin};
use crate::defaults::{self, Defaults};
use crate::latent;
use crate::options::Options;
use crate::parts::Parts;
use fewshot_meta::{Leo, Memory};

/// Numbers of inner gradient steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// In training.
    pub train: usize,
    /// At test.
    pub eval: usize,
}

/// Inner gradient steps of a given rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inner {
    /// Rate, for the mean loss.
    pub lr: f64,
    /// How many.
    pub steps: Steps,
}

/// Gradient steps on the support, at test alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Rate of the first step, for the mean loss.
    pub lr: f64,
    /// How many.
    pub steps: usize,
    /// How fast the rate falls: that of step t, from 0, is `lr / (1 + decay t)`.
    pub decay: f64,
}

/// An algorithm with its own settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Model-agnostic meta-learning.
    Maml {
        /// Inner steps.
        inner: Inner,
        /// Order of the meta-gradient.
        order: Order,
        /// What is kept of inner steps.
        memory: Memory,
    },
    /// First-order MAML.
    Fomaml {
        /// Inner steps.
        inner: Inner,
    },
    /// Reptile.
    Reptile {
        /// Inner steps.
        inner: Inner,
        /// Support examples of an inner step in training.
        batch: usize,
        /// The same at test.
        eval_batch: usize,
        /// Streams of tasks that carry moments on.
        lanes: usize,
    },
    /// MAML of the last layer.
    Anil {
        /// Inner steps.
        inner: Inner,
        /// Order of the meta-gradient.
        order: Order,
    },
    /// MAML with learned rates.
    MetaSgd {
        /// Numbers of inner steps.
        steps: Steps,
        /// Order of the meta-gradient.
        order: Order,
        /// What is kept of inner steps.
        memory: Memory,
    },
    /// MAML++.
    Mamlpp {
        /// Inner steps, with the rate at first.
        inner: Inner,
        /// Order of the meta-gradient.
        order: Order,
        /// What is kept of inner steps.
        memory: Memory,
        /// Which changes it makes to MAML.
        parts: Parts,
    },
    /// Implicit MAML.
    Imaml {
        /// Inner steps.
        inner: Inner,
        /// Strength of the pull to the start.
        proximal: f64,
        /// When that pull acts.
        pull: Pull,
        /// Steps of conjugate gradient.
        cg_steps: usize,
    },
    /// Context adaptation.
    Cavia {
        /// Inner steps.
        inner: Inner,
        /// Order of the meta-gradient.
        order: Order,
        /// Number of context parameters.
        context: usize,
    },
    /// LSTM meta-learner.
    LstmMetaLearner {
        /// Numbers of inner steps.
        steps: Steps,
        /// Order of the meta-gradient.
        order: Order,
        /// Support examples of an inner step.
        batch: usize,
    },
    /// Prototypical network.
    Protonet {
        /// Distance to the class means.
        distance: Distance,
    },
    /// Matching network.
    Matching {
        /// What attention is the softmax of, negated.
        distance: Distance,
        /// How often a query reads the support; 0 for no full context.
        reads: usize,
    },
    /// Relation network.
    Relation,
    /// Ridge regression in closed form.
    R2d2,
    /// Logistic regression by Newton steps.
    Lrd2 {
        /// How many.
        newton_steps: usize,
    },
    /// Siamese network.
    Siamese {
        /// Its twins.
        network: Twin,
        /// Pairs of a training batch.
        pairs: usize,
    },
    /// Memory-augmented network.
    Mann {
        /// What it remembers with.
        memory: MannMemory,
        /// How an external memory is accessed.
        access: Access,
        /// What classes are called.
        names: Naming,
        /// Images of each class in a sequence; 0 for episodes instead of sequences.
        per_class: usize,
        /// Sequences of a training task.
        sequences: usize,
        /// Training sequences after which there is one class more.
        growth: Option<u64>,
    },
    /// Latent embedding optimisation.
    Leo(Leo),
    /// Pretraining, then fine-tuning.
    Pretrain {
        /// Steps of fine-tuning.
        tuning: Tuning,
        /// Drawings of a batch; none for regression.
        batch: Option<usize>,
    },
}

fn pretrain(options: &Options, inner: &Inner) -> Method {
    let decay = options.decay.unwrap_or(defaults::TUNING_DECAY);
    let tuning = Tuning { lr: inner.lr, steps: inner.steps.eval, decay };
    let drawings = options.data != Some(Data::Sinusoid);
    Method::Pretrain { tuning, batch: drawings.then(|| options.batch.unwrap_or(defaults::BATCH)) }
}

fn mann(options: &Options) -> Method {
    Method::Mann {
        memory: options.memory.unwrap_or(MannMemory::External),
        access: options.access.unwrap_or(Access::PerHead),
        names: options.names.unwrap_or(defaults::naming(options.ways.unwrap_or(defaults::WAYS))),
        per_class: options.per_class.unwrap_or(defaults::PER_CLASS),
        sequences: options.batch.unwrap_or(defaults::SEQUENCES),
        growth: options.curriculum.filter(|sequences| *sequences > 0),
    }
}

impl Method {
    /// The method options ask for.
    pub fn of(algorithm: Algorithm, options: &Options, default: &Defaults) -> Method {
        let steps = Steps {
            train: options.inner_steps.unwrap_or(default.inner_steps),
            eval: options.eval_steps.unwrap_or(default.eval_steps),
        };
        let inner = Inner { lr: options.inner_lr.unwrap_or(default.inner_lr), steps };
        let order = options.order.unwrap_or(defaults::ORDER);
        let memory = if options.recompute == Some(true) { Memory::Recompute } else { Memory::Keep };
        match algorithm {
            Algorithm::Maml => Method::Maml { inner, order, memory },
            Algorithm::Fomaml => Method::Fomaml { inner },
            Algorithm::Reptile => {
                let batch = options.inner_batch.unwrap_or(default.inner_batch);
                let eval_batch = options.eval_inner_batch.unwrap_or(default.eval_inner_batch);
                let lanes = options.lanes.or(options.meta_batch).unwrap_or(default.meta_batch);
                Method::Reptile { inner, batch, eval_batch, lanes }
            }
            Algorithm::Anil => Method::Anil { inner, order },
            Algorithm::MetaSgd => Method::MetaSgd { steps, order, memory },
            Algorithm::Mamlpp => {
                let parts = options.parts.clone().unwrap_or_else(Parts::released);
                Method::Mamlpp { inner, order, memory, parts }
            }
            Algorithm::Imaml => {
                let proximal = options.proximal.unwrap_or(defaults::PROXIMAL);
                let pull = options.pull.unwrap_or(defaults::PULL);
                let cg_steps = options.cg_steps.unwrap_or(defaults::CG_STEPS);
                Method::Imaml { inner, proximal, pull, cg_steps }
            }
            Algorithm::Cavia => {
                let context = options.context.unwrap_or(defaults::CONTEXT);
                Method::Cavia { inner, order, context }
            }
            Algorithm::LstmMetaLearner => Method::LstmMetaLearner {
                steps,
                order: options.order.unwrap_or(defaults::LSTM_ORDER),
                batch: options.inner_batch.unwrap_or(default.inner_batch),
            },
            Algorithm::Protonet => {
                Method::Protonet { distance: options.distance.unwrap_or(defaults::DISTANCE) }
            }
            Algorithm::Matching => Method::Matching {
                distance: options.distance.unwrap_or(defaults::MATCHING_DISTANCE),
                reads: options.reads.unwrap_or(defaults::READS),
            },
            Algorithm::Relation => Method::Relation,
            Algorithm::R2d2 => Method::R2d2,
            Algorithm::Lrd2 => {
                Method::Lrd2 { newton_steps: options.newton_steps.unwrap_or(defaults::NEWTON_STEPS) }
            }
            Algorithm::Siamese => {
                let network = options.network.unwrap_or(defaults::TWIN);
                Method::Siamese { network, pairs: options.batch.unwrap_or(defaults::PAIRS) }
            }
            Algorithm::Mann => mann(options),
            Algorithm::Leo => Method::Leo(latent::leo(options)),
            Algorithm::Pretrain => pretrain(options, &inner),
        }
    }

    /// Writes the settings as options.
    pub fn write(&self, options: &mut Options) {
        options.algorithm = Some(self.algorithm());
        if let Some(steps) = self.steps() {
            options.inner_steps = Some(steps.train);
        }
        options.eval_steps = self.eval_steps();
        options.inner_lr = self.inner_lr();
        options.order = self.order();
        options.recompute = self.memory().map(|memory| memory == Memory::Recompute);
        match self {
            Method::Mamlpp { parts, .. } => options.parts = Some(parts.clone()),
            Method::Protonet { distance } => options.distance = Some(*distance),
            Method::Matching { distance, reads } => {
                options.distance = Some(*distance);
                options.reads = Some(*reads);
            }
            Method::Lrd2 { newton_steps } => options.newton_steps = Some(*newton_steps),
            Method::Reptile { batch, eval_batch, lanes, .. } => {
                options.inner_batch = Some(*batch);
                options.eval_inner_batch = Some(*eval_batch);
                options.lanes = Some(*lanes);
            }
            Method::Imaml { proximal, pull, cg_steps, .. } => {
                options.proximal = Some(*proximal);
                options.pull = Some(*pull);
                options.cg_steps = Some(*cg_steps);
            }
            Method::Cavia { context, .. } => options.context = Some(*context),
            Method::LstmMetaLearner { batch, .. } => options.inner_batch = Some(*batch),
            Method::Siamese { network, pairs } => {
                options.network = Some(*network);
                options.batch = Some(*pairs);
            }
            Method::Mann { memory, access, names, per_class, sequences, growth } => {
                options.memory = Some(*memory);
                options.access = (*memory == MannMemory::External).then_some(*access);
                options.names = Some(*names);
                options.per_class = Some(*per_class);
                options.batch = Some(*sequences);
                options.curriculum = *growth;
            }
            Method::Leo(leo) => latent::write(leo, options),
            Method::Pretrain { tuning, batch } => {
                options.decay = Some(tuning.decay);
                options.batch = *batch;
            }
            _ => {}
        }
    }

    /// The algorithm without its settings.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Method::Maml { .. } => Algorithm::Maml,
            Method::Fomaml { .. } => Algorithm::Fomaml,
            Method::Reptile { .. } => Algorithm::Reptile,
            Method::Anil { .. } => Algorithm::Anil,
            Method::MetaSgd { .. } => Algorithm::MetaSgd,
            Method::Mamlpp { .. } => Algorithm::Mamlpp,
            Method::Imaml { .. } => Algorithm::Imaml,
            Method::Cavia { .. } => Algorithm::Cavia,
            Method::LstmMetaLearner { .. } => Algorithm::LstmMetaLearner,
            Method::Protonet { .. } => Algorithm::Protonet,
            Method::Matching { .. } => Algorithm::Matching,
            Method::Relation => Algorithm::Relation,
            Method::R2d2 => Algorithm::R2d2,
            Method::Lrd2 { .. } => Algorithm::Lrd2,
            Method::Siamese { .. } => Algorithm::Siamese,
            Method::Mann { .. } => Algorithm::Mann,
            Method::Leo(_) => Algorithm::Leo,
            Method::Pretrain { .. } => Algorithm::Pretrain,
        }
    }
}

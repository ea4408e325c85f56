//! The learner of a run: its network and its algorithm.

use std::sync::Arc;

use fewshot_meta::{
    Anil, Cavia, IMaml, Learner, Maml, Matching, Meta, MultiStep, Nil, ProtoNet, Rates, Reptile, Sharing,
    Solver,
};
use fewshot_nn::{Conv4, Conv4Config, Headed, Init, Mlp, NormPolicy};

use crate::baselines;
use crate::blocks;
use crate::choices::{MannMemory, Norm, Order, Pull, Twin};
use crate::comparing;
use crate::defaults;
use crate::features::LinearMap;
use crate::latent;
use crate::learned_optimiser;
use crate::method::{Inner, Method};
use crate::outer::epoch;
use crate::parts::{Change, Parts};
use crate::pictures::Pictures;
use crate::sequences;
use crate::settings::Settings;

/// Epochs of the multi-step loss of MAML++ on Omniglot.
const MULTI_STEP_EPOCHS: u64 = 10;
/// Epochs of first-order gradients of MAML++.
const FIRST_ORDER_EPOCHS: u64 = 50;

/// Damping of iMAML's linear system in regression where the pull acts in every step: without it, curvature of losses far from their minimum
/// makes the system singular. Classification has none then, as in the paper.
const REGRESSION_DAMPING: f64 = 1.0;

/// A network before it is made.
pub enum Network {
    /// Of drawings.
    Convolutions(Conv4Config),
    /// Of numbers: widths from input to output.
    Perceptron(Vec<usize>),
    /// Of feature vectors.
    Linear {
        /// Their numbers.
        inputs: usize,
        /// Those of the outputs.
        outputs: usize,
    },
}

/// Makes the learner that is measured.
pub fn build(settings: &Settings) -> Box<dyn Learner> {
    if let Some(mann) = sequences::network(settings) {
        return Box::new(mann);
    }
    match settings.method {
        Method::Relation => return Box::new(comparing::relation(settings)),
        Method::R2d2 | Method::Lrd2 { .. } => return Box::new(comparing::solver(settings)),
        Method::Siamese { network, .. } => return comparing::siamese(network, settings),
        Method::Leo(leo) => return Box::new(leo),
        _ => {}
    }
    match network(settings) {
        Network::Convolutions(config) => with_model(settings, Conv4::new(&config)),
        Network::Perceptron(sizes) => with_model(settings, Mlp::new(&sizes)),
        Network::Linear { inputs, outputs } => {
            with_model(settings, LinearMap::new(inputs, outputs, Init::XavierUniform))
        }
    }
}

/// Makes the learner that is trained, for data of so many outputs; only pretraining measures another.
pub fn trained(settings: &Settings, outputs: usize) -> Box<dyn Learner> {
    match settings.method {
        Method::Pretrain { .. } => baselines::pretrain(settings, outputs),
        _ => build(settings),
    }
}

/// What was trained, as the learner that is measured starts from it.
pub fn start(settings: &Settings, trained: Meta) -> Meta {
    match settings.method {
        Method::Pretrain { .. } => baselines::start(settings, &trained),
        _ => trained,
    }
}

/// Compares features of the same network, of which the head is left away.
pub fn nil(settings: &Settings) -> Box<dyn Learner> {
    let policy = policy(settings);
    match network(settings) {
        Network::Convolutions(config) => Box::new(Nil { policy, ..Nil::new(Conv4::new(&config)) }),
        Network::Perceptron(sizes) => Box::new(Nil { policy, ..Nil::new(Mlp::new(&sizes)) }),
        Network::Linear { inputs, outputs } => {
            Box::new(Nil { policy, ..Nil::new(LinearMap::new(inputs, outputs, Init::XavierUniform)) })
        }
    }
}

/// Whether the network gives features of drawings, one by one.
pub fn has_encoder(settings: &Settings) -> bool {
    matches!(settings.method, Method::Protonet { .. } | Method::Pretrain { .. })
        && matches!(network(settings), Network::Convolutions(_))
}

/// The same learner, taking at least so many steps at test.
pub fn with_steps(settings: &Settings, least: usize) -> Box<dyn Learner> {
    let mut settings = settings.clone();
    if let Some(steps) = settings.method.eval_steps()
        && let Some(method) = settings.method.clone().with_eval_steps(steps.max(least))
    {
        settings.method = method;
    }
    build(&settings)
}

/// The network in words.
pub fn network_name(settings: &Settings) -> String {
    if let Method::Leo(leo) = &settings.method {
        return latent::network_name(leo);
    }
    match network(settings) {
        Network::Linear { inputs, outputs } => format!("linear {inputs}-{outputs} on features of length one"),
        Network::Perceptron(sizes) => {
            let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
            format!("perceptron {}", sizes.join("-"))
        }
        Network::Convolutions(config) => match settings.method {
            Method::Relation => "Relation network, 64 channels",
            Method::R2d2 | Method::Lrd2 { .. } => "four blocks of 64 channels, features of the last two",
            Method::Siamese { network: Twin::Koch, .. } => {
                "convolutions of Koch et al., dense layer, sigmoid"
            }
            Method::Mann { memory: MannMemory::External, .. } => {
                "LSTM of 200 units, memory of 128 slots of 40 numbers, 4 heads"
            }
            Method::Mann { memory: MannMemory::Lstm, .. } => "LSTM of 200 units",
            Method::Mann { memory: MannMemory::None, .. } => "one layer of 200 units",
            _ => return blocks::words(&config),
        }
        .into(),
    }
}

/// The network that is measured, but for the large one of [`Twin::Koch`].
pub fn network(settings: &Settings) -> Network {
    let Some(classes) = &settings.classes else {
        let context = if let Method::Cavia { context, .. } = settings.method { context } else { 0 };
        return Network::Perceptron(vec![1 + context, 40, 40, 1]);
    };
    if let Some(inputs) = classes.features {
        let classifies = !settings.algorithm().compares();
        return Network::Linear { inputs, outputs: if classifies { classes.train_ways } else { inputs } };
    }
    let encoder = match classes.blocks {
        Some(blocks) => blocks.encoder(settings.algorithm()),
        None => Conv4Config::pooled_64(),
    };
    let config = match settings.method {
        Method::Protonet { .. } | Method::Matching { .. } | Method::Siamese { .. } => encoder,
        Method::Pretrain { .. } => encoder.with_head(classes.ways),
        _ => encoder.with_head(classes.train_ways),
    };
    let Pictures { size, .. } = classes.pictures;
    Network::Convolutions(Conv4Config { size, channels: classes.pictures.channels(), ..config })
}

fn with_model<M: Headed<f32> + 'static>(settings: &Settings, model: M) -> Box<dyn Learner> {
    match &settings.method {
        Method::Maml { .. } | Method::Fomaml { .. } | Method::MetaSgd { .. } | Method::Mamlpp { .. } => {
            Box::new(of_maml(settings, model))
        }
        Method::Anil { inner, order } => Box::new(Anil {
            train_steps: inner.steps.train,
            eval_steps: inner.steps.eval,
            inner_lr: inner.lr,
            order: self::order(*order),
            policy: policy(settings),
            ..Anil::new(model)
        }),
        Method::Reptile { inner, batch, eval_batch, lanes } => Box::new(Reptile {
            train_steps: inner.steps.train,
            eval_steps: inner.steps.eval,
            inner_lr: inner.lr,
            batch: Some(*batch),
            eval_batch: Some(*eval_batch),
            lanes: *lanes,
            policy: policy(settings),
            ..Reptile::new(model)
        }),
        Method::Imaml { .. } => Box::new(implicit(settings, model)),
        Method::LstmMetaLearner { .. } => Box::new(learned_optimiser::learner(settings, model)),
        Method::Cavia { inner, order, context } => Box::new(Cavia {
            train_steps: inner.steps.train,
            eval_steps: inner.steps.eval,
            inner_lr: inner.lr,
            order: self::order(*order),
            policy: policy(settings),
            ..Cavia::new(model, *context)
        }),
        Method::Pretrain { tuning, .. } => Box::new(baselines::fine_tune(settings, tuning, model)),
        Method::Siamese { .. } => unreachable!("a Siamese network is made with the number of its features"),
        Method::Protonet { distance } => Box::new(ProtoNet {
            model: Arc::new(model),
            distance: comparing::distance(*distance),
            policy: policy(settings),
        }),
        Method::Matching { distance, reads } => {
            let plain = match (reads, network(settings)) {
                (1.., Network::Convolutions(config)) => {
                    Matching::with_full_context(model, config.feature_count(), *reads)
                }
                _ => Matching::new(model),
            };
            Box::new(Matching { distance: comparing::distance(*distance), policy: policy(settings), ..plain })
        }
        Method::Relation | Method::R2d2 | Method::Lrd2 { .. } | Method::Mann { .. } | Method::Leo(_) => {
            unreachable!("{:?} has a network of its own", settings.algorithm())
        }
    }
}

/// MAML and what differs from it by settings alone.
fn of_maml<M>(settings: &Settings, model: M) -> Maml<M> {
    match &settings.method {
        Method::Fomaml { inner } => {
            Maml { order: fewshot_meta::Order::First, ..maml(settings, inner, Maml::new(model)) }
        }
        Method::MetaSgd { steps, order, memory } => Maml {
            train_steps: steps.train,
            eval_steps: steps.eval,
            order: self::order(*order),
            memory: *memory,
            policy: policy(settings),
            ..Maml::meta_sgd(model)
        },
        Method::Mamlpp { inner, order, memory, parts } => Maml {
            order: self::order(*order),
            memory: *memory,
            ..plus_plus(settings, parts, maml(settings, inner, Maml::plus_plus(model)))
        },
        Method::Maml { inner, order, memory } => {
            Maml { order: self::order(*order), memory: *memory, ..maml(settings, inner, Maml::new(model)) }
        }
        other => unreachable!("{:?} is no kind of MAML", other.algorithm()),
    }
}

/// iMAML with the inner steps of a run.
fn implicit<M>(settings: &Settings, model: M) -> IMaml<M> {
    let Method::Imaml { inner, proximal, pull, cg_steps } = &settings.method else {
        unreachable!("{:?} is not iMAML", settings.algorithm())
    };
    let form = match pull {
        Pull::LastStep => IMaml::released(model),
        Pull::EveryStep => {
            let damping = if settings.classes.is_none() { REGRESSION_DAMPING } else { 0.0 };
            IMaml { damping, ..IMaml::new(model) }
        }
    };
    IMaml {
        train_steps: inner.steps.train,
        eval_steps: inner.steps.eval,
        inner_lr: inner.lr,
        proximal: *proximal,
        solver: Solver::ConjugateGradient { steps: *cg_steps },
        policy: policy(settings),
        ..form
    }
}

/// A learner of the kind of MAML with the inner steps of a run.
fn maml<M>(settings: &Settings, inner: &Inner, learner: Maml<M>) -> Maml<M> {
    Maml {
        train_steps: inner.steps.train,
        eval_steps: inner.steps.eval,
        inner_lr: inner.lr,
        policy: policy(settings),
        ..learner
    }
}

/// MAML++ with these parts alone.
fn plus_plus<M>(settings: &Settings, parts: &Parts, learner: Maml<M>) -> Maml<M> {
    let epoch = epoch(settings.iterations);
    let sharing = |part| if parts.has(part) { Sharing::PerStep } else { Sharing::Shared };
    Maml {
        rates: if parts.has(Change::Lslr) { Rates::PerStep } else { Rates::Fixed },
        multi_step: parts.has(Change::Msl).then_some(MultiStep { epochs: MULTI_STEP_EPOCHS, epoch }),
        first_order_until: if parts.has(Change::Da) { FIRST_ORDER_EPOCHS * epoch } else { 0 },
        norm_weights: sharing(Change::Bnwb),
        norm_statistics: sharing(Change::Bnrs),
        ..learner
    }
}

/// The library's name of an order.
pub fn order(order: Order) -> fewshot_meta::Order {
    match order {
        Order::First => fewshot_meta::Order::First,
        Order::Second => fewshot_meta::Order::Second,
    }
}

/// Where the statistics that normalise queries come from.
pub fn policy(settings: &Settings) -> NormPolicy {
    match settings.classes.as_ref().map_or(Norm::Batch, |classes| classes.norm) {
        Norm::Batch => NormPolicy::Batch,
        Norm::Running => NormPolicy::Running { momentum: defaults::RUNNING_MOMENTUM },
        Norm::Support => NormPolicy::SupportOnly,
        Norm::SupportPlusOne => NormPolicy::SupportPlusOne,
    }
}

//! What meta-learning is compared with: pretraining with fine-tuning or nearest neighbours, and training from scratch.

use std::collections::{BTreeMap, BTreeSet};

use fewshot_episodes::Tasks;
use fewshot_meta::{Evaluation, Filter, FineTune, Head, Learner, Meta, Nil, Pretrain, Scratch, Vote};
use fewshot_nn::{Conv4, Headed, Mlp, NormPolicy};

use crate::error::Error;
use crate::learner::{Network, build, network, policy};
use crate::measure::at_steps;
use crate::method::{Method, Tuning};
use crate::settings::Settings;

/// Parameters of the last layer.
const HEAD: &str = "head.*";
const NO_FEATURES: &str = "pretraining on feature vectors is refused";

/// Ordinary training of the network, with so many outputs.
pub fn pretrain(settings: &Settings, outputs: usize) -> Box<dyn Learner> {
    let policy = policy(settings);
    match network(settings) {
        Network::Convolutions(config) => {
            Box::new(Pretrain { policy, ..Pretrain::new(Conv4::new(&config.with_head(outputs))) })
        }
        Network::Perceptron(sizes) => Box::new(Pretrain { policy, ..Pretrain::new(Mlp::new(&sizes)) }),
        Network::Linear { .. } => unreachable!("{NO_FEATURES}"),
    }
}

/// Fine-tuning, from a new head where outputs mean something else in every task.
pub fn fine_tune<M>(settings: &Settings, tuning: &Tuning, model: M) -> FineTune<M> {
    let Tuning { lr, steps, decay } = *tuning;
    let head = if settings.classes.is_some() { Head::Zeros } else { Head::Kept };
    FineTune { head, steps, inner_lr: lr, decay, policy: policy(settings), ..FineTune::new(model) }
}

/// What was pretrained, for the network that is fine-tuned.
pub fn start(settings: &Settings, pretrained: &Meta) -> Meta {
    let fresh = if settings.classes.is_some() { Filter::only(&[HEAD]) } else { Filter::only(&[]) };
    pretrained.transfer(&*build(settings), &fresh, settings.seed)
}

/// Scores of what stands beside fine-tuning, on the same episodes.
pub struct Baselines {
    /// Nearest neighbour among the pretrained features, for classification.
    pub nearest: Option<Evaluation>,
    /// Training from scratch, after some numbers of steps.
    pub scratch: BTreeMap<usize, Evaluation>,
}

/// Measures what stands beside fine-tuning; nothing for other algorithms. Training from scratch is scored after these numbers of steps.
pub fn measure(
    settings: &Settings,
    meta: &Meta,
    tasks: &dyn Tasks,
    steps: &BTreeSet<usize>,
) -> Result<Option<Baselines>, Error> {
    let (Method::Pretrain { tuning, .. }, Some(last)) = (&settings.method, steps.last()) else {
        return Ok(None);
    };
    let tuning = Tuning { steps: *last, ..*tuning };
    let score = |learner: &dyn Learner, steps: &BTreeSet<usize>| {
        let last = steps.last().copied().unwrap_or(0);
        at_steps(learner, meta, tasks, settings.episodes, steps, last)
    };
    let (nearest, scratch) = match network(settings) {
        Network::Convolutions(config) => {
            let model = Conv4::new(&config);
            let policy = policy(settings);
            let nearest = Nil { vote: Vote::Nearest, policy, ..Nil::new(model.clone()) };
            let nearest = score(&nearest, &BTreeSet::from([0]))?.remove(&0);
            (nearest, from_scratch(settings, &tuning, model))
        }
        Network::Perceptron(sizes) => (None, from_scratch(settings, &tuning, Mlp::new(&sizes))),
        Network::Linear { .. } => unreachable!("{NO_FEATURES}"),
    };
    Ok(Some(Baselines { nearest, scratch: score(&*scratch, steps)? }))
}

/// The same network and steps from random weights.
fn from_scratch<M: Headed<f32> + 'static>(
    settings: &Settings,
    tuning: &Tuning,
    model: M,
) -> Box<dyn Learner> {
    let Tuning { lr, steps, decay } = *tuning;
    let policy = match policy(settings) {
        // there are no averages of training
        NormPolicy::Running { .. } => NormPolicy::SupportOnly,
        other => other,
    };
    Box::new(Scratch { steps, inner_lr: lr, decay, seed: settings.seed, policy, ..Scratch::new(model) })
}

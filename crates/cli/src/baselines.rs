//! What fine-tuning of a pretrained network is compared with: nearest neighbours, and training from scratch.

use std::collections::{BTreeMap, BTreeSet};

use fewshot_episodes::Tasks;
use fewshot_meta::{Evaluation, Learner, Meta, Nil, Scratch, Vote};
use fewshot_nn::NormPolicy;

use crate::error::Error;
use crate::measure::at_steps;
use crate::network;
use crate::settings::Settings;

/// Scores of what stands beside fine-tuning, on the same episodes.
pub struct Baselines {
    /// Nearest neighbour among the pretrained features, for classification.
    pub nearest: Option<Evaluation>,
    /// Training from scratch, after some numbers of steps.
    pub scratch: BTreeMap<usize, Evaluation>,
}

/// Measures what stands beside fine-tuning. Training from scratch is scored after these numbers of steps.
pub fn measure(
    settings: &Settings,
    meta: &Meta,
    tasks: &dyn Tasks,
    steps: &BTreeSet<usize>,
) -> Result<Option<Baselines>, Error> {
    let Some(&last) = steps.last() else { return Ok(None) };
    let score = |learner: &dyn Learner, steps: &BTreeSet<usize>| {
        let last = steps.last().copied().unwrap_or(0);
        at_steps(learner, meta, tasks, settings.episodes, steps, last).map(|(scores, _)| scores)
    };
    let model = network::model(settings);
    let nearest = match &settings.classes {
        Some(classes) => {
            let nearest =
                Nil { vote: Vote::Nearest, policy: classes.norm, ..Nil::new(network::model(settings)) };
            score(&nearest, &BTreeSet::from([0]))?.remove(&0)
        }
        None => None,
    };
    let policy = match settings.policy() {
        // there are no averages of training
        NormPolicy::Running { .. } => NormPolicy::SupportOnly,
        other => other,
    };
    let (inner_lr, decay) = (settings.number("inner-lr"), settings.number("decay"));
    let scratch =
        Scratch { steps: last, inner_lr, decay, seed: settings.seed, policy, ..Scratch::new(model) };
    Ok(Some(Baselines { nearest, scratch: score(&scratch, steps)? }))
}

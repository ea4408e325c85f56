//! The learner of a run: its network and its algorithm.

use std::sync::Arc;

use fewshot_episodes::{Outputs, Tasks};
use fewshot_meta::{Learner, Maml, ProtoNet};
use fewshot_nn::{Conv4, Conv4Config, Mlp, Model, NormPolicy};

use crate::choices::{Distance, Norm, Order};
use crate::defaults;
use crate::settings::{Method, Settings};

/// Regression is measured after up to this many steps, as in the paper.
const CURVE_STEPS: usize = 10;

/// Makes the learner for tasks of this form.
pub fn build(settings: &Settings, tasks: &dyn Tasks) -> Box<dyn Learner> {
    match (&settings.method, tasks.outputs()) {
        (Method::Protonet { distance }, _) => Box::new(ProtoNet {
            model: Arc::new(Conv4::new(&Conv4Config::pooled_64())),
            distance: match distance {
                Distance::Euclidean => fewshot_meta::Distance::SquaredEuclid,
                Distance::Cosine => fewshot_meta::Distance::Cosine,
            },
            policy: policy(settings),
        }),
        (Method::Maml { .. }, Outputs::Classes(ways)) => {
            maml(settings, Conv4::new(&Conv4Config::strided_gap().with_head(ways)))
        }
        (Method::Maml { .. }, Outputs::Values(width)) => maml(settings, Mlp::new(&[1, 40, 40, width])),
    }
}

/// The same learner, of which regression takes enough steps at test to show how the error falls with them.
pub fn for_measuring(settings: &Settings, tasks: &dyn Tasks) -> Box<dyn Learner> {
    let mut settings = settings.clone();
    if let (Method::Maml { eval_steps, .. }, Outputs::Values(_)) = (&mut settings.method, tasks.outputs()) {
        *eval_steps = CURVE_STEPS.max(*eval_steps);
    }
    build(&settings, tasks)
}

/// The network in words.
pub fn network(settings: &Settings) -> &'static str {
    match (&settings.method, &settings.classes) {
        (Method::Protonet { .. }, _) => "Conv4 with max-pooling, 64 channels",
        (Method::Maml { .. }, Some(_)) => "Conv4 with strides, 64 channels, linear head",
        (Method::Maml { .. }, None) => "perceptron 1-40-40-1",
    }
}

fn maml<M: Model<f32> + 'static>(settings: &Settings, model: M) -> Box<dyn Learner> {
    let Method::Maml { order, inner_lr, inner_steps, eval_steps } = settings.method else {
        unreachable!("called for MAML alone");
    };
    Box::new(Maml {
        train_steps: inner_steps,
        eval_steps,
        inner_lr,
        order: match order {
            Order::First => fewshot_meta::Order::First,
            Order::Second => fewshot_meta::Order::Second,
        },
        policy: policy(settings),
        ..Maml::new(model)
    })
}

fn policy(settings: &Settings) -> NormPolicy {
    match settings.classes.as_ref().map_or(Norm::Batch, |classes| classes.norm) {
        Norm::Batch => NormPolicy::Batch,
        Norm::Running => NormPolicy::Running { momentum: defaults::RUNNING_MOMENTUM },
        Norm::Support => NormPolicy::SupportOnly,
        Norm::SupportPlusOne => NormPolicy::SupportPlusOne,
    }
}

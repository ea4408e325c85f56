//! The LSTM meta-learner of a run, and what its gates do.

use fewshot_meta::{Examples, Gates, LstmMetaLearner, Meta};
use fewshot_nn::{Conv4, Init, Mlp};

use crate::features::LinearMap;
use crate::learner::{Network, network, order, policy};
use crate::method::Method;
use crate::settings::Settings;

/// Weight of a new batch in the statistics of a support, for one shot and for more (released code).
const NORM_MOMENTUM: [f64; 2] = [0.9, 0.95];

/// The learner with the steps of a run.
pub fn learner<M>(settings: &Settings, model: M) -> LstmMetaLearner<M> {
    let Method::LstmMetaLearner { steps, order, batch } = &settings.method else {
        unreachable!("{:?} is no LSTM meta-learner", settings.algorithm())
    };
    LstmMetaLearner {
        train_steps: steps.train,
        eval_steps: steps.eval,
        batch: Some(*batch),
        order: self::order(*order),
        norm_momentum: NORM_MOMENTUM[usize::from(settings.train_shots.most > 1)],
        policy: policy(settings),
        ..LstmMetaLearner::new(model)
    }
}

/// The gates of each step on a support; nothing for another learner.
pub fn gates(settings: &Settings, meta: &Meta, support: &Examples) -> Option<Vec<Gates>> {
    let Method::LstmMetaLearner { .. } = settings.method else { return None };
    Some(match network(settings) {
        Network::Convolutions(config) => learner(settings, Conv4::new(&config)).gates(meta, support),
        Network::Perceptron(sizes) => learner(settings, Mlp::new(&sizes)).gates(meta, support),
        Network::Linear { inputs, outputs } => {
            learner(settings, LinearMap::new(inputs, outputs, Init::XavierUniform)).gates(meta, support)
        }
    })
}

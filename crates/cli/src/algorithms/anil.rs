//! ANIL: MAML that adapts the last layer alone.

use fewshot_meta::Learner;
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES_AND_SINUSOIDS, inner_steps_of_rate};
use crate::network;
use crate::options::shared::{DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_LR, INNER_STEPS, ORDER};
use crate::settings::Settings;

static ABOUT: About = About {
    name: "anil",
    summary: "MAML that adapts the last layer alone",
    paper: "Raghu, Raghu, Bengio, Vinyals 2020",
    published: include_str!("anil.toml"),
    data: PICTURES_AND_SINUSOIDS,
    options: &[&ORDER, &INNER_LR, &INNER_STEPS, &EVAL_STEPS, &FILTERS, &DOWNSAMPLE],
};

/// The row of ANIL.
pub struct Anil;

impl Algorithm for Anil {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(fewshot_meta::Anil {
            train_steps: run.count("inner-steps"),
            eval_steps: run.count("eval-steps"),
            inner_lr: run.number("inner-lr"),
            order: run.read("order"),
            policy: run.policy(),
            ..fewshot_meta::Anil::new(network::model(run))
        })
    }

    fn words(&self, run: &Settings) -> String {
        inner_steps_of_rate(run)
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::strided_gap())
    }

    fn has_nil(&self) -> bool {
        true
    }

    fn shows_regression(&self) -> bool {
        true
    }
}

//! First-order MAML: inner gradients count as constants.

use fewshot_meta::{Learner, Order};
use fewshot_nn::Conv4Config;

use super::{ALL_DATA, About, Algorithm, inner_steps_of_rate, maml};
use crate::network;
use crate::options::shared::{DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_LR, INNER_STEPS};
use crate::settings::Settings;

static ABOUT: About = About {
    name: "fomaml",
    summary: "MAML whose inner gradients count as constants",
    paper: "Finn, Abbeel, Levine 2017",
    published: include_str!("fomaml.toml"),
    data: ALL_DATA,
    options: &[&INNER_LR, &INNER_STEPS, &EVAL_STEPS, &FILTERS, &DOWNSAMPLE],
};

/// The row of first-order MAML.
pub struct Fomaml;

impl Algorithm for Fomaml {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let first_order =
            fewshot_meta::Maml { order: Order::First, ..fewshot_meta::Maml::new(network::model(run)) };
        Box::new(maml::of_run(run, first_order))
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

    fn leaves_norms(&self) -> bool {
        true
    }

    fn shows_regression(&self) -> bool {
        true
    }
}

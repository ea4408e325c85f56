//! Meta-SGD: MAML with a learned rate for every weight.

use fewshot_meta::Learner;
use fewshot_nn::Conv4Config;

use super::{ALL_DATA, About, Algorithm, inner_steps, maml};
use crate::error::Error;
use crate::network;
use crate::options::Options;
use crate::options::shared::{DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_STEPS, ORDER, RECOMPUTE};
use crate::settings::Settings;

static ABOUT: About = About {
    name: "meta-sgd",
    summary: "MAML with a learned rate for every weight",
    paper: "Li, Zhou, Chen, Li 2017",
    published: include_str!("meta-sgd.toml"),
    data: ALL_DATA,
    options: &[&ORDER, &INNER_STEPS, &EVAL_STEPS, &RECOMPUTE, &FILTERS, &DOWNSAMPLE],
};

/// The row of Meta-SGD.
pub struct MetaSgd;

impl Algorithm for MetaSgd {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(maml::of_run(run, fewshot_meta::Maml::meta_sgd(network::model(run))))
    }

    fn words(&self, run: &Settings) -> String {
        format!("{} of learned rates", inner_steps(run))
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::strided_gap())
    }

    fn refuse(&self, given: &Options) -> Result<(), Error> {
        maml::recomputes_second_order(given)
    }

    fn leaves_norms(&self) -> bool {
        true
    }
}

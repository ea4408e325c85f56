//! Reptile: moves the initialisation to where training on each task ends.

use fewshot_meta::Learner;
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES_AND_SINUSOIDS, inner_steps_of_rate};
use crate::network;
use crate::options::shared::{
    DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_BATCH, INNER_LR, INNER_STEPS, MOST, MOST_TASKS,
};
use crate::options::{Group, Kind, Opt};
use crate::settings::Settings;

static EVAL_INNER_BATCH: Opt = Opt::new(
    "eval-inner-batch",
    "EXAMPLES",
    Kind::upto(MOST),
    Group::Inner,
    "Support examples of an inner step at test",
);

static LANES: Opt = Opt::new(
    "lanes",
    "LANES",
    Kind::upto(MOST_TASKS),
    Group::Inner,
    "Streams of tasks that each carry the moments of the inner optimiser on",
)
.with_more("As many as the meta-batch where it is not given.");

static ABOUT: About = About {
    name: "reptile",
    summary: "Moves the start to where training on each task ends",
    paper: "Nichol, Achiam, Schulman 2018",
    published: include_str!("reptile.toml"),
    data: PICTURES_AND_SINUSOIDS,
    options: &[
        &INNER_LR,
        &INNER_STEPS,
        &EVAL_STEPS,
        &INNER_BATCH,
        &EVAL_INNER_BATCH,
        &LANES,
        &FILTERS,
        &DOWNSAMPLE,
    ],
};

/// The row of Reptile.
pub struct Reptile;

impl Algorithm for Reptile {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(fewshot_meta::Reptile {
            train_steps: run.count("inner-steps"),
            eval_steps: run.count("eval-steps"),
            inner_lr: run.number("inner-lr"),
            batch: Some(run.count("inner-batch")),
            eval_batch: Some(run.count("eval-inner-batch")),
            lanes: run.count("lanes"),
            policy: run.policy(),
            ..fewshot_meta::Reptile::new(network::model(run))
        })
    }

    fn words(&self, run: &Settings) -> String {
        let [batch, eval, lanes] = ["inner-batch", "eval-inner-batch", "lanes"].map(|name| run.count(name));
        format!("{} on {batch} examples (at test {eval}), lanes {lanes}", inner_steps_of_rate(run))
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::strided_flat())
    }

    fn has_two_norms(&self) -> bool {
        true
    }
}

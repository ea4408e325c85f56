//! MAML: gradient steps from a learned initialisation.

use fewshot_meta::{Checkpointing, Learner};
use fewshot_nn::Conv4Config;

use super::{ALL_DATA, About, Algorithm, inner_steps_of_rate};
use crate::error::Error;
use crate::network;
use crate::options::Options;
use crate::options::shared::{DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_LR, INNER_STEPS, ORDER, RECOMPUTE};
use crate::settings::Settings;

static ABOUT: About = About {
    name: "maml",
    summary: "Gradient steps from a learned start",
    paper: "Finn, Abbeel, Levine 2017",
    published: include_str!("maml.toml"),
    data: ALL_DATA,
    options: &[&ORDER, &INNER_LR, &INNER_STEPS, &EVAL_STEPS, &RECOMPUTE, &FILTERS, &DOWNSAMPLE],
};

/// The row of MAML.
pub struct Maml;

impl Algorithm for Maml {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(of_run(run, fewshot_meta::Maml::new(network::model(run))))
    }

    fn words(&self, run: &Settings) -> String {
        inner_steps_of_rate(run)
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::strided_gap())
    }

    fn refuse(&self, given: &Options) -> Result<(), Error> {
        recomputes_second_order(given)
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

/// A learner of the kind of MAML with those of its settings that a run has.
pub fn of_run<M>(run: &Settings, learner: fewshot_meta::Maml<M>) -> fewshot_meta::Maml<M> {
    let checkpointing = match run.options.flag("recompute") {
        Some(true) => Checkpointing::Recompute,
        _ => Checkpointing::Keep,
    };
    fewshot_meta::Maml {
        train_steps: run.count("inner-steps"),
        eval_steps: run.count("eval-steps"),
        inner_lr: run.options.number("inner-lr").unwrap_or(learner.inner_lr),
        order: run.options.read("order").unwrap_or(learner.order),
        checkpointing,
        policy: run.policy(),
        ..learner
    }
}

/// Refuses to compute again what the first order does not keep.
pub fn recomputes_second_order(given: &Options) -> Result<(), Error> {
    match given.flag("recompute") == Some(true) && given.is("order", "1") {
        true => Err(Error::Combination(
            "--recompute saves memory of the second order: leave it out, or --order 1".into(),
        )),
        false => Ok(()),
    }
}

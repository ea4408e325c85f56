//! CAVIA: MAML that adapts some inputs of its own.

use fewshot_meta::Learner;

use super::{About, Algorithm, inner_steps_of_rate};
use crate::network;
use crate::options::shared::{EVAL_STEPS, INNER_LR, INNER_STEPS, MOST_TASKS, ORDER};
use crate::options::{Group, Kind, Opt};
use crate::settings::Settings;

static CONTEXT: Opt =
    Opt::new("context", "INPUTS", Kind::upto(MOST_TASKS), Group::Inner, "Number of inputs that are adapted");

static ABOUT: About = About {
    name: "cavia",
    summary: "MAML that adapts some inputs of its own; sinusoids only",
    paper: "Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019",
    published: include_str!("cavia.toml"),
    // the context is a wider input of a perceptron
    data: &["sinusoid"],
    options: &[&ORDER, &INNER_LR, &INNER_STEPS, &EVAL_STEPS, &CONTEXT],
};

/// The row of CAVIA.
pub struct Cavia;

impl Algorithm for Cavia {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let context = run.count("context");
        Box::new(fewshot_meta::Cavia {
            train_steps: run.count("inner-steps"),
            eval_steps: run.count("eval-steps"),
            inner_lr: run.number("inner-lr"),
            order: run.read("order"),
            policy: run.policy(),
            ..fewshot_meta::Cavia::new(network::perceptron(1 + context), context)
        })
    }

    fn words(&self, run: &Settings) -> String {
        format!("{}, context {}", inner_steps_of_rate(run), run.count("context"))
    }

    fn network(&self, run: &Settings) -> Option<String> {
        Some(network::perceptron_words(1 + run.count("context")))
    }
}

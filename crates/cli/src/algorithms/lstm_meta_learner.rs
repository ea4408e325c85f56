//! The LSTM meta-learner: steps whose decay and rate an LSTM gives for every weight.

use fewshot_meta::{Examples, Gates, Learner, Meta};
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES_AND_SINUSOIDS, inner_steps};
use crate::network::{self, Network};
use crate::options::shared::{DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_BATCH, INNER_STEPS, ORDER};
use crate::settings::Settings;

/// Weight of a new batch in the statistics of a support, for one shot and for more (released code).
const NORM_MOMENTUM: [f64; 2] = [0.9, 0.95];

static ABOUT: About = About {
    name: "lstm-meta-learner",
    summary: "Steps whose decay and rate an LSTM gives for every weight",
    paper: "Ravi, Larochelle 2017",
    published: include_str!("lstm-meta-learner.toml"),
    data: PICTURES_AND_SINUSOIDS,
    options: &[&ORDER, &INNER_STEPS, &EVAL_STEPS, &INNER_BATCH, &FILTERS, &DOWNSAMPLE],
};

/// The row of the LSTM meta-learner.
pub struct LstmMetaLearner;

impl Algorithm for LstmMetaLearner {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(of_run(run))
    }

    fn words(&self, run: &Settings) -> String {
        format!("{} of learned gates on {} examples", inner_steps(run), run.count("inner-batch"))
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::pooled_32())
    }

    fn gates(&self, run: &Settings, meta: &Meta, support: &Examples) -> Option<Vec<Gates>> {
        Some(of_run(run).gates(meta, support))
    }
}

fn of_run(run: &Settings) -> fewshot_meta::LstmMetaLearner<Network> {
    fewshot_meta::LstmMetaLearner {
        train_steps: run.count("inner-steps"),
        eval_steps: run.count("eval-steps"),
        batch: Some(run.count("inner-batch")),
        order: run.read("order"),
        norm_momentum: NORM_MOMENTUM[usize::from(run.train_shots.most > 1)],
        policy: run.policy(),
        ..fewshot_meta::LstmMetaLearner::new(network::model(run))
    }
}

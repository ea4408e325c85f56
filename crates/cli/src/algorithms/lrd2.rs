//! LR-D2: logistic regression of the last layer, by Newton steps.

use fewshot_meta::{Learner, R2d2};

use super::r2d2::{ENCODER, encoder};
use super::{About, Algorithm, PICTURES};
use crate::options::shared::{MOST_STEPS, TRAIN_WAYS};
use crate::options::{Group, Kind, Opt};
use crate::settings::Settings;

static NEWTON_STEPS: Opt = Opt::new(
    "newton-steps",
    "STEPS",
    Kind::upto(MOST_STEPS),
    Group::Comparing,
    "Newton steps of the logistic regression",
);

static ABOUT: About = About {
    name: "lrd2",
    summary: "Logistic regression of the last layer, by Newton steps",
    paper: "Bertinetto, Henriques, Torr, Vedaldi 2019",
    published: include_str!("lrd2.toml"),
    data: PICTURES,
    options: &[&NEWTON_STEPS, &TRAIN_WAYS],
};

/// The row of LR-D2.
pub struct Lrd2;

impl Algorithm for Lrd2 {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let steps = run.count("newton-steps");
        Box::new(R2d2 { policy: run.policy(), ..R2d2::logistic(encoder(run), steps) })
    }

    fn words(&self, run: &Settings) -> String {
        format!("logistic regression, Newton steps {}", run.count("newton-steps"))
    }

    fn network(&self, _: &Settings) -> Option<String> {
        Some(ENCODER.into())
    }

    fn compares(&self) -> bool {
        true
    }
}

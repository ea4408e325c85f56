//! An algorithm that nobody published: it takes a file of code, a file of settings and a row, and nothing else.

use fewshot_meta::Learner;
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES};
use crate::network;
use crate::options::shared::FILTERS;
use crate::options::{Group, Kind, Of, Opt};
use crate::settings::{Classes, Settings};

static SHARPNESS: Opt = Opt {
    name: "sharpness",
    value: "SHARPNESS",
    kind: Kind::Rate,
    group: Group::Comparing,
    of: Of::All,
    help: "How sharp comparisons are",
    more: "",
};

static ABOUT: About = About {
    name: "made-up",
    summary: "Nearest class mean, sharply",
    paper: "Nobody 2026",
    published: include_str!("made-up.toml"),
    data: PICTURES,
    options: &[&SHARPNESS, &FILTERS],
};

/// The row.
pub struct MadeUp;

impl Algorithm for MadeUp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(fewshot_meta::ProtoNet {
            policy: run.policy(),
            ..fewshot_meta::ProtoNet::new(network::model(run))
        })
    }

    fn words(&self, run: &Settings) -> String {
        format!("sharpness {}", run.number("sharpness"))
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::pooled_64())
    }

    fn head(&self, _: &Classes) -> Option<usize> {
        None
    }

    fn compares(&self) -> bool {
        true
    }
}

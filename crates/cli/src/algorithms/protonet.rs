//! Prototypical networks: the nearest class mean in a learned space.

use fewshot_meta::Learner;
use fewshot_nn::Conv4Config;

use super::{ALL_CLASSES, About, Algorithm};
use crate::network;
use crate::options::shared::{DISTANCE, DOWNSAMPLE, FILTERS, TRAIN_WAYS};
use crate::settings::{Classes, Settings};

static ABOUT: About = About {
    name: "protonet",
    summary: "Nearest class mean in a learned space",
    paper: "Snell, Swersky, Zemel 2017",
    published: include_str!("protonet.toml"),
    data: ALL_CLASSES,
    options: &[&DISTANCE, &TRAIN_WAYS, &FILTERS, &DOWNSAMPLE],
};

/// The row of Prototypical networks.
pub struct Protonet;

impl Algorithm for Protonet {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(fewshot_meta::ProtoNet {
            distance: run.read("distance"),
            policy: run.policy(),
            ..fewshot_meta::ProtoNet::new(network::model(run))
        })
    }

    fn words(&self, run: &Settings) -> String {
        format!("{} distance", run.text("distance"))
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

    fn has_encoder(&self) -> bool {
        true
    }
}

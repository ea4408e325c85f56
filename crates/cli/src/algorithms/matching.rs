//! Matching networks: attention over the support in a learned space.

use fewshot_meta::Learner;
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES};
use crate::network;
use crate::options::shared::{DISTANCE, DOWNSAMPLE, FILTERS, MOST_STEPS, TRAIN_WAYS};
use crate::options::{Group, Kind, Opt};
use crate::settings::{Classes, Settings};

static READS: Opt = Opt::new(
    "reads",
    "READS",
    Kind::from_zero(MOST_STEPS),
    Group::Comparing,
    "How often a query reads the support in full context embeddings; 0 does without",
);

static ABOUT: About = About {
    name: "matching",
    summary: "Attention over the support in a learned space",
    paper: "Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra 2016",
    published: include_str!("matching.toml"),
    data: PICTURES,
    options: &[&DISTANCE, &READS, &TRAIN_WAYS, &FILTERS, &DOWNSAMPLE],
};

/// The row of Matching networks.
pub struct Matching;

impl Algorithm for Matching {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let model = network::model(run);
        let plain = match run.count("reads") {
            0 => fewshot_meta::Matching::new(model),
            reads => fewshot_meta::Matching::with_full_context(model, network::features(run), reads),
        };
        Box::new(fewshot_meta::Matching { distance: run.read("distance"), policy: run.policy(), ..plain })
    }

    fn words(&self, run: &Settings) -> String {
        let distance = run.text("distance");
        match run.count("reads") {
            0 => format!("{distance} distance"),
            reads => format!("{distance} distance, full context with {reads} reads"),
        }
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

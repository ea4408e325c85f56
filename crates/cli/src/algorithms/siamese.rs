//! Siamese networks: the known picture that most likely shows the same.

use std::sync::Arc;

use fewshot_episodes::{ClassId, ImageSet, Outputs, PairProtocol, Pairs, Purpose, Tasks, omniglot};
use fewshot_meta::Learner;
use fewshot_nn::{Conv4, Conv4Config, Koch};

use super::{About, Algorithm, LARGEST, PICTURES, SMALLEST, Unit};
use crate::data::{drawers, episodes};
use crate::error::Error;
use crate::network;
use crate::official;
use crate::options::shared::BATCH;
use crate::options::{Group, Kind, Opt, Options};
use crate::places::Data;
use crate::settings::{Classes, Settings};

/// The network of the paper.
const KOCH: &str = "koch";

static NETWORK: Opt = Opt::new(
    "network",
    "NETWORK",
    Kind::Choice(&[
        ("small", "Conv4 on drawings of 28x28: minutes on a core"),
        (KOCH, "The paper's 39 million parameters on drawings of 105x105: weeks on a core"),
    ]),
    Group::Comparing,
    "Network: small, or the paper's",
);

static ABOUT: About = About {
    name: "siamese",
    summary: "The known drawing that most likely shows the same character",
    paper: "Koch, Zemel, Salakhutdinov 2015",
    published: include_str!("siamese.toml"),
    data: PICTURES,
    options: &[&NETWORK, &BATCH],
};

/// The row of Siamese networks.
pub struct Siamese;

impl Algorithm for Siamese {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        if is_koch(&run.options) {
            return Box::new(fewshot_meta::Siamese::koch(Koch::new(), Koch::FEATURES));
        }
        let [size, channels] = run.pictures();
        let config = Conv4Config { size, channels, ..Conv4Config::pooled_64() };
        let plain = fewshot_meta::Siamese::new(Conv4::new(&config), config.feature_count());
        Box::new(fewshot_meta::Siamese { policy: run.policy(), ..plain })
    }

    fn words(&self, _: &Settings) -> String {
        "largest probability of the same character".into()
    }

    fn network(&self, run: &Settings) -> Option<String> {
        Some(match is_koch(&run.options) {
            true => "convolutions of Koch et al., dense layer, sigmoid".into(),
            false => network::blocks_words(&Conv4Config::pooled_64()),
        })
    }

    fn head(&self, _: &Classes) -> Option<usize> {
        None
    }

    fn without(&self, option: &str, _: &Data) -> Option<&'static str> {
        matches!(option, "train-shots" | "queries")
            .then_some("it is trained on pairs; use --batch, or --eval-queries for test episodes")
    }

    fn idle(&self, run: &Settings) -> (&'static [&'static str], &'static str) {
        if is_koch(&run.options) { (&["norm"], "the paper's network has no batch norm") } else { (&[], "") }
    }

    fn refuse(&self, given: &Options) -> Result<(), Error> {
        if given.is("rotations", "per-class") || given.is("rotations", "per-episode") {
            return Err(Error::Combination(
                "--rotations of siamese: pairs are turned as new-classes, where a turned alphabet is another one, or none; use one of \
                 these"
                    .into(),
            ));
        }
        Ok(())
    }

    fn compares(&self) -> bool {
        true
    }

    fn image_sizes(&self, options: &Options) -> (usize, usize) {
        if is_koch(options) { (Koch::SIZE, Koch::SIZE) } else { (SMALLEST, LARGEST) }
    }

    fn unit(&self, _: &Settings) -> Unit {
        Unit::Pairs
    }

    fn trained_on(&self, run: &Settings, _: Outputs) -> Option<String> {
        Some(format!("batches of {} pairs {}, distorted", run.count("batch"), official::among(run)))
    }

    fn training(
        &self,
        run: &Settings,
        images: &Arc<ImageSet>,
        classes: &[ClassId],
    ) -> Option<Result<Box<dyn Tasks>, Error>> {
        let drawers = drawers(&run.data, omniglot::TRAINING_DRAWERS);
        let turned = run.options.is("rotations", "new-classes");
        let protocol = PairProtocol { size: run.count("batch"), drawers, turned, ..PairProtocol::default() };
        let pairs = Pairs::new(images.clone(), classes, protocol, run.seed, Purpose::Train);
        Some(episodes("training pairs (--batch)", pairs))
    }

    fn verifies(&self) -> bool {
        true
    }
}

fn is_koch(options: &Options) -> bool {
    options.is("network", KOCH)
}

//! Relation networks: the nearest class by a learned comparison of feature maps.

use fewshot_meta::Learner;
use fewshot_nn::{Clip, RelationConfig, RelationModule};

use super::{About, Algorithm, LARGEST, PICTURES};
use crate::options::Options;
use crate::options::shared::TRAIN_WAYS;
use crate::settings::Settings;

/// From so many pixels a side on, pictures are compared without padding, as for miniImageNet.
const LARGE: usize = 60;
/// Four poolings and two convolutions without padding leave a pixel of so many.
const SMALLEST: usize = 22;

static ABOUT: About = About {
    name: "relation",
    summary: "Nearest class by a learned comparison of feature maps",
    paper: "Sung, Yang, Zhang, Xiang, Torr, Hospedales 2018",
    published: include_str!("relation.toml"),
    data: PICTURES,
    options: &[&TRAIN_WAYS],
};

/// The row of Relation networks.
pub struct Relation;

impl Algorithm for Relation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// For pictures of their size: padding as for Omniglot where they are small.
    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let [size, channels] = run.pictures();
        let like = if size < LARGE { RelationConfig::omniglot() } else { RelationConfig::mini_imagenet() };
        let plain = fewshot_meta::Relation::new(&RelationConfig { size, channels, ..like });
        Box::new(fewshot_meta::Relation { policy: run.policy(), ..plain })
    }

    fn words(&self, _: &Settings) -> String {
        "scores of pairs, mean squared error".into()
    }

    fn network(&self, _: &Settings) -> Option<String> {
        Some("Relation network, 64 channels".into())
    }

    fn compares(&self) -> bool {
        true
    }

    /// Of each of its two networks.
    fn clip_norm(&self, limit: f64) -> Clip {
        Clip::NormApart { limit, prefix: RelationModule::PREFIX }
    }

    fn image_sizes(&self, _: &Options) -> (usize, usize) {
        (SMALLEST, LARGEST)
    }
}

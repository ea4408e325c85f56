//! R2-D2: ridge regression of the last layer, in closed form.

use fewshot_meta::Learner;
use fewshot_nn::{R2d2Config, R2d2Encoder};

use super::{About, Algorithm, PICTURES};
use crate::options::shared::TRAIN_WAYS;
use crate::settings::Settings;

static ABOUT: About = About {
    name: "r2d2",
    summary: "Ridge regression of the last layer, in closed form",
    paper: "Bertinetto, Henriques, Torr, Vedaldi 2019",
    published: include_str!("r2d2.toml"),
    data: PICTURES,
    options: &[&TRAIN_WAYS],
};

/// The row of R2-D2.
pub struct R2d2;

impl Algorithm for R2d2 {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(fewshot_meta::R2d2 { policy: run.policy(), ..fewshot_meta::R2d2::new(encoder(run)) })
    }

    fn words(&self, _: &Settings) -> String {
        "ridge regression".into()
    }

    fn network(&self, _: &Settings) -> Option<String> {
        Some(ENCODER.into())
    }

    fn compares(&self) -> bool {
        true
    }
}

/// The smaller of the paper's encoders, in words.
pub const ENCODER: &str = "four blocks of 64 channels, features of the last two";

/// That encoder, for pictures of their size.
pub fn encoder(run: &Settings) -> R2d2Encoder {
    let [size, channels] = run.pictures();
    R2d2Encoder::new(&R2d2Config { size, channels, ..R2d2Config::omniglot() }.with_64_channels())
}

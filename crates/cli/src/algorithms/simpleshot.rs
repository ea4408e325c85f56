//! SimpleShot: a classifier of all training classes, and the nearest class mean of its features.

use super::classifier::{Classifier, OPTIONS};
use super::{About, PICTURES};

static ABOUT: About = About {
    name: "simpleshot",
    summary: "Ordinary training, then the nearest class mean of features",
    paper: "Wang, Chao, Weinberger, van der Maaten 2019",
    published: include_str!("simpleshot.toml"),
    data: PICTURES,
    options: OPTIONS,
};

/// The row of SimpleShot.
pub static SIMPLE_SHOT: Classifier = Classifier(&ABOUT);

//! SimpleShot: a classifier of all training classes, and the nearest class mean of its features.

use super::classifier::{COPIES, Classifier, HEAD};
use super::{About, PICTURES};
use crate::options::shared::{AUGMENT, BACKBONE, BATCH, DOWNSAMPLE, EPOCHS, FILTERS, WEIGHT_DECAY};
use crate::teacher::TEACHER;

static ABOUT: About = About {
    name: "simpleshot",
    summary: "Ordinary training, then the nearest class mean of features",
    paper: "Wang, Chao, Weinberger, van der Maaten 2019",
    published: include_str!("simpleshot.toml"),
    data: PICTURES,
    options: &[
        &HEAD,
        &COPIES,
        &BACKBONE,
        &FILTERS,
        &DOWNSAMPLE,
        &AUGMENT,
        &EPOCHS,
        &WEIGHT_DECAY,
        &BATCH,
        &TEACHER,
    ],
};

/// The row of SimpleShot.
pub static SIMPLE_SHOT: Classifier = Classifier(&ABOUT);

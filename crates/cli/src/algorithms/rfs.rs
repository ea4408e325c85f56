//! RFS: a classifier of all training classes, and logistic regression on its features.

use super::classifier::{COPIES, Classifier, HEAD};
use super::{About, PICTURES};
use crate::options::shared::{AUGMENT, BACKBONE, BATCH, DOWNSAMPLE, EPOCHS, FILTERS, WEIGHT_DECAY};
use crate::teacher::TEACHER;

static ABOUT: About = About {
    name: "rfs",
    summary: "Ordinary training, then logistic regression on features",
    paper: "Tian, Wang, Krishnan, Tenenbaum, Isola 2020",
    published: include_str!("rfs.toml"),
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

/// The row of RFS.
pub static RFS: Classifier = Classifier(&ABOUT);

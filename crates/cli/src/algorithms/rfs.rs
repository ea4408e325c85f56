//! RFS: a classifier of all training classes, and logistic regression on its features.

use super::classifier::{Classifier, OPTIONS};
use super::{About, PICTURES};

static ABOUT: About = About {
    name: "rfs",
    summary: "Ordinary training, then logistic regression on features",
    paper: "Tian, Wang, Krishnan, Tenenbaum, Isola 2020",
    published: include_str!("rfs.toml"),
    data: PICTURES,
    options: OPTIONS,
};

/// The row of RFS.
pub static RFS: Classifier = Classifier(&ABOUT);

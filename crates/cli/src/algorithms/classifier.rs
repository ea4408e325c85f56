//! [`Classifier`]: what algorithms are that train a network to classify pictures of all training classes, and use its features frozen.

use std::sync::Arc;

use clap::ValueEnum;
use fewshot_episodes::{Augmentation, ClassBatches, ClassId, ImageSet, Outputs, Purpose, Tasks};
use fewshot_meta::{
    Distill, FeatureHead, Filter, FrozenFeatures, HeadKind, Learner, Meta, Pretrain, SupportCopies, Teacher,
    Transform,
};
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, Unit};
use crate::data::episodes;
use crate::error::Error;
use crate::learn::Head;
use crate::network::{self, Network};
use crate::options::shared::{AUGMENT, BACKBONE, BATCH, DOWNSAMPLE, EPOCHS, FILTERS, WEIGHT_DECAY};
use crate::options::{Group, Kind, Of, Opt, Options};
use crate::places::Data;
use crate::settings::{Classes, Settings};
use crate::teacher::TEACHER;

/// What is learned of a support.
static HEAD: Opt = Opt::new(
    "head",
    "HEAD",
    Kind::Choice(&[
        ("logistic", "Logistic regression"),
        ("nearest-mean", "The nearest class mean"),
        ("cosine", "The class mean at the smallest angle"),
        ("ridge", "Ridge regression"),
        ("svm", "The support vector machine of Crammer and Singer"),
    ]),
    Group::Comparing,
    "Classifier that learns a support, on features of length one",
)
.on(Of::Pictures);

/// Changed copies of a support.
static COPIES: Opt = Opt::new(
    "copies",
    "N",
    Kind::from_zero(1000),
    Group::Comparing,
    "Learn from so many copies of each support picture, changed as --augment says; 0 for pictures as they are",
)
.on(Of::Pictures);

/// The options of all of them.
pub static OPTIONS: &[&Opt] =
    &[&HEAD, &COPIES, &BACKBONE, &FILTERS, &DOWNSAMPLE, &AUGMENT, &EPOCHS, &WEIGHT_DECAY, &BATCH, &TEACHER];

/// What is done to training pictures.
fn augmentation(options: &Options) -> Option<Augmentation> {
    match options.text("augment") {
        Some("cifar") => Some(Augmentation::cifar()),
        Some("mini") => Some(Augmentation::mini_imagenet()),
        _ => None,
    }
}

/// The head of a run, as those of features that others made are called.
fn head(run: &Settings) -> Head {
    Head::from_str(run.text("head"), false).expect("the choices of the option are its names")
}

/// The same as the library has it, on features of length one.
fn kind(head: Head) -> HeadKind {
    match head {
        Head::NearestMean => HeadKind::NearestMean,
        Head::Cosine => HeadKind::cosine(),
        Head::Ridge => HeadKind::ridge(),
        Head::Svm => HeadKind::svm(),
        Head::Logistic => HeadKind::logistic(),
    }
}

fn pretrain(run: &Settings, outputs: usize) -> Pretrain<Network> {
    Pretrain { policy: run.policy(), ..Pretrain::new(network::with_outputs(run, outputs)) }
}

/// An algorithm that trains a classifier of all training classes, and solves for a new one on the frozen features of each support.
pub struct Classifier(pub &'static About);

impl Algorithm for Classifier {
    fn about(&self) -> &'static About {
        self.0
    }

    /// The network without its last layer, and a head.
    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let count = run.count("copies");
        let copies = augmentation(&run.options).filter(|_| count > 0);
        let copies = copies.map(|augmentation| SupportCopies { count, augmentation, seed: run.seed });
        let head = FeatureHead::new(kind(head(run)), Transform::UnitLength);
        let policy = run.policy();
        Box::new(FrozenFeatures { policy, copies, ..FrozenFeatures::new(network::model(run), head) })
    }

    fn trained(&self, run: &Settings, outputs: usize) -> Box<dyn Learner> {
        Box::new(pretrain(run, outputs))
    }

    fn taught(&self, run: &Settings, outputs: usize, teacher: Teacher) -> Box<dyn Learner> {
        Box::new(Distill::new(pretrain(run, outputs), teacher))
    }

    fn start(&self, run: &Settings, trained: Meta) -> Meta {
        trained.transfer(&*self.build(run), &Filter::only(&[]), 0)
    }

    fn words(&self, run: &Settings) -> String {
        let head = head(run).words();
        let copies = match run.count("copies") {
            0 => String::new(),
            count => format!(" from {count} changed copies"),
        };
        let taught = if run.options.has("teacher") { ", taught by another run" } else { "" };
        format!("{head} on frozen features of length one{copies}{taught}")
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::pooled_64())
    }

    fn network(&self, run: &Settings) -> Option<String> {
        network::residual(run, None).map(|config| network::residual_words(&config))
    }

    fn head(&self, _: &Classes) -> Option<usize> {
        None
    }

    fn without(&self, option: &str, _: &Data) -> Option<&'static str> {
        match option {
            "train-shots" => Some("training adapts to no support; leave it out"),
            "queries" => Some(
                "pictures are trained on in batches of all classes; use --batch, or --eval-queries for test episodes",
            ),
            _ => None,
        }
    }

    fn idle(&self, run: &Settings) -> (&'static [&'static str], &'static str) {
        let unchanged = augmentation(&run.options).is_none();
        match (unchanged, network::is_residual(&run.options)) {
            (true, false) => {
                (&["copies"], "copies of support pictures are changed as --augment says, which is none")
            }
            (false, true) => (&["filters", "downsample"], "it is of --backbone conv4"),
            (true, true) => (
                &["filters", "downsample", "copies"],
                "it is of --backbone conv4, and copies are of --augment cifar or mini",
            ),
            (false, false) => (&[], ""),
        }
    }

    fn tidy(&self, options: &mut Options) {
        if augmentation(options).is_none() {
            options.set("copies", 0);
        }
        if network::is_residual(options) {
            options.remove("filters");
            options.remove("downsample");
        }
    }

    fn takes_any_ways(&self, _: &Settings) -> bool {
        true
    }

    fn has_encoder(&self) -> bool {
        true
    }

    fn unit(&self, _: &Settings) -> Unit {
        Unit::Batches
    }

    fn trained_on(&self, run: &Settings, outputs: Outputs) -> Option<String> {
        let changed = if augmentation(&run.options).is_some() { ", changed at random" } else { "" };
        Some(format!(
            "batches of {} pictures of all {} classes{changed}",
            run.count("batch"),
            outputs.width()
        ))
    }

    fn training(
        &self,
        run: &Settings,
        images: &Arc<ImageSet>,
        classes: &[ClassId],
    ) -> Option<Result<Box<dyn Tasks>, Error>> {
        let (size, rotations) = (run.count("batch"), run.classes.as_ref()?.rotations);
        let batches = ClassBatches::new(images.clone(), classes, size, rotations, run.seed, Purpose::Train);
        let changed = match augmentation(&run.options) {
            Some(augmentation) => batches.and_then(|batches| batches.with_augmentation(augmentation)),
            None => batches,
        };
        Some(episodes("training batches (--batch)", changed))
    }

    fn saves_outputs(&self) -> bool {
        true
    }

    fn evaluation_only(&self) -> &'static [&'static str] {
        &["head", "copies"]
    }
}

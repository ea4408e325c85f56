//! The baseline without meta-learning: ordinary training on all classes, then fine-tuning to each support.

use std::collections::BTreeSet;
use std::sync::Arc;

use fewshot_episodes::{ClassBatches, ClassId, ImageSet, Outputs, Purpose, Tasks};
use fewshot_meta::{Filter, FineTune, Head, Learner, Meta};
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES_AND_SINUSOIDS, Unit};
use crate::baselines::{self, Baselines};
use crate::data::episodes;
use crate::error::Error;
use crate::network;
use crate::options::shared::{BATCH, DECAY, DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_LR};
use crate::places::Data;
use crate::settings::{Classes, Settings};

/// Parameters of the last layer.
const HEAD: &str = "head.*";

static ABOUT: About = About {
    name: "pretrain",
    summary: "Baseline: ordinary training on all classes, then fine-tuning",
    paper: "Ravi, Larochelle 2017",
    published: include_str!("pretrain.toml"),
    data: PICTURES_AND_SINUSOIDS,
    options: &[&INNER_LR, &DECAY, &EVAL_STEPS, &FILTERS, &DOWNSAMPLE, &BATCH],
};

/// The row of pretraining.
pub struct Pretrain;

impl Algorithm for Pretrain {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// Fine-tuning, from a new head where outputs mean something else in every task.
    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(FineTune {
            head: if run.classes.is_some() { Head::Zeros } else { Head::Kept },
            steps: run.count("eval-steps"),
            inner_lr: run.number("inner-lr"),
            decay: run.number("decay"),
            policy: run.policy(),
            ..FineTune::new(network::model(run))
        })
    }

    /// Ordinary training of the network, with so many outputs.
    fn trained(&self, run: &Settings, outputs: usize) -> Box<dyn Learner> {
        let model = network::with_outputs(run, outputs);
        Box::new(fewshot_meta::Pretrain { policy: run.policy(), ..fewshot_meta::Pretrain::new(model) })
    }

    fn start(&self, run: &Settings, trained: Meta) -> Meta {
        let fresh = if run.classes.is_some() { Filter::only(&[HEAD]) } else { Filter::only(&[]) };
        trained.transfer(&*self.build(run), &fresh, run.seed)
    }

    fn words(&self, run: &Settings) -> String {
        let from = if run.classes.is_some() { " with a new last layer" } else { "" };
        let (steps, lr, decay) = (run.count("eval-steps"), run.number("inner-lr"), run.number("decay"));
        format!("at test fine-tuned{from}, steps {steps} of rate {lr}, decay {decay}")
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::pooled_64())
    }

    fn head(&self, classes: &Classes) -> Option<usize> {
        Some(classes.ways)
    }

    fn without(&self, option: &str, data: &Data) -> Option<&'static str> {
        let classes = *data != Data::Sinusoid;
        match option {
            "train-shots" => Some("training adapts to no support; leave it out"),
            "queries" if classes => Some(
                "drawings are trained on in batches of all classes; use --batch, or --eval-queries for test episodes",
            ),
            "batch" if !classes => {
                Some("an update takes --meta-batch waves of --queries points; use these instead")
            }
            _ => None,
        }
    }

    fn takes_any_ways(&self, _: &Settings) -> bool {
        true
    }

    fn has_encoder(&self) -> bool {
        true
    }

    fn shows_regression(&self) -> bool {
        true
    }

    fn has_new_head(&self, run: &Settings) -> bool {
        run.classes.is_some()
    }

    fn unit(&self, run: &Settings) -> Unit {
        if run.classes.is_some() { Unit::Batches } else { Unit::Episodes }
    }

    fn trained_on(&self, run: &Settings, outputs: Outputs) -> Option<String> {
        Some(match run.options.count("batch") {
            Some(batch) => format!("batches of {batch} drawings of all {} classes", outputs.width()),
            None => format!("{} points of each wave, without adapting", run.queries),
        })
    }

    fn training(
        &self,
        run: &Settings,
        images: &Arc<ImageSet>,
        classes: &[ClassId],
    ) -> Option<Result<Box<dyn Tasks>, Error>> {
        let (size, rotations) = (run.options.count("batch")?, run.classes.as_ref()?.rotations);
        let batches = ClassBatches::new(images.clone(), classes, size, rotations, run.seed, Purpose::Train);
        Some(episodes("training batches (--batch)", batches))
    }

    fn saves_outputs(&self) -> bool {
        true
    }

    fn evaluation_only(&self) -> &'static [&'static str] {
        &["inner-lr"]
    }

    fn baselines(
        &self,
        run: &Settings,
        meta: &Meta,
        tasks: &dyn Tasks,
        steps: &BTreeSet<usize>,
    ) -> Result<Option<Baselines>, Error> {
        baselines::measure(run, meta, tasks, steps)
    }
}

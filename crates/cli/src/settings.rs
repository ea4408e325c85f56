//! The settings of a run: options, completed with defaults and checked.

mod resolve;

pub use resolve::{clips_twice, defaults, listed};

use std::fmt::Debug;
use std::str::FromStr;

use fewshot_episodes::Rotations;
use fewshot_nn::{Clip, NormPolicy, Optimizer};

use crate::algorithms::Algorithm;
use crate::error::Error;
use crate::options::Options;
use crate::outer::{Decay, Outer};
use crate::pictures::Pictures;
use crate::places::{Data, Split};
use crate::shots::Shots;

/// The seed of the glyph alphabets: they are one fixed data set, whatever the seed of the run.
pub const GLYPHS_SEED: u64 = 1;
/// The seed of random class splits, whatever the seed of the run; MAML's code shuffles once, with seed 1.
pub const SPLIT_SEED: u64 = 1;

/// Everything needed to repeat a run.
#[derive(Clone)]
pub struct Settings {
    /// The algorithm.
    pub algorithm: &'static dyn Algorithm,
    /// All options that the algorithm and the data have, with their values.
    pub options: Options,
    /// Source of the episodes.
    pub data: Data,
    /// Settings of classification; none for regression.
    pub classes: Option<Classes>,
    /// Support examples per class at test.
    pub shots: usize,
    /// Support examples per class in training.
    pub train_shots: Shots,
    /// Training queries per class, beside the most shots.
    pub queries: usize,
    /// Test queries per class.
    pub eval_queries: usize,
    /// Test episodes.
    pub episodes: usize,
    /// Outer updates.
    pub iterations: u64,
    /// Episodes in an outer update.
    pub meta_batch: usize,
    /// Outer optimiser.
    pub outer: Outer,
    /// Rate of the outer optimiser.
    pub outer_lr: f64,
    /// How the outer rate falls.
    pub decay: Decay,
    /// Weights are measured on validation classes every so many updates, and the best are kept.
    pub validate_every: Option<u64>,
    /// Training ends once so many of these measurements in a row were no better.
    pub patience: Option<u64>,
    /// Clipping of the meta-gradient.
    pub clip: Option<Clip>,
    /// Seed of all randomness of the run.
    pub seed: u64,
}

/// Settings of classification.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// Classes of a test episode.
    pub ways: usize,
    /// Classes of a training episode.
    pub train_ways: usize,
    /// Split of the classes.
    pub split: Split,
    /// Rotations of drawings in training.
    pub rotations: Rotations,
    /// Rotations of drawings at test.
    pub eval_rotations: Rotations,
    /// Batch-norm policy.
    pub norm: NormPolicy,
    /// What pictures are brought to.
    pub pictures: Pictures,
    /// Numbers of a feature vector, for data that are no pictures.
    pub features: Option<usize>,
}

impl Settings {
    /// Reads options that are complete and in their ranges.
    fn of(algorithm: &'static dyn Algorithm, options: Options) -> Settings {
        let data: Data = options.read("data").expect("resolved options have data");
        let count = |name: &str| options.count(name).unwrap_or(1);
        let validate_every = options.whole("validate-every").filter(|&every| every > 0);
        Settings {
            algorithm,
            classes: (data != Data::Sinusoid).then(|| classes(&options, &data)),
            shots: count("shots"),
            train_shots: options.read("train-shots").unwrap_or_else(|| count("shots").into()),
            queries: count("queries"),
            eval_queries: count("eval-queries"),
            episodes: count("episodes"),
            iterations: options.whole("iterations").unwrap_or(1),
            meta_batch: count("meta-batch"),
            outer: options.read("outer").unwrap_or(Outer::Adam),
            outer_lr: options.number("outer-lr").unwrap_or(1.0),
            decay: Decay::of(&options, algorithm),
            validate_every,
            patience: options.whole("patience").filter(|&n| n > 0 && validate_every.is_some()),
            clip: clip(algorithm, &options),
            seed: options.whole("seed").unwrap_or(1),
            data,
            options,
        }
    }

    /// The same settings with another value of an option, in which nothing else changes.
    pub fn set(&mut self, name: &'static str, value: impl Into<toml::Value>) -> Result<(), Error> {
        let mut options = self.options.clone();
        options.set(name, value);
        let data: Data = options.read("data").expect("resolved options have data");
        resolve::in_range(self.algorithm, &data, &options)?;
        let before = self.classes.take();
        *self = Settings::of(self.algorithm, options);
        if let (Some(before), Some(now)) = (before, &mut self.classes) {
            // the network has as many outputs as in training, and pictures the tones that were asked for
            now.train_ways = before.train_ways;
            now.pictures.invert = before.pictures.invert;
        }
        Ok(())
    }

    /// The options that give exactly these settings, whatever the defaults of a later version; paths from the root on.
    pub fn options(&self) -> Options {
        let mut options = self.options.clone();
        options.set("data", self.data.clone().absolute().to_string());
        if let Some(classes) = &self.classes {
            options.set("split", classes.split.clone().absolute().to_string());
        }
        options
    }

    /// The outer optimiser, before its first step.
    pub fn optimizer(&self) -> Box<dyn Optimizer> {
        self.outer.optimizer(self.algorithm.outer_epsilon(), self.weight_decay())
    }

    /// What the outer optimiser adds of the weights to their gradient; 0 of an algorithm without that option.
    pub fn weight_decay(&self) -> f64 {
        self.options.number("weight-decay").unwrap_or(0.0)
    }

    /// The name of the algorithm.
    pub fn name(&self) -> &'static str {
        self.algorithm.about().name
    }

    /// Where the statistics that normalise queries come from.
    pub fn policy(&self) -> NormPolicy {
        self.classes.as_ref().map_or(NormPolicy::Batch, |classes| classes.norm)
    }

    /// Pixels a side and channels of pictures.
    pub fn pictures(&self) -> [usize; 2] {
        let pictures = self.classes.as_ref().map(|classes| classes.pictures);
        pictures.map_or([1, 1], |pictures| [pictures.size, pictures.channels()])
    }

    /// Classes of a test episode; 1 for regression.
    pub fn ways(&self) -> usize {
        self.classes.as_ref().map_or(1, |classes| classes.ways)
    }

    /// A whole number that the algorithm has.
    pub fn count(&self, name: &str) -> usize {
        self.options.count(name).unwrap_or_else(|| self.lacks(name))
    }

    /// A number that the algorithm has.
    pub fn number(&self, name: &str) -> f64 {
        self.options.number(name).unwrap_or_else(|| self.lacks(name))
    }

    /// A text that the algorithm has.
    pub fn text(&self, name: &str) -> &str {
        self.options.text(name).unwrap_or_else(|| self.lacks(name))
    }

    /// What a text or number that the algorithm has is read as.
    pub fn read<T: FromStr<Err: Debug>>(&self, name: &str) -> T {
        self.options.read(name).unwrap_or_else(|| self.lacks(name))
    }

    fn lacks(&self, name: &str) -> ! {
        panic!("{} has no --{name} on {}", self.name(), self.data.name())
    }
}

fn clip(algorithm: &dyn Algorithm, options: &Options) -> Option<Clip> {
    match (options.number("clip-value"), options.number("clip-norm")) {
        (Some(value), Some(norm)) => Some(Clip::ValueThenEachNorm { value, norm }),
        (Some(limit), None) => Some(Clip::Value(limit)),
        (None, Some(limit)) => Some(algorithm.clip_norm(limit)),
        (None, None) => None,
    }
}

fn classes(options: &Options, data: &Data) -> Classes {
    let ways = options.count("ways").unwrap_or(1);
    let rotations = options.read("rotations").unwrap_or(Rotations::None);
    Classes {
        ways,
        train_ways: options.count("train-ways").unwrap_or(ways),
        split: options.read("split").unwrap_or(Split::Own),
        rotations,
        eval_rotations: options.read("eval-rotations").unwrap_or(rotations),
        norm: options.read("norm").unwrap_or(NormPolicy::Batch),
        pictures: Pictures::of(options, data),
        features: if let Data::Features(_) = data { options.count("feature-size") } else { None },
    }
}

//! The settings of a run: options, completed with defaults and checked.

use std::fmt::Debug;
use std::str::FromStr;

use fewshot_episodes::Rotations;
use fewshot_nn::{Clip, NormPolicy};

use crate::algorithms::{self, Algorithm};
use crate::config;
use crate::error::Error;
use crate::layers::{self, Conditions};
use crate::options::shared::COMMON;
use crate::options::{Of, Opt, Options, shown};
use crate::outer::{Decay, Outer};
use crate::pictures::Pictures;
use crate::places::{Data, Split};
use crate::refused;
use crate::shots::Shots;

/// The seed of the glyph alphabets: they are one fixed data set, whatever the seed of the run.
pub const GLYPHS_SEED: u64 = 1;
/// The seed of random class splits, whatever the seed of the run; MAML's code shuffles once, with seed 1.
pub const SPLIT_SEED: u64 = 1;

/// Classes of an episode (Finn, Abbeel, Levine 2017; Snell, Swersky, Zemel 2017).
const WAYS: usize = 5;
/// Support examples per class (the same).
const SHOTS: usize = 1;
/// Support points of a sinusoid (Finn, Abbeel, Levine 2017).
const SINUSOID_SHOTS: usize = 10;

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
    /// Completes options with defaults and checks that they go together.
    pub fn resolve(given: &Options) -> Result<Settings, Error> {
        let given = config::understood(given)?;
        let data: Data = given.read("data").unwrap_or(Data::Glyphs);
        let algorithm = match given.text("algorithm") {
            None => algorithms::usual(&data),
            Some(name) => algorithms::named(name).ok_or_else(|| refused::unknown_algorithm(name))?,
        };
        refused::combinations(algorithm, &data, &given)?;
        let mut all = completed(algorithm, &data, given.clone());
        refused::patience(&given, &all)?;
        tidy(algorithm, &data, &mut all);
        algorithm.refuse_together(&all)?;
        in_range(algorithm, &data, &all)?;
        Ok(Settings::of(algorithm, all))
    }

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
        in_range(self.algorithm, &data, &options)?;
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

/// The options of an algorithm on some data, in the order in which a configuration lists them.
pub fn options_of(algorithm: &dyn Algorithm, data: &Data) -> Vec<&'static Opt> {
    let has = |option: &&&Opt| option.of.has(data) && algorithm.without(option.name, data).is_none();
    listed(algorithm).into_iter().filter(|option| has(&option)).collect()
}

/// The options of an algorithm on any data, in that order.
pub fn listed(algorithm: &dyn Algorithm) -> Vec<&'static Opt> {
    let own = algorithm.about().options;
    let shared = crate::options::shared::ALL;
    let is = |a: &Opt, b: &Opt| a.name == b.name;
    let mut all: Vec<&'static Opt> = shared
        .iter()
        .copied()
        .filter(|option| COMMON.iter().chain(own).any(|known| is(known, option)))
        .collect();
    all.extend(own.iter().copied().filter(|option| !shared.iter().any(|known| is(known, option))));
    all.sort_by_key(|option| option.group);
    all
}

/// Options with the defaults of the algorithm below them, and names of options resolved.
fn completed(algorithm: &'static dyn Algorithm, data: &Data, mut given: Options) -> Options {
    if !given.has("eval-rotations")
        && let Some(rotations) = given.get("rotations").cloned()
    {
        given.set("eval-rotations", rotations);
    }
    let mut defaults = defaults(algorithm, data, &given);
    if given.is("split", "background") {
        // it has no classes for validation
        defaults.set("validate-every", 0);
    }
    let mut all = given.or(defaults);
    layers::resolve_names(&mut all.0);
    all.set("algorithm", algorithm.about().name);
    all.set("data", data.to_string());
    all
}

/// The published options of an algorithm for data, ways, shots and network of these; their source among them.
pub fn defaults(algorithm: &dyn Algorithm, data: &Data, given: &Options) -> Options {
    let shots = if *data == Data::Sinusoid { SINUSOID_SHOTS } else { SHOTS };
    let at = Conditions {
        data: data.name(),
        ways: given.count("ways").unwrap_or(WAYS),
        shots: given.count("shots").unwrap_or(shots),
        network: given.text("network"),
    };
    let mut defaults = Options(algorithms::published(algorithm).settings(&algorithms::text_of, &at));
    defaults.set("ways", at.ways as i64);
    defaults.set("shots", at.shots as i64);
    defaults
}

/// Whether an algorithm has two limits of its gradient.
pub fn clips_twice(algorithm: &dyn Algorithm) -> bool {
    let data = algorithm.about().data[0];
    let at = Conditions { data, ways: WAYS, shots: SHOTS, network: None };
    let defaults = algorithms::published(algorithm).settings(&algorithms::text_of, &at);
    defaults.contains_key("clip-value") && defaults.contains_key("clip-norm")
}

/// Leaves what the algorithm and the data have a use for.
fn tidy(algorithm: &dyn Algorithm, data: &Data, all: &mut Options) {
    algorithm.tidy(all);
    if all.whole("halve-every") == Some(0) {
        all.remove("halve-every");
        if !all.has("outer-schedule") {
            all.set("outer-schedule", "constant");
        }
    }
    if all.whole("validate-every") == Some(0) {
        all.remove("patience");
    } else if !all.has("patience") {
        all.set("patience", 0);
    }
    let known = options_of(algorithm, data);
    all.0.retain(|name, _| known.iter().any(|option| option.name == name));
}

/// Checks that every value lies in its range.
fn in_range(algorithm: &dyn Algorithm, data: &Data, all: &Options) -> Result<(), Error> {
    for option in options_of(algorithm, data) {
        let Some(value) = all.get(option.name) else { continue };
        if let Some(cause) = option.kind.out_of_range(value) {
            return Err(Error::option(option.name, shown(value), cause));
        }
        if option.name == "train-shots"
            && let Some(shots) = all.read::<Shots>("train-shots")
        {
            shots.check()?;
        }
        if option.of == Of::Pictures && option.name == "image-size" {
            let size = all.count("image-size").unwrap_or(0);
            Pictures::check_size(size, algorithm.image_sizes(all), data)?;
        }
    }
    Ok(())
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

//! From options that were given to settings: defaults below them, checks, and what the algorithm and the data have a use for.

use super::Settings;
use crate::algorithms::{self, Algorithm};
use crate::config;
use crate::error::Error;
use crate::layers::{self, Conditions};
use crate::options::shared::COMMON;
use crate::options::{Opt, Options, shown};
use crate::pictures::Pictures;
use crate::places::Data;
use crate::refused;

/// Classes of an episode (Finn, Abbeel, Levine 2017; Snell, Swersky, Zemel 2017).
const WAYS: usize = 5;
/// Support examples per class (the same).
const SHOTS: usize = 1;
/// Support points of a sinusoid (Finn, Abbeel, Levine 2017).
const SINUSOID_SHOTS: usize = 10;

impl Settings {
    /// Completes options with defaults and checks that they go together.
    pub fn resolve(given: &Options) -> Result<Settings, Error> {
        let given = config::understood(given)?;
        let named = match given.text("algorithm") {
            None => None,
            Some(name) => Some(algorithms::named(name).ok_or_else(|| refused::unknown_algorithm(name))?),
        };
        let data = given.read("data").unwrap_or_else(|| named.map_or(Data::Glyphs, usual_data));
        let algorithm = named.unwrap_or_else(|| algorithms::usual(&data));
        refused::combinations(algorithm, &data, &given)?;
        // layers hold for ways and shots that there can be
        in_range(algorithm, &data, &given)?;
        let mut all = completed(algorithm, &data, given.clone());
        refused::patience(&given, &all)?;
        tidy(algorithm, &data, &mut all);
        algorithm.refuse_together(&all)?;
        in_range(algorithm, &data, &all)?;
        Ok(Settings::of(algorithm, all))
    }
}

/// The data of a run that names none: those that need no files, if the algorithm learns from some.
fn usual_data(algorithm: &'static dyn Algorithm) -> Data {
    let kinds = algorithm.about().data;
    if !kinds.contains(&"glyphs") && kinds.contains(&"sinusoid") { Data::Sinusoid } else { Data::Glyphs }
}

/// The options of an algorithm on some data, in the order in which a configuration lists them.
fn options_of(algorithm: &dyn Algorithm, data: &Data) -> Vec<&'static Opt> {
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
    assert_complete(algorithm, data, &defaults);
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

/// Options that a file need not give: what a run may be without, and what it is about.
const OPTIONAL: [&str; 8] =
    ["algorithm", "data", "patience", "outer-schedule", "halve-every", "clip-value", "clip-norm", "teacher"];

/// # Panics
/// If the file of the algorithm lacks an option: it is part of the program.
fn assert_complete(algorithm: &dyn Algorithm, data: &Data, published: &Options) {
    let lacks = |option: &&Opt| !published.has(option.name) && !OPTIONAL.contains(&option.name);
    if let Some(option) = options_of(algorithm, data).into_iter().find(lacks) {
        let (name, kind) = (algorithm.about().name, data.name());
        panic!("algorithms/{name}.toml gives no {} on {kind}", option.name);
    }
}

/// The published options of an algorithm for data, split, ways, shots and network of these; their source among them.
pub fn defaults(algorithm: &dyn Algorithm, data: &Data, given: &Options) -> Options {
    let shots = if *data == Data::Sinusoid { SINUSOID_SHOTS } else { SHOTS };
    let at = Conditions {
        data: data.name(),
        ways: given.count("ways").unwrap_or(WAYS),
        shots: given.count("shots").unwrap_or(shots),
        network: given.text("network"),
        split: given.text("split"),
    };
    let mut defaults = Options(algorithms::published(algorithm).settings(&algorithms::text_of, &at));
    defaults.set("ways", at.ways as i64);
    defaults.set("shots", at.shots as i64);
    defaults
}

/// Whether an algorithm has two limits of its gradient.
pub fn clips_twice(algorithm: &dyn Algorithm) -> bool {
    let data = algorithm.about().data[0];
    let at = Conditions { data, ways: WAYS, shots: SHOTS, network: None, split: None };
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
pub(super) fn in_range(algorithm: &dyn Algorithm, data: &Data, all: &Options) -> Result<(), Error> {
    for option in options_of(algorithm, data) {
        let Some(value) = all.get(option.name) else { continue };
        if let Some(cause) = option.kind.out_of_range(value) {
            return Err(Error::option(option.name, shown(value), cause));
        }
    }
    match all.count("image-size") {
        Some(size) => Pictures::check_size(size, algorithm.image_sizes(all), data),
        None => Ok(()),
    }
}

//! Published settings as data: one file an algorithm, `algorithms/NAME.toml`, and what all have in common, `algorithms/common.toml`.
//!
//! ```toml
//! like = "protonet"        # all layers of that algorithm, and of what it is like itself, come first
//!
//! [[settings]]
//! source = "Snell, Swersky, Zemel 2017"
//! iterations = 10000
//! queries = "shots"        # the number that the option `shots` has, whatever it is in the end; also "ways * shots", "shots + 3"
//!
//! [[settings]]
//! for = { data = "glyphs", ways = "..10" }
//! without = ["halve-every"]
//! at-least = { train-ways = 60 }
//! at-most = { queries = "shots + 3" }
//! iterations = 300
//! ```
//!
//! Keys are the names of options, values as in a `config.toml`. A layer holds where all its conditions do: `data` is one of the
//! names or an array of them, `ways` and `shots` lie in ranges (both ends belong to them), `network` is the one chosen by the option
//! of that name, and so is `split`, or one of an array. Later layers replace what earlier ones say, option by option: first a layer takes options away (`without`), then it
//! gives its own, then it limits what is there by now (`at-least`, `at-most`; of a range such as `"1..9"` both ends). Two options
//! that say one thing, `outer-schedule` and `halve-every`, `clip-norm` and `clip-value`, replace each other unless a layer gives both.
//!
//! Presets, which have a name and options of their own and otherwise these settings, are `[[preset]]`s of the same file: see
//! [`PresetRow`].
//!
//! Which layers come when:
//! 1. those of `common.toml`, then those of what the algorithm is like, then its own. Folders and features count as glyphs here, of
//!    which they take all settings.
//! 2. for folders and features, in the same order, the layers that name `folder` or `features` in `for.data`.

mod conditions;
#[cfg(test)]
mod tests;

pub use conditions::Conditions;

use serde::Deserialize;
use toml::{Table, Value};

use crate::options::RIVALS;
use crate::places::KINDS;
use crate::shots::Shots;
use conditions::{For, Names};

/// What all algorithms have in common.
const COMMON: &str = include_str!("algorithms/common.toml");
/// Kinds of data that take the settings of glyphs first.
const LIKE_GLYPHS: [&str; 2] = ["folder", "features"];
/// Options of whole numbers that may be given by the names of others: their own values are never words.
const COUNTS: [&str; 12] = [
    "train-shots",
    "queries",
    "eval-queries",
    "train-ways",
    "inner-steps",
    "eval-steps",
    "inner-batch",
    "eval-inner-batch",
    "lanes",
    "meta-batch",
    "batch",
    "per-class",
];

/// What an algorithm's file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    like: Option<String>,
    #[serde(default)]
    settings: Vec<Layer>,
    #[serde(default, rename = "preset")]
    presets: Vec<PresetRow>,
}

/// A preset of an algorithm: settings under a name, with what was published and reached with them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetRow {
    /// Its name without that of the algorithm, such as `omniglot-5w1s`.
    pub name: String,
    /// Kind of data.
    pub data: String,
    /// Classes of an episode; none for regression.
    pub ways: Option<usize>,
    /// Support examples per class; where there are none, as without a preset.
    pub shots: Option<usize>,
    /// Network, of an algorithm that has the choice.
    pub network: Option<String>,
    /// Division of the classes, where it is another than is usual for the data.
    pub split: Option<String>,
    /// The figure of the paper for exactly this protocol.
    pub published: Option<String>,
    /// What was reached with it, and how far training went; see `docs/results/`.
    pub reached: Option<String>,
    /// Minutes of the whole training on two cores, about.
    pub minutes: Option<u64>,
}

impl PresetRow {
    /// Its whole name, as one of this algorithm.
    pub fn full_name(&self, algorithm: &str) -> String {
        format!("{algorithm}-{}", self.name)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Layer {
    #[serde(default, rename = "for")]
    conditions: For,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    at_least: Table,
    #[serde(default)]
    at_most: Table,
    #[serde(flatten)]
    options: Table,
}

impl Published {
    /// What `text`, the file of the algorithm `name`, says.
    ///
    /// # Panics
    /// If it is no such file: it is part of the program.
    pub fn parse(name: &str, text: &str) -> Published {
        let published: Published =
            toml::from_str(text).unwrap_or_else(|error| panic!("algorithms/{name}.toml: {error}"));
        let named = published.settings.iter().flat_map(|layer| &layer.conditions.data).flat_map(Names::all);
        for data in named.chain(published.presets.iter().map(|preset| &preset.data)) {
            assert!(KINDS.contains(&data.as_str()), "algorithms/{name}.toml: there are no data {data}");
        }
        published
    }

    /// The presets of this algorithm, in the order of its file.
    pub fn presets(&self) -> &[PresetRow] {
        &self.presets
    }

    /// The settings of all layers that hold, later over earlier ones, with their `source`. `like` gives the text of the file of another algorithm.
    ///
    /// Options may still be named in place of numbers: see [`resolve_names`].
    ///
    /// # Panics
    /// If algorithms are like each other, or a limit is of something that is no number: the files are part of the program.
    pub fn settings(&self, like: &dyn Fn(&str) -> &'static str, at: &Conditions<'_>) -> Table {
        let common = Published::parse("common", COMMON);
        let earlier = self.earlier(like);
        let files = || [&common].into_iter().chain(earlier.iter().rev()).chain([self]);
        let mut table = Table::new();
        let as_glyphs = LIKE_GLYPHS.contains(&at.data);
        let first = Conditions { data: if as_glyphs { "glyphs" } else { at.data }, ..*at };
        for layer in files().flat_map(|file| &file.settings) {
            if layer.conditions.hold(&first) {
                layer.lay_over(&mut table, at);
            }
        }
        for layer in files().flat_map(|file| &file.settings).filter(|_| as_glyphs) {
            if layer.conditions.data.is_some() && layer.conditions.hold(at) {
                layer.lay_over(&mut table, at);
            }
        }
        table
    }

    /// The files of what this is like, the nearest first.
    fn earlier(&self, like: &dyn Fn(&str) -> &'static str) -> Vec<Published> {
        let (mut files, mut names) = (Vec::new(), Vec::new());
        let mut next = self.like.clone();
        while let Some(name) = next {
            assert!(!names.contains(&name), "algorithms/{name}.toml: it is like itself");
            let file = Published::parse(&name, like(&name));
            next = file.like.clone();
            files.push(file);
            names.push(name);
        }
        files
    }
}

impl Layer {
    fn lay_over(&self, table: &mut Table, at: &Conditions<'_>) {
        for option in &self.without {
            table.remove(option);
        }
        for pair in RIVALS {
            for [one, other] in [pair, [pair[1], pair[0]]] {
                if self.options.contains_key(one) && !self.options.contains_key(other) {
                    table.remove(other);
                }
            }
        }
        table.extend(self.options.clone());
        let number = |value: &Value| whole(value, &|name| at.number(name));
        for (limits, limit) in [(&self.at_least, i64::max as fn(i64, i64) -> i64), (&self.at_most, i64::min)]
        {
            for (option, bound) in limits {
                let bound =
                    number(bound).unwrap_or_else(|| panic!("the limit {bound} of {option} is no number"));
                let Some(value) = table.get_mut(option) else { continue };
                *value = limited(value, &number, &|number| limit(number, bound))
                    .unwrap_or_else(|| panic!("{option} = {value} is no number that could be limited"));
            }
        }
    }
}

/// A number or a range of numbers with a limit to both ends.
fn limited(
    value: &Value,
    number: &dyn Fn(&Value) -> Option<i64>,
    limit: &dyn Fn(i64) -> i64,
) -> Option<Value> {
    if let Some(number) = number(value) {
        return Some(Value::Integer(limit(number)));
    }
    let Shots { least, most } = value.as_str()?.parse().ok()?;
    let limit = |end: usize| usize::try_from(limit(i64::try_from(end).ok()?)).ok();
    Some(Shots { least: limit(least)?, most: limit(most)? }.into())
}

/// Puts numbers in place of the names of options: to be called once the user's options are laid over the published ones, with `ways`
/// and `shots` among them. Names of options that are not there stay, and so do words that are no names: `norm = "batch"` is not the
/// number of the option `batch`.
pub fn resolve_names(table: &mut Table) {
    loop {
        let named: Vec<(&str, i64)> = COUNTS
            .into_iter()
            .filter(|option| table.get(*option).is_some_and(Value::is_str))
            .filter_map(|option| {
                Some((option, whole(&table[option], &|name| table.get(name)?.as_integer())?))
            })
            .collect();
        if named.is_empty() {
            return;
        }
        table.extend(named.into_iter().map(|(option, number)| (option.to_owned(), Value::Integer(number))));
    }
}

/// A whole number, or a sum of products of numbers and names of options; nothing where it is neither.
fn whole(value: &Value, named: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
    let factor = |text: &str| text.trim().parse().ok().or_else(|| named(text.trim()));
    let product =
        |text: &str| text.split('*').try_fold(1, |all: i64, text| Some(all.saturating_mul(factor(text)?)));
    match value {
        Value::Integer(number) => Some(*number),
        Value::String(text) => {
            text.split('+').try_fold(0, |all: i64, text| Some(all.saturating_add(product(text)?)))
        }
        _ => None,
    }
}

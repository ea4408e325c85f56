//! The algorithms: a file of code and a file of published settings each, and a row in [`ALL`].

mod algorithm;
mod anil;
mod cavia;
mod classifier;
mod fomaml;
mod imaml;
mod leo;
mod lrd2;
mod lstm_meta_learner;
#[cfg(test)]
mod made_up;
mod maml;
mod mamlpp;
mod mann;
mod matching;
mod meta_sgd;
mod pretrain;
mod protonet;
mod r2d2;
mod relation;
mod reptile;
mod rfs;
mod siamese;
mod simpleshot;
mod unit;

pub use algorithm::Algorithm;
pub use unit::Unit;

use crate::layers::Published;
use crate::options::Opt;
use crate::options::shared::COMMON;
use crate::places::{Data, KINDS};
use crate::settings::Settings;

/// All algorithms, in the order in which they are listed.
pub static ALL: &[&dyn Algorithm] = &[
    &maml::Maml,
    &fomaml::Fomaml,
    &reptile::Reptile,
    &anil::Anil,
    &meta_sgd::MetaSgd,
    &mamlpp::MamlPlusPlus,
    &imaml::Imaml,
    &cavia::Cavia,
    &lstm_meta_learner::LstmMetaLearner,
    &protonet::Protonet,
    &matching::Matching,
    &relation::Relation,
    &r2d2::R2d2,
    &lrd2::Lrd2,
    &siamese::Siamese,
    &mann::Mann,
    &leo::Leo,
    &pretrain::Pretrain,
    &rfs::RFS,
    &simpleshot::SIMPLE_SHOT,
    #[cfg(test)]
    &made_up::MadeUp,
];

/// The algorithm of a run that names none (F).
const DEFAULT: &dyn Algorithm = &protonet::Protonet;
/// The same on sinusoids, which know no classes (F).
const REGRESSION_DEFAULT: &dyn Algorithm = &maml::Maml;

/// The algorithm of a name.
pub fn named(name: &str) -> Option<&'static dyn Algorithm> {
    ALL.iter().copied().find(|algorithm| algorithm.about().name == name)
}

/// The algorithm of a run on some data that names none.
pub fn usual(data: &Data) -> &'static dyn Algorithm {
    if *data == Data::Sinusoid { REGRESSION_DEFAULT } else { DEFAULT }
}

/// The text of the file of an algorithm, which the file of another one names.
pub fn text_of(name: &str) -> &'static str {
    named(name).unwrap_or_else(|| panic!("there is no algorithm {name}")).about().published
}

/// What the file of an algorithm says.
pub fn published(algorithm: &dyn Algorithm) -> Published {
    let about = algorithm.about();
    Published::parse(about.name, about.published)
}

/// The option of a name, of whatever algorithm.
pub fn option(name: &str) -> Option<&'static Opt> {
    let own = ALL.iter().flat_map(|algorithm| algorithm.about().options);
    COMMON.iter().chain(own).copied().find(|option| option.name == name)
}

/// What is known of an algorithm without a run of it.
pub struct About {
    /// The name that options and files write.
    pub name: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Authors and year of its paper.
    pub paper: &'static str,
    /// Published settings and presets: the text of its TOML file.
    pub published: &'static str,
    /// Kinds of data that it learns from.
    pub data: &'static [&'static str],
    /// The options it has beside [those of all](crate::options::shared::COMMON).
    pub options: &'static [&'static Opt],
}

impl About {
    /// Authors and year, the first author alone of three or more.
    pub fn cited(&self) -> String {
        let (authors, year) = self.paper.rsplit_once(' ').unwrap_or((self.paper, ""));
        match authors.split(", ").collect::<Vec<_>>()[..] {
            [first, _, _, ..] => format!("{first} et al. {year}"),
            _ => self.paper.to_owned(),
        }
    }
}

/// Kinds of data with pictures.
const PICTURES: &[&str] = &["glyphs", "omniglot", "folder"];
/// Pictures, and regression.
const PICTURES_AND_SINUSOIDS: &[&str] = &["glyphs", "omniglot", "folder", "sinusoid"];
/// Pictures and feature vectors.
const ALL_CLASSES: &[&str] = &["glyphs", "omniglot", "folder", "features"];
/// Everything.
const ALL_DATA: &[&str] = &KINDS;

/// Four halvings leave a pixel of so many.
const SMALLEST: usize = 16;
/// Most pixels a side; the activations of the networks grow with their square.
const LARGEST: usize = 512;

/// Inner steps of a run, in words.
fn inner_steps(run: &Settings) -> String {
    format!("inner steps {} (at test {})", run.count("inner-steps"), run.count("eval-steps"))
}

/// Inner steps and their rate, in words.
fn inner_steps_of_rate(run: &Settings) -> String {
    format!("{} of rate {}", inner_steps(run), run.number("inner-lr"))
}

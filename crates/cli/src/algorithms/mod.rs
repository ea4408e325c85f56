//! The algorithms: a file of code and a file of published settings each, and a row in [`ALL`].

mod anil;
mod cavia;
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
mod siamese;

use std::collections::BTreeSet;
use std::sync::Arc;

use fewshot_episodes::{ClassId, ImageSet, Outputs, SequenceProtocol, Tasks};
use fewshot_meta::{Examples, Gates, Learner, Mann, Meta};
use fewshot_nn::{Clip, Conv4Config};

use crate::baselines::Baselines;
use crate::error::Error;
use crate::layers::Published;
use crate::options::{Opt, Options};
use crate::places::Data;
use crate::settings::{Classes, Settings};

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
const ALL_DATA: &[&str] = &["glyphs", "omniglot", "folder", "features", "sinusoid"];

/// An algorithm as the program runs it. What has a default concerns some algorithms alone.
pub trait Algorithm: Sync {
    /// What is known without a run.
    fn about(&self) -> &'static About;

    /// The learner that is measured.
    fn build(&self, run: &Settings) -> Box<dyn Learner>;

    /// What it does in a run, in words, without its order of gradients, norms and network.
    fn words(&self, run: &Settings) -> String;

    /// The learner that is trained, for data of so many outputs.
    fn trained(&self, run: &Settings, _outputs: usize) -> Box<dyn Learner> {
        self.build(run)
    }

    /// What was trained, as the learner that is measured starts from it.
    fn start(&self, _run: &Settings, trained: Meta) -> Meta {
        trained
    }

    /// Its network of four blocks as published; none where it has another.
    fn blocks(&self) -> Option<Conv4Config> {
        None
    }

    /// The network in words, where it is none of four blocks, and no perceptron.
    fn network(&self, _run: &Settings) -> Option<String> {
        None
    }

    /// Outputs of the last layer; none where it compares features.
    fn head(&self, classes: &Classes) -> Option<usize> {
        Some(classes.train_ways)
    }

    /// Why it has no use for an option of all algorithms, or for one of its own on some data.
    fn without(&self, _option: &str, _data: &Data) -> Option<&'static str> {
        None
    }

    /// Refuses options that do not go together.
    fn refuse(&self, _given: &Options) -> Result<(), Error> {
        Ok(())
    }

    /// Refuses what does not go together once defaults stand beside what was given.
    fn refuse_together(&self, _all: &Options) -> Result<(), Error> {
        Ok(())
    }

    /// How the outer rate falls, where other options decide that.
    fn schedule(&self, _options: &Options) -> Option<&'static str> {
        None
    }

    /// Takes away options that others have switched off.
    fn tidy(&self, _options: &mut Options) {}

    /// Whether it compares with the support as a whole, so that a trained model takes any number of classes.
    fn compares(&self) -> bool {
        false
    }

    /// Whether a trained model tells any number of classes apart.
    fn takes_any_ways(&self, _run: &Settings) -> bool {
        self.compares()
    }

    /// Whether features of drawings can be compared without the last layer (NIL).
    fn has_nil(&self) -> bool {
        false
    }

    /// Whether the network gives features of drawings, one by one.
    fn has_encoder(&self) -> bool {
        false
    }

    /// Whether inner steps leave the weights of norms alone, which is told then.
    fn leaves_norms(&self) -> bool {
        false
    }

    /// Whether the rate of inner steps is one that can be replaced at test.
    fn has_free_rate(&self) -> bool {
        self.about().options.iter().any(|option| option.name == "inner-lr")
    }

    /// Inner steps at test.
    fn eval_steps(&self, run: &Settings) -> Option<usize> {
        run.options.count("eval-steps")
    }

    /// Most inner steps that can be shown one by one.
    fn most_steps(&self, _run: &Settings) -> usize {
        crate::options::shared::MOST_STEPS as usize
    }

    /// Whether regression is shown step by step, beyond the steps at test.
    fn shows_regression(&self) -> bool {
        false
    }

    /// Whether the last layer is new in each task, so that nothing is known before the last step.
    fn has_new_head(&self, _run: &Settings) -> bool {
        false
    }

    /// Whether results are published for queries that are normalised together and one by one.
    fn has_two_norms(&self) -> bool {
        false
    }

    /// Epsilon of Adam as the outer optimiser (Kingma and Ba 2015).
    fn outer_epsilon(&self) -> f64 {
        1e-8
    }

    /// A limit of the norm of the meta-gradient.
    fn clip_norm(&self, limit: f64) -> Clip {
        Clip::Norm(limit)
    }

    /// The fewest and the most pixels a side that its networks take.
    fn image_sizes(&self, _options: &Options) -> (usize, usize) {
        (SMALLEST, LARGEST)
    }

    /// What an outer update takes several of: one of them, and several.
    fn unit(&self, _run: &Settings) -> [&'static str; 2] {
        ["episode", "episodes"]
    }

    /// What an iteration learns from.
    fn learns_from(&self, _run: &Settings) -> &'static str {
        "episodes"
    }

    /// What it is trained on, in words, where that is no episode.
    fn trained_on(&self, _run: &Settings, _outputs: Outputs) -> Option<String> {
        None
    }

    /// What it is trained on, where that is no episode.
    fn training(
        &self,
        _run: &Settings,
        _images: &Arc<ImageSet>,
        _classes: &[ClassId],
    ) -> Option<Result<Box<dyn Tasks>, Error>> {
        None
    }

    /// The sequences it reads, where it reads some.
    fn sequences(&self, _run: &Settings) -> Option<SequenceProtocol> {
        None
    }

    /// The network that reads them.
    fn reader(&self, _run: &Settings) -> Option<Mann> {
        None
    }

    /// Whether classes are named by strings.
    fn spells(&self, _run: &Settings) -> bool {
        false
    }

    /// Whether pairs are told apart, and weights are chosen on one-shot trials within alphabets.
    fn verifies(&self) -> bool {
        false
    }

    /// Whether a model has an output for each class it was trained on, which its file has to say.
    fn saves_outputs(&self) -> bool {
        false
    }

    /// Options of its own that only evaluation reads.
    fn evaluation_only(&self) -> &'static [&'static str] {
        &[]
    }

    /// What stands beside the result, after these numbers of steps.
    fn baselines(
        &self,
        _run: &Settings,
        _meta: &Meta,
        _tasks: &dyn Tasks,
        _steps: &BTreeSet<usize>,
    ) -> Result<Option<Baselines>, Error> {
        Ok(None)
    }

    /// The gates of each step on a support.
    fn gates(&self, _run: &Settings, _meta: &Meta, _support: &Examples) -> Option<Vec<Gates>> {
        None
    }
}

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

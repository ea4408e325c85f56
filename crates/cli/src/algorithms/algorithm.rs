//! [`Algorithm`]: what the program asks of an algorithm.

use std::collections::BTreeSet;
use std::sync::Arc;

use fewshot_episodes::{ClassId, ImageSet, Outputs, SequenceProtocol, Tasks};
use fewshot_meta::{Examples, Gates, Learner, Mann, Meta, Teacher};
use fewshot_nn::{Clip, Conv4Config};

use super::{About, LARGEST, SMALLEST, Unit};
use crate::baselines::Baselines;
use crate::error::Error;
use crate::options::Options;
use crate::options::shared::MOST_STEPS;
use crate::places::Data;
use crate::settings::{Classes, Settings};

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

    /// The learner that is trained, where it learns from the answers of another network, too; its weights are those of the one without.
    fn taught(&self, run: &Settings, outputs: usize, _teacher: Teacher) -> Box<dyn Learner> {
        self.trained(run, outputs)
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

    /// Options that have no effect in a run, and why.
    fn idle(&self, _run: &Settings) -> (&'static [&'static str], &'static str) {
        (&[], "")
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
        MOST_STEPS as usize
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

    /// What an outer update learns from.
    fn unit(&self, _run: &Settings) -> Unit {
        Unit::Episodes
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

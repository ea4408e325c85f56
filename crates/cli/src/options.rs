//! The options of a training run, as given: on the command line, or in a `config.toml` with the same names.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::choices::{Algorithm, Data, Distance, Norm, Order, Rotations, Split};

/// Options of a run; what is absent gets its default from [`crate::defaults`].
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// How to learn from few examples: gradient steps from a learned start (maml), or nearest class mean in a learned space (protonet)
    #[arg(long, value_enum, help_heading = "What to learn")]
    pub algorithm: Option<Algorithm>,

    /// Data: glyphs (built in), omniglot:PATH (folder with images_background.zip and images_evaluation.zip, or the unpacked folders), sinusoid
    #[arg(long, value_name = "DATA", help_heading = "What to learn")]
    pub data: Option<Data>,

    /// Which classes are for training and which for test: alphabets (whole alphabets held out), maml (random characters: 1100, 100, 423 on Omniglot), background (Omniglot's official halves), or a folder with train.txt, val.txt and test.txt [default: alphabets for glyphs, maml for Omniglot]
    #[arg(long, value_name = "SPLIT", help_heading = "What to learn")]
    pub split: Option<Split>,

    /// Rotations by multiples of 90 degrees: none, new-classes (a rotated character is another class), per-class or per-episode (drawn anew in each episode) [default: per-class for maml, new-classes for protonet]
    #[arg(long, value_name = "HOW", help_heading = "What to learn")]
    pub rotations: Option<Rotations>,

    /// Classes of an episode [default: 5]
    #[arg(long, value_parser = count, value_name = "N", help_heading = "Episodes")]
    pub ways: Option<usize>,

    /// Labelled examples per class, the support [default: 1; sinusoid 10 points]
    #[arg(long, value_parser = count, value_name = "K", help_heading = "Episodes")]
    pub shots: Option<usize>,

    /// Examples per class to be answered in a training episode [default: maml as many as shots, protonet 5]
    #[arg(long, value_parser = count, value_name = "Q", help_heading = "Episodes")]
    pub queries: Option<usize>,

    /// The same in a test episode [default: maml as many as shots, protonet 15]
    #[arg(long, value_parser = count, value_name = "Q", help_heading = "Episodes")]
    pub eval_queries: Option<usize>,

    /// Classes of a training episode, protonet only: more than --ways makes better embeddings [default: 60]
    #[arg(long, value_parser = count, value_name = "N", help_heading = "Episodes")]
    pub train_ways: Option<usize>,

    /// Test episodes behind the final accuracy [default: 600]
    #[arg(long, value_parser = count, value_name = "E", help_heading = "Episodes")]
    pub episodes: Option<usize>,

    /// Order of the meta-gradient, maml only: 2 is exact, 1 treats the inner gradients as constants (FOMAML) [default: 2]
    #[arg(long, value_enum, help_heading = "MAML")]
    pub order: Option<Order>,

    /// Rate of the inner gradient steps, for the mean loss over the support (published rates are for N times the mean: 0.4 at 5 ways is 2.0 here) [default: 2.0; sinusoid 0.01]
    #[arg(long, value_parser = number, value_name = "RATE", help_heading = "MAML")]
    pub inner_lr: Option<f64>,

    /// Inner gradient steps in training [default: 1; above 10 ways 5]
    #[arg(long, value_parser = count, value_name = "STEPS", help_heading = "MAML")]
    pub inner_steps: Option<usize>,

    /// Inner gradient steps at test [default: 3; above 10 ways 5; sinusoid 1]
    #[arg(long, value_parser = count, value_name = "STEPS", help_heading = "MAML")]
    pub eval_steps: Option<usize>,

    /// Distance between embeddings and class means, protonet only [default: euclidean, squared]
    #[arg(long, value_enum, help_heading = "Prototypical networks")]
    pub distance: Option<Distance>,

    /// Batch-norm statistics at test: batch (of all queries together), running (averages of training), support, support-plus-one [default: batch for maml, running for protonet]
    #[arg(long, value_name = "POLICY", help_heading = "Training")]
    pub norm: Option<Norm>,

    /// Outer updates [default: the published number; glyphs about one minute on two cores]
    #[arg(long, value_parser = whole, value_name = "N", help_heading = "Training")]
    pub iterations: Option<u64>,

    /// Episodes averaged in one outer update [default: maml 32, above 10 ways 16, sinusoid 25; protonet 1]
    #[arg(long, value_parser = count, value_name = "B", help_heading = "Training")]
    pub meta_batch: Option<usize>,

    /// Rate of the outer optimiser, Adam [default: 0.001]
    #[arg(long, value_parser = number, value_name = "RATE", help_heading = "Training")]
    pub outer_lr: Option<f64>,

    /// Halve the outer rate every so many iterations; 0: never [default: maml 0, protonet 2000]
    #[arg(long, value_parser = whole, value_name = "N", help_heading = "Training")]
    pub halve_every: Option<u64>,

    /// Number all randomness of the run follows from: same seed, same files [default: 1]
    #[arg(long, value_parser = whole, value_name = "SEED", help_heading = "Training")]
    pub seed: Option<u64>,
}

impl Options {
    /// These options, and where one is absent that of `other`.
    pub fn or(self, other: Options) -> Options {
        Options {
            algorithm: self.algorithm.or(other.algorithm),
            data: self.data.or(other.data),
            split: self.split.or(other.split),
            rotations: self.rotations.or(other.rotations),
            ways: self.ways.or(other.ways),
            shots: self.shots.or(other.shots),
            queries: self.queries.or(other.queries),
            eval_queries: self.eval_queries.or(other.eval_queries),
            train_ways: self.train_ways.or(other.train_ways),
            episodes: self.episodes.or(other.episodes),
            order: self.order.or(other.order),
            inner_lr: self.inner_lr.or(other.inner_lr),
            inner_steps: self.inner_steps.or(other.inner_steps),
            eval_steps: self.eval_steps.or(other.eval_steps),
            distance: self.distance.or(other.distance),
            norm: self.norm.or(other.norm),
            iterations: self.iterations.or(other.iterations),
            meta_batch: self.meta_batch.or(other.meta_batch),
            outer_lr: self.outer_lr.or(other.outer_lr),
            halve_every: self.halve_every.or(other.halve_every),
            seed: self.seed.or(other.seed),
        }
    }
}

pub fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number, 1 or more".into())
}

pub fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number, 0 or more".into())
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number such as 0.001".into())
}

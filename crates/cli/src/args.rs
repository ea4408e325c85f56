//! The command line: what can be asked of `fewshot`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::embed::{self, EmbedArgs};
use crate::heads_measured::Together;
use crate::learn::{self, Head, LearnArgs};
use crate::places::Data;
use crate::predict::{self, PredictArgs};
use crate::runs::{self, RunsArgs};
use crate::shell::{self, CompletionsArgs, ManArgs};
use crate::train_args::{self, TrainArgs};
use crate::volume::Volume;

const ABOUT: &str =
    "Train a network to learn new classes from a few examples each, and measure how well it does";

const EXAMPLES: &str = "\
Without a command, fewshot trains on built-in drawings for about a minute: the same as `fewshot train`.

Exit status: 0 success; 1 the run failed; 2 bad options, data or files; 130 ended by Ctrl-C.";

const EVALUATE_EXAMPLES: &str = "\
Examples:
  fewshot evaluate runs/protonet
      the test episodes of the run itself: the same accuracy as at the end of training
  fewshot evaluate runs/protonet --ways 20 --shots 5 --episodes 1000 --seed 7
  fewshot evaluate runs/protonet --json
      one JSON object and nothing else
  fewshot evaluate runs/maml --steps 0..10
      the adaptation curve: the result after 0, 1, ..., 10 inner steps
  fewshot evaluate runs/maml --nil
      how good the features are: no inner steps, the last layer left away
  fewshot evaluate runs/siamese --runs data/omniglot/all_runs.zip
      the official benchmark of Omniglot: 400 decisions within alphabets
  fewshot evaluate runs/protonet --ways 5 --shots 5 --calibrate
      a temperature for the probabilities of predict, fitted on validation classes and kept in the run's folder
  fewshot evaluate runs/protonet --unknown
      whether pictures of no class given are told from the others: AUROC
  fewshot evaluate runs/pretrain --classes validation --inner-lr 0.1
      fine-tuning at another rate: the best on validation classes is the one to report on test classes

The ways of a model with a last layer are fixed by it; a Prototypical network, a pretrained one, LEO, one that reads \
strings (mann) and --nil take any.";

/// The whole command line.
#[derive(Parser, Debug)]
#[command(name = "fewshot", version, about = ABOUT, after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct Cli {
    /// What to do; nothing: train with defaults.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How much is printed.
    #[command(flatten)]
    pub volume: Volume,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Train on many small tasks, then measure on classes never seen
    #[command(after_long_help = train_args::EXAMPLES, allow_negative_numbers = true)]
    Train(Box<TrainArgs>),
    /// List the algorithms, what they do and their papers
    Algorithms,
    /// List the presets: published settings under one name, with what was published and reached
    Presets(PresetsArgs),
    /// Measure a trained model on episodes of unseen classes
    #[command(after_help = EVALUATE_EXAMPLES, allow_negative_numbers = true)]
    Evaluate(EvaluateArgs),
    /// Learn the classes of a folder of pictures, with an encoder that others trained
    #[command(after_help = learn::EXAMPLES, override_usage = learn::USAGE)]
    Learn(LearnArgs),
    /// Name the classes of pictures of your own, from a few pictures of each
    #[command(after_help = predict::EXAMPLES, override_usage = predict::USAGE)]
    Predict(PredictArgs),
    /// Write the features of a run's data by its encoder to a file, to learn from with --data features:FILE
    #[command(after_help = embed::EXAMPLES, override_usage = embed::USAGE)]
    Embed(EmbedArgs),
    /// Draw a trained run as SVG: learning curve, an episode with its answers, embeddings, reliability of the probabilities, result by inner step, a wave
    Plot(PlotArgs),
    /// List the runs in the folders below one, with their results
    #[command(after_help = runs::EXAMPLES)]
    Runs(RunsArgs),
    /// Print a script that completes command lines in a shell
    #[command(after_help = shell::COMPLETIONS_EXAMPLES, override_usage = shell::COMPLETIONS_USAGE)]
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    #[command(after_help = shell::MAN_EXAMPLES)]
    Man(ManArgs),
}

/// Arguments of `presets`.
#[derive(Args, Debug)]
pub struct PresetsArgs {
    /// Those of this algorithm alone
    #[arg(value_name = "ALGORITHM")]
    pub algorithm: Option<String>,
}

/// Arguments of `evaluate`.
#[derive(Args, Debug)]
pub struct EvaluateArgs {
    /// Folder of a run: the --out of `fewshot train`; with --head a file of feature vectors
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// Episodes to average over [default: that of the run, 600]
    #[arg(long, value_parser = count, value_name = "E")]
    pub episodes: Option<usize>,

    /// Seed of the episodes [default: that of the run]
    #[arg(long, value_parser = whole, value_name = "SEED")]
    pub seed: Option<u64>,

    /// Classes of an episode [default: that of the run]
    #[arg(long, value_parser = count, value_name = "N")]
    pub ways: Option<usize>,

    /// Labelled examples per class [default: that of the run]
    #[arg(long, value_parser = count, value_name = "K")]
    pub shots: Option<usize>,

    /// Queries per class [default: that of the run's evaluation]
    #[arg(long, value_parser = count, value_name = "Q")]
    pub queries: Option<usize>,

    /// Inner gradient steps [default: those of the run's evaluation]
    #[arg(long, value_parser = count, value_name = "STEPS")]
    pub eval_steps: Option<usize>,

    /// Rate of the inner gradient steps [default: that of the run]
    #[arg(long, value_parser = number, value_name = "RATE")]
    pub inner_lr: Option<f64>,

    /// How fast that rate falls in fine-tuning; runs of pretrain [default: that of the run]
    #[arg(long, value_parser = number, value_name = "DECAY")]
    pub decay: Option<f64>,

    /// Show the result after each of these numbers of inner steps, e.g. 0..10
    #[arg(long, value_name = "FIRST..LAST")]
    pub steps: Option<StepRange>,

    /// Leave the last layer away and compare features by cosine instead (NIL); runs of maml, fomaml and anil
    #[arg(long)]
    pub nil: bool,

    /// Measure this classifier of features instead, on a file of fewshot embed
    #[arg(long, value_enum, value_name = "HEAD")]
    pub head: Option<Head>,

    /// Measure a classifier that answers all queries of an episode together instead, on a file of fewshot embed
    #[arg(long, value_enum, value_name = "HEAD", conflicts_with = "head")]
    pub transductive: Option<Together>,
    /// Fit the temperature of the probabilities on validation episodes [default: 200 of them] of these ways and shots, and keep it with the run for predict
    #[arg(long, value_parser = count, num_args = 0..=1, default_missing_value = "200", require_equals = true, value_name = "EPISODES", conflicts_with_all = ["runs", "steps", "nil", "eval_steps", "inner_lr", "decay"])]
    pub calibrate: Option<usize>,

    /// Measure how well queries of other classes are told from those of an episode: AUROC, as many unknown classes as known ones
    #[arg(long, conflicts_with_all = ["runs", "steps", "calibrate"])]
    pub unknown: bool,

    /// How likely a query is of one of the classes, with --unknown [default: max-logit]
    #[arg(long, value_enum, value_name = "SCORE", requires = "unknown")]
    pub score: Option<Score>,

    /// Which part of the split to draw classes from
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub classes: Part,

    /// Measure on the 20 official within-alphabet one-shot runs of Omniglot instead: all_runs.zip, or a folder that holds it
    #[arg(long, value_name = "PATH", conflicts_with_all = ["episodes", "seed", "ways", "shots", "queries", "steps", "classes", "data"])]
    pub runs: Option<PathBuf>,

    /// Take the data from here, e.g. omniglot:PATH, when they have moved
    #[arg(long, value_name = "DATA")]
    pub data: Option<Data>,

    /// Threads; the result does not depend on it [default: all cores]
    #[arg(long, value_parser = count, value_name = "N")]
    pub threads: Option<usize>,

    /// Print one JSON object and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `plot`.
#[derive(Args, Debug)]
pub struct PlotArgs {
    /// Folder of a run: the --out of `fewshot train`
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// Folder for the pictures [default: that of the run]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Episodes to average over [default: that of the run]
    #[arg(long, value_parser = count, value_name = "E")]
    pub episodes: Option<usize>,

    /// Take the data from here, e.g. omniglot:PATH, when they have moved
    #[arg(long, value_name = "DATA")]
    pub data: Option<Data>,

    /// Threads; the result does not depend on it [default: all cores]
    #[arg(long, value_parser = count, value_name = "N")]
    pub threads: Option<usize>,
}

/// What tells queries of known classes from others: larger for the known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Score {
    /// The largest logit; of a prototypical network minus the least distance
    MaxLogit,
    /// The largest probability, which is blind where all classes are equally far
    MaxProbability,
    /// The logarithm of the sum of the exponentials of the logits
    Energy,
}

/// Part of a class split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Classes the model was trained on
    Train,
    /// Classes held out for choosing settings
    Validation,
    /// Classes held out for the final figure
    Test,
}

impl Part {
    /// What kind of classes they are.
    pub fn words(self) -> &'static str {
        match self {
            Part::Train => "training",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// Numbers of inner steps, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRange {
    /// The fewest.
    pub first: usize,
    /// The most.
    pub last: usize,
}

impl StepRange {
    /// Whether a number of steps is among them.
    pub fn has(self, step: usize) -> bool {
        (self.first..=self.last).contains(&step)
    }
}

impl FromStr for StepRange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match numbers {
            Some((first, last)) if first <= last => Ok(StepRange { first, last }),
            _ => Err("expected two numbers of steps, the smaller first, such as 0..10".into()),
        }
    }
}

impl fmt::Display for StepRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

/// A whole number, 1 or more.
pub fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number, 1 or more".into())
}

/// A whole number, 0 or more.
pub fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number, 0 or more".into())
}

/// A number.
pub fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number such as 0.001".into())
}

//! The command line: what can be asked of `fewshot`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::choices::Data;
use crate::embed::{self, EmbedArgs};
use crate::options::{Options, count, number, whole};
use crate::predict::{self, PredictArgs};
use crate::runs::{self, RunsArgs};
use crate::shell::{self, CompletionsArgs, ManArgs};
use crate::volume::Volume;

const ABOUT: &str =
    "Train a network to learn new classes from a few examples each, and measure how well it does";

const EXAMPLES: &str = "\
Without a command, fewshot trains on built-in drawings for about a minute: the same as `fewshot train`.

Exit status: 0 success; 1 the run failed; 2 bad options, data or files; 130 ended by Ctrl-C.";

const TRAIN_EXAMPLES: &str = "\
Examples:
  fewshot train
      built-in alphabets, 5 classes, one drawing each
  fewshot train --algorithm maml --shots 5 --out runs/glyphs-maml
      five drawings each, by gradient steps; keeps weights, metrics and settings
  fewshot train --data omniglot:data/omniglot --algorithm protonet --iterations 5000 --out runs/protonet
      the real Omniglot drawings
  fewshot train --data sinusoid --iterations 10000
      regression: a sinusoid from ten points, one gradient step
  fewshot train --algorithm pretrain --out runs/pretrain
      the baseline without meta-learning: an ordinary classifier, fine-tuned to the new classes
  fewshot train --preset reptile-omniglot-5w1s --data omniglot:data/omniglot
      published settings under one name; options given beside it replace its own
  fewshot train --config runs/protonet/config.toml --out runs/again
      the same run again; options given beside --config replace its values
  fewshot train --resume runs/protonet --iterations 8000
      goes on where a run ended, early or not, with the bits of a run in one go
  fewshot train --data folder:photographs --image-size 84 --colour rgb --out runs/photographs
      pictures of your own, a folder for each class
  fewshot evaluate runs/protonet --ways 20
      a trained model on harder episodes
  fewshot predict runs/protonet --support known new.png
      the class of a picture, from a few pictures of each class

What --out DIR holds: config.toml (settings), division.json (which class is for what, and checksums of \
the data), metrics.csv (iteration, loss, accuracy), timing.csv (seconds of training), model.safetensors \
(weights, statistics, protocol), progress.safetensors (the same and the outer optimiser, for --resume), \
result.json (the result at the end, which `fewshot runs` lists). \
Same seed, same files but timing.csv, for any number of threads. One process at a time writes there.

Ctrl-C, SIGTERM and SIGHUP finish the iteration, save the weights and end with status 130; a second one saves \
the weights of the last whole iteration and ends at once.
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
    #[command(after_help = TRAIN_EXAMPLES, allow_negative_numbers = true)]
    Train(Box<TrainArgs>),
    /// List the algorithms, their papers and their presets
    Algorithms,
    /// Measure a trained model on episodes of unseen classes
    #[command(after_help = EVALUATE_EXAMPLES, allow_negative_numbers = true)]
    Evaluate(EvaluateArgs),
    /// Name the classes of pictures of your own, from a few pictures of each
    #[command(after_help = predict::EXAMPLES, override_usage = predict::USAGE)]
    Predict(PredictArgs),
    /// Write the features of a run's data by its encoder to a file, to learn from with --data features:FILE
    #[command(after_help = embed::EXAMPLES, override_usage = embed::USAGE)]
    Embed(EmbedArgs),
    /// Draw a trained run as SVG: learning curve, an episode with its answers, embeddings, result by inner step, a wave
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

/// Arguments of `train`.
#[derive(Args, Debug, Default)]
pub struct TrainArgs {
    /// Settings of the run.
    #[command(flatten)]
    pub options: Options,

    /// Published settings by name, such as maml-omniglot-5w1s or maml-sinusoid; options given beside it replace its own; `fewshot algorithms` lists them
    #[arg(long, value_name = "NAME", help_heading = "What to learn")]
    pub preset: Option<String>,

    /// Take the settings from the config.toml of an earlier run
    #[arg(long, value_name = "FILE", conflicts_with = "preset", help_heading = "Files and machine")]
    pub config: Option<PathBuf>,

    /// Go on with a run that was ended early, or with more --iterations: the --out of an earlier `fewshot train`; the same bits as in one go, unless an outer rate that falls towards the last iteration is given another one; --data says where its data have moved
    #[arg(long, value_name = "DIR", conflicts_with_all = ["preset", "config", "out", "overwrite"], help_heading = "Files and machine")]
    pub resume: Option<PathBuf>,

    /// Keep weights, metrics and settings in this folder
    #[arg(long, value_name = "DIR", help_heading = "Files and machine")]
    pub out: Option<PathBuf>,

    /// Replace the run that --out already holds
    #[arg(long, help_heading = "Files and machine")]
    pub overwrite: bool,

    /// Threads; the results do not depend on it [default: all cores]
    #[arg(long, value_parser = count, value_name = "N", help_heading = "Files and machine")]
    pub threads: Option<usize>,
}

/// Arguments of `evaluate`.
#[derive(Args, Debug)]
pub struct EvaluateArgs {
    /// Folder of a run: the --out of `fewshot train`
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

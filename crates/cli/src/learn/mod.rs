//! `fewshot learn`: from a folder of pictures to a classifier of them.

mod advice;
pub mod classifier;
pub mod examples;
mod figures;
mod folds;
mod heads;
mod json;
mod likeness;

use std::path::PathBuf;

use clap::Args;
use fewshot_episodes::names::shown_path;

use crate::args::{count, whole};
use crate::encoding::{EncoderArgs, Encoding};
use crate::error::Error;
use crate::files;
use crate::learn::classifier::Classifier;
use crate::learn::examples::PictureExamples;
use crate::learn::figures::Figures;
use crate::learn::folds::HeldOut;
pub use crate::learn::heads::Head;
use crate::on_threads;
use crate::report::{note, result, say, say_as_it_is};

pub const EXAMPLES: &str = "\
Examples:
  fewshot learn animals --encoder lite0.onnx --encoder-preset half --save animals.safetensors
      animals/cat/*.jpg, animals/dog/*.jpg, ...: a folder for each class, one picture in it or more
  fewshot predict animals.safetensors holiday/*.jpg
  fewshot learn animals
      without an encoder: how far the colours of pixels lead, to compare with

All classes and pictures are learned from. What is printed is measured before on pictures that are held out: each picture once, by a \
classifier that has learned from four fifths of the others. Pictures of a train/ and a test/ folder are taken together. Features are \
computed once for a picture and kept (in FEWSHOT_CACHE, or where the system keeps caches).";

/// In two lines, for narrow terminals.
pub const USAGE: &str = "fewshot learn [OPTIONS] <FOLDER>\n       [--save FILE]";

/// Arguments of `learn`.
#[derive(Args, Debug)]
pub struct LearnArgs {
    /// Pictures to learn from: a folder with a folder for each class
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    #[command(flatten)]
    pub encoder: EncoderArgs,

    /// What tells the classes apart by their features
    #[arg(long, value_enum, default_value_t = Head::default(), value_name = "HEAD")]
    pub head: Head,

    /// Keep what was learned in this file, replacing one that is there
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// Seed of the parts in which pictures are held out
    #[arg(long, value_parser = whole, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,

    /// Threads; the result does not depend on it [default: all cores]
    #[arg(long, value_parser = count, value_name = "N")]
    pub threads: Option<usize>,

    /// Print one JSON object and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Measures on pictures that are held out, then learns from all.
pub fn run(args: &LearnArgs) -> Result<(), Error> {
    if let Some((path, cause)) = args
        .save
        .as_ref()
        .and_then(|path| Some((path, files::no_place(path).or_else(|| files::not_replaceable(path))?)))
    {
        return Err(Error::option("save", shown_path(path), cause));
    }
    on_threads(args.threads, || {
        let encoding = Encoding::open(&args.encoder)?;
        let examples = PictureExamples::of_folder(&args.folder, &encoding)?;
        let held_out = HeldOut::measured(args.head, &examples, args.seed)?;
        let figures = Figures::new(&examples, held_out.as_ref(), pixels(args, &encoding)?);
        let classifier = Classifier::learned(args.head, &encoding, examples, held_out)?;
        let saved = args.save.as_ref().map(|path| classifier.save(path)).transpose();
        if args.json {
            say_as_it_is(figures.json(&classifier, &encoding))?;
        } else {
            figures.about(&classifier, &encoding).into_iter().try_for_each(say)?;
            figures.lines().into_iter().try_for_each(result)?;
            figures.advice(&encoding).into_iter().for_each(note);
        }
        saved?;
        match &args.save {
            Some(path) if !args.json => say(format!("saved       {}", shown_path(path))),
            _ => Ok(()),
        }
    })
}

/// What the pixels alone reach, where an encoder is measured.
fn pixels(args: &LearnArgs, encoding: &Encoding) -> Result<Option<f64>, Error> {
    if matches!(encoding, Encoding::Pixels) {
        return Ok(None);
    }
    let examples = PictureExamples::of_folder(&args.folder, &Encoding::Pixels)?;
    let held_out = HeldOut::measured(args.head, &examples, args.seed)?;
    Ok(held_out.map(|held_out| held_out.accuracy()))
}

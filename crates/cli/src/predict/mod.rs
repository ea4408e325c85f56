//! `fewshot predict`: the classes of pictures, learned from a few of each.

mod answers;
mod by_classifier;
mod by_run;
mod page;

use std::io;
use std::path::PathBuf;

use clap::Args;
use fewshot_episodes::folder;
use fewshot_episodes::names::shown_path;
use fewshot_meta::Checkpoint;

use crate::args::count;
use crate::encoding::EncoderArgs;
use crate::error::Error;
use crate::files;
use crate::learn::classifier::Classifier;
use crate::learn::examples::PictureExamples;
use crate::on_threads;
use crate::predict::answers::Answers;
pub use crate::predict::answers::plural;
use crate::report::{result, say, say_as_it_is};

/// In two lines, for narrow terminals.
pub const USAGE: &str = "fewshot predict [OPTIONS]\n       <DIR|FILE> [IMAGE]...";

pub const EXAMPLES: &str = "\
Examples:
  fewshot predict runs/glyphs --support letters scan1.png scan2.png
      letters/alpha/*.png, letters/beta/*.png, ...: a folder for each class, one picture in it or more
  fewshot predict runs/photographs --support animals holiday/*.jpg
  fewshot predict runs/glyphs --support chalk --invert=false board.png
      light drawings on a dark ground, for a model of dark ones on light
  fewshot predict runs/glyphs --support letters --json scan1.png
      one JSON object and nothing else
  fewshot predict runs/glyphs --support letters --save letters.safetensors
  fewshot predict letters.safetensors scan1.png scan2.png
      what was learned from the support, kept in a file: neither the run nor the support is needed any more

Pictures are brought to the size, colour and tones of training. A picture that cannot be read is named at the end, with \
status 2; the others are answered. The number of classes of a model with a last layer is fixed by it; a Prototypical network \
and a pretrained one take any.";

/// Arguments of `predict`.
#[derive(Args, Debug)]
pub struct PredictArgs {
    /// Folder of a run: the --out of `fewshot train`; or a file of --save
    #[arg(value_name = "DIR|FILE")]
    pub model: PathBuf,

    /// Pictures to learn from, with a file of learn further ones: a folder with a folder for each class
    #[arg(long, value_name = "FOLDER")]
    pub support: Option<PathBuf>,

    /// Pictures to name the class of, or folders of them: PNG, JPEG, WebP, GIF, BMP, TIFF or PNM
    #[arg(value_name = "IMAGE", required_unless_present = "save")]
    pub images: Vec<PathBuf>,

    /// Keep what was learned from the support in this file, replacing one that is there
    #[arg(long, value_name = "FILE", requires = "support")]
    pub save: Option<PathBuf>,

    /// Pictures are dark on light: turn black into white [default: as in training; glyphs, omniglot true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "true|false")]
    pub invert: Option<bool>,

    #[command(flatten)]
    pub encoder: EncoderArgs,

    /// Answer "none of these" so seldom: refuse so many of the pictures that are of a class, such as 5%; files of learn
    #[arg(long, value_parser = share, value_name = "SHARE")]
    pub reject: Option<f64>,

    /// Threads; the answers do not depend on it [default: all cores]
    #[arg(long, value_parser = count, value_name = "N")]
    pub threads: Option<usize>,

    /// Print one JSON object and nothing else
    #[arg(long)]
    pub json: bool,

    /// Write a page of the pictures to look through, by class and the most doubtful first, replacing one that is there
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Print CSV and nothing else
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// A share, as a percentage or a number below 1.
fn share(text: &str) -> Result<f64, String> {
    let (digits, unit) = text.strip_suffix('%').map_or((text, 1.0), |digits| (digits, 100.0));
    let share = digits.trim().parse().ok().map(|number: f64| number / unit);
    share
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or_else(|| "expected a share such as 5% or 0.05".into())
}

/// Learns from the support, unless that was done before, and answers.
pub fn run(args: &PredictArgs) -> Result<(), Error> {
    if let Some((path, cause)) =
        args.save.as_ref().and_then(|path| Some((path, files::not_replaceable(path)?)))
    {
        return Err(Error::option("save", shown_path(path), cause));
    }
    if let Some((path, cause)) = args.html.as_ref().and_then(|path| Some((path, files::no_page(path)?))) {
        return Err(Error::option("html", shown_path(path), cause));
    }
    let images = images(&args.images)?;
    on_threads(args.threads, || {
        if let Some(classifier) = classifier(args)? {
            let encoding = by_classifier::encoding(args, &classifier)?;
            let classifier = match &args.support {
                Some(folder) => classifier.with(PictureExamples::to_add(folder, &encoding)?)?,
                None => classifier,
            };
            if let Some(path) = &args.save {
                classifier.save(path)?;
            }
            return printed(args, &by_classifier::answered(args, &classifier, &encoding, &images)?, &images);
        }
        let adapted = by_run::adapted(args)?;
        if let Some(path) = &args.save {
            adapted.save(path)?;
        }
        printed(args, &by_run::answered(args, &adapted, &images)?, &images)
    })
}

/// The pictures that are given, and those in the folders that are.
fn images(given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut images = Vec::with_capacity(given.len());
    for path in given {
        if path.is_dir() { images.extend(folder::pictures(path)?) } else { images.push(path.clone()) }
    }
    Ok(images)
}

/// What a file of `fewshot learn` holds, if it is one; options that go with none of the others are refused.
fn classifier(args: &PredictArgs) -> Result<Option<Classifier>, Error> {
    let file = match args.model.is_file() {
        true => Some(Checkpoint::read(&args.model).map_err(|error| Error::Model(error.to_string()))?),
        false => None,
    };
    match file.filter(Classifier::is_in) {
        Some(file) => Ok(Some(Classifier::read(&args.model, &file)?)),
        None if args.encoder.encoder.is_some() || args.reject.is_some() => Err(Error::Combination(format!(
            "{}: --encoder and --reject go with a file of fewshot learn; make one, or leave them out",
            shown_path(&args.model)
        ))),
        None => Ok(None),
    }
}

/// Prints answers in the form that is asked for.
fn printed(args: &PredictArgs, answers: &Answers, images: &[PathBuf]) -> Result<(), Error> {
    if let Some(path) = &args.html {
        let wrong =
            |error: io::Error| Error::Write(format!("{}: {error}; choose another --html", shown_path(path)));
        files::write(path, page::page(answers, images).as_bytes()).map_err(wrong)?;
    }
    if args.json {
        say_as_it_is(answers.json())?;
    } else if args.csv {
        say_as_it_is(answers.csv())?;
    } else {
        answers.about.iter().try_for_each(say)?;
        answers.lines().into_iter().try_for_each(result)?;
        answers.compared().into_iter().try_for_each(say)?;
        args.html.iter().try_for_each(|path| say(format!("page        {}", shown_path(path))))?;
        args.save.iter().try_for_each(|path| say(format!("saved       {}", shown_path(path))))?;
    }
    answers.complete()
}

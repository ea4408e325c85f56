//! `fewshot predict`: the classes of pictures, learned from a few of each.

mod answers;
mod by_classifier;

use std::path::{Path, PathBuf};

use clap::Args;
use fewshot_autodiff::Array;
use fewshot_episodes::names::{from_os, shown, shown_path};
use fewshot_episodes::{ImageSet, folder};
use fewshot_meta::{Checkpoint, Examples, Predictor};
use fewshot_nn::NormPolicy;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::adapted::{Adapted, Class};
use crate::args::count;
use crate::encoding::EncoderArgs;
use crate::error::Error;
use crate::evaluate::takes_any_ways;
use crate::files;
use crate::learn::classifier::Classifier;
use crate::learn::examples::PictureExamples;
use crate::norm;
use crate::on_threads;
use crate::pictures;
pub use crate::predict::answers::plural;
use crate::predict::answers::{Answer, Answers, Named};
use crate::report::{result, say, say_as_it_is};
use crate::settings::Settings;
use crate::trained::Trained;

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
            return printed(args, &by_classifier::answered(args, &classifier, &encoding, &images)?);
        }
        let adapted = adapted(args)?;
        if let Some(path) = &args.save {
            adapted.save(path)?;
        }
        printed(args, &answered(args, &adapted, &images)?)
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
        Some(file) => {
            if let Some(folder) = &args.support {
                let cause =
                    "is for the folder of a run; learn again with the pictures of both folders in one";
                return Err(Error::option("support", shown_path(folder), cause));
            }
            Ok(Some(Classifier::read(&args.model, &file)?))
        }
        None if args.encoder.encoder.is_some() || args.reject.is_some() => Err(Error::Combination(format!(
            "{}: --encoder and --reject go with a file of fewshot learn; make one, or leave them out",
            shown_path(&args.model)
        ))),
        None => Ok(None),
    }
}

/// Prints answers in the form that is asked for.
fn printed(args: &PredictArgs, answers: &Answers) -> Result<(), Error> {
    if args.json {
        say_as_it_is(answers.json())?;
    } else if args.csv {
        say_as_it_is(answers.csv())?;
    } else {
        answers.about.iter().try_for_each(say)?;
        answers.lines().into_iter().try_for_each(result)?;
        args.save.iter().try_for_each(|path| say(format!("saved       {}", shown_path(path))))?;
    }
    answers.complete()
}

fn answered<'a>(args: &PredictArgs, adapted: &'a Adapted, images: &[PathBuf]) -> Result<Answers<'a>, Error> {
    let config = adapted.settings.classes.as_ref().expect("known to classify").pictures.config();
    let answered = images.par_iter().map(|path| {
        let image = from_os(path.as_os_str());
        let named = match folder::picture(path, &config) {
            Ok(picture) => Ok(Named::of(probabilities(&*adapted.predictor, &image, &Array::from(picture))?)),
            Err(error) => Err(error.to_string()),
        };
        Ok(Answer { image, named })
    });
    let answers: Result<Vec<Answer>, Error> = answered.collect();
    let model = from_os(args.model.as_os_str());
    Ok(Answers {
        about: about(&model, adapted),
        header: header(&model, adapted),
        classes: &adapted.classes,
        answers: answers?,
    })
}

/// The model and the support.
fn about(model: &str, Adapted { settings, iterations, classes: known, .. }: &Adapted) -> Vec<String> {
    let (algorithm, data) = (settings.name(), settings.data.name());
    let classes = settings.classes.as_ref().expect("it classifies");
    vec![
        format!("model       {}, {algorithm} trained on {data} for {iterations} iterations", shown(model)),
        format!(
            "support     {} of {} classes, {}, batch norm {}",
            plural(known.iter().map(|class| class.shots).sum(), "picture"),
            known.len(),
            classes.pictures.words(),
            norm::name(classes.norm)
        ),
    ]
}

/// The same as JSON.
fn header(model: &str, Adapted { settings, iterations, .. }: &Adapted) -> Map<String, Value> {
    let classes = settings.classes.as_ref().expect("it classifies");
    let header = json!({
        "model": model,
        "learner": settings.name(),
        "iterations": iterations,
        "image_size": classes.pictures.size,
        "colour": classes.pictures.colour_name(),
        "invert": classes.pictures.invert,
        "norm": norm::name(classes.norm),
    });
    match header {
        Value::Object(header) => header,
        _ => unreachable!("an object was written"),
    }
}

/// What answers: of a file, or learned from the support.
fn adapted(args: &PredictArgs) -> Result<Adapted, Error> {
    match &args.support {
        None if args.model.is_file() => {
            let mut adapted = Adapted::read(&args.model)?;
            invert(args, &mut adapted.settings);
            Ok(adapted)
        }
        None => {
            let cause = "a run has to learn from some pictures first; give --support FOLDER, or a file of --save instead of the run";
            Err(Error::Run { path: args.model.clone(), cause: cause.into() })
        }
        Some(support) if args.model.is_file() => {
            let cause =
                "has learned from a support already; leave out --support, or give the folder of a run";
            Err(Error::option("support", shown_path(support), format!("{} {cause}", shown_path(&args.model))))
        }
        Some(support) => learned(args, support),
    }
}

fn learned(args: &PredictArgs, folder: &Path) -> Result<Adapted, Error> {
    let Trained { settings: trained, meta, iterations, .. } = Trained::read(&args.model)?;
    let settings = asked(args, trained)?;
    let pictures = settings.classes.as_ref().expect("known to classify").pictures;
    let (support, _) = pictures::load(folder, &pictures)?;
    let settings = for_support(folder, &support, settings)?;
    let meta = settings.algorithm.start(&settings, meta);
    let predictor = settings.algorithm.build(&settings).adapt(&meta, &Examples::from(support.to_set()));
    let class = |number| Class { name: support.name(number).to_owned(), shots: support.images(number) };
    let classes = (0..support.classes()).map(class).collect();
    Ok(Adapted { settings, iterations, classes, predictor })
}

/// The settings of the run with what is asked for instead.
fn asked(args: &PredictArgs, mut settings: Settings) -> Result<Settings, Error> {
    let path = args.model.clone();
    let name = settings.data.name();
    let Some(classes) = &settings.classes else {
        let cause = format!(
            "was trained on {name}, which has no classes; give a run on glyphs, omniglot or a folder"
        );
        return Err(Error::Run { path, cause });
    };
    if classes.features.is_some() {
        let cause = "was trained on feature vectors, which pictures are not; give a run on glyphs, omniglot or a folder";
        return Err(Error::Run { path, cause: cause.into() });
    }
    if settings.algorithm.spells(&settings) {
        let cause = "names classes by strings in sequences; give a run with --names numbers";
        return Err(Error::Run { path, cause: cause.into() });
    }
    if settings.policy() == NormPolicy::Batch {
        // an answer shall not depend on the other pictures of the command
        settings.set("norm", "support-plus-one")?;
    }
    invert(args, &mut settings);
    Ok(settings)
}

/// Takes the tones of the pictures that are asked for.
fn invert(args: &PredictArgs, settings: &mut Settings) {
    if let (Some(invert), Some(classes)) = (args.invert, &mut settings.classes) {
        classes.pictures.invert = invert;
    }
}

/// The settings for so many classes, if the model can tell them apart.
fn for_support(path: &Path, support: &ImageSet, mut settings: Settings) -> Result<Settings, Error> {
    let wrong = |cause: String| Err(Error::option("support", shown_path(path), cause));
    let (found, name, any) = (support.classes(), settings.name(), takes_any_ways(&settings));
    if found < 2 {
        let only = support.name(0);
        return wrong(format!(
            "holds one class, {}: there is nothing to tell it from; add a folder for another",
            shown(only)
        ));
    }
    let ways = settings.ways();
    if !any && found != ways {
        return wrong(format!(
            "holds {found} classes, and this {name} model has a last layer for {ways}; give {ways}, or take a model \
             of any number of classes (fewshot train protonet)"
        ));
    }
    settings.set("ways", found as i64)?;
    Ok(settings)
}

/// The softmax of the scores of one picture.
fn probabilities(predictor: &dyn Predictor, image: &str, picture: &Array) -> Result<Vec<f64>, Error> {
    let batch: Vec<usize> = [&[1], picture.shape()].concat();
    let scores = predictor.predict(&Array::new(&batch, picture.data().to_vec()));
    let scores: Vec<f64> = scores.data().iter().map(|&score| f64::from(score)).collect();
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(Error::Evaluation(format!(
            "the scores of {} are not finite: the model diverges on this support; train it longer or at lower rates",
            shown(image)
        )));
    }
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    Ok(weights.into_iter().map(|weight| weight / sum).collect())
}

//! Answers of a run that learns from a support, or of a file that has learned from one.

use std::path::{Path, PathBuf};

use fewshot_autodiff::Array;
use fewshot_episodes::names::{from_os, shown, shown_path};
use fewshot_episodes::{ImageSet, folder};
use fewshot_meta::Examples;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::adapted::{Adapted, Class};
use crate::error::Error;
use crate::evaluate::takes_any_ways;
use crate::norm;
use crate::pictures;
use crate::predict::PredictArgs;
use crate::predict::answers::{Answer, Answers, Named, plural};
use crate::settings::Settings;
use crate::temperatures::Temperatures;
use crate::trained::Trained;

/// Its answers about pictures.
pub fn answered<'a>(
    args: &PredictArgs,
    adapted: &'a Adapted,
    images: &[PathBuf],
) -> Result<Answers<'a>, Error> {
    let config = adapted.settings.classes.as_ref().expect("known to classify").pictures.config();
    let answered = images.par_iter().map(|path| {
        let image = from_os(path.as_os_str());
        let named = match folder::picture(path, &config) {
            Ok(picture) => Ok(Named::of(probabilities(adapted, &image, &Array::from(picture))?)),
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
fn about(model: &str, adapted: &Adapted) -> Vec<String> {
    let Adapted { settings, iterations, classes: known, .. } = adapted;
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
        adapted.calibration(model),
    ]
}

/// The same as JSON.
fn header(model: &str, Adapted { settings, iterations, temperature, .. }: &Adapted) -> Map<String, Value> {
    let classes = settings.classes.as_ref().expect("it classifies");
    let header = json!({
        "model": model,
        "learner": settings.name(),
        "iterations": iterations,
        "image_size": classes.pictures.size,
        "colour": classes.pictures.colour_name(),
        "invert": classes.pictures.invert,
        "norm": norm::name(classes.norm),
        "temperature": temperature,
    });
    match header {
        Value::Object(header) => header,
        _ => unreachable!("an object was written"),
    }
}

/// What answers: of a file, or learned from the support.
pub fn adapted(args: &PredictArgs) -> Result<Adapted, Error> {
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
    let classes: Vec<Class> = (0..support.classes()).map(class).collect();
    let shots: Vec<usize> = classes.iter().map(|class| class.shots).collect();
    let temperature = Temperatures::read(&args.model, iterations)?.nearest(&settings, &shots);
    Ok(Adapted { settings, iterations, classes, temperature, predictor })
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
    norm::one_by_one(&mut settings)?;
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

/// The softmax of the scores of one picture, divided by the temperature where there is one.
fn probabilities(adapted: &Adapted, image: &str, picture: &Array) -> Result<Vec<f64>, Error> {
    let batch: Vec<usize> = [&[1], picture.shape()].concat();
    let scores = adapted.predictor.predict(&Array::new(&batch, picture.data().to_vec()));
    let scores: Vec<f64> = scores.data().iter().map(|&score| f64::from(score)).collect();
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(Error::Evaluation(format!(
            "the scores of {} are not finite: the model diverges on this support; train it longer or at lower rates",
            shown(image)
        )));
    }
    let temperature = adapted.temperature.as_ref().map_or(1.0, |fitted| fitted.temperature);
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| ((score - largest) / temperature).exp()).collect();
    let sum: f64 = weights.iter().sum();
    Ok(weights.into_iter().map(|weight| weight / sum).collect())
}

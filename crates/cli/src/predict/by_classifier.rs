//! Answers of a file of `fewshot learn`.

use std::path::{Path, PathBuf};

use fewshot_episodes::names::shown;
use serde_json::{Map, json};

use crate::encoding::{EncoderArgs, Encoding, name_of, vectors};
use crate::error::{Error, shown as shown_file};
use crate::learn::classifier::Classifier;
use crate::predict::PredictArgs;
use crate::predict::answers::{Answer, Answers, Named, plural};

/// The encoder that a classifier has learned with: given, or where it was then.
pub fn encoding(args: &PredictArgs, classifier: &Classifier) -> Result<Encoding, Error> {
    let encoder = args.encoder.encoder.clone().or_else(|| classifier.encoder());
    let preset = args.encoder.encoder_preset.or_else(|| classifier.preset());
    let given = EncoderArgs { encoder, encoder_preset: preset };
    let encoding = Encoding::open(&given).map_err(|error| match &args.encoder.encoder {
        Some(_) => error,
        None => match error {
            Error::Encoder(cause) => {
                Error::Encoder(format!("{cause}; where it has moved, give --encoder NEW"))
            }
            other => other,
        },
    })?;
    classifier.check(&args.model, &encoding)?;
    Ok(encoding)
}

/// Its answers about pictures.
pub fn answered<'a>(
    args: &PredictArgs,
    classifier: &'a Classifier,
    encoding: &Encoding,
    images: &[PathBuf],
) -> Result<Answers<'a>, Error> {
    let threshold = args
        .reject
        .map(|share| {
            let wrong = |cause| Error::option("reject", format!("{}%", (1e6 * share).round() / 1e4), cause);
            classifier.threshold(share).map_err(wrong)
        })
        .transpose()?;
    let paths: Vec<&Path> = images.iter().map(PathBuf::as_path).collect();
    let answer = |(path, vector): (&PathBuf, Result<Vec<f32>, Error>)| {
        let named = match vector {
            Err(error) => Err(error.to_string()),
            Ok(vector) => {
                let answer = classifier.answer(vector)?;
                let nearest = Some(classifier.file(answer.nearest).to_owned());
                let refused = threshold.is_some_and(|threshold| answer.likeness < threshold);
                Ok(Named { probabilities: answer.probabilities, nearest, refused })
            }
        };
        Ok(Answer { image: name_of(path), named })
    };
    let answers: Result<Vec<Answer>, Error> =
        images.iter().zip(vectors(encoding, &paths)).map(answer).collect();
    Ok(Answers {
        about: about(args, classifier, encoding),
        header: header(args, classifier, encoding),
        classes: classifier.classes(),
        answers: answers?,
    })
}

fn about(args: &PredictArgs, classifier: &Classifier, encoding: &Encoding) -> Vec<String> {
    let pictures = classifier.classes().iter().map(|class| class.shots).sum();
    vec![
        format!("model       {}, {}", shown(&name_of(&args.model)), classifier.head().words()),
        format!("encoder     {}", encoding.words()),
        format!("support     {} of {} classes", plural(pictures, "picture"), classifier.classes().len()),
    ]
}

fn header(
    args: &PredictArgs,
    classifier: &Classifier,
    encoding: &Encoding,
) -> Map<String, serde_json::Value> {
    let header = json!({
        "model": name_of(&args.model),
        "head": classifier.head(),
        "encoder": encoding.path().map(shown_file),
        "reject": args.reject,
    });
    match header {
        serde_json::Value::Object(header) => header,
        _ => unreachable!("an object was written"),
    }
}

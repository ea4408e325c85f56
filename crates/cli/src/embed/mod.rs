//! `fewshot embed`: the features of all drawings of a run's data by its encoder, as a file to learn from.

mod by_encoder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use fewshot_autodiff::Array;
use fewshot_episodes::names::{shown, shown_path};
use fewshot_episodes::{ClassId, FeatureParts, FeatureSet, ImageSet, Rotations, Turn};
use fewshot_meta::{Examples, Labels, Predictor};
use fewshot_nn::NormPolicy;
use rayon::prelude::*;

use crate::args::Part;
use crate::args::count;
use crate::data::{Source, listed};
use crate::encoding::EncoderArgs;
use crate::error::Error;
use crate::evaluate::replace_data;
use crate::files;
use crate::measure::nil;
use crate::on_threads;
use crate::places::{Data, Split};
use crate::report::result;
use crate::settings::Settings;
use crate::trained::Trained;

/// In two lines, for narrow terminals.
pub const USAGE: &str = "fewshot embed [OPTIONS]\n       --out <FILE> <DIR|--encoder FILE>";

pub const EXAMPLES: &str = "\
Examples:
  fewshot train pretrain --data omniglot:data/omniglot --out runs/encoder
  fewshot embed runs/encoder --out omniglot.safetensors
  fewshot train --preset leo-omniglot-5w1s --data features:omniglot.safetensors
  fewshot embed --encoder lite0.onnx --encoder-preset half --data folder:photographs --out photographs.safetensors
      an encoder that others trained, instead of a run

The file has, for each part train, val and test of the run's split, PART.features (float32 [n, d]) and PART.labels (int64 [n]), \
and in its metadata the names of the classes. \
Where a rotated drawing is another class in the run (--rotations new-classes), it is in the file.";

/// Arguments of `embed`.
#[derive(Args, Debug)]
pub struct EmbedArgs {
    /// Folder of a run: the --out of `fewshot train`
    #[arg(value_name = "DIR", required_unless_present = "encoder", conflicts_with = "encoder")]
    pub dir: Option<PathBuf>,

    #[command(flatten)]
    pub encoder: EncoderArgs,

    /// File for the features, replaced if it is there
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// Take the data from here, e.g. omniglot:PATH, when they have moved; with --encoder folder:PATH
    #[arg(long, value_name = "DATA", required_unless_present = "dir")]
    pub data: Option<Data>,

    /// Division of the classes of pictures for --encoder: own, or a folder with train.txt, val.txt and test.txt [default: own]
    #[arg(long, value_name = "SPLIT", requires = "encoder")]
    pub split: Option<Split>,

    /// Threads; the file does not depend on it [default: all cores]
    #[arg(long, value_parser = count, value_name = "N")]
    pub threads: Option<usize>,
}

/// Embeds the data of a run.
pub fn run(args: &EmbedArgs) -> Result<(), Error> {
    if let Some(cause) = files::not_replaceable(&args.out) {
        return Err(Error::option("out", shown_path(&args.out), cause));
    }
    let Some(dir) = &args.dir else { return by_encoder::run(args) };
    let run = Trained::read(dir)?;
    embeds(dir, &run.settings)?;
    let mut settings = run.settings.clone();
    replace_data(args.data.as_ref(), &mut settings)?;
    let meta = settings.algorithm.start(&settings, run.meta.clone());
    let Source::Drawings { images, split, .. } = run.source(&settings)? else {
        unreachable!("runs on other data are refused")
    };
    let learner = nil(&settings);
    let any = batch(&images, ClassId::from(0));
    let predictor =
        learner.adapt(&meta, &Examples::new(any.clone(), Labels::Classes(vec![0; any.shape()[0]])));
    let part = |part| {
        on_threads(args.threads, || embedded(&*predictor, &images, &turned(&settings, listed(&split, part))))
    };
    let [train, validation, test] =
        [part(Part::Train)?, part(Part::Validation)?, part(Part::Test)?].map(Arc::new);
    written(args, FeatureParts { train, validation, test })
}

/// Writes the file, and says what it holds.
fn written(args: &EmbedArgs, parts: FeatureParts) -> Result<(), Error> {
    let sets = [&parts.train, &parts.validation, &parts.test];
    let [train, validation, test] = sets.map(|set| format!("{} of {} classes", set.len(), set.classes()));
    let wrong = |error: std::io::Error| {
        Error::Write(format!("{}: {error}; choose another --out", shown_path(&args.out)))
    };
    files::write(&args.out, &parts.to_bytes()).map_err(wrong)?;
    result(format!(
        "{}: vectors of {} numbers; training {train}, validation {validation}, test {test}",
        shown_path(&args.out),
        parts.width()
    ))
}

/// Refuses runs whose encoder gives no features by itself.
fn embeds(dir: &Path, settings: &Settings) -> Result<(), Error> {
    let name = settings.name();
    let cause = match &settings.classes {
        None => "was trained on sinusoids, which are no drawings; give a run on drawings".into(),
        Some(classes) if classes.features.is_some() => {
            "was trained on features already; give the run whose encoder made them".into()
        }
        Some(classes)
            if matches!(classes.norm, NormPolicy::Running { .. }) && settings.algorithm.has_encoder() =>
        {
            return Ok(());
        }
        _ => format!(
            "is of {name}: embedding needs an encoder whose features of a drawing depend on no other; give a run of \
             protonet, pretrain or rfs with --norm running"
        ),
    };
    Err(Error::Run { path: dir.to_owned(), cause })
}

/// Classes, and where a turned drawing is another class all turns of them.
fn turned(settings: &Settings, classes: &[ClassId]) -> Vec<ClassId> {
    let new = settings.classes.as_ref().is_some_and(|classes| classes.rotations == Rotations::NewClasses);
    if !new {
        return classes.to_vec();
    }
    let turns = |&id: &ClassId| Turn::ALL.map(|turn| ClassId { turn: id.turn.then(turn), ..id });
    let mut all: Vec<ClassId> = classes.iter().flat_map(turns).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn embedded(predictor: &dyn Predictor, images: &ImageSet, classes: &[ClassId]) -> Result<FeatureSet, Error> {
    let of_class = |&id: &ClassId| {
        let features = predictor.embed(&batch(images, id)).expect("an encoder embeds");
        match features.all_finite() {
            true => Ok((name(images, id), features.to_vec())),
            false => Err(Error::Evaluation(format!(
                "the features of class {} are not finite: train the encoder longer or at lower rates",
                shown(&name(images, id))
            ))),
        }
    };
    let each: Result<Vec<_>, Error> = classes.par_iter().map(of_class).collect();
    let width = predictor.embed(&batch(images, ClassId::from(0))).map_or(1, |features| features.shape()[1]);
    Ok(FeatureSet::new(width, each?))
}

/// The name of a class; of a turned one as lists of classes have it.
fn name(images: &ImageSet, ClassId { class, turn }: ClassId) -> String {
    match turn {
        Turn::None => images.name(class).to_owned(),
        turn => format!("{}/rot{:03}", images.name(class), turn.degrees()),
    }
}

/// All drawings of a class.
fn batch(images: &ImageSet, ClassId { class, turn }: ClassId) -> Array {
    let shape @ [h, w, c] = images.shape();
    let mut x = vec![0.0; images.images(class) * h * w * c];
    for (k, place) in x.chunks_exact_mut(h * w * c).enumerate() {
        turn.apply(images.image(class, k), shape, place, |v| f32::from(v) / 255.0);
    }
    Array::new(&[images.images(class), h, w, c], x)
}

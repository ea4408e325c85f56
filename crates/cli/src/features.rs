//! Feature vectors as data: files of them, what goes with them, and the linear network that others than LEO put on them.

use std::path::Path;
use std::sync::Arc;

use fewshot_autodiff::{Float, Var};
use fewshot_episodes::names::shown_path;
use fewshot_episodes::{FeatureParts, FeatureSet, FeatureTasks, Protocol, Purpose, Rotations, Tasks};
use fewshot_meta::{Evaluation, Learner, Scratch, evaluate};
use fewshot_nn::{Bias, Headed, Init, Input, Linear, Model, ParamBuilder, ParamSpec, Params, Pass};

use crate::algorithm::Algorithm;
use crate::args::Part;
use crate::choices::{self, Data, Split};
use crate::error::Error;
use crate::options::Options;
use crate::settings::Settings;

/// Numbers of a vector where nothing says how many: those that four blocks of 64 channels make of a drawing.
const SIZE: usize = 64;
/// Steps and rate of a linear classifier that is trained on a support alone; features have length one.
const HEAD_STEPS: usize = 100;
const HEAD_RATE: f64 = 10.0;

/// Numbers of a vector.
pub fn size(options: &Options) -> usize {
    options.feature_size.unwrap_or(SIZE)
}

/// The options with the size of the vectors in their file, where they name one and no size.
pub fn measured(options: Options) -> Result<Options, Error> {
    match &options.data {
        Some(Data::Features(path)) if options.feature_size.is_none() => {
            let feature_size = Some(read(path)?.width());
            Ok(Options { feature_size, ..options })
        }
        _ => Ok(options),
    }
}

/// The vectors of a file.
pub fn load(path: &Path, size: usize) -> Result<FeatureParts, Error> {
    let parts = read(path)?;
    match parts.width() {
        width if width == size => Ok(parts),
        width => Err(Error::option(
            "data",
            format!("features:{}", shown_path(path)),
            format!("its vectors have {width} numbers, the run's {size}; give a file of the same network"),
        )),
    }
}

fn read(path: &Path) -> Result<FeatureParts, Error> {
    if !path.exists() {
        return Err(Error::Combination(missing(path)));
    }
    Ok(FeatureParts::read(path)?)
}

/// How to make a file that is not there.
pub fn missing(path: &Path) -> String {
    let path = shown_path(path);
    format!(
        "--data features:{path}: there is no such file; train an encoder first, and embed its data: fewshot train \
         --algorithm pretrain --data omniglot:PATH --out runs/encoder, then fewshot embed runs/encoder --out {path}"
    )
}

/// Refuses what feature vectors have no use for, and what needs them.
pub fn foreign(algorithm: Algorithm, data: &Data, options: &Options) -> Result<(), Error> {
    use Algorithm::{Fomaml, Leo, Maml, MetaSgd, Protonet};
    let refuse = |message: String| Err(Error::Combination(message));
    let name = algorithm.name();
    if !matches!(data, Data::Features(_)) {
        return match (algorithm, options.feature_size) {
            (Leo, _) => refuse(format!(
                "--algorithm leo --data {}: it learns from feature vectors; embed the data first with a trained encoder \
                 (fewshot embed DIR --out FILE), then give --data features:FILE",
                data.name()
            )),
            (_, Some(_)) => refuse(format!(
                "--feature-size --data {}: it is of --data features:FILE; leave it out",
                data.name()
            )),
            _ => Ok(()),
        };
    }
    if !matches!(algorithm, Leo | Protonet | Maml | Fomaml | MetaSgd) {
        return refuse(format!(
            "--algorithm {name} --data features: on feature vectors there are leo, protonet, maml, fomaml and meta-sgd; \
             choose one of them"
        ));
    }
    let turned =
        |rotations: Option<choices::Rotations>| rotations.is_some_and(|how| how != choices::Rotations::None);
    let unused = [
        ("image-size", options.image_size.is_some()),
        ("colour", options.colour.is_some()),
        ("invert", options.invert.is_some()),
        ("rotations", turned(options.rotations)),
        ("eval-rotations", turned(options.eval_rotations)),
        ("split", options.split.as_ref().is_some_and(|split| *split != Split::Own)),
    ];
    if let Some(option) = options.filters.map(|_| "filters").or(options.downsample.map(|_| "downsample")) {
        return refuse(format!("--{option} --data features: the network on them is linear; leave it out"));
    }
    match unused.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => refuse(format!(
            "--{option} --data features: feature vectors are turned and divided where they are made; leave it out"
        )),
        None if options.train_shots.is_some_and(|shots| shots.are_drawn()) => refuse(
            "--train-shots --data features: shots are drawn for pictures alone; give one number".into(),
        ),
        None => Ok(()),
    }
}

/// Episodes of a part.
pub fn tasks(
    parts: &FeatureParts,
    part: Part,
    [ways, shots, queries]: [usize; 3],
    (seed, purpose): (u64, Purpose),
) -> Result<Box<dyn Tasks>, fewshot_episodes::Error> {
    let features = of_part(parts, part);
    let protocol = Protocol { ways, shots, queries, rotations: Rotations::None };
    FeatureTasks::new(features.clone(), protocol, seed, purpose)
        .map(|tasks| Box::new(tasks) as Box<dyn Tasks>)
}

/// The vectors of a part.
pub fn of_part(parts: &FeatureParts, part: Part) -> &Arc<FeatureSet> {
    match part {
        Part::Train => &parts.train,
        Part::Validation => &parts.validation,
        Part::Test => &parts.test,
    }
}

/// A linear map of feature vectors of length one; it is all head.
pub struct LinearMap {
    head: Linear,
    spec: ParamSpec,
}

impl LinearMap {
    /// From so many numbers to so many.
    pub fn new(inputs: usize, outputs: usize, weight: Init) -> Self {
        let mut b = ParamBuilder::new();
        let head = b.scope("head", |b| Linear::with_init(b, inputs, outputs, weight, Bias::Zeros));
        b.takes(Input::Numbers(inputs));
        b.gives(outputs);
        b.sign("network", "linear map of vectors of length one");
        LinearMap { head, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for LinearMap {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let features = self.features(params, x, pass);
        self.head(params, features)
    }
}

impl<F: Float> Headed<F> for LinearMap {
    fn features<'t>(&self, _: &Params<Var<'t, F>>, x: Var<'t, F>, _: &mut Pass<'t, F>) -> Var<'t, F> {
        let x = x.flatten();
        x * x.norm_axis(1).insert_axis(1).safe_recip()
    }

    fn head<'t>(&self, params: &Params<Var<'t, F>>, features: Var<'t, F>) -> Var<'t, F> {
        self.head.forward(params, features)
    }
}

/// What a linear classifier reaches that is trained on each support alone; nothing for other data.
pub fn linear_head(settings: &Settings, tasks: &dyn Tasks) -> Result<Option<Evaluation>, Error> {
    let Some((classes, size)) =
        settings.classes.as_ref().and_then(|classes| Some((classes, classes.features?)))
    else {
        return Ok(None);
    };
    let model = LinearMap::new(size, classes.ways, Init::Zeros);
    let head = Scratch { steps: HEAD_STEPS, inner_lr: HEAD_RATE, ..Scratch::new(model) };
    evaluate(&head, &Learner::<f32>::init(&head, 0), tasks, settings.episodes as u64)
        .map(Some)
        .map_err(|error| Error::Evaluation(error.to_string()))
}

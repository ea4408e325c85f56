//! Feature vectors as data: files of them, what goes with them, and the linear network that others than LEO put on them.

use std::path::Path;
use std::sync::Arc;

use fewshot_autodiff::{Float, Var};
use fewshot_episodes::names::shown_path;
use fewshot_episodes::{FeatureParts, FeatureSet, FeatureTasks, Protocol, Purpose, Rotations, Tasks};
use fewshot_meta::{Evaluation, Learner, Scratch, evaluate};
use fewshot_nn::{Bias, Headed, Init, Input, Linear, Model, ParamBuilder, ParamSpec, Params, Pass};

use crate::args::Part;
use crate::error::Error;
use crate::options::Options;
use crate::places::Data;
use crate::settings::Settings;

/// Steps and rate of a linear classifier that is trained on a support alone; features have length one.
const HEAD_STEPS: usize = 100;
const HEAD_RATE: f64 = 10.0;

/// The options with the size of the vectors in their file, where they name one and no size.
pub fn measured(options: Options) -> Result<Options, Error> {
    match options.read("data") {
        Some(Data::Features(path)) if !options.has("feature-size") => {
            let width = read(&path)?.width() as i64;
            Ok(options.with("feature-size", width))
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
         pretrain --data omniglot:PATH --out runs/encoder, then fewshot embed runs/encoder --out {path}"
    )
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

//! `fewshot evaluate FILE --head HEAD`: a classifier of fixed features on episodes of a file of feature vectors.

use clap::ValueEnum;
use fewshot_autodiff::Array;
use fewshot_episodes::names::{from_os, shown_path};
use fewshot_episodes::{FeatureParts, FeatureSet};
use fewshot_meta::{Evaluation, Learner, Transductive, TransductiveHead, Transform, evaluate};
use serde::Serialize;

use crate::args::{EvaluateArgs, Part};
use crate::error::{Error, one_line};
use crate::features;
use crate::learn::Head;
use crate::on_threads;
use crate::report::{result, say, say_as_it_is};

/// Ways, shots and queries of an episode, and episodes, unless others are asked for.
const USUAL: [usize; 4] = [5, 1, 15, 600];
/// Fewest classes of an episode, and episodes of an interval.
const LEAST: usize = 2;
/// What is said of transductive results.
const TOGETHER: &str = "transductive: all queries of an episode are answered together, and most such heads assume that every class has equally many; \
     not to be compared with results of one query at a time";

/// A head that answers all queries of an episode together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Together {
    /// Prototypes moved by the queries (Liu et al. 2020, BD-CSPN)
    Rectified,
    /// Labels propagated over the graph of nearest neighbours (Liu et al. 2019, TPN)
    LabelPropagation,
    /// LaplacianShot (Ziko et al. 2020)
    LaplacianShot,
    /// TIM (Boudiaf et al. 2020)
    Tim,
}

impl Together {
    /// On features of length one, centred before on the mean of those of the training classes, where there are some: all of these heads were
    /// published on such.
    fn learner(self, base: &FeatureSet) -> TransductiveHead {
        let kind = match self {
            Together::Rectified => Transductive::rectified(),
            Together::LabelPropagation => Transductive::label_propagation(),
            Together::LaplacianShot => Transductive::laplacian_shot(),
            Together::Tim => Transductive::tim(),
        };
        let vectors =
            |class| (0..base.vectors(class)).flat_map(move |k| base.vector(class, k).iter().copied());
        let all: Vec<f32> = (0..base.classes()).flat_map(vectors).collect();
        let transform = match base.len() {
            0 => Transform::UnitLength,
            count => Transform::centred_on(&Array::new(&[count, base.width()], all)),
        };
        TransductiveHead::new(kind, transform)
    }

    fn words(self) -> &'static str {
        match self {
            Together::Rectified => "rectified prototypes",
            Together::LabelPropagation => "label propagation",
            Together::LaplacianShot => "LaplacianShot",
            Together::Tim => "TIM",
        }
    }
}

#[derive(Serialize)]
struct Json {
    features: String,
    head: Option<Head>,
    transductive: Option<Together>,
    ways: usize,
    shots: usize,
    queries: usize,
    episodes: usize,
    seed: u64,
    classes: &'static str,
    accuracy: f64,
    interval: f64,
}

/// Measures a head; nothing where the file is a run's and no head is asked for.
pub fn run(args: &EvaluateArgs) -> Result<bool, Error> {
    if args.head.is_none() && args.transductive.is_none() {
        return Ok(false);
    }
    if args.dir.is_dir() {
        let cause = "--head and --transductive go with a file of feature vectors (fewshot embed), not with the folder of a run; give the file";
        return Err(Error::Combination(format!("{}: {cause}", shown_path(&args.dir))));
    }
    of_a_run(args)?;
    let parts = FeatureParts::read(&args.dir)?;
    let [ways, shots, queries, episodes] = USUAL;
    let episode = [args.ways.unwrap_or(ways), args.shots.unwrap_or(shots), args.queries.unwrap_or(queries)];
    let (seed, episodes) = (args.seed.unwrap_or(1), args.episodes.unwrap_or(episodes));
    for (option, number) in [("ways", episode[0]), ("episodes", episodes)] {
        if number < LEAST {
            return Err(Error::option(option, number, format!("the least is {LEAST}")));
        }
    }
    let tasks = features::tasks(&parts, args.classes, episode, (seed, crate::data::purpose(args.classes)))?;
    let head = args.head.unwrap_or_default();
    let evaluated = on_threads(args.threads, || {
        let learner: Box<dyn Learner> = match args.transductive {
            Some(together) => Box::new(together.learner(&parts.train)),
            None => Box::new(head.learner(episode[1])),
        };
        evaluate(&*learner, &learner.init(0), &*tasks, episodes as u64)
            .map_err(|error| Error::Evaluation(one_line(error)))
    })?;
    printed(args, &parts, episode, (episodes, seed), &evaluated).map(|()| true)
}

/// Refuses what goes with the folder of a run alone.
fn of_a_run(args: &EvaluateArgs) -> Result<(), Error> {
    let given = [
        ("eval-steps", args.eval_steps.is_some()),
        ("inner-lr", args.inner_lr.is_some()),
        ("decay", args.decay.is_some()),
        ("steps", args.steps.is_some()),
        ("nil", args.nil),
        ("calibrate", args.calibrate.is_some()),
        ("unknown", args.unknown),
        ("score", args.score.is_some()),
        ("runs", args.runs.is_some()),
        ("data", args.data.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(Error::Combination(format!(
            "--{option}: goes with the folder of a run, not with a head on a file of features; leave it out"
        ))),
    }
}

fn printed(
    args: &EvaluateArgs,
    parts: &FeatureParts,
    [ways, shots, queries]: [usize; 3],
    (episodes, seed): (usize, u64),
    evaluated: &Evaluation,
) -> Result<(), Error> {
    let head = args.head.unwrap_or_default();
    if args.json {
        let json = Json {
            features: from_os(args.dir.as_os_str()),
            head: args.transductive.is_none().then_some(head),
            transductive: args.transductive,
            ways,
            shots,
            queries,
            episodes,
            seed,
            classes: args.classes.words(),
            accuracy: evaluated.mean,
            interval: evaluated.interval,
        };
        return say_as_it_is(serde_json::to_string(&json).expect("names and numbers have a form in JSON"));
    }
    let classes = match args.classes {
        Part::Train => parts.train.classes(),
        Part::Validation => parts.validation.classes(),
        Part::Test => parts.test.classes(),
    };
    say(format!("features    {}, vectors of {} numbers", shown_path(&args.dir), parts.width()))?;
    say(format!(
        "episodes    {episodes} of {ways} ways, {shots} shots, {queries} queries per class, of {classes} {} classes, seed {seed}",
        args.classes.words()
    ))?;
    match args.transductive {
        Some(together) => {
            say(format!("head        {}", together.words()))?;
            say(format!("note        {TOGETHER}"))?;
        }
        None => say(format!("head        {}", head.words()))?,
    }
    result(format!("accuracy    {evaluated}"))
}

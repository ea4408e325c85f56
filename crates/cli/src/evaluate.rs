//! `fewshot evaluate`.

use fewshot_meta::Checkpoint;

use crate::args::EvaluateArgs;
use crate::checks::{self, between};
use crate::choices::Data;
use crate::config;
use crate::data::{Source, TestEpisodes};
use crate::error::Error;
use crate::learner;
use crate::measure::{Measured, measure};
use crate::on_threads;
use crate::report::say;
use crate::run_dir::{CONFIG, MODEL};
use crate::settings::{Method, Settings};

/// Measures the model of a run.
pub fn run(args: &EvaluateArgs) -> Result<(), Error> {
    let trained = settings(args)?;
    let (checkpoint, iterations) = checkpoint(args, &trained)?;
    let trained_on = trained.data.name();
    let settings = overridden(args, trained)?;
    let measured = on_threads(args.threads, || evaluate(args, &settings, &checkpoint, iterations))?;
    if args.json {
        return say(measured.json());
    }
    let dir = args.dir.display();
    say(format!("model       {dir}, trained on {trained_on} for {iterations} iterations"))?;
    for line in measured.context() {
        say(line)?;
    }
    say(measured.headline())
}

fn evaluate(
    args: &EvaluateArgs,
    settings: &Settings,
    checkpoint: &Checkpoint,
    iterations: u64,
) -> Result<Measured, Error> {
    let source = Source::load(settings)?;
    let episodes = TestEpisodes { part: args.classes, ..TestEpisodes::of(settings) };
    let tasks = source.test(settings, &episodes)?;
    let learner = learner::for_measuring(settings, &*tasks);
    let meta = checkpoint.meta(&*learner).map_err(|error| Error::Model(error.to_string()))?;
    measure(settings, &*learner, &meta, &*tasks, episodes, iterations)
}

/// The settings the run was trained with.
fn settings(args: &EvaluateArgs) -> Result<Settings, Error> {
    let wrong = |cause: &str| Error::Run { path: args.dir.clone(), cause: cause.into() };
    if !args.dir.is_dir() {
        return Err(wrong("there is no such folder; give the --out of a fewshot train"));
    }
    for name in [CONFIG, MODEL] {
        if !args.dir.join(name).is_file() {
            return Err(wrong(&format!("has no {name}; give the --out of a fewshot train")));
        }
    }
    let path = args.dir.join(CONFIG);
    Settings::resolve(&config::read(&path)?).map_err(|error| Error::Config { path, cause: error.to_string() })
}

/// The model file, known to be of this run, and the iterations it was trained for.
fn checkpoint(args: &EvaluateArgs, settings: &Settings) -> Result<(Checkpoint, u64), Error> {
    let path = args.dir.join(MODEL);
    let checkpoint = Checkpoint::read(&path).map_err(|error| Error::Model(error.to_string()))?;
    let foreign = |cause: String| Error::Model(format!("{}: {cause}", path.display()));
    let iterations = config::iteration(checkpoint.metadata())
        .ok_or_else(|| foreign("was not written by fewshot train; give a folder of fewshot train".into()))?;
    match config::difference(checkpoint.metadata(), settings) {
        None => Ok((checkpoint, iterations)),
        Some((key, model, beside)) => Err(foreign(format!(
            "is of another run than {CONFIG} beside it: {key} is {model} in one and {beside} in the other; put the files of one run together"
        ))),
    }
}

/// The settings of the run with what the command line asks for instead.
fn overridden(args: &EvaluateArgs, mut settings: Settings) -> Result<Settings, Error> {
    replace_data(args, &mut settings)?;
    replace_ways(args, &mut settings)?;
    if let Some(steps) = args.eval_steps {
        match &mut settings.method {
            Method::Maml { eval_steps, .. } => *eval_steps = steps,
            Method::Protonet { .. } => {
                return Err(Error::Combination(
                    "--eval-steps: a Prototypical network takes no steps; leave it out".into(),
                ));
            }
        }
    }
    if let Some(queries) = args.queries {
        between("queries", queries, 1, usize::MAX)?;
        settings.eval_queries = queries;
    }
    settings.shots = args.shots.unwrap_or(settings.shots);
    settings.episodes = args.episodes.unwrap_or(settings.episodes);
    settings.seed = args.seed.unwrap_or(settings.seed);
    checks::numbers(&settings)?;
    Ok(settings)
}

fn replace_data(args: &EvaluateArgs, settings: &mut Settings) -> Result<(), Error> {
    let Some(data) = &args.data else { return Ok(()) };
    if (*data == Data::Sinusoid) != (settings.data == Data::Sinusoid) {
        let (name, trained) = (data.name(), settings.data.name());
        return Err(Error::option(
            "data",
            name,
            format!("the model was trained on {trained}; sinusoids are no drawings"),
        ));
    }
    settings.data = data.clone();
    Ok(())
}

fn replace_ways(args: &EvaluateArgs, settings: &mut Settings) -> Result<(), Error> {
    let Some(ways) = args.ways else { return Ok(()) };
    let Some(classes) = &mut settings.classes else {
        return Err(Error::option("ways", ways, "sinusoids have no classes; leave it out"));
    };
    if matches!(settings.method, Method::Maml { .. }) && ways != classes.ways {
        let trained = classes.ways;
        return Err(Error::option(
            "ways",
            ways,
            format!(
                "this MAML model has a last layer for {trained} classes; use --ways {trained}, or train another with --ways {ways}"
            ),
        ));
    }
    classes.ways = ways;
    Ok(())
}

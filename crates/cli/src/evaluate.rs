//! `fewshot evaluate`.

use crate::algorithm::Algorithm;
use crate::args::EvaluateArgs;
use crate::choices::{Data, Naming};
use crate::data::TestEpisodes;
use crate::error::Error;
use crate::learner;
use crate::measure::{Head, Measured, Subject, measure, verification};
use crate::method::Method;
use crate::official;
use crate::on_threads;
use crate::pictures;
use crate::ranges::{self, between};
use crate::report::{explained, result, say, say_as_it_is};
use crate::sequences::{self, Instances};
use crate::settings::Settings;
use crate::trained::Trained;

/// Measures the model of a run.
pub fn run(args: &EvaluateArgs) -> Result<(), Error> {
    let run = Trained::read(&args.dir)?;
    let (algorithm, trained_on) = (run.settings.algorithm().name(), run.settings.data.name());
    let settings = overridden(args, run.settings.clone())?;
    let (meta, iterations) = (run.meta.clone(), run.iterations);
    let meta = learner::start(&settings, meta);
    let head = if args.nil { Head::LeftAway } else { Head::Kept };
    let subject = Subject { settings: &settings, head, meta: &meta, iterations, curve: args.steps };
    let dir = args.dir.display();
    let model = format!("model       {dir}, {algorithm} trained on {trained_on} for {iterations} iterations");
    if let Some(path) = &args.runs {
        if let Method::Mann { names: Naming::Strings, .. } = settings.method {
            return Err(Error::Combination(
                "--runs: their characters are numbered, the model names classes by strings; leave it out"
                    .into(),
            ));
        }
        let official = on_threads(args.threads, || official::measure(path, &subject))?;
        return if args.json {
            say_as_it_is(official.json())
        } else {
            say(model).and_then(|()| official.say(args.nil))
        };
    }
    if sequences::protocol(&settings).is_some() {
        let measured = on_threads(args.threads, || read(args, &subject, run))?;
        return match args.json {
            true => say_as_it_is(measured.json()),
            false => say(model).and_then(|()| explained(measured.lines())),
        };
    }
    let measured = on_threads(args.threads, || evaluate(args, &subject, run))?;
    if args.json {
        return say_as_it_is(measured.json());
    }
    say(model)?;
    if args.nil {
        say(NIL)?;
    }
    for line in measured.context() {
        say(line)?;
    }
    result(measured.headline())
}

/// What is said of --nil.
pub const NIL: &str = "learner     nil: the last layer left away, features compared by cosine";

fn evaluate(args: &EvaluateArgs, subject: &Subject<'_>, run: Trained) -> Result<Measured, Error> {
    let source = run.source(subject.settings)?;
    let episodes = TestEpisodes { part: args.classes, ..TestEpisodes::of(subject.settings) };
    let tasks = source.test(subject.settings, &episodes)?;
    let verification = verification(subject, &source, args.classes)?;
    Ok(Measured { verification, ..measure(subject, &*tasks, episodes)? })
}

fn read(args: &EvaluateArgs, subject: &Subject<'_>, run: Trained) -> Result<Instances, Error> {
    let source = run.source(subject.settings)?;
    let episodes = TestEpisodes { part: args.classes, ..TestEpisodes::of(subject.settings) };
    sequences::measure(subject, &*source.test(subject.settings, &episodes)?, args.classes)
}

/// The settings of the run with what the command line asks for instead.
fn overridden(args: &EvaluateArgs, mut settings: Settings) -> Result<Settings, Error> {
    if args.nil {
        headless(args, &settings)?;
    }
    replace_data(args.data.as_ref(), &mut settings)?;
    if args.runs.is_some() {
        official_ways(args.nil, &mut settings)?;
    }
    if let Some(ways) = args.ways {
        replace_ways(ways, args.nil, &mut settings)?;
    }
    replace_steps(args, &mut settings)?;
    replace_rate(args, &mut settings)?;
    let episodes_only = args.shots.map(|_| "shots").or(args.queries.map(|_| "queries"));
    if let (Some(option), Some(_)) = (episodes_only, sequences::protocol(&settings)) {
        let cause = "this network reads sequences, in which classes come again and again; leave it out, or train one with --per-class 0";
        return Err(Error::Combination(format!("--{option}: {cause}")));
    }
    if let Some(queries) = args.queries {
        between("queries", queries, 1, usize::MAX)?;
        settings.eval_queries = queries;
    }
    settings.shots = args.shots.unwrap_or(settings.shots);
    settings.episodes = args.episodes.unwrap_or(settings.episodes);
    settings.seed = args.seed.unwrap_or(settings.seed);
    ranges::numbers(&settings)?;
    Ok(settings)
}

/// Refuses --nil where it has no meaning, and what has no meaning beside it.
fn headless(args: &EvaluateArgs, settings: &Settings) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::Combination(message));
    let algorithm = settings.algorithm();
    if !matches!(algorithm, Algorithm::Maml | Algorithm::Fomaml | Algorithm::Anil) {
        let name = algorithm.name();
        return refuse(format!(
            "--nil: it is for runs of maml, fomaml and anil, this one is of {name}; leave it out"
        ));
    }
    if settings.classes.is_none() {
        return refuse("--nil: it compares classes, which sinusoids have not; leave it out".into());
    }
    let steps = args.steps.map(|_| "steps").or(args.eval_steps.map(|_| "eval-steps"));
    match steps.or(args.inner_lr.map(|_| "inner-lr")) {
        Some(option) => {
            refuse(format!("--nil --{option}: without a last layer no steps are taken; give one of them"))
        }
        None => Ok(()),
    }
}

fn replace_steps(args: &EvaluateArgs, settings: &mut Settings) -> Result<(), Error> {
    let no_steps = |option: &str| {
        let name = settings.algorithm().name();
        Error::Combination(format!("--{option}: {name} takes no inner steps; leave it out"))
    };
    if let Some(steps) = args.steps {
        settings.method.eval_steps().ok_or_else(|| no_steps("steps"))?;
        let most = match &settings.method {
            Method::Leo(leo) => leo.latent_steps + leo.fine_tuning_steps,
            _ => ranges::MOST_STEPS,
        };
        between("steps", steps.last, 0, most)?;
    }
    if let Some(steps) = args.eval_steps {
        let taken = settings.method.clone().with_eval_steps(steps);
        settings.method = taken.ok_or_else(|| no_steps("eval-steps"))?;
    }
    Ok(())
}

fn replace_rate(args: &EvaluateArgs, settings: &mut Settings) -> Result<(), Error> {
    let name = settings.algorithm().name();
    if let Some(lr) = args.inner_lr {
        let taken = settings.method.clone().with_inner_lr(lr);
        settings.method = taken.ok_or_else(|| {
            Error::Combination(format!(
                "--inner-lr {lr}: {name} takes no inner steps of a rate that is given; leave it out"
            ))
        })?;
    }
    match (&mut settings.method, args.decay) {
        (Method::Pretrain { tuning, .. }, Some(decay)) => tuning.decay = decay,
        (_, Some(decay)) => {
            return Err(Error::Combination(format!(
                "--decay {decay}: it is of the fine-tuning of pretrain, this run is of {name}; leave it out"
            )));
        }
        (_, None) => {}
    }
    Ok(())
}

/// Takes the data from elsewhere, if asked to.
pub fn replace_data(data: Option<&Data>, settings: &mut Settings) -> Result<(), Error> {
    let Some(data) = data else { return Ok(()) };
    if (*data == Data::Sinusoid) != (settings.data == Data::Sinusoid) {
        let (name, trained) = (data.name(), settings.data.name());
        return Err(Error::option(
            "data",
            name,
            format!("the model was trained on {trained}; sinusoids are no drawings: leave it out"),
        ));
    }
    if matches!(data, Data::Features(_)) != matches!(settings.data, Data::Features(_)) {
        let (name, trained) = (data.name(), settings.data.name());
        let cause =
            format!("the model was trained on {trained}; feature vectors are no pictures: leave it out");
        return Err(Error::option("data", name, cause));
    }
    pictures::replace(data, settings)?;
    settings.data = data.clone();
    Ok(())
}

/// Whether a model tells any number of classes apart, whatever it was trained for.
pub fn takes_any_ways(settings: &Settings) -> bool {
    let algorithm = settings.algorithm();
    let spells = matches!(settings.method, Method::Mann { names: Naming::Strings, .. });
    spells || algorithm.compares() || matches!(algorithm, Algorithm::Pretrain | Algorithm::Leo)
}

/// The number of classes of the official runs, if the model can tell so many apart.
fn official_ways(nil: bool, settings: &mut Settings) -> Result<(), Error> {
    let (name, ways) = (settings.algorithm().name(), official::WAYS);
    replace_ways(ways, nil, settings).map_err(|_| match &settings.classes {
        None => Error::Combination("--runs: they are of drawings, the model is of sinusoids; leave it out".into()),
        Some(classes) => Error::Combination(format!(
            "--runs: they are {ways}-way, and this {name} model has a last layer for {} classes; leave it out, or take a model \
             of any number of classes (--algorithm protonet)",
            classes.ways
        )),
    })
}

fn replace_ways(ways: usize, nil: bool, settings: &mut Settings) -> Result<(), Error> {
    let (algorithm, any) = (settings.algorithm(), nil || takes_any_ways(settings));
    let Some(classes) = &mut settings.classes else {
        return Err(Error::option("ways", ways, "sinusoids have no classes; leave it out"));
    };
    if !any && ways != classes.ways {
        let (name, trained) = (algorithm.name(), classes.ways);
        return Err(Error::option(
            "ways",
            ways,
            format!(
                "this {name} model has a last layer for {trained} classes; use --ways {trained}, or take a model of any number of \
                 classes (--algorithm protonet)"
            ),
        ));
    }
    classes.ways = ways;
    Ok(())
}

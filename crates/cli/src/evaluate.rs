//! `fewshot evaluate`.

use crate::algorithms::ALL;
use crate::args::EvaluateArgs;
use crate::calibrate;
use crate::data::TestEpisodes;
use crate::error::Error;
use crate::heads_measured;
use crate::measure::{Head, Measured, Subject, measure, verification};
use crate::official;
use crate::on_threads;
use crate::pictures;
use crate::places::Data;
use crate::report::{explained, result, say, say_as_it_is};
use crate::sequences::{self, Instances};
use crate::settings::Settings;
use crate::trained::Trained;
use crate::unknown;

/// Measures the model of a run.
pub fn run(args: &EvaluateArgs) -> Result<(), Error> {
    if heads_measured::run(args)? {
        return Ok(());
    }
    let run = Trained::read(&args.dir)?;
    let (algorithm, trained_on) = (run.settings.name(), run.settings.data.name());
    let settings = overridden(args, run.settings.clone())?;
    let (meta, iterations) = (run.meta.clone(), run.iterations);
    let meta = settings.algorithm.start(&settings, meta);
    let head = if args.nil { Head::LeftAway } else { Head::Kept };
    let subject = Subject { settings: &settings, head, meta: &meta, iterations, curve: args.steps };
    let dir = args.dir.display();
    let model = format!("model       {dir}, {algorithm} trained on {trained_on} for {iterations} iterations");
    if let Some(path) = &args.runs {
        if settings.algorithm.spells(&settings) {
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
    if args.unknown {
        let found = on_threads(args.threads, || unknown::measure(args, &subject, run))?;
        return match args.json {
            true => say_as_it_is(found.json()),
            false => said_of(&model, args).and_then(|()| explained(found.lines())),
        };
    }
    if settings.algorithm.sequences(&settings).is_some() {
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
    said_of(&model, args)?;
    measured.context().iter().chain(&measured.calibration()).try_for_each(say)?;
    result(measured.headline())
}

/// Says what is measured.
fn said_of(model: &str, args: &EvaluateArgs) -> Result<(), Error> {
    say(model)?;
    if args.nil { say(NIL) } else { Ok(()) }
}

/// What is said of --nil.
pub const NIL: &str = "learner     nil: the last layer left away, features compared by cosine";

fn evaluate(args: &EvaluateArgs, subject: &Subject<'_>, run: Trained) -> Result<Measured, Error> {
    let source = run.source(subject.settings)?;
    let episodes = TestEpisodes { part: args.classes, ..TestEpisodes::of(subject.settings) };
    let tasks = source.test(subject.settings, &episodes)?;
    let fitting = args
        .calibrate
        .map(|count| calibrate::Fitting::new(&args.dir, subject, &source, count))
        .transpose()?;
    let verification = verification(subject, &source, args.classes)?;
    let measured = Measured { verification, ..measure(subject, &*tasks, episodes)? };
    let calibrated = fitting.map(|fitting| fitting.fitted(subject, &*tasks, &measured)).transpose()?;
    Ok(Measured { calibrated, ..measured })
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
    asked_of_classes(args, &settings)?;
    let episodes_only = args.shots.map(|_| "shots").or(args.queries.map(|_| "queries"));
    if let (Some(option), Some(_)) = (episodes_only, settings.algorithm.sequences(&settings)) {
        let cause = "this network reads sequences, in which classes come again and again; leave it out, or train one with --per-class 0";
        return Err(Error::Combination(format!("--{option}: {cause}")));
    }
    if args.queries == Some(0) {
        return Err(Error::option("queries", 0, "the least is 1"));
    }
    for (name, number) in [("eval-queries", args.queries), ("shots", args.shots), ("episodes", args.episodes)]
    {
        if let Some(number) = number {
            settings.set(name, i64::try_from(number).unwrap_or(i64::MAX))?;
        }
    }
    if let Some(seed) = args.seed {
        settings.set("seed", i64::try_from(seed).unwrap_or(i64::MAX))?;
    }
    Ok(settings)
}

/// Refuses --nil where it has no meaning, and what has no meaning beside it.
fn headless(args: &EvaluateArgs, settings: &Settings) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::Combination(message));
    if !settings.algorithm.has_nil() {
        let able: Vec<&str> =
            ALL.iter().filter(|other| other.has_nil()).map(|other| other.about().name).collect();
        let (able, name) = (able.join(", "), settings.name());
        return refuse(format!("--nil: it is for runs of {able}, this one is of {name}; leave it out"));
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

/// Refuses what is asked of the queries of episodes of classes where there are none.
fn asked_of_classes(args: &EvaluateArgs, settings: &Settings) -> Result<(), Error> {
    let asked = [("calibrate", args.calibrate.is_some()), ("unknown", args.unknown)];
    let Some((option, _)) = asked.into_iter().find(|(_, asked)| *asked) else { return Ok(()) };
    let cause = match (&settings.classes, settings.algorithm.sequences(settings)) {
        (None, _) => "it is for classes, which sinusoids have not; leave it out",
        (Some(_), Some(_)) => {
            "this network reads sequences, of which it knows all classes; leave it out, or train one with --per-class 0"
        }
        (Some(_), None) => return Ok(()),
    };
    Err(Error::Combination(format!("--{option}: {cause}")))
}

fn replace_steps(args: &EvaluateArgs, settings: &mut Settings) -> Result<(), Error> {
    let name = settings.name();
    let no_steps =
        |option: &str| Error::Combination(format!("--{option}: {name} takes no inner steps; leave it out"));
    if let Some(steps) = args.steps {
        settings.algorithm.eval_steps(settings).ok_or_else(|| no_steps("steps"))?;
        let most = settings.algorithm.most_steps(settings);
        if steps.last > most {
            return Err(Error::option("steps", steps.last, format!("the most is {most}")));
        }
    }
    if let Some(steps) = args.eval_steps {
        if !settings.options.has("eval-steps") {
            return Err(no_steps("eval-steps"));
        }
        settings.set("eval-steps", i64::try_from(steps).unwrap_or(i64::MAX))?;
    }
    Ok(())
}

fn replace_rate(args: &EvaluateArgs, settings: &mut Settings) -> Result<(), Error> {
    let name = settings.name();
    if let Some(lr) = args.inner_lr {
        if !settings.algorithm.has_free_rate() {
            return Err(Error::Combination(format!(
                "--inner-lr {lr}: {name} takes no inner steps of a rate that is given; leave it out"
            )));
        }
        settings.set("inner-lr", lr)?;
    }
    if let Some(decay) = args.decay {
        if !settings.options.has("decay") {
            return Err(Error::Combination(format!(
                "--decay {decay}: it is of fine-tuning, which {name} has not; leave it out"
            )));
        }
        settings.set("decay", decay)?;
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
    settings.set("data", data.to_string())
}

/// Whether a model tells any number of classes apart, whatever it was trained for.
pub fn takes_any_ways(settings: &Settings) -> bool {
    settings.algorithm.takes_any_ways(settings)
}

/// The number of classes of the official runs, if the model can tell so many apart.
fn official_ways(nil: bool, settings: &mut Settings) -> Result<(), Error> {
    let (name, ways) = (settings.name(), official::WAYS);
    replace_ways(ways, nil, settings).map_err(|_| match &settings.classes {
        None => Error::Combination("--runs: they are of drawings, the model is of sinusoids; leave it out".into()),
        Some(classes) => Error::Combination(format!(
            "--runs: they are {ways}-way, and this {name} model has a last layer for {} classes; leave it out, or take a model \
             of any number of classes (fewshot train protonet)",
            classes.ways
        )),
    })
}

fn replace_ways(ways: usize, nil: bool, settings: &mut Settings) -> Result<(), Error> {
    let (name, any) = (settings.name(), nil || takes_any_ways(settings));
    let Some(classes) = &settings.classes else {
        return Err(Error::option("ways", ways, "sinusoids have no classes; leave it out"));
    };
    if !any && ways != classes.ways {
        let trained = classes.ways;
        return Err(Error::option(
            "ways",
            ways,
            format!(
                "this {name} model has a last layer for {trained} classes; use --ways {trained}, or take a model of any number of \
                 classes (fewshot train protonet)"
            ),
        ));
    }
    settings.set("ways", i64::try_from(ways).unwrap_or(i64::MAX))
}

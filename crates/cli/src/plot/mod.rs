//! `fewshot plot`: charts of a run, as SVG.

mod chart;
mod curves;
mod embedding;
mod episode;
mod gates;
mod logs;
mod marks;
mod memory;
mod reliability;
mod series;
mod svg;

use std::fs;
use std::path::Path;

use crate::args::{PlotArgs, StepRange};
use crate::calibrate;
use crate::data::TestEpisodes;
use crate::error::Error;
use crate::evaluate::replace_data;
use crate::files;
use crate::measure::{Head, Subject, measure, query_logits, with_steps};
use crate::names;
use crate::norm;
use crate::on_threads;
use crate::report::say_as_it_is;
use crate::settings::Settings;
use crate::temperatures::Temperatures;
use crate::trained::Trained;
use fewshot_episodes::Tasks;
use fewshot_episodes::names::shown_path;
use fewshot_meta::{Meta, Task};

/// Inner steps along the axis of a chart, or more if the learner takes more at test.
const STEPS: usize = 10;

/// Draws what there is to draw of a run.
pub fn run(args: &PlotArgs) -> Result<(), Error> {
    let run = Trained::read(&args.dir)?;
    let (mut settings, iterations) = (run.settings.clone(), run.iterations);
    let meta = settings.algorithm.start(&settings, run.meta.clone());
    replace_data(args.data.as_ref(), &mut settings)?;
    if let Some(episodes) = args.episodes {
        settings.set("episodes", episodes as i64)?;
    }
    let out = args.out.as_deref().unwrap_or(&args.dir);
    let [metrics, validation] = logs::read(&args.dir, &run);
    if let Some(chart) = curves::learning(&metrics, &validation, settings.algorithm.unit(&settings).name()) {
        write(out, "learning.svg", &chart.svg())?;
    }
    let source = run.source(&settings)?;
    let episodes = TestEpisodes::of(&settings);
    let tasks = source.test(&settings, &episodes)?;
    if let (Some(_), Some(network)) =
        (settings.algorithm.sequences(&settings), settings.algorithm.reader(&settings))
    {
        if let Some(chart) = memory::instances(&validation) {
            write(out, "instances.svg", &chart.svg())?;
        }
        let episode = tasks.episode(0);
        let classes = names::of_queries(&settings, &source, &*tasks, 0, &episode);
        let weights = memory::read_weights(&network, &meta, &episode, &classes);
        return weights.map_or(Ok(()), |svg| write(out, "reads.svg", &svg));
    }
    if let Some(classes) = settings.classes.as_ref().filter(|classes| classes.features.is_none()) {
        let (learner, episode) = (settings.algorithm.build(&settings), tasks.episode(0));
        let names = names::of_classes(&settings, &source, &*tasks, 0, &episode);
        let shown = episode::Shown::new(&*learner, &meta, episode, names, &classes.pictures);
        write(out, "episode.svg", &shown.svg())?;
        if let Some(chart) = embedding::chart(&shown) {
            write(out, "embedding.svg", &chart.svg())?;
        }
    }
    if let Some(steps) = settings.algorithm.gates(&settings, &meta, &Task::from(tasks.episode(0)).support) {
        write(out, "gates.svg", &gates::svg(&steps))?;
    }
    if settings.classes.is_some() {
        write(out, "reliability.svg", &reliability(args, &settings, &meta, iterations, &*tasks)?)?;
    }
    let Some(steps) = settings.algorithm.eval_steps(&settings) else { return Ok(()) };
    let last = steps.max(STEPS.min(settings.algorithm.most_steps(&settings)));
    let subject = Subject {
        settings: &settings,
        head: Head::Kept,
        meta: &meta,
        iterations,
        curve: Some(StepRange { first: 0, last }),
    };
    let measured = on_threads(args.threads, || measure(&subject, &*tasks, episodes))?;
    write(out, "steps.svg", &curves::steps(&measured.stages, &title(&settings)).svg())?;
    if settings.classes.is_none() {
        let learner = with_steps(&settings, last);
        write(out, "wave.svg", &curves::wave(&*learner, &meta, settings.shots, settings.seed)?.svg())?;
    }
    Ok(())
}

/// How far the probabilities of the test episodes are right, as `fewshot predict` gives them.
fn reliability(
    args: &PlotArgs,
    settings: &Settings,
    meta: &Meta,
    iterations: u64,
    tasks: &dyn Tasks,
) -> Result<String, Error> {
    let settings = calibrate::in_use(settings)?;
    let fitted = Temperatures::read(&args.dir, iterations)?.exact(&settings);
    let logits = on_threads(args.threads, || query_logits(&settings, meta, tasks, settings.episodes))?;
    let (ways, shots, norm) = (settings.ways(), settings.shots, norm::name(settings.policy()));
    let episodes = format!("{ways}-way {shots}-shot, {} test episodes, norm {norm}", settings.episodes);
    Ok(reliability::svg(&logits, fitted.map(|fitted| fitted.temperature), &episodes))
}

/// What is measured, in a line.
fn title(settings: &Settings) -> String {
    let (name, data, shots) = (settings.name(), settings.data.name(), settings.shots);
    let what = match &settings.classes {
        Some(classes) => format!("{}-way {shots}-shot", classes.ways),
        None => format!("{shots} points"),
    };
    format!("{name}, {data}, {what}, {} test episodes", settings.episodes)
}

fn write(folder: &Path, name: &str, svg: &str) -> Result<(), Error> {
    let path = folder.join(name);
    let wrong =
        |error: std::io::Error| Error::Write(format!("{}: {error}; choose another --out", path.display()));
    fs::create_dir_all(folder).map_err(wrong)?;
    files::write(&path, svg.as_bytes()).map_err(wrong)?;
    say_as_it_is(shown_path(&path).to_string())
}

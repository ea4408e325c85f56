//! `fewshot plot`: charts of a run, as SVG.

mod chart;
mod curves;
mod embedding;
mod episode;
mod gates;
mod logs;
mod marks;
mod memory;
mod series;
mod svg;

use std::fs;
use std::path::Path;

use crate::args::{PlotArgs, StepRange};
use crate::data::TestEpisodes;
use crate::error::Error;
use crate::evaluate::replace_data;
use crate::files;
use crate::learned_optimiser;
use crate::learner;
use crate::measure::{Head, Subject, measure};
use crate::method::Method;
use crate::names;
use crate::on_threads;
use crate::ranges;
use crate::report::say_as_it_is;
use crate::sequences;
use crate::settings::Settings;
use crate::trained::Trained;
use fewshot_episodes::names::shown_path;
use fewshot_meta::Task;

/// Inner steps along the axis of a chart, or more if the learner takes more at test.
const STEPS: usize = 10;

/// Draws what there is to draw of a run.
pub fn run(args: &PlotArgs) -> Result<(), Error> {
    let run = Trained::read(&args.dir)?;
    let (mut settings, iterations) = (run.settings.clone(), run.iterations);
    let meta = learner::start(&settings, run.meta.clone());
    replace_data(args.data.as_ref(), &mut settings)?;
    settings.episodes = args.episodes.unwrap_or(settings.episodes);
    ranges::numbers(&settings)?;
    let out = args.out.as_deref().unwrap_or(&args.dir);
    let [metrics, validation] = logs::read(&args.dir, &run);
    if let Some(chart) = curves::learning(&metrics, &validation, learned_from(&settings.method)) {
        write(out, "learning.svg", &chart.svg())?;
    }
    let source = run.source(&settings)?;
    let episodes = TestEpisodes::of(&settings);
    let tasks = source.test(&settings, &episodes)?;
    if let (Some(_), Some(network)) = (sequences::protocol(&settings), sequences::network(&settings)) {
        if let Some(chart) = memory::instances(&validation) {
            write(out, "instances.svg", &chart.svg())?;
        }
        let episode = tasks.episode(0);
        let classes = names::of_queries(&settings, &source, &*tasks, 0, &episode);
        let weights = memory::read_weights(&network, &meta, &episode, &classes);
        return weights.map_or(Ok(()), |svg| write(out, "reads.svg", &svg));
    }
    if let Some(classes) = settings.classes.as_ref().filter(|classes| classes.features.is_none()) {
        let (learner, episode) = (learner::build(&settings), tasks.episode(0));
        let names = names::of_classes(&settings, &source, &*tasks, 0, &episode);
        let shown = episode::Shown::new(&*learner, &meta, episode, names, &classes.pictures);
        write(out, "episode.svg", &shown.svg())?;
        if let Some(chart) = embedding::chart(&shown) {
            write(out, "embedding.svg", &chart.svg())?;
        }
    }
    if let Some(steps) = learned_optimiser::gates(&settings, &meta, &Task::from(tasks.episode(0)).support) {
        write(out, "gates.svg", &gates::svg(&steps))?;
    }
    let Some(steps) = settings.method.eval_steps() else { return Ok(()) };
    let last = if matches!(settings.method, Method::Leo(_)) { steps } else { steps.max(STEPS) };
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
        let learner = learner::with_steps(&settings, last);
        write(out, "wave.svg", &curves::wave(&*learner, &meta, settings.shots, settings.seed)?.svg())?;
    }
    Ok(())
}

/// What an iteration learns from.
fn learned_from(method: &Method) -> &'static str {
    match method {
        Method::Pretrain { batch: Some(_), .. } => "batches",
        Method::Siamese { .. } => "pairs",
        Method::Mann { per_class: 1.., .. } => "sequences",
        _ => "episodes",
    }
}

/// What is measured, in a line.
fn title(settings: &Settings) -> String {
    let (name, data, shots) = (settings.algorithm().name(), settings.data.name(), settings.shots);
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

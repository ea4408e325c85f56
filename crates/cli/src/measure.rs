//! Measuring a learner on test episodes, beside what pixels alone achieve, and saying so.

use fewshot_episodes::{Episode, Outputs, Tasks, nearest};
use fewshot_meta::{Evaluation, Learner, Meta, Metric, evaluate_by_step};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::Serialize;

use crate::args::Part;
use crate::data::TestEpisodes;
use crate::error::Error;
use crate::progress::episodes_bar;
use crate::settings::{Method, Settings};

/// A learner's score on test episodes.
pub struct Measured {
    /// After each stage of adapting; a learner without steps has one stage.
    stages: Vec<Evaluation>,
    /// Stage that counts: the number of steps at test.
    stage: usize,
    /// Pixel nearest neighbour on the same episodes, for classification.
    nearest: Option<Evaluation>,
    episodes: TestEpisodes,
    iterations: u64,
}

/// What `--json` prints; accuracies in per cent.
#[derive(Serialize)]
struct Json {
    metric: String,
    value: f64,
    interval: f64,
    unit: Option<&'static str>,
    episodes: usize,
    ways: Option<usize>,
    shots: usize,
    queries: usize,
    classes: Option<&'static str>,
    steps: Option<usize>,
    by_step: Option<Vec<f64>>,
    nearest_neighbour: Option<f64>,
    nearest_neighbour_interval: Option<f64>,
    seed: u64,
    iterations: u64,
}

/// Lets the learner adapt to each episode and scores its answers; `iterations` is how long it was trained.
pub fn measure(
    settings: &Settings,
    learner: &dyn Learner,
    meta: &Meta,
    tasks: &dyn Tasks,
    episodes: TestEpisodes,
    iterations: u64,
) -> Result<Measured, Error> {
    let bar = episodes_bar(settings.episodes);
    let watched = Watched { tasks, bar: &bar };
    let evaluated = evaluate_by_step(learner, meta, &watched, settings.episodes as u64);
    bar.finish_and_clear();
    let stages = evaluated.map_err(|error| Error::Evaluation(error.to_string()))?;
    let stage = match settings.method {
        Method::Maml { eval_steps, .. } => eval_steps.min(stages.len() - 1),
        Method::Protonet { .. } => stages.len() - 1,
    };
    let nearest = settings.classes.as_ref().map(|_| {
        let accuracy = |i| nearest::accuracy(&tasks.episode(i), nearest::Distance::Cosine);
        Evaluation::new(
            Metric::Accuracy,
            (0..settings.episodes as u64).into_par_iter().map(accuracy).collect(),
        )
    });
    Ok(Measured { stages, stage, nearest, episodes, iterations })
}

impl Measured {
    /// The result in one line.
    pub fn headline(&self) -> String {
        let Measured { stage, episodes, .. } = self;
        let TestEpisodes { ways, shots, .. } = episodes;
        let evaluation = &self.stages[self.stage];
        let count = evaluation.values.len();
        let figures = figures(evaluation);
        match evaluation.metric {
            Metric::Accuracy => {
                format!(
                    "accuracy {figures} ({count} episodes, {ways}-way {shots}-shot, {} classes)",
                    part(episodes.part)
                )
            }
            Metric::Mse => {
                let steps = if *stage == 1 { "step" } else { "steps" };
                format!("mse {figures} ({count} episodes, {shots} shots, {stage} {steps}, new tasks)")
            }
        }
    }

    /// What to compare the result with, one line each.
    pub fn context(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.stages.len() > 1 {
            let last = self.stages.len() - 1;
            let shown = |step: &usize| last <= 5 || [0, 1, 2, 5, self.stage, last].contains(step);
            let curve: Vec<String> = (0..=last)
                .filter(shown)
                .map(|step| format!("{step}: {}", mean(&self.stages[step])))
                .collect();
            lines.push(format!("after inner steps  {}", curve.join("  ")));
        }
        match &self.nearest {
            Some(nearest) => {
                lines.push(format!("pixel nearest neighbour {} on the same episodes", figures(nearest)))
            }
            None => lines.push("without adapting none can beat 3.01; always answering 0 gives 4.25".into()),
        }
        lines
    }

    /// Everything as one JSON object on one line.
    pub fn json(&self) -> String {
        let Measured { stages, stage, nearest, episodes, iterations } = self;
        let evaluation = &stages[*stage];
        let scale = scale(evaluation.metric);
        let classes = nearest.as_ref().map(|_| part(episodes.part));
        let stepped = stages.len() > 1;
        let json = Json {
            metric: evaluation.metric.to_string(),
            value: scale * evaluation.mean,
            interval: scale * evaluation.interval,
            unit: (evaluation.metric == Metric::Accuracy).then_some("%"),
            episodes: evaluation.values.len(),
            ways: classes.map(|_| episodes.ways),
            shots: episodes.shots,
            queries: episodes.queries,
            classes,
            steps: stepped.then_some(*stage),
            by_step: stepped.then(|| stages.iter().map(|stage| scale * stage.mean).collect()),
            nearest_neighbour: nearest.as_ref().map(|nearest| 100.0 * nearest.mean),
            nearest_neighbour_interval: nearest.as_ref().map(|nearest| 100.0 * nearest.interval),
            seed: episodes.seed,
            iterations: *iterations,
        };
        serde_json::to_string(&json).expect("a struct of numbers and names has a form in JSON")
    }
}

fn scale(metric: Metric) -> f64 {
    match metric {
        Metric::Accuracy => 100.0,
        Metric::Mse => 1.0,
    }
}

fn figures(evaluation: &Evaluation) -> String {
    let scale = scale(evaluation.metric);
    let (mean, interval) = (scale * evaluation.mean, scale * evaluation.interval);
    match evaluation.metric {
        Metric::Accuracy => format!("{mean:.2} ± {interval:.2} %"),
        Metric::Mse => format!("{mean:.3} ± {interval:.3}"),
    }
}

fn mean(evaluation: &Evaluation) -> String {
    match evaluation.metric {
        Metric::Accuracy => format!("{:.2} %", 100.0 * evaluation.mean),
        Metric::Mse => format!("{:.3}", evaluation.mean),
    }
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Train => "training",
        Part::Validation => "validation",
        Part::Test => "test",
    }
}

/// Tasks that move a bar with each episode drawn.
struct Watched<'a> {
    tasks: &'a dyn Tasks,
    bar: &'a ProgressBar,
}

impl Tasks for Watched<'_> {
    fn episode(&self, i: u64) -> Episode {
        self.bar.inc(1);
        self.tasks.episode(i)
    }

    fn input_shape(&self) -> Vec<usize> {
        self.tasks.input_shape()
    }

    fn outputs(&self) -> Outputs {
        self.tasks.outputs()
    }
}

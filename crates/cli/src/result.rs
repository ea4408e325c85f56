//! A score in words and as JSON.

use fewshot_meta::{Evaluation, Metric};
use serde::Serialize;

use crate::args::Part;
use crate::choices::{Norm, choice_name};
use crate::data::TestEpisodes;
use crate::measure::Measured;

/// What `--json` prints; accuracies in per cent.
#[derive(Serialize)]
struct Json {
    learner: String,
    metric: String,
    value: f64,
    interval: f64,
    unit: Option<&'static str>,
    episodes: usize,
    ways: Option<usize>,
    shots: usize,
    queries: usize,
    classes: Option<&'static str>,
    norm: Option<String>,
    other_norm: Option<OtherNorm>,
    steps: Option<usize>,
    by_step: Option<Vec<AtStep>>,
    nearest_neighbour: Option<f64>,
    nearest_neighbour_interval: Option<f64>,
    seed: u64,
    iterations: u64,
}

/// The score after some inner steps.
#[derive(Serialize)]
struct AtStep {
    step: usize,
    value: f64,
    interval: f64,
}

/// The score under another batch-norm policy.
#[derive(Serialize)]
struct OtherNorm {
    norm: String,
    value: f64,
    interval: f64,
}

impl Measured {
    /// The result in one line.
    pub fn headline(&self) -> String {
        self.line(self.norm, &self.stages[&self.stage])
    }

    fn line(&self, norm: Option<Norm>, evaluation: &Evaluation) -> String {
        let Measured { stage, episodes, .. } = self;
        let TestEpisodes { ways, shots, .. } = episodes;
        let count = evaluation.values.len();
        let figures = figures(evaluation);
        match evaluation.metric {
            Metric::Accuracy => {
                let norm = norm.map(|norm| format!(", batch norm {}", choice_name(norm)));
                format!(
                    "accuracy {figures} ({count} episodes, {ways}-way {shots}-shot, {} classes{})",
                    part(episodes.part),
                    norm.unwrap_or_default()
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
        let mut lines = self.curve();
        if let Some((norm, evaluation)) = &self.other_norm {
            lines.push(self.line(Some(*norm), evaluation));
        }
        match &self.nearest {
            Some(nearest) => {
                lines.push(format!("pixel nearest neighbour {} on the same episodes", figures(nearest)))
            }
            None => lines.push("without adapting none can beat 3.01; always answering 0 gives 4.25".into()),
        }
        lines
    }

    /// The score after the steps asked for, one line each; unasked, after some of them on one line.
    fn curve(&self) -> Vec<String> {
        if self.curve.is_some() {
            let line = |(step, stage)| format!("after inner steps  {step:>4}: {}", figures(stage));
            return self.shown().map(line).collect();
        }
        if self.stages.len() == 1 {
            return Vec::new();
        }
        let last = self.stages.keys().last().copied().unwrap_or(0);
        let few = |step: usize| last <= 5 || [0, 1, 2, 5, self.stage, last].contains(&step);
        let curve: Vec<String> = self
            .shown()
            .filter(|(step, _)| few(*step))
            .map(|(step, stage)| format!("{step}: {}", mean(stage)))
            .collect();
        vec![format!("after inner steps  {}", curve.join("  "))]
    }

    /// The stages asked for, all if none in particular are.
    fn shown(&self) -> impl Iterator<Item = (usize, &Evaluation)> {
        let asked = move |step: usize| self.curve.is_none_or(|curve| curve.has(step));
        self.stages.iter().map(|(step, stage)| (*step, stage)).filter(move |(step, _)| asked(*step))
    }

    /// Everything as one JSON object on one line.
    pub fn json(&self) -> String {
        let Measured { stages, stage, nearest, episodes, .. } = self;
        let evaluation = &stages[stage];
        let scale = scale(evaluation.metric);
        let classes = nearest.as_ref().map(|_| part(episodes.part));
        let stepped = stages.len() > 1;
        let at = |(step, stage): (usize, &Evaluation)| AtStep {
            step,
            value: scale * stage.mean,
            interval: scale * stage.interval,
        };
        let json = Json {
            learner: self.learner.clone(),
            metric: evaluation.metric.to_string(),
            value: scale * evaluation.mean,
            interval: scale * evaluation.interval,
            unit: (evaluation.metric == Metric::Accuracy).then_some("%"),
            episodes: evaluation.values.len(),
            ways: classes.map(|_| episodes.ways),
            shots: episodes.shots,
            queries: episodes.queries,
            classes,
            norm: self.norm.map(choice_name),
            other_norm: self.other_norm.as_ref().map(|(norm, other)| OtherNorm {
                norm: choice_name(*norm),
                value: scale * other.mean,
                interval: scale * other.interval,
            }),
            steps: stepped.then_some(*stage),
            by_step: stepped.then(|| self.shown().map(at).collect()),
            nearest_neighbour: nearest.as_ref().map(|nearest| 100.0 * nearest.mean),
            nearest_neighbour_interval: nearest.as_ref().map(|nearest| 100.0 * nearest.interval),
            seed: episodes.seed,
            iterations: self.iterations,
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

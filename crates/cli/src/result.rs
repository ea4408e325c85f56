//! A score in words and as JSON.

use fewshot_meta::{Evaluation, Metric, Verification};
use fewshot_nn::NormPolicy;
use serde::Serialize;

use crate::baselines::Baselines;
use crate::calibrate::{self, After, Worth};
use crate::data::TestEpisodes;
use crate::measure::Measured;
use crate::norm;

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
    feature_nearest_neighbour: Option<Score>,
    scratch: Option<FromScratch>,
    verification: Option<Verified>,
    nearest_neighbour: Option<f64>,
    nearest_neighbour_interval: Option<f64>,
    linear_head: Option<Score>,
    calibration: Option<Worth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibrated: Option<After>,
    seed: u64,
    iterations: u64,
}

/// How well pairs are told apart.
#[derive(Serialize)]
struct Verified {
    /// Share of right answers at the best threshold, in per cent.
    value: f64,
    pairs: usize,
    /// The least probability of the same class that counts as the same.
    threshold: f64,
}

impl Verified {
    fn of(found: &Verification) -> Verified {
        let threshold = 1.0 / (1.0 + (-found.threshold).exp());
        Verified { value: 100.0 * found.accuracy, pairs: found.pairs, threshold }
    }
}

/// The score after some inner steps.
#[derive(Serialize)]
struct AtStep {
    step: usize,
    #[serde(flatten)]
    score: Score,
}

/// A score with its interval.
#[derive(Serialize)]
struct Score {
    value: f64,
    interval: f64,
}

/// The score of training from scratch.
#[derive(Serialize)]
struct FromScratch {
    #[serde(flatten)]
    score: Score,
    by_step: Vec<AtStep>,
}

/// The score under another batch-norm policy.
#[derive(Serialize)]
struct OtherNorm {
    norm: String,
    #[serde(flatten)]
    score: Score,
}

impl Score {
    fn of(evaluation: &Evaluation) -> Score {
        let scale = scale(evaluation.metric);
        Score { value: scale * evaluation.mean, interval: scale * evaluation.interval }
    }
}

impl Measured {
    /// The result in one line.
    pub fn headline(&self) -> String {
        self.line(self.norm, &self.stages[&self.stage])
    }

    fn line(&self, norm: Option<NormPolicy>, evaluation: &Evaluation) -> String {
        let Measured { stage, episodes, .. } = self;
        let TestEpisodes { ways, shots, .. } = episodes;
        let count = evaluation.values.len();
        match evaluation.metric {
            Metric::Accuracy => {
                let norm =
                    norm.map_or("no batch norm".into(), |norm| format!("batch norm {}", norm::name(norm)));
                format!(
                    "accuracy {evaluation} ({count} episodes, {ways}-way {shots}-shot, {} classes, {norm})",
                    episodes.part.words()
                )
            }
            Metric::Mse => {
                let steps = if *stage == 1 { "step" } else { "steps" };
                format!("mse {evaluation} ({count} episodes, {shots} shots, {stage} {steps}, new tasks)")
            }
        }
    }

    /// What to compare the result with, one line each.
    pub fn context(&self) -> Vec<String> {
        let mut lines = self.curve();
        if let Some((norm, evaluation)) = &self.other_norm {
            lines.push(self.line(Some(*norm), evaluation));
        }
        lines.extend(self.baselines.iter().flat_map(|baselines| self.beside(baselines)));
        if let Some((found, among)) = &self.verification {
            let Verified { value, pairs, threshold } = Verified::of(found);
            let of = self.episodes.part.words();
            lines.push(format!(
                "verification {value:.2} % of {pairs} pairs of {of} classes {among}, best threshold {threshold:.3}"
            ));
        }
        match (&self.nearest, &self.linear_head) {
            (Some(nearest), Some(head)) => {
                lines.push(format!("nearest neighbour of features {nearest} on the same episodes"));
                lines.push(format!("linear classifier of each support alone {} on the same episodes", head));
            }
            (Some(nearest), None) => {
                lines.push(format!("pixel nearest neighbour {nearest} on the same episodes"))
            }
            (None, _) => {
                lines.push("without adapting none can beat 3.01; always answering 0 gives 4.25".into())
            }
        }
        lines
    }

    /// What the probabilities are worth, with the temperature that was fitted for them; nothing for regression.
    pub fn calibration(&self) -> Vec<String> {
        match (&self.calibrated, &self.logits) {
            (Some(calibrated), _) => calibrated.lines(),
            (None, Some(logits)) => {
                vec![format!("calibration {}", calibrate::words(&logits.calibration(1.0)))]
            }
            (None, None) => Vec::new(),
        }
    }

    /// The scores that stand beside fine-tuning, one line each.
    fn beside(&self, baselines: &Baselines) -> Vec<String> {
        let Baselines { nearest, scratch } = baselines;
        let stage = self.stage;
        let steps = if stage == 1 { "step" } else { "steps" };
        let mut lines = Vec::new();
        if let Some(nearest) = nearest {
            lines.push(format!("nearest neighbour of features {nearest} on the same episodes"));
        }
        if scratch.len() > 1 {
            let all = scratch.iter().map(|(step, score)| (*step, score));
            lines.push(format!("from scratch, after {}", self.row(all)));
        }
        let score = &scratch[&stage];
        lines.push(format!("training from scratch, {stage} {steps}: {score} on the same episodes"));
        lines
    }

    /// The score after the steps asked for, one line each; unasked, after some of them on one line.
    fn curve(&self) -> Vec<String> {
        if self.curve.is_some() {
            let line = |(step, stage)| format!("after inner steps  {step:>4}: {stage}");
            return self.shown().map(line).collect();
        }
        if self.stages.len() == 1 {
            return Vec::new();
        }
        vec![format!("after inner steps  {}", self.row(self.shown()))]
    }

    /// Some of the stages on one line.
    fn row<'a>(&self, stages: impl Iterator<Item = (usize, &'a Evaluation)>) -> String {
        let last = self.stages.keys().last().copied().unwrap_or(0);
        let few = |step: usize| last <= 5 || [0, 1, 2, 5, self.stage, last].contains(&step);
        let row: Vec<String> = stages
            .filter(|(step, _)| few(*step))
            .map(|(step, stage)| format!("{step}: {}", mean(stage)))
            .collect();
        row.join("  ")
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
        let classes = nearest.as_ref().map(|_| episodes.part.words());
        let (stepped, baselines) = (*stage > 0, self.baselines.as_ref());
        let at = |(step, stage): (usize, &Evaluation)| AtStep { step, score: Score::of(stage) };
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
            norm: self.norm.map(|policy| norm::name(policy).into()),
            other_norm: self
                .other_norm
                .as_ref()
                .map(|(norm, other)| OtherNorm { norm: norm::name(*norm).into(), score: Score::of(other) }),
            steps: stepped.then_some(*stage),
            by_step: stepped.then(|| self.shown().map(at).collect()),
            feature_nearest_neighbour: baselines.and_then(|beside| beside.nearest.as_ref()).map(Score::of),
            scratch: baselines.map(|beside| FromScratch {
                score: Score::of(&beside.scratch[stage]),
                by_step: beside.scratch.iter().map(|(step, score)| at((*step, score))).collect(),
            }),
            verification: self.verification.as_ref().map(|(found, _)| Verified::of(found)),
            nearest_neighbour: nearest.as_ref().map(|nearest| 100.0 * nearest.mean),
            nearest_neighbour_interval: nearest.as_ref().map(|nearest| 100.0 * nearest.interval),
            linear_head: self.linear_head.as_ref().map(Score::of),
            calibration: self.logits.as_ref().map(|logits| Worth::of(&logits.calibration(1.0))),
            calibrated: self.calibrated.as_ref().map(After::of),
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

fn mean(evaluation: &Evaluation) -> String {
    match evaluation.metric {
        Metric::Accuracy => format!("{:.2} %", 100.0 * evaluation.mean),
        Metric::Mse => format!("{:.3}", evaluation.mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Part;
    use std::collections::BTreeMap;

    #[test]
    fn the_batch_norm_stands_in_the_result_or_that_there_is_none() {
        let measured = |norm| Measured {
            learner: "siamese".into(),
            stages: BTreeMap::from([(0, Evaluation::new(Metric::Accuracy, vec![0.5, 0.5]))]),
            stage: 0,
            curve: None,
            norm,
            other_norm: None,
            nearest: None,
            linear_head: None,
            baselines: None,
            verification: None,
            logits: None,
            calibrated: None,
            episodes: TestEpisodes { part: Part::Test, ways: 20, shots: 1, queries: 15, seed: 1 },
            iterations: 9,
        };
        let expected =
            |norm: &str| format!("accuracy 50.00 ± 0.00 % (2 episodes, 20-way 1-shot, test classes, {norm})");
        assert_eq!(
            measured(Some(NormPolicy::Running { momentum: 0.1 })).headline(),
            expected("batch norm running")
        );
        assert_eq!(measured(None).headline(), expected("no batch norm"));
        assert!(measured(None).json().contains("\"norm\":null"));
    }
}

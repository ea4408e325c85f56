//! What was measured on held-out pictures.

use fewshot_meta::{
    KnownScore, Reliability, auroc, brier_score, false_positive_rate, negative_log_likelihood,
};
use serde::Serialize;

use crate::adapted::Class;
use crate::confusion::Confusion;
use crate::encoding::Encoding;
use crate::learn::classifier::Classifier;
use crate::learn::examples::PictureExamples;
use crate::learn::folds::HeldOut;
use crate::predict::plural;

/// The share of known pictures that may be refused, where refusing is shown.
const REFUSED: f64 = 0.05;
/// The normal deviate of a 95 % interval.
const DEVIATE: f64 = 1.96;

/// Figures about a folder.
pub struct Figures {
    pub classes: Vec<Class>,
    /// What was measured; nothing where no picture could be held out.
    pub measured: Option<Measured>,
    /// What the pixels alone reach; nothing where they are what is measured.
    pub pixels: Option<f64>,
}

/// Figures about held-out pictures.
pub struct Measured {
    pub confusion: Confusion,
    pub accuracy: f64,
    /// Wilson's 95 % interval of the accuracy.
    pub interval: [f64; 2],
    /// Mean probability of the answers.
    pub confidence: f64,
    /// Expected calibration error.
    pub calibration_error: f64,
    pub brier: f64,
    pub negative_log_likelihood: f64,
    /// How pictures of classes that were left out are known; nothing where there are two classes.
    pub detection: Option<Detection>,
}

/// How well pictures of unknown classes are told from others.
#[derive(Clone, Copy, Serialize)]
pub struct Detection {
    /// How often a known picture looks more like a class than one of an unknown class does.
    pub auroc: f64,
    /// The share of pictures of unknown classes that is refused, where 5 % of the known are refused.
    #[serde(rename = "refused_at_5_percent")]
    pub refused: f64,
}

impl Figures {
    pub fn new(examples: &PictureExamples, held_out: Option<&HeldOut>, pixels: Option<f64>) -> Figures {
        let measured = held_out.map(|held_out| Measured::new(examples.ways(), held_out));
        Figures { classes: examples.classes.clone(), measured, pixels }
    }

    /// What was learned from, and with what.
    pub fn about(&self, classifier: &Classifier, encoding: &Encoding) -> Vec<String> {
        let shots = self.classes.iter().map(|class| class.shots);
        let (least, most) = (shots.clone().min().unwrap_or(0), shots.clone().max().unwrap_or(0));
        let each = if least == most { format!("{least} each") } else { format!("{least} to {most} each") };
        vec![
            format!("pictures    {} of {} classes, {each}", shots.sum::<usize>(), self.classes.len()),
            format!("encoder     {}", encoding.words()),
            format!("head        {}, temperature {:.3}", classifier.head().words(), classifier.temperature()),
        ]
    }

    /// The results.
    pub fn lines(&self) -> Vec<String> {
        let Some(measured) = &self.measured else {
            return vec![
                "accuracy    not known: no class has a second picture that could be held out".into(),
            ];
        };
        let [low, high] = measured.interval.map(|share| 100.0 * share);
        let held = measured.confusion.all();
        let pixels = self.pixels.map(|share| format!("pixels alone {:.1} %, ", 100.0 * share));
        let mut lines = vec![
            format!(
                "accuracy    {:.1} % of {} (95 % interval {low:.1} to {high:.1} %); {}guessing {:.1} %",
                100.0 * measured.accuracy,
                plural(held, "held-out picture"),
                pixels.unwrap_or_default(),
                100.0 / self.classes.len() as f64
            ),
            format!(
                "calibration answers have a mean probability of {:.1} %, calibration error {:.1} %",
                100.0 * measured.confidence,
                100.0 * measured.calibration_error
            ),
        ];
        if let Some(Detection { auroc, refused }) = measured.detection {
            lines.push(format!(
                "unknown     with {:.0} % of the pictures refused, {:.1} % of those of classes left out are refused (AUROC {auroc:.3})",
                100.0 * REFUSED,
                100.0 * refused
            ));
        }
        lines.push(format!("by class    {}", measured.confusion.by_class(&self.classes, "not held out")));
        lines.extend(measured.confusion.matrix(&self.classes));
        lines
    }
}

impl Measured {
    fn new(ways: usize, held_out: &HeldOut) -> Measured {
        let answers = held_out.answers();
        let confusion = Confusion::of(ways, held_out.labels.iter().copied().zip(answers.iter().copied()));
        let probabilities = held_out.probabilities();
        let confidences =
            KnownScore::MaxProbability.of(&held_out.logits.map(|logit| logit / held_out.temperature));
        let (known, unknown) = (&held_out.known, &held_out.unknown);
        Measured {
            interval: wilson(confusion.right(), answers.len()),
            confusion,
            accuracy: held_out.accuracy(),
            confidence: confidences.iter().sum::<f64>() / confidences.len() as f64,
            calibration_error: Reliability::new(&probabilities, &held_out.labels).expected_error(),
            brier: brier_score(&probabilities, &held_out.labels),
            negative_log_likelihood: negative_log_likelihood(&probabilities, &held_out.labels),
            detection: (!unknown.is_empty()).then(|| Detection {
                auroc: auroc(known, unknown),
                refused: 1.0 - false_positive_rate(known, unknown, 1.0 - REFUSED),
            }),
        }
    }
}

/// The interval in which a share lies with 95 %, of which `right` of `all` were seen (Wilson 1927).
fn wilson(right: usize, all: usize) -> [f64; 2] {
    let (share, n, square) = (right as f64 / all as f64, all as f64, DEVIATE * DEVIATE);
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = DEVIATE / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_textbooks() {
        let [low, high] = wilson(81, 263);
        assert!(
            (low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4,
            "Newcombe 1998, table I: {low} {high}"
        );
        assert_eq!(wilson(10, 10)[1], 1.0);
    }
}

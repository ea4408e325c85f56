//! What `fewshot learn --json` prints.

use serde::Serialize;

use crate::adapted::Class;
use crate::encoding::{Encoding, name_of};
use crate::learn::classifier::Classifier;
use crate::learn::figures::{Detection, Figures};
use crate::learn::heads::Head;

#[derive(Serialize)]
struct Json<'a> {
    encoder: Option<String>,
    features: usize,
    head: Head,
    temperature: f64,
    classes: &'a [Class],
    held_out: Option<HeldOut<'a>>,
    pixels_accuracy: Option<f64>,
}

#[derive(Serialize)]
struct HeldOut<'a> {
    accuracy: f64,
    interval: [f64; 2],
    mean_probability: f64,
    calibration_error: f64,
    brier: f64,
    negative_log_likelihood: f64,
    unknown: Option<Detection>,
    confusion: &'a [Vec<usize>],
}

impl Figures {
    /// One JSON object; shares are between 0 and 1, rows of the confusion matrix are true classes.
    pub fn json(&self, classifier: &Classifier, encoding: &Encoding) -> String {
        let held_out = self.measured.as_ref().map(|measured| HeldOut {
            accuracy: measured.accuracy,
            interval: measured.interval,
            mean_probability: measured.confidence,
            calibration_error: measured.calibration_error,
            brier: measured.brier,
            negative_log_likelihood: measured.negative_log_likelihood,
            unknown: measured.detection,
            confusion: &measured.confusion.counts,
        });
        let json = Json {
            encoder: encoding.path().map(name_of),
            features: encoding.width(),
            head: classifier.head(),
            temperature: classifier.temperature(),
            classes: &self.classes,
            held_out,
            pixels_accuracy: self.pixels,
        };
        serde_json::to_string(&json).expect("names and numbers have a form in JSON")
    }
}

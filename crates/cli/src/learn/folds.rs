//! What a classifier answers about pictures that it has not learned from: each is held out once.

use fewshot_autodiff::{Array, Tape};
use fewshot_episodes::{Purpose, RngExt, stream};
use fewshot_meta::{Learner, fit_temperature};
use rayon::prelude::*;

use crate::error::{Error, one_line};
use crate::learn::examples::PictureExamples;
use crate::learn::heads::Head;
use crate::learn::likeness::Likeness;

/// Parts of the pictures, of which each is held out in turn; and parts of the classes.
const PARTS: usize = 5;
/// Temperatures are between this share of the largest difference of two logits, and the difference divided by it.
const SMALLEST: f64 = 1e-6;
/// Halvings of the interval in which a temperature is searched for.
const HALVINGS: usize = 100;
/// Fewest classes of which some are left out.
const FEWEST_CLASSES: usize = 3;

/// Answers about pictures that were held out; of classes with one picture none is.
pub struct HeldOut {
    /// The classes of the pictures.
    pub labels: Vec<usize>,
    /// Their logits `[n, ways]`, before any temperature.
    pub logits: Array<f64>,
    /// How like their class they are.
    pub known: Vec<f64>,
    /// How like a class pictures of classes are that were left out; none where there are two classes.
    pub unknown: Vec<f64>,
    /// What logits are to be divided by, so that probabilities mean what they say.
    pub temperature: f64,
}

impl HeldOut {
    /// Holds each picture out once, in five parts that have of each class nearly equal numbers; nothing where every class has one picture.
    pub fn measured(head: Head, examples: &PictureExamples, seed: u64) -> Result<Option<HeldOut>, Error> {
        let parts = parts(examples, seed);
        let answered: Result<Vec<Part>, Error> =
            (0..PARTS).into_par_iter().map(|part| Part::answered(head, examples, &parts, part)).collect();
        let answered = answered?;
        let pictures: Vec<usize> = answered.iter().flat_map(|part| part.pictures.iter().copied()).collect();
        if pictures.is_empty() {
            return Ok(None);
        }
        let labels: Vec<usize> = pictures.iter().map(|&picture| examples.labels[picture]).collect();
        let logits = answered.iter().flat_map(|part| part.logits.iter().copied()).collect();
        let logits = Array::new(&[labels.len(), examples.ways()], logits);
        let known = answered.iter().flat_map(|part| part.likeness.iter().copied()).collect();
        let unknown = left_out(examples)?;
        let temperature = temperature(&logits, &labels);
        Ok(Some(HeldOut { labels, logits, known, unknown, temperature }))
    }

    fn ways(&self) -> usize {
        self.logits.shape()[1]
    }

    /// The likeliest class of each.
    pub fn answers(&self) -> Vec<usize> {
        self.logits.data().chunks(self.ways()).map(largest).collect()
    }

    /// The share of right answers.
    pub fn accuracy(&self) -> f64 {
        let right = self.answers().iter().zip(&self.labels).filter(|(answer, label)| answer == label).count();
        right as f64 / self.labels.len() as f64
    }

    /// The probabilities of the classes `[n, ways]`.
    pub fn probabilities(&self) -> Array<f64> {
        let logits = self.logits.map(|logit| logit / self.temperature);
        Tape::new().var(&logits).softmax(1).value()
    }
}

/// Answers about one part of the pictures.
struct Part {
    pictures: Vec<usize>,
    logits: Vec<f64>,
    likeness: Vec<f64>,
}

impl Part {
    fn answered(
        head: Head,
        examples: &PictureExamples,
        parts: &[Option<usize>],
        part: usize,
    ) -> Result<Part, Error> {
        let (pictures, others): (Vec<usize>, Vec<usize>) =
            (0..parts.len()).partition(|&picture| parts[picture] == Some(part));
        if pictures.is_empty() {
            return Ok(Part { pictures, logits: Vec::new(), likeness: Vec::new() });
        }
        let (support, query) = (examples.chosen(&others), examples.chosen(&pictures).x);
        let least = (0..examples.ways())
            .map(|class| others.iter().filter(|&&picture| examples.labels[picture] == class).count());
        let head = head.learner(least.min().unwrap_or(0));
        let logits = head
            .try_adapt(&Learner::<f32>::init(&head, 0), &support)
            .and_then(|predictor| predictor.try_predict(&query))
            .map_err(failed)?;
        let likeness = Likeness::of(&support).and_then(|likeness| likeness.scores(&query)).map_err(failed)?;
        let logits = logits.data().iter().map(|&logit| f64::from(logit)).collect();
        Ok(Part { pictures, logits, likeness })
    }
}

fn failed(error: fewshot_meta::Error) -> Error {
    Error::Evaluation(format!("the held-out pictures: {}", one_line(error)))
}

/// How like a class the pictures are of classes that nothing was learned of: of a fifth of the classes at a time.
fn left_out(examples: &PictureExamples) -> Result<Vec<f64>, Error> {
    let ways = examples.ways();
    if ways < FEWEST_CLASSES {
        return Ok(Vec::new());
    }
    let parts = PARTS.min(ways);
    let scores = |part: usize| {
        let (unknown, known): (Vec<usize>, Vec<usize>) =
            (0..examples.labels.len()).partition(|&picture| examples.labels[picture] % parts == part);
        let likeness = Likeness::of(&examples.renumbered(&known)).map_err(failed)?;
        likeness.scores(&examples.chosen(&unknown).x).map_err(failed)
    };
    let scores: Result<Vec<Vec<f64>>, Error> = (0..parts).into_par_iter().map(scores).collect();
    Ok(scores?.concat())
}

/// The temperature of least negative log-likelihood. Where none is best, since all answers are right or the logits say no more than
/// chance, the one at which the mean probability of the answers is the share of right ones by Laplace's rule of succession,
/// `(right + 1) / (n + 2)`.
fn temperature(logits: &Array<f64>, labels: &[usize]) -> f64 {
    fit_temperature(logits, labels).unwrap_or_else(|_| temperature_by_share(logits, labels))
}

fn temperature_by_share(logits: &Array<f64>, labels: &[usize]) -> f64 {
    let rows = || logits.data().chunks(logits.shape()[1]);
    let right = rows().zip(labels).filter(|(row, label)| largest(row) == **label).count();
    let share = (right + 1) as f64 / (labels.len() + 2) as f64;
    let widest = rows().flat_map(|row| row.iter().map(|logit| row[largest(row)] - logit)).fold(0.0, f64::max);
    if widest == 0.0 {
        return 1.0;
    }
    let confidence = |temperature: f64| {
        let sum = |row: &[f64]| -> f64 {
            row.iter().map(|logit| ((logit - row[largest(row)]) / temperature).exp()).sum()
        };
        rows().map(|row| 1.0 / sum(row)).sum::<f64>() / labels.len() as f64
    };
    // the higher the temperature, the lower the probabilities
    let (mut low, mut high) = ((SMALLEST * widest).ln(), (widest / SMALLEST).ln());
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if confidence(middle.exp()) > share { low = middle } else { high = middle }
    }
    (0.5 * (low + high)).exp()
}

/// The part in which each picture is held out.
fn parts(examples: &PictureExamples, seed: u64) -> Vec<Option<usize>> {
    let mut parts = vec![None; examples.labels.len()];
    let mut first = 0;
    for (number, class) in examples.classes.iter().enumerate() {
        let mut order: Vec<usize> = (first..first + class.shots).collect();
        first += class.shots;
        stream(seed, Purpose::Validation, number as u64).shuffle(&mut order);
        if class.shots > 1 {
            // small classes begin in different parts
            order
                .iter()
                .enumerate()
                .for_each(|(place, &picture)| parts[picture] = Some((place + number) % PARTS));
        }
    }
    parts
}

/// The place of the largest number, of equal ones the first.
pub fn largest(row: &[f64]) -> usize {
    (0..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_all_are_right_probabilities_are_those_of_so_many_successes() {
        // answers of scores 2 and 0, all right: 9 of 10 by Laplace's rule, that is e^(2 / T) = 9
        let logits = Array::new(&[8, 2], [2.0, 0.0].repeat(8));
        assert!((temperature(&logits, &[0; 8]) - 2.0 / 9.0_f64.ln()).abs() < 1e-9);
        // none is right: 1 of 10 is less than any answer of two classes can have
        assert!(temperature(&logits, &[1; 8]) > 1e5);
        assert_eq!(temperature(&Array::new(&[2, 2], vec![1.0; 4]), &[0, 1]), 1.0);
        // one of nine is wrong: the most likely, e^(2 / T) = 8
        let logits = Array::new(&[9, 2], [2.0, 0.0].repeat(9));
        let one_wrong = [0, 0, 0, 1, 0, 0, 0, 0, 0];
        assert!((temperature(&logits, &one_wrong) - 2.0 / 8.0_f64.ln()).abs() < 1e-9);
    }
}

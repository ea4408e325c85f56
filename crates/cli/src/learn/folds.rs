//! What a classifier answers about pictures that it has not learned from: each is held out once.

use fewshot_autodiff::{Array, Tape};
use fewshot_episodes::{Purpose, RngExt, stream};
use fewshot_meta::{FeatureHead, HeadKind, KnownScore, Learner, Transform, fit_temperature};
use rayon::prelude::*;

use crate::error::{Error, one_line};
use crate::learn::examples::PictureExamples;
use crate::learn::heads::Head;

/// Parts of the pictures, of which each is held out in turn.
const PARTS: usize = 5;

/// Answers about pictures that were held out; of classes with one picture none is.
pub struct HeldOut {
    /// Their classes.
    pub labels: Vec<usize>,
    /// Their logits `[n, ways]`, before any temperature.
    pub logits: Array<f64>,
    /// Their cosines to the class means `[n, ways]`.
    pub cosines: Array<f64>,
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
        let joined = |values: fn(&Part) -> &Vec<f64>| {
            let all = answered.iter().flat_map(|part| values(part).iter().copied()).collect();
            Array::new(&[pictures.len(), examples.ways()], all)
        };
        let (logits, cosines) = (joined(|part| &part.logits), joined(|part| &part.cosines));
        // where all are right, or no more than chance, no temperature is best
        let temperature = fit_temperature(&logits, &labels).unwrap_or(1.0);
        Ok(Some(HeldOut { labels, logits, cosines, temperature }))
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

    /// How like its class each is: the largest cosine to a class mean.
    pub fn known_scores(&self) -> Vec<f64> {
        KnownScore::MaxLogit.of(&self.cosines)
    }

    /// How like a class each would seem if there were no class of its own.
    pub fn unknown_scores(&self) -> Vec<f64> {
        let rows = self.cosines.data().chunks(self.ways()).zip(&self.labels);
        let others = |(row, &label): (&[f64], &usize)| {
            let others = row.iter().enumerate().filter(|(class, _)| *class != label);
            others.map(|(_, cosine)| *cosine).fold(f64::NEG_INFINITY, f64::max)
        };
        rows.map(others).collect()
    }
}

/// Answers about one part of the pictures.
struct Part {
    pictures: Vec<usize>,
    logits: Vec<f64>,
    cosines: Vec<f64>,
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
            return Ok(Part { pictures, logits: Vec::new(), cosines: Vec::new() });
        }
        let (support, query) = (examples.chosen(&others), examples.chosen(&pictures).x);
        let least = (0..examples.ways())
            .map(|class| others.iter().filter(|&&picture| examples.labels[picture] == class).count());
        let head = head.learner(least.min().unwrap_or(0));
        let by = |head: &FeatureHead| {
            let predictor = head.try_adapt(&Learner::<f32>::init(head, 0), &support);
            let logits = predictor.and_then(|predictor| predictor.try_predict(&query));
            logits
                .map(|logits| logits.data().iter().map(|&logit| f64::from(logit)).collect())
                .map_err(|error| Error::Evaluation(format!("the held-out pictures: {}", one_line(error))))
        };
        Ok(Part { logits: by(&head)?, cosines: by(&cosine())?, pictures })
    }
}

/// Cosines of features to class means.
pub fn cosine() -> FeatureHead {
    FeatureHead::new(HeadKind::Cosine { scale: 1.0 }, Transform::UnitLength)
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

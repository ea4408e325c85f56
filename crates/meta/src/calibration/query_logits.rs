//! The logits of the queries of episodes, and what their probabilities are worth.

use fewshot_autodiff::{Array, Float};

use crate::calibration::reliability::{Reliability, brier_score};
use crate::calibration::shapes::check;
use crate::heads::algebra::rows;

/// What a learner gave for the queries of an episode, or of several together: logits with the right classes.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::QueryLogits;
/// let of_episode = |logit: f64, class| QueryLogits::new(Array::new(&[1, 2], vec![logit, 0.0]), vec![class]);
/// let pooled = QueryLogits::pooled(&[of_episode(3.0, 0), of_episode(1.0, 1)]);
/// assert_eq!((pooled.logits().shape(), pooled.classes()), (&[2, 2][..], &[0, 1][..]));
/// assert!((pooled.calibration(1e9).confidence - 0.5).abs() < 1e-6); // all classes alike
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct QueryLogits<F: Float = f32> {
    logits: Array<F>,
    classes: Vec<usize>,
}

impl<F: Float> QueryLogits<F> {
    /// Logits `[queries, ways]` and the right class of each query, `0..ways`.
    ///
    /// # Panics
    /// When they do not fit each other, or there are none.
    #[track_caller]
    pub fn new(logits: Array<F>, classes: Vec<usize>) -> Self {
        check("QueryLogits::new", "logits", &logits, &classes);
        QueryLogits { logits, classes }
    }

    /// The queries of several episodes of equal ways, in their order.
    ///
    /// # Panics
    /// When there are no episodes, or their ways differ.
    #[track_caller]
    pub fn pooled(episodes: &[QueryLogits<F>]) -> Self {
        let ways = episodes.first().expect("QueryLogits::pooled: no episode").ways();
        if let Some(other) = episodes.iter().find(|other| other.ways() != ways) {
            panic!("QueryLogits::pooled: episodes of {ways} and of {} ways", other.ways());
        }
        let data: Vec<F> =
            episodes.iter().flat_map(|episode| episode.logits.data().iter().copied()).collect();
        let classes: Vec<usize> =
            episodes.iter().flat_map(|episode| episode.classes.iter().copied()).collect();
        QueryLogits { logits: Array::new(&[classes.len(), ways], data), classes }
    }

    /// The logits, `[queries, ways]`.
    pub fn logits(&self) -> &Array<F> {
        &self.logits
    }

    /// The right class of each query.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    fn ways(&self) -> usize {
        self.logits.shape()[1]
    }

    /// `softmax(logits / temperature)`, `[queries, ways]`.
    ///
    /// # Panics
    /// When the temperature is not above 0 and finite, or a logit is not finite.
    #[track_caller]
    pub fn probabilities(&self, temperature: f64) -> Array<f64> {
        let log = self.log_probabilities(temperature);
        log.map(f64::exp)
    }

    #[track_caller]
    fn log_probabilities(&self, temperature: f64) -> Array<f64> {
        let shape = self.logits.shape();
        assert!(
            temperature > 0.0 && temperature.is_finite(),
            "QueryLogits: the temperature {temperature} of logits {shape:?} is not above 0 and finite"
        );
        assert!(self.logits.all_finite(), "QueryLogits: a logit of {shape:?} is not finite");
        let of_row = |row: &[f64]| -> Vec<f64> {
            let largest = row.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
            let scaled: Vec<f64> = row.iter().map(|x| (x - largest) / temperature).collect();
            let log_sum = scaled.iter().map(|x| x.exp()).sum::<f64>().ln();
            scaled.into_iter().map(|x| x - log_sum).collect()
        };
        Array::new(shape, rows(&self.logits.cast()).flat_map(of_row).collect())
    }

    /// What the probabilities at a temperature are worth; at 1 those of the logits as they are.
    ///
    /// # Panics
    /// As [`QueryLogits::probabilities`].
    #[track_caller]
    pub fn calibration(&self, temperature: f64) -> Calibration {
        let log = self.log_probabilities(temperature);
        let probabilities = log.map(f64::exp);
        let count = self.classes.len() as f64;
        let most = |row: &[f64]| row.iter().fold(0.0, |m: f64, &p| m.max(p));
        // of the logarithms: the probability of a class far off may be too small for a number
        let losses = rows(&log).zip(&self.classes).map(|(row, &class)| -row[class]);
        Calibration {
            confidence: rows(&probabilities).map(most).sum::<f64>() / count,
            brier: brier_score(&probabilities, &self.classes),
            negative_log_likelihood: losses.sum::<f64>() / count,
            reliability: Reliability::new(&probabilities, &self.classes),
        }
    }
}

/// What probabilities of queries are worth, those of all episodes together.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Mean of the largest probability of each query.
    pub confidence: f64,
    /// The Brier score, as [`brier_score`].
    pub brier: f64,
    /// The mean negative log-likelihood of the right classes in nats, finite however sure a wrong answer is.
    pub negative_log_likelihood: f64,
    /// Confidence against accuracy in 15 bins.
    pub reliability: Reliability,
}

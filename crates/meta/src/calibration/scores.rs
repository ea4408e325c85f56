//! How likely a query is of one of the classes: scores, larger for what is more likely known.

use fewshot_autodiff::{Array, Float};

use crate::heads::algebra::rows;

/// A score of the logits of a query for being of one of the classes at all: larger means more likely known.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::KnownScore;
/// // as far from the classes as can be, and yet the probability says: sure
/// let logits = Array::new(&[2, 2], vec![-100.0_f64, -110.0, -1.0, -2.0]);
/// let p = KnownScore::MaxProbability.of(&logits);
/// assert!(p[0] > 0.9999 && p[1] < 0.75);
/// assert_eq!(KnownScore::MaxLogit.of(&logits), [-100.0, -1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KnownScore {
    /// `max_n p_n` of the softmax (Hendrycks, Gimpel 2017). Blind where all classes are equally far: for heads that compare distances one of the
    /// others is better.
    MaxProbability,
    /// `max_n logit_n` (Snell, Zemel 2021, out-of-episode detection): for a prototypical network minus the least squared distance.
    MaxLogit,
    /// `T log sum_n exp(logit_n / T)` (Liu, Wang, Owens, Li 2020: "Energy-based Out-of-distribution Detection"): a smooth maximum of the
    /// logits.
    Energy {
        /// The temperature `T`.
        temperature: f64,
    },
}

impl KnownScore {
    /// The score of each row of logits `[n, ways]`; NaN where a logit is.
    ///
    /// # Panics
    /// When the logits are no matrix, there are no classes, or the temperature is not above 0.
    #[track_caller]
    pub fn of<F: Float>(self, logits: &Array<F>) -> Vec<f64> {
        let shape = logits.shape();
        assert!(
            shape.len() == 2 && shape[1] > 0,
            "KnownScore::of: logits {shape:?}: expected [queries, ways]"
        );
        if let KnownScore::Energy { temperature } = self {
            assert!(
                temperature > 0.0 && temperature.is_finite(),
                "KnownScore::of: the temperature {temperature} of the energy is not above 0 and finite"
            );
        }
        rows(&logits.cast()).map(|row| self.of_row(row)).collect()
    }

    fn of_row(self, row: &[f64]) -> f64 {
        let largest = row.iter().fold(f64::NEG_INFINITY, |m, &x| if x.is_nan() || x > m { x } else { m });
        let log_sum = |t: f64| row.iter().map(|x| ((x - largest) / t).exp()).sum::<f64>().ln();
        match self {
            KnownScore::MaxProbability => (-log_sum(1.0)).exp(),
            KnownScore::MaxLogit => largest,
            KnownScore::Energy { temperature } => largest + temperature * log_sum(temperature),
        }
    }
}

/// Minus the least squared distance of each query, of squared distances to the class means `[n, ways]`: the score of [`KnownScore::MaxLogit`] for a
/// nearest-mean head of temperature 1.
///
/// # Panics
/// When they are no matrix, or there are no classes.
#[track_caller]
pub fn distance_scores<F: Float>(squared_distances: &Array<F>) -> Vec<f64> {
    let shape = squared_distances.shape();
    assert!(
        shape.len() == 2 && shape[1] > 0,
        "distance_scores: squared distances {shape:?}: expected [queries, ways]"
    );
    let least = |row: &[f64]| row.iter().fold(f64::INFINITY, |m, &x| if x.is_nan() || x < m { x } else { m });
    rows(&squared_distances.cast()).map(|row| -least(row)).collect()
}

/// Minus the least distance of each query in units of the scale of the class, `-min_n d_n / r_n`, of squared distances `d^2` `[n, ways]` and the
/// scales of [`LeaveOneOut::class_scales`](crate::LeaveOneOut::class_scales): comparable between classes and episodes of different spread.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::relative_distance_scores;
/// let squares = Array::new(&[1, 2], vec![16.0_f64, 25.0]);
/// assert_eq!(relative_distance_scores(&squares, &[1.0, 5.0]), [-1.0]);
/// ```
///
/// # Panics
/// When there are not as many scales as classes, or one is not above 0.
#[track_caller]
pub fn relative_distance_scores<F: Float>(squared_distances: &Array<F>, scales: &[f64]) -> Vec<f64> {
    let shape = squared_distances.shape();
    assert!(
        shape.len() == 2 && shape[1] == scales.len() && !scales.is_empty(),
        "relative_distance_scores: squared distances {shape:?} and {} scales: expected squared distances [queries, ways]",
        scales.len()
    );
    if let Some(class) = scales.iter().position(|scale| scale.is_nan() || *scale <= 0.0) {
        panic!("relative_distance_scores: the scale {} of class {class} is not above 0", scales[class]);
    }
    let ways = scales.len();
    let squared: Array<f64> = squared_distances.cast();
    let relative = Array::from_fn(squared.shape(), |i| squared.data()[i] / scales[i % ways].powi(2));
    distance_scores(&relative).into_iter().map(|score| -(-score).sqrt()).collect()
}

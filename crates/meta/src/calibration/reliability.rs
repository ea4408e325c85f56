//! How far probabilities are from shares (Guo, Pleiss, Sun, Weinberger 2017: "On Calibration of Modern Neural Networks", section 2; Brier 1950).

use fewshot_autodiff::{Array, Float};
use fewshot_nn::answer;

use crate::calibration::shapes::check;
use crate::heads::algebra::rows;

/// The bins of confidence that are customary.
const BINS: usize = 15;

/// The predictions whose confidence, the largest probability, lies in one range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ConfidenceBin {
    /// How many there are.
    pub count: usize,
    /// Their mean confidence; 0 where there are none.
    pub confidence: f64,
    /// The share of them that is right; 0 where there are none.
    pub accuracy: f64,
}

/// Confidence against accuracy, in bins of equal width: what a reliability diagram shows.
///
/// Queries of all test episodes belong into one; an interval is taken over episodes all the same.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::Reliability;
/// // always sure by 0.9, and right seven times of ten
/// let p = Array::new(&[10, 2], [0.9, 0.1].repeat(10));
/// let classes = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1];
/// let reliability = Reliability::new::<f64>(&p, &classes);
/// assert!((reliability.expected_error() - 0.2).abs() < 1e-12);
/// let filled: Vec<usize> = reliability.bins.iter().map(|bin| bin.count).filter(|&count| count > 0).collect();
/// assert_eq!(filled, [10]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    /// The bins, from confidence 0 to 1: bin `b` of `B` has those above `b / B`, up to `(b + 1) / B`.
    pub bins: Vec<ConfidenceBin>,
}

impl Reliability {
    /// 15 bins of predictions with probabilities `[n, ways]` and the true classes.
    ///
    /// # Panics
    /// When the classes do not fit the probabilities, there are none, or one is not between 0 and 1.
    #[track_caller]
    pub fn new<F: Float>(probabilities: &Array<F>, classes: &[usize]) -> Self {
        Reliability::with_bins(probabilities, classes, BINS)
    }

    /// As [`Reliability::new`], with another number of bins.
    ///
    /// # Panics
    /// As [`Reliability::new`], and when there are no bins.
    #[track_caller]
    pub fn with_bins<F: Float>(probabilities: &Array<F>, classes: &[usize], bins: usize) -> Self {
        check_probabilities("Reliability::new", probabilities, classes);
        assert!(bins > 0, "Reliability::new: no bins for probabilities {:?}", probabilities.shape());
        let mut all = vec![ConfidenceBin::default(); bins];
        for (row, &class) in rows(&probabilities.cast()).zip(classes) {
            let confidence = row.iter().fold(0.0, |m: f64, &p| m.max(p));
            let place = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
            all[place].count += 1;
            all[place].confidence += confidence;
            all[place].accuracy += f64::from(answer(row) == Some(class));
        }
        for bin in all.iter_mut().filter(|bin| bin.count > 0) {
            bin.confidence /= bin.count as f64;
            bin.accuracy /= bin.count as f64;
        }
        Reliability { bins: all }
    }

    /// The expected calibration error (ECE): `sum_b count_b / n |accuracy_b - confidence_b|`.
    pub fn expected_error(&self) -> f64 {
        let n: usize = self.bins.iter().map(|bin| bin.count).sum();
        self.bins.iter().map(|bin| bin.count as f64 / n as f64 * gap(bin)).sum()
    }

    /// The maximum calibration error (MCE): the largest `|accuracy_b - confidence_b|`, of bins that are not empty.
    pub fn maximum_error(&self) -> f64 {
        self.bins.iter().filter(|bin| bin.count > 0).map(gap).fold(0.0, f64::max)
    }
}

fn gap(bin: &ConfidenceBin) -> f64 {
    (bin.accuracy - bin.confidence).abs()
}

/// The Brier score of probabilities `[n, ways]`: mean over the examples of `sum_n (p_n - y_n)^2`, from 0 to 2.
///
/// # Panics
/// When the classes do not fit the probabilities, there are none, or one is not between 0 and 1.
#[track_caller]
pub fn brier_score<F: Float>(probabilities: &Array<F>, classes: &[usize]) -> f64 {
    check_probabilities("brier_score", probabilities, classes);
    let probabilities = probabilities.cast();
    let of_row = |(row, &class): (&[f64], &usize)| -> f64 {
        row.iter().enumerate().map(|(n, p)| (p - f64::from(n == class)).powi(2)).sum()
    };
    rows(&probabilities).zip(classes).map(of_row).sum::<f64>() / classes.len() as f64
}

/// The mean negative log-likelihood of the classes under probabilities `[n, ways]`, in nats; infinite where a true class has probability 0.
///
/// # Panics
/// When the classes do not fit the probabilities, there are none, or one is not between 0 and 1.
#[track_caller]
pub fn negative_log_likelihood<F: Float>(probabilities: &Array<F>, classes: &[usize]) -> f64 {
    check_probabilities("negative_log_likelihood", probabilities, classes);
    let probabilities = probabilities.cast();
    let sum: f64 = rows(&probabilities).zip(classes).map(|(row, &class)| -row[class].ln()).sum();
    sum / classes.len() as f64
}

#[track_caller]
fn check_probabilities<F: Float>(who: &str, probabilities: &Array<F>, classes: &[usize]) {
    check(who, "probabilities", probabilities, classes);
    // a sum of rounded exponentials may leave a bit more than one
    let wrong = |p: &&F| !(0.0..=1.0 + 1e-5).contains(&p.as_f64());
    if let Some(p) = probabilities.data().iter().find(wrong) {
        panic!("{who}: {p} is no probability: probabilities {:?}", probabilities.shape());
    }
}

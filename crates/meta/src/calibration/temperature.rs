//! The temperature of probabilities (Guo, Pleiss, Sun, Weinberger 2017: "On Calibration of Modern Neural Networks", section 4.2).

use fewshot_autodiff::{Array, Float};

use crate::calibration::shapes::check;
use crate::error::Error;
use crate::heads::algebra::{dot, one_hot, rows};

/// Logits are multiplied by between this, and one divided by this, over the largest difference of two of a row.
const LEAST: f64 = 1e-6;
/// Newton steps and bisections.
const STEPS: usize = 200;

/// The temperature `T > 0` for which `softmax(logits / T)` has the least mean negative log-likelihood: Newton steps on `log T`, which
/// bisection guards (the loss is convex in `1 / T`).
///
/// Answers do not change with it. It belongs to logits `[n, ways]` of queries of **validation** episodes, with as many ways and shots as it is
/// used for: on the support itself every head is too sure.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::fit_temperature;
/// // sure of itself by a factor of 81, right three times of four
/// let logits = Array::new(&[4, 2], vec![81.0_f64.ln(), 0.0].repeat(4));
/// let temperature = fit_temperature(&logits, &[0, 0, 1, 0])?;
/// assert!((temperature - 4.0).abs() < 1e-9); // then by a factor of 3
/// # Ok::<(), fewshot_meta::Error>(())
/// ```
///
/// # Errors
/// [`Error::Unfit`], when no temperature is best: every class is right wherever it has the largest logit of all, or the logits say no
/// more about the classes than chance.
///
/// # Panics
/// When the labels do not fit the logits, there are none, or a logit is not finite.
#[track_caller]
pub fn fit_temperature<F: Float>(logits: &Array<F>, classes: &[usize]) -> Result<f64, Error> {
    let ways = check("fit_temperature", "logits", logits, classes);
    assert!(logits.all_finite(), "fit_temperature: a logit of {:?} is not finite", logits.shape());
    let unfit = |cause: &str| Err(Error::Unfit { cause: cause.to_owned() });
    match inverse_temperature(&logits.cast(), &one_hot(classes, ways)) {
        Best::Inside(beta) => Ok(1.0 / beta),
        Best::Largest(_) => unfit(
            "no temperature is best: all answers are right, so that ever lower ones are better: take more validation episodes",
        ),
        Best::Least(_) => unfit(
            "no temperature is best: the logits tell the classes apart no better than chance, so that ever higher ones are better: check labels and learner",
        ),
    }
}

/// The best factor of logits, or the end of the range where the loss is least.
pub(crate) enum Best {
    Inside(f64),
    Least(f64),
    Largest(f64),
}

impl Best {
    pub(crate) fn value(&self) -> f64 {
        match *self {
            Best::Inside(beta) | Best::Least(beta) | Best::Largest(beta) => beta,
        }
    }
}

/// The `beta` for which the cross-entropy of `softmax(beta logits)` with `targets`, probabilities in each row, is least.
pub(crate) fn inverse_temperature(logits: &Array<f64>, targets: &Array<f64>) -> Best {
    let widest = rows(logits).map(spread).fold(0.0, f64::max);
    if widest == 0.0 {
        return Best::Least(1.0);
    }
    let (mut low, mut high) = ((LEAST / widest).ln(), (1.0 / (LEAST * widest)).ln());
    if slopes(logits, targets, low.exp()).0 >= 0.0 {
        return Best::Least(low.exp());
    }
    if slopes(logits, targets, high.exp()).0 <= 0.0 {
        return Best::Largest(high.exp());
    }
    let mut log_beta = 0.5 * (low + high);
    for _ in 0..STEPS {
        let beta = log_beta.exp();
        let (slope, curvature) = slopes(logits, targets, beta);
        if slope < 0.0 {
            low = log_beta
        } else {
            high = log_beta
        }
        let newton = log_beta - slope / (slope + beta * curvature);
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let done = (next - log_beta).abs() < 1e-14 * log_beta.abs().max(1.0);
        log_beta = next;
        if done {
            break;
        }
    }
    Best::Inside(log_beta.exp())
}

fn spread(row: &[f64]) -> f64 {
    let least = row.iter().fold(f64::INFINITY, |m, &x| m.min(x));
    row.iter().fold(0.0, |m: f64, x| m.max(x - least))
}

/// First and second derivative of the loss by `beta`: mean of `logits` under the softmax less that under the targets, and its variance; summed
/// over the rows.
fn slopes(logits: &Array<f64>, targets: &Array<f64>, beta: f64) -> (f64, f64) {
    let (mut slope, mut curvature) = (0.0, 0.0);
    for (logits, targets) in rows(logits).zip(rows(targets)) {
        let largest = logits.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
        let weights: Vec<f64> = logits.iter().map(|x| (beta * (x - largest)).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let aim = dot(logits, targets);
        // differences from the truth: where it has the largest logit, none is positive, rounding or not
        let off = |(x, w): (&f64, &f64)| w / sum * (x - aim);
        let mean: f64 = logits.iter().zip(&weights).map(off).sum();
        let square: f64 = logits.iter().zip(&weights).map(|(x, w)| w / sum * (x - aim - mean).powi(2)).sum();
        slope += mean;
        curvature += square;
    }
    (slope, curvature)
}

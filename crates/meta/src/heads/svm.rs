//! The support vector machine of Crammer and Singer 2001 ("On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines"),
//! as the head of MetaOptNet-SVM (Lee, Maji, Ravichandran, Soatto 2019).

use fewshot_autodiff::Array;

use crate::heads::algebra::{Matrix, product_nt, product_tn};
use crate::heads::solved::Linear;

/// Passes over all examples.
const SWEEPS: usize = 20_000;
/// The largest violation of the optimality conditions at the solution.
const TOLERANCE: f64 = 1e-7;
/// The least curvature along an example, for one of zeros.
const FLATTEST: f64 = 1e-12;

/// The weights `W = Z' alpha` `[d, ways]` of the examples `z` `[n, d]`, with the `alpha` `[n, ways]` that minimises
/// `|Z' alpha|^2 / 2 + ridge |alpha|^2 / 2 - sum_i alpha_i^{y_i}` where `alpha_i^n <= c` for the class of the example, `<= 0` for the others, and
/// `sum_n alpha_i^n = 0`.
///
/// # Errors
/// When the search ends before the optimality conditions hold, in words.
pub(crate) fn svm(z: &Matrix, classes: &[usize], ways: usize, c: f64, ridge: f64) -> Result<Linear, String> {
    let dual = Dual { gram: product_nt(z, z), classes, ways, c, ridge };
    let (alpha, violation) = dual.solved();
    if violation.is_nan() || violation > TOLERANCE {
        return Err(format!(
            "the support vector machine has not converged: the optimality conditions are violated by {violation:.1e} after {SWEEPS} sweeps: use features of unit length or a smaller C"
        ));
    }
    Ok(Linear { weights: product_tn(z, &alpha), bias: vec![0.0; ways] })
}

struct Dual<'a> {
    gram: Matrix,
    classes: &'a [usize],
    ways: usize,
    c: f64,
    ridge: f64,
}

impl Dual<'_> {
    /// The largest value of `alpha_i^n`.
    fn limit(&self, i: usize, n: usize) -> f64 {
        if self.classes[i] == n { self.c } else { 0.0 }
    }

    /// Sweeps of exact steps on the numbers of one example, until the conditions hold: `alpha`, and their largest violation.
    fn solved(&self) -> (Matrix, f64) {
        let (n, ways) = (self.classes.len(), self.ways);
        let mut alpha: Matrix = Array::zeros(&[n, ways]);
        // the gradient: gram alpha + ridge alpha - one-hot
        let mut gradient = Array::from_fn(&[n, ways], |i| -f64::from(self.classes[i / ways] == i % ways));
        let mut violation = f64::INFINITY;
        for _ in 0..SWEEPS {
            let before = gradient.clone();
            for i in 0..n {
                self.step(i, alpha.data_mut(), gradient.data_mut());
            }
            violation = (0..n).map(|i| self.violation(i, alpha.data(), gradient.data())).fold(0.0, larger);
            let still = before == gradient;
            if violation <= TOLERANCE || violation.is_nan() || still {
                break;
            }
        }
        (alpha, violation)
    }

    /// The best numbers of example `i`, the others as they are.
    fn step(&self, i: usize, alpha: &mut [f64], gradient: &mut [f64]) {
        let (n, ways) = (self.classes.len(), self.ways);
        let gram = &self.gram.data()[i * n..][..n];
        let curvature = (gram[i] + self.ridge).max(FLATTEST);
        let own = i * ways..(i + 1) * ways;
        let aim: Vec<f64> =
            alpha[own.clone()].iter().zip(&gradient[own.clone()]).map(|(a, g)| a - g / curvature).collect();
        let limits: Vec<f64> = (0..ways).map(|class| self.limit(i, class)).collect();
        let best = projected(&aim, &limits);
        for class in 0..ways {
            let change = best[class] - alpha[i * ways + class];
            if change != 0.0 {
                gram.iter().enumerate().for_each(|(j, k)| gradient[j * ways + class] += k * change);
                gradient[i * ways + class] += self.ridge * change;
                alpha[i * ways + class] = best[class];
            }
        }
    }

    /// By how much the conditions fail for example `i`: the gradient is equal for all classes below their limit, and nowhere larger.
    fn violation(&self, i: usize, alpha: &[f64], gradient: &[f64]) -> f64 {
        let ways = self.ways;
        let largest = gradient[i * ways..][..ways].iter().fold(f64::NEG_INFINITY, |m, &g| larger(m, g));
        let free = (0..ways).filter(|&class| alpha[i * ways + class] < self.limit(i, class));
        let least = free.map(|class| gradient[i * ways + class]).fold(f64::INFINITY, f64::min);
        if least.is_finite() { largest - least } else { 0.0 }
    }
}

/// The maximum, NaN where one is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The point nearest to `aim` with `x_n <= limits_n` and `sum x = 0`: `min(limits, aim - shift)`, whose shift lies between two of the sorted
/// numbers `aim - limits`. The limits add up to 0 or more.
fn projected(aim: &[f64], limits: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..aim.len()).collect();
    let slack = |n: usize| aim[n] - limits[n];
    order.sort_by(|&a, &b| slack(b).total_cmp(&slack(a)));
    // with the `k` of most slack at their limits, the others below by one shift
    let (mut at_limit, mut free): (f64, f64) = (0.0, aim.iter().sum());
    let mut shift = free / aim.len() as f64;
    for (k, &n) in order.iter().enumerate() {
        shift = (free + at_limit) / (aim.len() - k) as f64;
        if slack(n) <= shift {
            break;
        }
        at_limit += limits[n];
        free -= aim[n];
    }
    aim.iter().zip(limits).map(|(aim, limit)| limit.min(aim - shift)).collect()
}

//! Multinomial logistic regression with a quadratic penalty, as the head of Tian, Wang, Krishnan, Tenenbaum, Isola 2020: "Rethinking
//! Few-Shot Image Classification: a Good Embedding Is All You Need?" (RFS).

use fewshot_autodiff::Array;

use crate::heads::algebra::{Matrix, one_hot, product, product_tn};
use crate::heads::lbfgs::{Minimum, minimise};
use crate::heads::solved::Linear;

/// Steps of the solver.
const LIMIT: usize = 5000;
/// The largest number of the gradient at the solution, as a share of that at the start where this is above 1.
const TOLERANCE: f64 = 1e-9;

/// The weights `W` `[d, ways]` and bias `b` `[ways]` that minimise `sum_i CE_i + |W|^2 / (2 c)` over the examples `z` `[n, d]`.
///
/// What is searched for is `V = W / s` with `s = min(1, sqrt c)`, so that a small `c` does not make the penalty steep.
///
/// # Errors
/// When the search ends before the gradient is 0, in words.
pub(crate) fn logistic(z: &Matrix, classes: &[usize], ways: usize, c: f64) -> Result<Linear, String> {
    let (d, scale) = (z.shape()[1], c.sqrt().min(1.0));
    let objective = Objective { z, hot: one_hot(classes, ways), scale, c };
    let start = vec![0.0; (d + 1) * ways];
    let mut steepest = start.clone();
    objective.at(&start, &mut steepest);
    let tolerance = TOLERANCE * steepest.iter().fold(1.0, |m: f64, g| m.max(g.abs()));
    let Minimum { x, gradient, steps, converged } =
        minimise(|x, g| objective.at(x, g), start, tolerance, LIMIT);
    if !converged {
        return Err(format!(
            "logistic regression has not converged: the gradient is {gradient:.1e} after {steps} steps: use features of unit length or a smaller C"
        ));
    }
    let (weights, bias) = x.split_at(d * ways);
    let weights = Array::new(&[d, ways], weights.iter().map(|v| v * scale).collect());
    Ok(Linear { weights, bias: bias.to_vec() })
}

struct Objective<'a> {
    z: &'a Matrix,
    hot: Matrix,
    scale: f64,
    c: f64,
}

impl Objective<'_> {
    /// The objective at `V` and `b`, one behind the other, and its gradient.
    fn at(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let (d, ways) = (self.z.shape()[1], self.hot.shape()[1]);
        let (v, bias) = x.split_at(d * ways);
        let weights = Array::new(&[d, ways], v.iter().map(|v| v * self.scale).collect());
        let mut residual = product(self.z, &weights);
        let mut value = 0.0;
        for (row, hot) in residual.data_mut().chunks_exact_mut(ways).zip(self.hot.data().chunks_exact(ways)) {
            row.iter_mut().zip(bias).for_each(|(logit, b)| *logit += b);
            value += cross_entropy(row, hot);
        }
        let penalty = self.scale * self.scale / self.c;
        let of_weights = product_tn(self.z, &residual);
        for (i, g) in of_weights.data().iter().enumerate() {
            gradient[i] = self.scale * g + penalty * v[i];
            value += 0.5 * penalty * v[i] * v[i];
        }
        for (class, g) in gradient[d * ways..].iter_mut().enumerate() {
            *g = residual.data().iter().skip(class).step_by(ways).sum();
        }
        value
    }
}

/// The cross-entropy of a row of logits, which becomes its derivative: probabilities minus the truth. Relative to the largest logit, so that
/// a small one has as many digits as a large one.
fn cross_entropy(row: &mut [f64], hot: &[f64]) -> f64 {
    let best = (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    let largest = row[best];
    row.iter_mut().for_each(|x| *x -= largest);
    let others = row.iter().enumerate().filter(|(i, _)| *i != best);
    let log_sum = others.map(|(_, x)| x.exp()).sum::<f64>().ln_1p();
    let mut loss = 0.0;
    for (x, hot) in row.iter_mut().zip(hot) {
        loss += hot * (log_sum - *x);
        *x = (*x - log_sum).exp() - hot;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_are_nearly_equal_are_no_hindrance() {
        // like drawings on white paper: unit vectors that differ in a few numbers
        for (ways, shots) in [(2, 3), (3, 3), (3, 4), (5, 2), (8, 5)] {
            let n = ways * shots;
            let value = |i: usize| {
                let (example, place) = (i / 192, i % 192);
                let stroke = place % (11 + example % ways) < 2 || (place + example) % 37 == 0;
                if stroke { -0.8 + 0.01 * (example as f64) } else { 0.86 }
            };
            let mut z = Array::from_fn(&[n, 192], value);
            z.data_mut().chunks_exact_mut(192).for_each(|row| {
                let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                row.iter_mut().for_each(|x| *x = f64::from((*x / length) as f32));
            });
            let classes: Vec<usize> = (0..n).map(|i| i % ways).collect();
            for c in [0.01, 1.0, 100.0, 1e4] {
                let solved = logistic(&z, &classes, ways, c);
                assert!(solved.is_ok(), "{ways} {shots} {c}: {:?}", solved.err());
            }
        }
    }
}

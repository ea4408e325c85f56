//! Ridge regression on one-hot labels (Lee, Maji, Ravichandran, Soatto 2019: "Meta-Learning with Differentiable Convex Optimization",
//! MetaOptNet-RR; Bertinetto et al. 2019, R2-D2).

use fewshot_autodiff::Array;

use crate::calibration::temperature::inverse_temperature;
use crate::heads::algebra::{
    Matrix, dot, identity, one_hot, plus_diagonal, product, product_nt, product_tn, rows, solve,
};
use crate::heads::head_kind::Scale;
use crate::heads::solved::Linear;

/// The weights `W = Z' (Z Z' + lambda I)^-1 Y = (Z' Z + lambda I)^-1 Z' Y` `[d, ways]` of the examples `z` `[n, d]`, times the scale. The smaller
/// of the two systems is solved.
///
/// # Errors
/// When rounding has made the system one that is not positive definite, in words.
pub(crate) fn ridge(
    z: &Matrix,
    classes: &[usize],
    ways: usize,
    lambda: f64,
    scale: Scale,
) -> Result<Linear, String> {
    let hot = one_hot(classes, ways);
    let solution = Solution::of(z, &hot, lambda).ok_or_else(|| {
        format!("ridge regression has no solution in f64 with lambda {lambda}: use features of unit length or a larger lambda")
    })?;
    let scale = match scale {
        Scale::Fixed(scale) => scale,
        Scale::LeaveOneOut => inverse_temperature(&solution.left_out(&hot), &smoothed(&hot)).value(),
    };
    Ok(Linear { weights: solution.weights.map(|w| w * scale), bias: vec![0.0; ways] })
}

/// Weights, and what is needed to leave an example out: the answers to the examples and the diagonal of the hat matrix
/// `H = Z (Z' Z + lambda I)^-1 Z'`.
struct Solution {
    weights: Matrix,
    answers: Matrix,
    hat: Vec<f64>,
}

impl Solution {
    fn of(z: &Matrix, hot: &Matrix, lambda: f64) -> Option<Solution> {
        let [n, d] = [z.shape()[0], z.shape()[1]];
        let (weights, hat) = if n <= d {
            let inverse = solve(&plus_diagonal(&product_nt(z, z), lambda), &identity(n))?;
            let weights = product_tn(z, &product(&inverse, hot));
            (weights, (0..n).map(|i| 1.0 - lambda * inverse.data()[i * n + i]).collect())
        } else {
            let inverse = solve(&plus_diagonal(&product_tn(z, z), lambda), &identity(d))?;
            let spread = product(z, &inverse);
            let weights = product(&inverse, &product_tn(z, hot));
            (weights, rows(&spread).zip(rows(z)).map(|(a, b)| dot(a, b)).collect())
        };
        Some(Solution { answers: product(z, &weights), weights, hat })
    }

    /// The answer to each example by the regression on the others: `y - (y - answer) / (1 - h)`, `[n, ways]`.
    fn left_out(&self, hot: &Matrix) -> Matrix {
        let ways = hot.shape()[1];
        Array::from_fn(hot.shape(), |i| {
            let (y, answer) = (hot.data()[i], self.answers.data()[i]);
            y - (y - answer) / (1.0 - self.hat[i / ways])
        })
    }
}

/// Labels that are not quite certain, so that a best scale exists where all are answered right: `(n + 1) / (n + ways)` for the class and
/// `1 / (n + ways)` for each other (Platt 1999: "Probabilistic Outputs for Support Vector Machines").
fn smoothed(hot: &Matrix) -> Matrix {
    let (n, ways) = (hot.shape()[0] as f64, hot.shape()[1] as f64);
    hot.map(|y| (n * y + 1.0) / (n + ways))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(n: usize, d: usize) -> (Matrix, Vec<usize>) {
        let z = Array::from_fn(&[n, d], |i| ((i * i + 3 * i) as f64 * 0.37).sin());
        (z, (0..n).map(|i| (i * 7 / 2) % 3).collect())
    }

    #[test]
    fn leaving_out_by_the_hat_matrix_is_solving_without_the_example() {
        for (n, d) in [(7, 10), (9, 4)] {
            let (z, classes) = examples(n, d);
            let hot = one_hot(&classes, 3);
            let left_out = Solution::of(&z, &hot, 0.3).unwrap().left_out(&hot);
            for i in 0..n {
                let others = |m: &Matrix| {
                    let kept = rows(m).enumerate().filter(|(j, _)| *j != i).flat_map(|(_, row)| row.to_vec());
                    Array::new(&[n - 1, m.shape()[1]], kept.collect())
                };
                let weights = Solution::of(&others(&z), &others(&hot), 0.3).unwrap().weights;
                let row = Array::new(&[1, d], z.data()[i * d..][..d].to_vec());
                for (a, b) in product(&row, &weights).data().iter().zip(&left_out.data()[3 * i..]) {
                    assert!((a - b).abs() < 1e-12, "{n} {d} {i}: {a} {b}");
                }
            }
        }
    }
}

//! Prototypes rectified by the queries (BD-CSPN, as in the released code of LaplacianShot).

use fewshot_autodiff::Array;

use crate::heads::algebra::{Matrix, class_means, cosines, mean_row, rows, softmax};
use crate::heads::transductive::joint::Joint;

/// Prototypes `[ways, d]`, and the queries shifted to the mean of the support `[m, d]`.
pub(crate) fn prototypes_and_queries(joint: &Joint<'_>, scale: f64) -> [Matrix; 2] {
    let Joint { support, classes, ways, query } = *joint;
    let d = support.shape()[1];
    let (aim, from) = (mean_row(support), mean_row(query));
    let shifted = Array::from_fn(query.shape(), |i| query.data()[i] + (aim[i % d] - from[i % d]));
    let means = class_means(support, classes, ways);
    let all =
        Array::new(&[support.shape()[0] + query.shape()[0], d], [support.data(), shifted.data()].concat());
    let cosines = cosines(&all, &means);
    let weights = softmax(&cosines.map(|cos| scale * cos));
    let (mut sums, mut counts) = (vec![0.0; ways * d], vec![0_usize; ways]);
    for ((z, cosines), weights) in rows(&all).zip(rows(&cosines)).zip(rows(&weights)) {
        let nearest = largest(cosines);
        counts[nearest] += 1;
        sums[nearest * d..][..d].iter_mut().zip(z).for_each(|(sum, z)| *sum += weights[nearest] * z);
    }
    let prototypes = Array::from_fn(&[ways, d], |i| match counts[i / d] {
        0 => means.data()[i],
        count => sums[i] / count as f64,
    });
    [prototypes, shifted]
}

/// Logits of the queries: cosines to the prototypes, times the scale.
pub(crate) fn rectified(joint: &Joint<'_>, scale: f64) -> Matrix {
    let [prototypes, shifted] = prototypes_and_queries(joint, scale);
    cosines(&shifted, &prototypes).map(|cos| scale * cos)
}

/// The place of the largest, of equal ones the first.
fn largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_given_to_the_nearest_mean_and_weighted() {
        let support = Array::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0]);
        // of mean (3, 3), which is shifted to (0.5, 0.5)
        let query = Array::new(&[2, 2], vec![4.0, 3.0, 2.0, 3.0]);
        let joint = Joint { support: &support, classes: &[0, 1], ways: 2, query: &query };
        let [prototypes, shifted] = prototypes_and_queries(&joint, 10.0);
        assert_eq!(shifted.data(), [1.5, 0.5, -0.5, 0.5]);
        let weight = |own: f64, other: f64| (10.0 * own).exp() / ((10.0 * own).exp() + (10.0 * other).exp());
        let (a, b) = (3.0 / 10_f64.sqrt(), 1.0 / 10_f64.sqrt());
        let half = 0.5_f64.sqrt();
        let by_hand = [
            0.5 * (weight(1.0, 0.0) + 1.5 * weight(a, b)),
            0.5 * 0.5 * weight(a, b),
            0.5 * -0.5 * weight(half, -half),
            0.5 * (weight(1.0, 0.0) + 0.5 * weight(half, -half)),
        ];
        for (x, y) in prototypes.data().iter().zip(by_hand) {
            assert!((x - y).abs() < 1e-14, "{prototypes:?} {by_hand:?}");
        }
    }

    #[test]
    fn a_class_without_points_keeps_its_mean() {
        // both support examples lie nearest to the second mean, by angle
        let support = Array::new(&[3, 1], vec![1.0, 2.0, 2.0]);
        let query = Array::new(&[1, 1], vec![3.0]);
        let joint = Joint { support: &support, classes: &[0, 1, 1], ways: 2, query: &query };
        let [prototypes, _] = prototypes_and_queries(&joint, 10.0);
        assert_eq!(prototypes.data()[1], 2.0, "of equal cosines the first class takes all");
    }
}

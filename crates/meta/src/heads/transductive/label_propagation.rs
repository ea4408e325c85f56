//! Label propagation over a graph of support and queries (Liu et al. 2019, TPN).

use fewshot_autodiff::Array;

use crate::heads::algebra::{Matrix, identity, one_hot, rows, solve, squared_distances};
use crate::heads::transductive::joint::Joint;

/// The width `sigma` of the similarities of label propagation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Width {
    /// This one, in units of a feature: for features of length one and of `d` numbers about `0.5 / sqrt(d)`.
    Fixed(f64),
    /// This share of the root mean square difference of a feature between two points, over all pairs of support and queries.
    Relative(f64),
}

/// Logits of the queries: their rows of the propagated labels, `[m, ways]`.
pub(crate) fn label_propagation(joint: &Joint<'_>, width: Width, neighbours: usize, alpha: f64) -> Matrix {
    let Joint { support, classes, ways, query } = *joint;
    let [n, d] = [support.shape()[0], support.shape()[1]];
    let all = Array::new(&[n + query.shape()[0], d], [support.data(), query.data()].concat());
    let weights = similarities(&all, width, neighbours);
    let mut labels = one_hot(classes, ways).to_vec();
    labels.resize(all.shape()[0] * ways, 0.0);
    let labels = Array::new(&[all.shape()[0], ways], labels);
    let propagated = propagate(&weights, &labels, alpha);
    Array::new(&[query.shape()[0], ways], propagated.data()[n * ways..].to_vec())
}

/// The similarities of points that are neighbours, 0 of others.
fn similarities(z: &Matrix, width: Width, neighbours: usize) -> Matrix {
    let [n, d] = [z.shape()[0], z.shape()[1]];
    let distances = squared_distances(z, z).map(|distance| distance / d as f64);
    let square = match width {
        Width::Fixed(sigma) => sigma * sigma,
        Width::Relative(share) => {
            let pairs = (n * (n - 1)).max(1) as f64;
            share * share * distances.data().iter().sum::<f64>() / pairs
        }
    };
    // equal points are alike whatever the width
    let alike = |distance: f64| if distance == 0.0 { 1.0 } else { (-0.5 * distance / square).exp() };
    let mut near = vec![false; n * n];
    for (i, row) in rows(&distances).enumerate() {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| (a != i).cmp(&(b != i)).then(row[a].total_cmp(&row[b])));
        for &j in &order[..neighbours.min(n)] {
            near[i * n + j] = true;
            near[j * n + i] = true;
        }
    }
    Array::from_fn(&[n, n], |i| if near[i] { alike(distances.data()[i]) } else { 0.0 })
}

/// `(I - alpha D^-1/2 W D^-1/2)^-1 Y` of labels `[n, ways]`; NaN where rounding leaves no solution.
fn propagate(weights: &Matrix, labels: &Matrix, alpha: f64) -> Matrix {
    let n = weights.shape()[0];
    let degrees: Vec<f64> = rows(weights).map(|row| row.iter().sum::<f64>().sqrt()).collect();
    let spread = |i: usize| alpha * weights.data()[i] / (degrees[i / n] * degrees[i % n]);
    let identity = identity(n);
    let system = Array::from_fn(&[n, n], |i| identity.data()[i] - spread(i));
    solve(&system, labels).unwrap_or_else(|| labels.map(|_| f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_support_and_one_query_by_hand() {
        let labels = Array::new(&[2, 1], vec![1.0, 0.0]);
        let found = propagate(&Array::ones(&[2, 2]), &labels, 0.5);
        assert!((found.data()[0] - 1.5).abs() < 1e-15 && (found.data()[1] - 0.5).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn without_propagation_labels_stay() {
        let labels = Array::from_fn(&[3, 2], |i| f64::from(i % 3 == 0));
        assert_eq!(propagate(&Array::ones(&[3, 3]), &labels, 0.0), labels);
        let little = propagate(&Array::ones(&[3, 3]), &labels, 1e-9);
        assert!(little.data().iter().zip(labels.data()).all(|(a, b)| (a - b).abs() < 1e-8));
    }

    #[test]
    fn similarities_are_symmetric_and_every_graph_has_a_solution() {
        for (neighbours, width) in [(1, 0.1), (3, 1.0), (20, 1e-3), (20, 1e9)] {
            let z = Array::from_fn(&[12, 5], |i| ((i * i) as f64 * 0.61).sin());
            let w = similarities(&z, Width::Fixed(width), neighbours);
            for i in 0..144 {
                assert_eq!(w.data()[i], w.data()[i % 12 * 12 + i / 12]);
                assert!((0.0..=1.0).contains(&w.data()[i]));
            }
            assert!((0..12).all(|i| w.data()[13 * i] == 1.0), "the diagonal stays");
            let labels = Array::from_fn(&[12, 2], |i| f64::from(i < 2));
            assert!(propagate(&w, &labels, 0.99).all_finite(), "{neighbours} {width}");
        }
    }

    #[test]
    fn the_mean_over_features_stands_in_the_exponent() {
        let z = Array::new(&[2, 2], vec![0.0, 0.0, 3.0, 1.0]);
        let w = similarities(&z, Width::Fixed(2.0), 20);
        assert!((w.data()[1] - (-0.5 * 5.0 / 4.0_f64).exp()).abs() < 1e-15, "{w:?}");
        // the only pair differs by the root mean square difference
        let relative = similarities(&z, Width::Relative(0.5), 20);
        assert!((relative.data()[1] - (-2.0_f64).exp()).abs() < 1e-15, "{relative:?}");
    }

    #[test]
    fn neighbours_of_either_side_are_kept() {
        let z = Array::new(&[3, 1], vec![0.0, 1.0, 10.0]);
        // of two nearest, itself counted: 0 and 1 of each other, 1 of the third
        let w = similarities(&z, Width::Fixed(5.0), 2);
        let kept: Vec<bool> = w.data().iter().map(|&w| w > 0.0).collect();
        assert_eq!(kept, [true, true, false, true, true, true, false, true, true]);
    }
}

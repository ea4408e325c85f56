//! LaplacianShot (Ziko et al. 2020): nearest mean, with neighbouring queries drawn to equal answers.

use fewshot_autodiff::Array;

use crate::heads::algebra::{Matrix, class_means, product, rows, softmax, squared_distances};
use crate::heads::transductive::joint::Joint;
use crate::heads::transductive::rectification::prototypes_and_queries;

/// Updates, unless the energy stands still before.
const STEPS: usize = 20;
/// Relative change of the energy that ends the updates.
const STILL: f64 = 1e-6;
/// Factor of the cosines that rectify prototypes.
const SCALE: f64 = 10.0;

/// Logits of the queries `[m, ways]`.
pub(crate) fn laplacian_shot(joint: &Joint<'_>, lambda: f64, neighbours: usize, rectified: bool) -> Matrix {
    let [prototypes, queries] = match rectified {
        true => prototypes_and_queries(joint, SCALE),
        false => [class_means(joint.support, joint.classes, joint.ways), joint.query.clone()],
    };
    let distances = squared_distances(&queries, &prototypes);
    let weights = nearest_others(&queries, neighbours);
    updates(&distances, &weights, lambda).0
}

/// 1 where a query (column) is among the nearest others of a query (row): `[m, m]`, not symmetric.
fn nearest_others(queries: &Matrix, neighbours: usize) -> Matrix {
    let m = queries.shape()[0];
    let mut weights = Array::zeros(&[m, m]);
    for (q, row) in rows(&squared_distances(queries, queries)).enumerate() {
        let mut others: Vec<usize> = (0..m).filter(|&p| p != q).collect();
        others.sort_by(|&a, &b| row[a].total_cmp(&row[b]));
        for &p in others.iter().take(neighbours) {
            weights.data_mut()[q * m + p] = 1.0;
        }
    }
    weights
}

/// The logits after the last update, and the energies after each.
fn updates(distances: &Matrix, weights: &Matrix, lambda: f64) -> (Matrix, Vec<f64>) {
    let mut logits = distances.map(|distance| -distance);
    let mut energies: Vec<f64> = Vec::new();
    for _ in 0..STEPS {
        let near = product(weights, &softmax(&logits));
        logits = near.zip(distances, |near, distance| lambda * near - distance);
        let energy = energy(&softmax(&logits), distances, weights, lambda);
        let still = energies.last().is_some_and(|last| (energy - last).abs() <= STILL * last.abs());
        energies.push(energy);
        if still {
            break;
        }
    }
    (logits, energies)
}

/// `sum_q y_q (log y_q + distance_q) - lambda sum_qp W_qp y_q y_p`.
fn energy(y: &Matrix, distances: &Matrix, weights: &Matrix, lambda: f64) -> f64 {
    let near = product(weights, y);
    let each = y.data().iter().zip(distances.data()).zip(near.data());
    each.map(|((&y, distance), near)| if y > 0.0 { y * (y.ln() + distance - lambda * near) } else { 0.0 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::algebra::{plus_diagonal, product_nt};

    fn distances() -> Matrix {
        Array::from_fn(&[9, 3], |i| 1.0 + ((i * i) as f64 * 0.83).sin())
    }

    #[test]
    fn without_neighbours_it_is_nearest_mean() {
        let weights = nearest_others(&Array::from_fn(&[9, 2], |i| (i as f64).sin()), 2);
        assert_eq!(updates(&distances(), &weights, 0.0).0, distances().map(|d| -d));
    }

    #[test]
    fn the_energy_never_rises_for_symmetric_positive_weights() {
        for lambda in [0.1, 1.0, 10.0] {
            let factor = Array::from_fn(&[9, 4], |i| (i as f64 * 0.71).sin().abs());
            let weights = plus_diagonal(&product_nt(&factor, &factor), 0.5);
            let (_, energies) = updates(&distances(), &weights, lambda);
            assert!(energies.len() > 1);
            for pair in energies.windows(2) {
                assert!(pair[1] <= pair[0] + 1e-12 * pair[0].abs(), "{lambda}: {energies:?}");
            }
        }
    }

    #[test]
    fn each_query_has_its_nearest_others() {
        let queries = Array::new(&[4, 1], vec![0.0, 1.0, 1.5, 10.0]);
        let by_hand = [[0., 1., 1., 0.], [1., 0., 1., 0.], [1., 1., 0., 0.], [0., 1., 1., 0.]];
        assert_eq!(nearest_others(&queries, 2).data(), by_hand.concat());
        assert_eq!(nearest_others(&Array::new(&[1, 1], vec![3.0]), 2).data(), [0.0]);
    }

    #[test]
    fn neighbours_draw_a_query_over() {
        // nearer to the second class by a little, between two queries that are surely of the first
        let distances = Array::new(&[3, 2], vec![0.0, 4.0, 1.1, 1.0, 0.0, 4.0]);
        let weights = Array::new(&[3, 3], vec![0., 1., 1., 1., 0., 1., 1., 1., 0.]);
        let logits = updates(&distances, &weights, 1.0).0;
        assert!(logits.data()[2] > logits.data()[3], "{logits:?}");
    }
}

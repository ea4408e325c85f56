//! The information of predictions (Boudiaf et al. 2020, TIM).

use fewshot_autodiff::{Array, Float};

/// The mutual information between queries and their predicted classes, in nats: the entropy of the mean of the rows less the mean entropy of a row
/// of probabilities `[m, ways]`. Between 0, when all rows are equal, and `ln ways`, when all are certain and the classes balanced.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::mutual_information;
/// assert_eq!(mutual_information(&Array::full(&[4, 2], 0.5_f64)), 0.0);
/// let sure = Array::new(&[2, 2], vec![1.0_f64, 0.0, 0.0, 1.0]);
/// assert!((mutual_information(&sure) - 2_f64.ln()).abs() < 1e-15);
/// ```
///
/// # Panics
/// When they are no matrix of at least one row.
#[track_caller]
pub fn mutual_information<F: Float>(probabilities: &Array<F>) -> f64 {
    let shape = probabilities.shape();
    assert!(
        shape.len() == 2 && !probabilities.is_empty(),
        "mutual_information: probabilities {shape:?}: expected [queries, ways] and at least one query"
    );
    let (count, ways) = (shape[0] as f64, shape[1]);
    let (mut mean, mut entropies) = (vec![0.0; ways], 0.0);
    for row in probabilities.cast::<f64>().data().chunks_exact(ways) {
        mean.iter_mut().zip(row).for_each(|(mean, p)| *mean += p / count);
        entropies += entropy(row);
    }
    entropy(&mean) - entropies / count
}

/// `-sum p ln p`, with `0 ln 0 = 0`.
fn entropy(p: &[f64]) -> f64 {
    -p.iter().map(|&p| if p == 0.0 { 0.0 } else { p * p.ln() }).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entropy_of_the_mean_is_largest_at_balance() {
        let rows = |p: [f64; 6]| mutual_information(&Array::new(&[2, 3], p.to_vec()));
        assert!(rows([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]) < 3_f64.ln());
        for k in 0..50 {
            let raw: Vec<f64> = (0..5).map(|i| 1.0 + ((k * 7 + i * 3) as f64).sin()).collect();
            let p: Vec<f64> = raw.iter().map(|x| x / raw.iter().sum::<f64>()).collect();
            assert!(entropy(&p) <= 5_f64.ln() + 1e-15, "{p:?}");
        }
        assert!((entropy(&[0.2; 5]) - 5_f64.ln()).abs() < 1e-15);
        let balanced = Array::from_fn(&[10, 5], |i| f64::from(i / 5 % 5 == i % 5));
        assert!((mutual_information(&balanced) - 5_f64.ln()).abs() < 1e-14);
        assert!(mutual_information(&Array::full(&[10, 5], 0.2_f64)).abs() < 1e-15);
    }
}

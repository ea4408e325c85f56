//! Transductive information maximisation (Boudiaf, Masud, Rony, Dolz, Piantanida, Ben Ayed 2020: "Transductive Information Maximization For
//! Few-Shot Learning", NeurIPS).

use fewshot_autodiff::Array;

use crate::heads::algebra::{
    Matrix, class_means, class_sizes, one_hot, product_tn, rows, softmax, squared_distances,
};
use crate::heads::transductive::joint::Joint;
use crate::heads::transductive::tim_gradient::descended;

/// Prototypes `w_n`, class means at first, that make `lambda CE(support) - H(mean_q p_q) + alpha mean_q H(p_q)` small,
/// with `p_n(z)` proportional to `exp(-tau / 2 |z - w_n|^2)`.
///
/// The entropy of the mean is largest when the queries are balanced: where they are not, the method is at a disadvantage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tim {
    /// Sharpness of the probabilities.
    pub tau: f64,
    /// Weight of the cross-entropy of the support.
    pub lambda: f64,
    /// Weight of the mean entropy of the queries.
    pub alpha: f64,
    /// Updates of the prototypes.
    pub steps: usize,
    /// What an update is.
    pub solver: TimSolver,
}

/// How the prototypes of [`Tim`] are updated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TimSolver {
    /// TIM-ADM, alternating directions in closed form (proposition 1 of the paper; released code): assignments `Q` of the queries, in each row proportional to
    /// `P^(1 + alpha) / (sum_q P^(1 + alpha))^(1/2)`, and then `w_n` in turn:
    ///
    /// `w_n <- [a (sum_s y_sn z_s + sum_s p_sn (w_n - z_s)) + b (sum_q Q_qn z_q + sum_q p_qn (w_n - z_q))] / [a sum_s y_sn + b sum_q Q_qn]`
    ///
    /// with `a = lambda / (1 + alpha)` and `b` the number of support examples over that of queries.
    #[default]
    AlternatingDirections,
    /// TIM-GD, steps of Adam on the loss; by the paper about as accurate, and slower.
    Adam {
        /// The rate; 1e-4 in the paper.
        rate: f64,
    },
}

impl Tim {
    /// TIM-GD with the settings of the paper: 1000 steps of 1e-4.
    pub fn gradient() -> Self {
        Tim { steps: 1000, solver: TimSolver::Adam { rate: 1e-4 }, ..Tim::default() }
    }
}

impl Default for Tim {
    /// TIM-ADM with the settings of the paper: tau 15, lambda and alpha 0.1, 150 updates.
    fn default() -> Self {
        Tim { tau: 15.0, lambda: 0.1, alpha: 0.1, steps: 150, solver: TimSolver::AlternatingDirections }
    }
}

/// Logits of the queries `[m, ways]`.
pub(crate) fn tim(joint: &Joint<'_>, settings: &Tim) -> Matrix {
    let Joint { support, classes, ways, query } = *joint;
    let balance = support.shape()[0] as f64 / query.shape()[0] as f64;
    let means = class_means(support, classes, ways);
    let prototypes = match settings.solver {
        TimSolver::AlternatingDirections => {
            (0..settings.steps).fold(means, |prototypes, _| updated(joint, settings, &prototypes, balance))
        }
        TimSolver::Adam { rate } => descended(joint, settings, means, rate),
    };
    logits(query, &prototypes, settings.tau)
}

fn logits(z: &Matrix, prototypes: &Matrix, tau: f64) -> Matrix {
    squared_distances(z, prototypes).map(|distance| -0.5 * tau * distance)
}

/// The prototypes after one update of the assignments and of themselves; `balance` is the weight of the queries.
fn updated(joint: &Joint<'_>, settings: &Tim, prototypes: &Matrix, balance: f64) -> Matrix {
    let Joint { support, classes, ways, query } = *joint;
    let d = support.shape()[1];
    let [p_support, p_query] = [support, query].map(|z| softmax(&logits(z, prototypes, settings.tau)));
    let assigned = assignments(&p_query, settings.alpha);
    let of_support = moved(support, &one_hot(classes, ways), &p_support, prototypes);
    let of_query = moved(query, &assigned, &p_query, prototypes);
    let (shots, counts) = (class_sizes(classes, ways), column_sums(&assigned));
    let weight = settings.lambda / (1.0 + settings.alpha);
    Array::from_fn(&[ways, d], |i| {
        let sum = weight * of_support.data()[i] + balance * of_query.data()[i];
        sum / (weight * shots[i / d] as f64 + balance * counts[i / d])
    })
}

/// `sum_i y_in z_i + sum_i p_in (w_n - z_i)`, `[ways, d]`.
fn moved(z: &Matrix, y: &Matrix, p: &Matrix, prototypes: &Matrix) -> Matrix {
    let d = z.shape()[1];
    let sums = product_tn(&y.zip(p, |y, p| y - p), z);
    let masses = column_sums(p);
    Array::from_fn(sums.shape(), |i| sums.data()[i] + masses[i / d] * prototypes.data()[i])
}

/// The assignments of the queries to classes `[m, ways]`.
fn assignments(p: &Matrix, alpha: f64) -> Matrix {
    let ways = p.shape()[1];
    let powers = p.map(|p| p.powf(1.0 + alpha));
    let roots: Vec<f64> = column_sums(&powers).into_iter().map(f64::sqrt).collect();
    // a class without any mass gets none
    let share = |i: usize| if powers.data()[i] == 0.0 { 0.0 } else { powers.data()[i] / roots[i % ways] };
    let shares = Array::from_fn(p.shape(), share);
    let sums: Vec<f64> = rows(&shares).map(|row| row.iter().sum()).collect();
    Array::from_fn(p.shape(), |i| shares.data()[i] / sums[i / ways])
}

fn column_sums(a: &Matrix) -> Vec<f64> {
    let mut sums = vec![0.0; a.shape()[1]];
    for row in rows(a) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::transductive::information::mutual_information;

    fn features(n: usize, seed: f64) -> Matrix {
        Array::from_fn(&[n, 4], |i| ((i * i + 3 * i) as f64 * 0.53 + seed).sin())
    }

    #[test]
    fn with_the_support_alone_prototypes_stay_where_its_cross_entropy_is_least() {
        // classes that overlap: no prototypes tell them apart for certain
        let support = Array::from_fn(&[9, 1], |i| 0.3 * i as f64);
        let query = Array::new(&[1, 1], vec![1.0]);
        let classes = [0, 1, 0, 1, 2, 0, 2, 1, 2];
        let joint = Joint { support: &support, classes: &classes, ways: 3, query: &query };
        let settings = Tim { tau: 2.0, ..Tim::default() };
        let mut w = class_means(&support, &classes, 3);
        for _ in 0..20_000 {
            w = updated(&joint, &settings, &w, 0.0);
        }
        let gradient = |w: &Matrix| {
            // sum_s (p_sn - y_sn) tau (z_s - w_n)
            let p = softmax(&logits(&support, w, settings.tau));
            let off = p.zip(&one_hot(&classes, 3), |p, y| p - y);
            let (sums, masses) = (product_tn(&off, &support), column_sums(&off));
            let each = (0..3).map(|i| settings.tau * (sums.data()[i] - masses[i] * w.data()[i]));
            each.fold(0.0, |m: f64, g| m.max(g.abs()))
        };
        let start = gradient(&class_means(&support, &classes, 3));
        assert!(start > 1e-2 && gradient(&w) < 1e-6 * start, "{start} {}", gradient(&w));
        let again = updated(&joint, &settings, &w, 0.0);
        assert!(again.data().iter().zip(w.data()).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn one_update_of_numbers_by_hand() {
        let (support, query) =
            (Array::new(&[2, 1], vec![0.0, 2.0]), Array::new(&[3, 1], vec![0.5, 1.5, 1.8]));
        let joint = Joint { support: &support, classes: &[0, 1], ways: 2, query: &query };
        let settings = Tim { tau: 1.0, lambda: 0.4, alpha: 0.5, ..Tim::default() };
        let w = [0.2, 1.9];
        let p = |z: f64, n: usize| {
            let weight = |n: usize| (-0.5 * (z - w[n]).powi(2)).exp();
            weight(n) / (weight(0) + weight(1))
        };
        let (zs, zq) = ([0.0, 2.0], [0.5, 1.5, 1.8]);
        let root = |n: usize| zq.iter().map(|&z| p(z, n).powf(1.5)).sum::<f64>().sqrt();
        let q = |z: f64, n: usize| {
            let share = |n: usize| p(z, n).powf(1.5) / root(n);
            share(n) / (share(0) + share(1))
        };
        let by_hand = [0, 1].map(|n| {
            let of_support = zs[n] + zs.iter().map(|&z| p(z, n) * (w[n] - z)).sum::<f64>();
            let of_query: f64 = zq.iter().map(|&z| q(z, n) * z + p(z, n) * (w[n] - z)).sum();
            let mass: f64 = zq.iter().map(|&z| q(z, n)).sum();
            let (a, b) = (0.4 / 1.5, 2.0 / 3.0);
            (a * of_support + b * of_query) / (a + b * mass)
        });
        let found = updated(&joint, &settings, &Array::new(&[2, 1], w.to_vec()), 2.0 / 3.0);
        for (x, y) in found.data().iter().zip(by_hand) {
            assert!((x - y).abs() < 1e-14, "{found:?} {by_hand:?}");
        }
        let once = tim(&joint, &Tim { steps: 0, ..settings });
        assert!((once.data()[1] + 0.5 * 2.25).abs() < 1e-15, "class means at first: {once:?}");
    }

    #[test]
    fn assignments_add_up_to_one_and_even_out_the_classes() {
        let p = softmax(&Array::from_fn(&[6, 2], |i| if i % 2 == 0 { 1.0 } else { 0.1 * i as f64 }));
        let assigned = assignments(&p, 0.1);
        assert!(rows(&assigned).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-15));
        let imbalance = |p: &Matrix| column_sums(p)[0] - column_sums(p)[1];
        assert!(imbalance(&p) > 0.0 && imbalance(&assigned) < imbalance(&p));
        let certain = Array::new(&[2, 2], vec![1.0, 0.0, 1.0, 0.0]);
        assert_eq!(assignments(&certain, 0.1), certain);
    }

    #[test]
    fn the_mutual_information_of_the_queries_rises() {
        let (support, query) = (features(3, 0.0), features(12, 1.0));
        let joint = Joint { support: &support, classes: &[0, 1, 2], ways: 3, query: &query };
        let information =
            |steps| mutual_information(&softmax(&tim(&joint, &Tim { steps, ..Tim::default() })));
        assert!(information(150) > information(0) + 0.1, "{} {}", information(0), information(150));
    }
}

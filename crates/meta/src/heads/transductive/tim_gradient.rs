//! Transductive information maximisation by gradient descent (Boudiaf et al. 2020: TIM-GD).

use fewshot_autodiff::{Array, Tape, Var};
use fewshot_nn::{Adam, Optimizer, Params};

use crate::heads::algebra::Matrix;
use crate::heads::transductive::joint::Joint;
use crate::heads::transductive::tim::Tim;

/// The name under which the optimiser knows the prototypes.
const PROTOTYPES: &str = "prototypes";
/// Keeps the logarithm of a mean probability of 0 finite, as in the released code.
const SMALLEST: f64 = 1e-12;

/// The prototypes after Adam's steps on the loss.
pub(crate) fn descended(joint: &Joint<'_>, settings: &Tim, start: Matrix, rate: f64) -> Matrix {
    let mut optimizer = Adam::<f64>::default();
    let mut prototypes = Params::new(vec![(PROTOTYPES.to_owned(), start)]);
    for _ in 0..settings.steps {
        let tape = Tape::new();
        let on_tape = prototypes.on(&tape);
        let gradient = loss(joint, settings, on_tape[PROTOTYPES]).backward(&on_tape);
        prototypes = optimizer.step(&prototypes, &gradient, rate);
    }
    prototypes[PROTOTYPES].clone()
}

/// `lambda CE(support) - H(mean_q p_q) + alpha mean_q H(p_q)` of prototypes on a tape.
fn loss<'t>(joint: &Joint<'_>, settings: &Tim, prototypes: Var<'t, f64>) -> Var<'t, f64> {
    let tape = prototypes.tape();
    let logits = |z: &Array<f64>| tape.var(z).squared_distances(prototypes) * (-0.5 * settings.tau);
    let cross_entropy = logits(joint.support).cross_entropy(joint.classes);
    let query = logits(joint.query);
    let (p, log_p) = (query.softmax(1), query.log_softmax(1));
    let conditional = -(p * log_p).sum_axes(&[1]).mean();
    let mean = p.mean_axes(&[0]);
    let marginal = -(mean * (mean + SMALLEST).ln()).sum();
    cross_entropy * settings.lambda - marginal + conditional * settings.alpha
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::algebra::{class_means, softmax, squared_distances};
    use crate::heads::transductive::information::mutual_information;

    fn features(n: usize, seed: f64) -> Matrix {
        Array::from_fn(&[n, 4], |i| ((i * i + 3 * i) as f64 * 0.53 + seed).sin())
    }

    #[test]
    fn the_loss_is_cross_entropy_less_information() {
        let (support, query) = (features(3, 0.0), features(12, 1.0));
        let joint = Joint { support: &support, classes: &[0, 1, 2], ways: 3, query: &query };
        let w = class_means(&support, &[0, 1, 2], 3);
        let value = |lambda, alpha| {
            let tape = Tape::new();
            loss(&joint, &Tim { lambda, alpha, ..Tim::default() }, tape.var(&w)).value().item()
        };
        let p = softmax(&squared_distances(&query, &w).map(|d| -7.5 * d));
        assert!((value(0.0, 1.0) + mutual_information(&p)).abs() < 1e-10);
        let own = softmax(&squared_distances(&support, &w).map(|d| -7.5 * d));
        let cross_entropy = -(0..3).map(|i| own.data()[4 * i].ln()).sum::<f64>() / 3.0;
        assert!((value(2.0, 1.0) - value(0.0, 1.0) - 2.0 * cross_entropy).abs() < 1e-12);
    }

    #[test]
    fn the_loss_falls() {
        let (support, query) = (features(3, 0.0), features(12, 1.0));
        let joint = Joint { support: &support, classes: &[0, 1, 2], ways: 3, query: &query };
        let settings = Tim::gradient();
        let start = class_means(&support, &[0, 1, 2], 3);
        let end = descended(&joint, &settings, start.clone(), 1e-3);
        let value = |w: &Matrix| loss(&joint, &settings, Tape::new().var(w)).value().item();
        assert!(value(&end) < value(&start) - 0.1, "{} {}", value(&start), value(&end));
    }
}

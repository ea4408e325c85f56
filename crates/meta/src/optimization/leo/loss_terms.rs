//! The terms of LEO's objective: samples and their divergence, the encoder's penalty, the decoder's correlations.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::Noise;

/// Smallest standard deviation.
const FLOOR: f64 = 1e-10;

/// Independent normal distributions.
#[derive(Clone, Copy)]
pub(crate) struct Gaussian<'t, F: Float> {
    pub(crate) mean: Var<'t, F>,
    pub(crate) deviation: Var<'t, F>,
}

/// A value of such distributions, and how far they are from standard normal ones by this one sample.
#[derive(Clone, Copy)]
pub(crate) struct Sample<'t, F: Float> {
    pub(crate) value: Var<'t, F>,
    /// Mean of `log q(z) - log p(z)`; none without noise.
    pub(crate) divergence: Option<Var<'t, F>>,
}

impl<'t, F: Float> Gaussian<'t, F> {
    /// Means and logarithms `[n, 2 d]` as `d` distributions a row: the deviation is `max(exp(s) - (1 - offset), 1e-10)`.
    #[track_caller]
    pub(crate) fn of(parameters: Var<'t, F>, offset: f64) -> Self {
        let width = parameters.shape()[1] / 2;
        let parts = parameters.split(1, &[width, width]);
        let deviation = (parts[1].exp() + F::of(offset - 1.0)).max_scalar(F::of(FLOOR));
        Gaussian { mean: parts[0], deviation }
    }

    /// A sample, or without noise the mean.
    #[track_caller]
    pub(crate) fn sample(self, noise: Option<&Noise>) -> Sample<'t, F> {
        match noise {
            None => Sample { value: self.mean, divergence: None },
            Some(noise) => self.at(noise.normal(self.mean.tape(), &self.mean.shape())),
        }
    }

    /// The sample that lies `deviations` standard deviations from the mean.
    fn at(self, deviations: Var<'t, F>) -> Sample<'t, F> {
        let value = self.mean + self.deviation * deviations;
        let squares = (value.square() - deviations.square()) * F::of(0.5);
        Sample { value, divergence: Some((squares - self.deviation.ln()).mean()) }
    }
}

/// How far the codes are from where adaptation took them, which counts as constant: the mean of `(sg(adapted) - start)^2`.
#[track_caller]
pub(crate) fn encoder_penalty<'t, F: Float>(start: Var<'t, F>, adapted: Var<'t, F>) -> Var<'t, F> {
    (adapted.detach() - start).square().mean()
}

/// The mean of `(C - I)^2` for the correlations `C` of the rows of a matrix; a row of zeros correlates with none.
#[track_caller]
pub(crate) fn correlation_penalty<'t, F: Float>(matrix: Var<'t, F>) -> Var<'t, F> {
    let rows = matrix.shape()[0];
    let unit = matrix * matrix.norm_axis(1).insert_axis(1).safe_recip();
    let one = |i: usize| if i / rows == i % rows { F::one() } else { F::zero() };
    let identity = matrix.tape().var(&Array::from_fn(&[rows, rows], one));
    (unit.matmul_nt(unit) - identity).square().mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewshot_autodiff::Tape;

    fn matrix<'t>(tape: &'t Tape<f64>, shape: &[usize], values: &[f64]) -> Var<'t, f64> {
        tape.var(&Array::new(shape, values.to_vec()))
    }

    #[test]
    fn deviations_begin_where_the_exponential_exceeds_one() {
        let tape = Tape::new();
        let of = |s: f64, offset| {
            let both = matrix(&tape, &[1, 2], &[0.3, s]);
            let Gaussian { mean, deviation } = Gaussian::of(both, offset);
            assert_eq!(mean.value().data(), [0.3]);
            deviation.item()
        };
        assert_eq!(of(0.0, 0.0), 1e-10);
        assert_eq!(of(-3.0, 0.0), 1e-10);
        assert!((of(2.0_f64.ln(), 0.0) - 1.0).abs() < 1e-15);
        assert!((of(0.0, 0.25) - 0.25).abs() < 1e-15);
    }

    #[test]
    fn the_divergence_is_that_of_the_densities() {
        let tape = Tape::new();
        let (means, deviations, steps) = ([0.5, -1.0], [2.0, 0.25], [1.5, -0.5]);
        let row = |values: &[f64]| matrix(&tape, &[1, 2], values);
        let sample = Gaussian { mean: row(&means), deviation: row(&deviations) }.at(row(&steps));
        assert_eq!(sample.value.value().data(), [3.5, -1.125]);
        // log N(z | m, d) = -ln d - (z - m)^2 / (2 d^2) - ln(2 pi) / 2, at z = m + d e
        let log = |z: f64, m: f64, d: f64| -d.ln() - ((z - m) / d).powi(2) / 2.0;
        let by_hand = (0..2)
            .map(|i| {
                let z = means[i] + deviations[i] * steps[i];
                log(z, means[i], deviations[i]) - log(z, 0.0, 1.0)
            })
            .sum::<f64>()
            / 2.0;
        // (3.5^2 - 1.5^2) / 2 - ln 2 and (1.125^2 - 0.5^2) / 2 + ln 4
        assert!((by_hand - (5.0 + 0.5078125 + 2.0_f64.ln()) / 2.0).abs() < 1e-12);
        assert!((sample.divergence.unwrap().item() - by_hand).abs() < 1e-12);
    }

    #[test]
    fn a_standard_normal_distribution_diverges_by_nothing() {
        let tape = Tape::new();
        let row = |x: f64| matrix(&tape, &[2, 2], &[x; 4]);
        let sample = Gaussian { mean: row(0.0), deviation: row(1.0) }.at(row(0.7));
        assert_eq!(sample.divergence.unwrap().item(), 0.0);
    }

    #[test]
    fn the_encoder_is_drawn_to_the_adapted_code_and_not_the_code_to_it() {
        let tape = Tape::new();
        let (start, adapted) = (matrix(&tape, &[1, 2], &[1.0, 2.0]), matrix(&tape, &[1, 2], &[1.5, 0.0]));
        let penalty = encoder_penalty(start, adapted);
        assert_eq!(penalty.item(), (0.25 + 4.0) / 2.0);
        assert_eq!(penalty.grad(start).value().data(), [-0.5, 2.0]);
        assert_eq!(penalty.grad(adapted).value().data(), [0.0, 0.0]);
        assert_eq!(encoder_penalty(start, start).item(), 0.0);
    }

    #[test]
    fn correlated_rows_cost_what_their_angles_say() {
        let tape = Tape::new();
        let penalty = |values: &[f64]| correlation_penalty(matrix(&tape, &[2, 2], values)).item();
        // orthogonal, of any length; at 60 degrees; parallel
        assert!(penalty(&[3.0, 0.0, 0.0, 0.1]).abs() < 1e-15);
        let sixty = [2.0, 0.0, 0.5, 0.75_f64.sqrt()];
        assert!((penalty(&sixty) - 2.0 * 0.25 / 4.0).abs() < 1e-12);
        assert!((penalty(&[1.0, 2.0, -2.0, -4.0]) - 2.0 / 4.0).abs() < 1e-12);
        assert!((penalty(&[0.0, 0.0, 1.0, 1.0]) - 1.0 / 4.0).abs() < 1e-12);
    }
}

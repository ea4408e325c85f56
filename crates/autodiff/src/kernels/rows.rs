//! Softmax and its relatives, along rows of `c` elements; stable for logits of any size.

use crate::float::Float;

/// What is subtracted from a row before `exp`: its greatest element (NaN if it has one), zero where that is infinite.
fn peak<F: Float>(row: &[F]) -> F {
    let greatest = row.iter().fold(F::neg_infinity(), |a, &b| if b > a || b.is_nan() { b } else { a });
    if greatest.is_infinite() { F::zero() } else { greatest }
}

fn logsumexp_row<F: Float>(row: &[F]) -> F {
    let peak = peak(row);
    let sum: F = row.iter().map(|&x| (x - peak).exp()).sum();
    peak + sum.ln()
}

/// Writes the softmax of a row and returns its peak and the sum of exponentials.
fn softmax_row<F: Float>(out: &mut [F], row: &[F]) -> (F, F) {
    let peak = peak(row);
    let mut sum = F::zero();
    for (out, &x) in out.iter_mut().zip(row) {
        *out = (x - peak).exp();
        sum += *out;
    }
    let scale = F::one() / sum;
    out.iter_mut().for_each(|out| *out *= scale);
    (peak, sum)
}

fn check(out: usize, x: usize, c: usize) {
    assert!(c > 0 && x.is_multiple_of(c), "rows: {x} elements in rows of {c}");
    assert_eq!(out, x, "rows: output");
}

/// `exp(x_i) / sum_j exp(x_j)`.
#[inline(never)]
pub fn softmax<F: Float>(out: &mut [F], x: &[F], c: usize) {
    check(out.len(), x.len(), c);
    for (out, row) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
        softmax_row(out, row);
    }
}

/// `x_i - ln sum_j exp(x_j)`.
#[inline(never)]
pub fn log_softmax<F: Float>(out: &mut [F], x: &[F], c: usize) {
    check(out.len(), x.len(), c);
    for (out, row) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
        let peak = peak(row);
        let sum: F = row.iter().map(|&x| (x - peak).exp()).sum();
        let log = sum.ln();
        for (out, &x) in out.iter_mut().zip(row) {
            *out = (x - peak) - log;
        }
    }
}

/// `ln sum_j exp(x_j)`, one element a row.
#[inline(never)]
pub fn logsumexp<F: Float>(out: &mut [F], x: &[F], c: usize) {
    check(out.len() * c, x.len(), c);
    for (out, row) in out.iter_mut().zip(x.chunks_exact(c)) {
        *out = logsumexp_row(row);
    }
}

/// The loss `ln sum_j exp(x_j) - x_label` of each row, and the softmax.
#[inline(never)]
pub fn softmax_cross_entropy<F: Float>(
    loss: &mut [F],
    probs: &mut [F],
    logits: &[F],
    labels: &[usize],
    c: usize,
) {
    check(probs.len(), logits.len(), c);
    assert_eq!(
        (loss.len() * c, labels.len()),
        (logits.len(), loss.len()),
        "cross-entropy: one loss and label a row"
    );
    let rows = probs.chunks_exact_mut(c).zip(logits.chunks_exact(c));
    for ((loss, &label), (probs, row)) in loss.iter_mut().zip(labels).zip(rows) {
        let (peak, sum) = softmax_row(probs, row);
        *loss = sum.ln() - (row[label] - peak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_neither_overflow_nor_lose_digits() {
        let x = [1000.0f64, 1001.0, 999.0, -1000.0, -1001.0, -1000.5];
        let (mut p, mut l, mut s) = ([0.0; 6], [0.0; 6], [0.0; 2]);
        softmax(&mut p, &x, 3);
        log_softmax(&mut l, &x, 3);
        logsumexp(&mut s, &x, 3);
        for r in 0..2 {
            let shifted: Vec<f64> = (0..3).map(|i| x[3 * r + i] - x[3 * r]).collect();
            let sum: f64 = shifted.iter().map(|v| v.exp()).sum();
            assert!((s[r] - (x[3 * r] + sum.ln())).abs() < 1e-12);
            for i in 0..3 {
                assert!((p[3 * r + i] - shifted[i].exp() / sum).abs() < 1e-15);
                assert!((l[3 * r + i] - (shifted[i] - sum.ln())).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn infinities_and_nan_are_kept() {
        let mut s = [0.0f32; 3];
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        logsumexp(&mut s, &[-inf, -inf, 0.0, inf, nan, 1.0], 2);
        assert_eq!(s[..2], [-inf, inf]);
        assert!(s[2].is_nan());
    }

    #[test]
    fn cross_entropy_is_the_negative_log_probability() {
        let x = [0.5f64, -1.5, 2.0, 80.0, -80.0, 3.0];
        let labels = [2, 1];
        let (mut loss, mut p, mut l) = ([0.0; 2], [0.0; 6], [0.0; 6]);
        softmax_cross_entropy(&mut loss, &mut p, &x, &labels, 3);
        log_softmax(&mut l, &x, 3);
        assert!((loss[0] + l[2]).abs() < 1e-14);
        assert!((loss[1] - 160.0).abs() < 1e-12);
        let mut q = [0.0; 6];
        softmax(&mut q, &x, 3);
        assert_eq!(p, q);
    }
}

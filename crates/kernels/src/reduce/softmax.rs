//! Softmax and its relatives, along rows of `c` elements; stable for logits of any size.

use crate::cpu::isa::{Isa, versions};
use crate::cpu::limits::surpasses;
use crate::cpu::math::{exp, ln};
use crate::element::Element;
use crate::elementwise::map::{One, Source, each};
use crate::reduce::axes::sum;

/// Elements whose exponentials are taken at once, so that short rows fill the vectors too.
const GROUP: usize = 512;
/// Rows of them at most.
const ROWS: usize = 128;

fn check(out: usize, x: usize, c: usize) {
    assert!(c > 0 && x.is_multiple_of(c), "rows: {x} elements in rows of {c}");
    assert_eq!(out, x, "rows: output");
}

/// `exp(x_i) / sum_j exp(x_j)`.
#[inline(never)]
pub fn softmax<F: Element>(out: &mut [F], x: &[F], c: usize) {
    check(out.len(), x.len(), c);
    softmax_rows(out, x, c);
}

/// `x_i - ln sum_j exp(x_j)`.
#[inline(never)]
pub fn log_softmax<F: Element>(out: &mut [F], x: &[F], c: usize) {
    check(out.len(), x.len(), c);
    log_softmax_rows(out, x, c);
}

/// `ln sum_j exp(x_j)`, one element a row.
#[inline(never)]
pub fn logsumexp<F: Element>(out: &mut [F], x: &[F], c: usize) {
    check(out.len() * c, x.len(), c);
    logsumexp_rows(out, x, c);
}

/// The loss `ln sum_j exp(x_j) - x_label` of each row, and the softmax.
#[inline(never)]
pub fn softmax_cross_entropy<F: Element>(
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
    cross_entropy_rows(loss, probs, logits, labels, c);
}

versions! {
    fn softmax_rows<F>(out: &mut [F], x: &[F], c: usize) where [F: Element] = softmax_body;
    fn log_softmax_rows<F>(out: &mut [F], x: &[F], c: usize) where [F: Element] = log_softmax_body;
    fn logsumexp_rows<F>(out: &mut [F], x: &[F], c: usize) where [F: Element] = logsumexp_body;
    fn cross_entropy_rows<F>(loss: &mut [F], probs: &mut [F], logits: &[F], labels: &[usize], c: usize)
        where [F: Element] = cross_entropy_body;
}

#[inline(always)]
fn softmax_body<F: Element, I: Isa>(out: &mut [F], x: &[F], c: usize) {
    let size = group(c);
    for (out, x) in out.chunks_mut(size).zip(x.chunks(size)) {
        exponentials(out, x, c);
        for out in out.chunks_exact_mut(c) {
            normalise(out);
        }
    }
}

#[inline(always)]
fn log_softmax_body<F: Element, I: Isa>(out: &mut [F], x: &[F], c: usize) {
    let size = group(c);
    let mut logs = [F::zero(); ROWS];
    for (out, x) in out.chunks_mut(size).zip(x.chunks(size)) {
        exponentials(out, x, c);
        let logs = &mut logs[..out.len() / c];
        for (log, out) in logs.iter_mut().zip(out.chunks_exact(c)) {
            *log = sum(out);
        }
        each(logs, [Source::Out], One(ln));
        for ((out, row), &log) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(&*logs) {
            let peak = peak(row);
            each(out, [Source::Slice(row)], One(move |x| (x - peak) - log));
        }
    }
}

#[inline(always)]
fn logsumexp_body<F: Element, I: Isa>(out: &mut [F], x: &[F], c: usize) {
    let mut scratch = [F::zero(); GROUP];
    if c > GROUP {
        for (out, row) in out.iter_mut().zip(x.chunks_exact(c)) {
            let peak = peak(row);
            *out = F::zero();
            for piece in row.chunks(GROUP) {
                let scratch = &mut scratch[..piece.len()];
                each(scratch, [Source::Slice(piece)], One(move |x| x - peak));
                each(scratch, [Source::Out], One(exp));
                *out += sum(scratch);
            }
        }
    } else {
        for (out, x) in out.chunks_mut(GROUP / c).zip(x.chunks(GROUP / c * c)) {
            let scratch = &mut scratch[..x.len()];
            exponentials(scratch, x, c);
            for (out, row) in out.iter_mut().zip(scratch.chunks_exact(c)) {
                *out = sum(row);
            }
        }
    }
    each(out, [Source::Out], One(ln));
    for (out, row) in out.iter_mut().zip(x.chunks_exact(c)) {
        *out += peak(row);
    }
}

#[inline(always)]
fn cross_entropy_body<F: Element, I: Isa>(
    loss: &mut [F],
    probs: &mut [F],
    logits: &[F],
    labels: &[usize],
    c: usize,
) {
    let size = group(c);
    for (i, (probs, x)) in probs.chunks_mut(size).zip(logits.chunks(size)).enumerate() {
        exponentials(probs, x, c);
        for (loss, probs) in loss[i * (size / c)..].iter_mut().zip(probs.chunks_exact_mut(c)) {
            *loss = normalise(probs);
        }
    }
    each(loss, [Source::Out], One(ln));
    for ((loss, &label), row) in loss.iter_mut().zip(labels).zip(logits.chunks_exact(c)) {
        *loss -= row[label] - peak(row);
    }
}

/// Elements of the rows that are treated together.
fn group(c: usize) -> usize {
    (GROUP / c).clamp(1, ROWS) * c
}

/// `exp(x - peak of its row)`.
#[inline(always)]
fn exponentials<F: Element>(out: &mut [F], x: &[F], c: usize) {
    for (out, row) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
        let peak = peak(row);
        each(out, [Source::Slice(row)], One(move |x| x - peak));
    }
    each(out, [Source::Out], One(exp));
}

/// Divides a row by its sum, which is returned.
#[inline(always)]
fn normalise<F: Element>(row: &mut [F]) -> F {
    let sum = sum(row);
    let scale = F::one() / sum;
    each(row, [Source::Out], One(move |x| x * scale));
    sum
}

/// What is subtracted from a row before `exp`: its greatest element (NaN if it has one), zero where that is infinite.
#[inline(always)]
fn peak<F: Element>(row: &[F]) -> F {
    let greatest = match row.len() {
        16.. => greatest::<F, 16>(row),
        4.. => greatest::<F, 4>(row),
        _ => greatest::<F, 1>(row),
    };
    if greatest.is_infinite() { F::zero() } else { greatest }
}

/// The greatest of at least `W` elements, or NaN.
#[inline(always)]
fn greatest<F: Element, const W: usize>(row: &[F]) -> F {
    let larger = |a: F, b: F| if surpasses(b, a) { b } else { a };
    // the last block may overlap the one before
    let mut best = *row.last_chunk::<W>().expect("a row holds a block");
    for block in row.as_chunks::<W>().0 {
        for j in 0..W {
            best[j] = larger(best[j], block[j]);
        }
    }
    best.into_iter().reduce(larger).expect("blocks hold elements")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::forced::at_every_level;
    use crate::testing::{assert_close, values};

    /// Softmax, log-softmax and logsumexp of one row after the other, in double precision.
    fn plain<F: Element>(x: &[F], c: usize) -> [Vec<F>; 3] {
        let [mut softmax, mut log_softmax, mut logsumexp] = [const { Vec::new() }; 3];
        for row in x.chunks(c) {
            let log = row.iter().map(|x| x.as_f64().exp()).sum::<f64>().ln();
            softmax.extend(row.iter().map(|x| F::of((x.as_f64() - log).exp())));
            log_softmax.extend(row.iter().map(|x| F::of(x.as_f64() - log)));
            logsumexp.push(F::of(log));
        }
        [softmax, log_softmax, logsumexp]
    }

    fn rows_of_any_length_in<F: Element>() {
        for (rows, c) in [(3, 1), (200, 3), (75, 5), (7, 16), (30, 20), (9, 64), (2, 600), (3, 1030)] {
            let x: Vec<F> = values::<F>(rows * c, 1).iter().map(|&v| v * F::of(9.0)).collect();
            let labels: Vec<usize> = (0..rows).map(|row| row * 7 % c).collect();
            let [p, l, s] = plain(&x, c);
            let loss: Vec<F> = labels.iter().enumerate().map(|(row, label)| -l[row * c + label]).collect();
            at_every_level(|_| {
                let (mut out, mut each) = (vec![F::nan(); rows * c], vec![F::nan(); rows]);
                softmax(&mut out, &x, c);
                assert_close(&out, &p, 2.0);
                log_softmax(&mut out, &x, c);
                assert_close(&out, &l, 10.0);
                logsumexp(&mut each, &x, c);
                assert_close(&each, &s, 10.0);
                softmax_cross_entropy(&mut each, &mut out, &x, &labels, c);
                assert_close(&each, &loss, 10.0);
                assert_close(&out, &p, 2.0);
            });
        }
    }

    #[test]
    fn rows_of_any_length_follow_the_definitions() {
        rows_of_any_length_in::<f32>();
        rows_of_any_length_in::<f64>();
    }

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

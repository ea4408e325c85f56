//! A norm folded into the weights of the convolution before it.

use crate::conv::fused::f2_input;
use crate::conv::fused::moments::Moments;
use crate::conv::fused::shape::BlockShape;
use crate::cpu::vector::MOST_LANES;
use crate::element::Element;
use crate::norm::terms::Terms;

/// Weights and shift of [`Layer`](crate::conv::fused::tile::Layer) that convolution, norm and scale make together.
pub(crate) fn folded<F: Element>(
    terms: &Terms<'_, F>,
    w: &[F],
    variance: &[F],
    moments: &Moments,
    s: &BlockShape,
) -> Vec<F> {
    of_layer(rows(terms, w, variance, moments), s)
}

/// Weights and, as a last row, what is added, such that convolving pivoted images gives normalised ones: rows of [`wide`].
fn rows<F: Element>(terms: &Terms<'_, F>, w: &[F], variance: &[F], moments: &Moments) -> Vec<F> {
    let (c, wide) = (variance.len(), wide(variance.len()));
    let mut all = vec![F::zero(); (w.len() / c + 1) * wide];
    let (folded, shift) = all.split_at_mut(w.len() / c * wide);
    let factors: Vec<F> = (0..c).map(|j| terms.scale(j) * terms.inverse(variance[j])).collect();
    for (folded, w) in folded.chunks_exact_mut(wide).zip(w.chunks_exact(c)) {
        for j in 0..c {
            folded[j] = w[j] * factors[j];
        }
    }
    for (j, shift) in shift[..c].iter_mut().enumerate() {
        let column = folded[j..].iter().step_by(wide);
        let mean: f64 = column.zip(&moments.mean).map(|(w, mean)| w.as_f64() * mean).sum();
        *shift = F::of(terms.shift(j).as_f64() - mean);
    }
    all
}

/// Folded weights as [`Layer`](crate::conv::fused::tile::Layer) has them.
pub(crate) fn of_layer<F: Element>(folded: Vec<F>, s: &BlockShape) -> Vec<F> {
    if f2_input::suits(s) { f2_input::weights(&folded, wide(s.conv.c_out), s.conv.c_in) } else { folded }
}

/// Elements of a row of folded weights: whole vectors.
pub(crate) fn wide(c: usize) -> usize {
    c.next_multiple_of(MOST_LANES)
}

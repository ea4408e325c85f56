//! Prefetch of memory into the second-level cache while something else is computed.

use crate::cpu::raw::Reader;
use crate::element::Element;

/// Bits behind the point of a rate.
const POINT: u32 = 16;

/// A prefetch of two slices, spread over the steps of some work: issued at once it would hold up the work's own reads, and the
/// processor does not foresee the slices by itself.
#[derive(Clone, Copy)]
pub struct Prefetch<'a, F> {
    slices: [Reader<'a, F>; 2],
    /// Elements of each for one step, with `POINT` bits behind the point.
    rates: [u64; 2],
}

impl<'a, F: Element> Prefetch<'a, F> {
    /// A prefetch of the slices in `steps` steps.
    pub fn new(slices: [&'a [F]; 2], steps: usize) -> Self {
        let rate = |slice: &[F]| ((slice.len() as u64) << POINT) / steps.max(1) as u64;
        Self { rates: slices.map(rate), slices: slices.map(Reader::new) }
    }

    /// A prefetch of nothing but the start of `near`, which is in the cache already.
    #[inline(always)]
    pub fn nothing(near: &'a [F]) -> Self {
        Self { slices: [Reader::new(near); 2], rates: [0; 2] }
    }

    /// The rest of this prefetch after `steps` steps.
    #[inline(always)]
    pub fn after(self, steps: usize) -> Self {
        let after = |k: usize| self.slices[k].after(((self.rates[k] * steps as u64) >> POINT) as isize);
        Self { slices: [after(0), after(1)], ..self }
    }

    /// The prefetch cut into pieces for `steps` steps each.
    #[inline(always)]
    pub fn every(self, steps: usize) -> PrefetchSteps<'a, F> {
        let hop = |rate: u64| ((rate * steps as u64) >> POINT) as isize + (rate > 0) as isize;
        PrefetchSteps { slices: self.slices, hops: self.rates.map(hop) }
    }
}

/// The pieces of a [`Prefetch`], in order.
pub struct PrefetchSteps<'a, F> {
    slices: [Reader<'a, F>; 2],
    hops: [isize; 2],
}

impl<F: Element> PrefetchSteps<'_, F> {
    /// Prefetches the next piece.
    #[inline(always)]
    pub fn issue(&mut self) {
        for k in 0..2 {
            self.slices[k].prefetch();
            self.slices[k] = self.slices[k].after(self.hops[k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements from the start of the slices to where a [`Prefetch`] is.
    fn places(prefetch: &Prefetch<'_, f32>, slices: [&[f32]; 2]) -> [isize; 2] {
        [0, 1].map(|k| prefetch.slices[k].elements_after(slices[k]))
    }

    #[test]
    fn all_steps_together_prefetch_all() {
        let (x, y) = (vec![0.0f32; 1000], vec![0.0f32; 70]);
        let whole = Prefetch::new([&x, &y], 333);
        assert_eq!(places(&whole, [&x, &y]), [0, 0]);
        let [x_end, y_end] = places(&whole.after(333), [&x, &y]);
        assert!((990..=1000).contains(&x_end) && (65..=70).contains(&y_end), "{x_end} {y_end}");
        let mut pieces = whole.every(3);
        (0..111).for_each(|_| pieces.issue());
        let reached = [0, 1].map(|k| pieces.slices[k].elements_after([&x[..], &y[..]][k]));
        assert!(reached[0] >= x_end && reached[1] >= y_end, "{reached:?}");
    }

    #[test]
    fn nothing_stays_where_it_is() {
        let x = [0.0f32; 64];
        let mut pieces = Prefetch::nothing(&x).after(1000).every(10);
        pieces.issue();
        assert_eq!(pieces.slices.map(|at| at.elements_after(&x)), [0, 0]);
    }
}

//! Memory that is needed soon, brought into the second-level cache while something else is computed.

use crate::cpu::raw::Reader;
use crate::element::Element;

/// Bits behind the point of a rate.
const POINT: u32 = 16;

/// Two slices that the work after this needs. Each step of this work asks for a piece of them: at once they would hold up its own reads,
/// and the processor does not foresee them by itself.
#[derive(Clone, Copy)]
pub struct Ahead<'a, F> {
    slices: [Reader<'a, F>; 2],
    /// Elements of each for one step, with `POINT` bits behind the point.
    rates: [u64; 2],
}

impl<'a, F: Element> Ahead<'a, F> {
    /// The slices, spread over so many steps.
    pub fn new(slices: [&'a [F]; 2], steps: usize) -> Self {
        let rate = |slice: &[F]| ((slice.len() as u64) << POINT) / steps.max(1) as u64;
        Self { rates: slices.map(rate), slices: slices.map(Reader::new) }
    }

    /// Nothing but the start of `near`, which is there already.
    #[inline(always)]
    pub fn nothing(near: &'a [F]) -> Self {
        Self { slices: [Reader::new(near); 2], rates: [0; 2] }
    }

    /// What is left after so many steps.
    #[inline(always)]
    pub fn after(self, steps: usize) -> Self {
        let after = |k: usize| self.slices[k].after(((self.rates[k] * steps as u64) >> POINT) as isize);
        Self { slices: [after(0), after(1)], ..self }
    }

    /// To be asked for each time that so many steps are done.
    #[inline(always)]
    pub fn every(self, steps: usize) -> Pieces<'a, F> {
        let hop = |rate: u64| ((rate * steps as u64) >> POINT) as isize + (rate > 0) as isize;
        Pieces { slices: self.slices, hops: self.rates.map(hop) }
    }
}

/// The pieces of an [`Ahead`].
pub struct Pieces<'a, F> {
    slices: [Reader<'a, F>; 2],
    hops: [isize; 2],
}

impl<F: Element> Pieces<'_, F> {
    /// Asks for the next piece.
    #[inline(always)]
    pub fn ask(&mut self) {
        for k in 0..2 {
            self.slices[k].fetch();
            self.slices[k] = self.slices[k].after(self.hops[k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements from the start of the slices to where an [`Ahead`] is.
    fn places(ahead: &Ahead<'_, f32>, slices: [&[f32]; 2]) -> [isize; 2] {
        [0, 1].map(|k| ahead.slices[k].elements_after(slices[k]))
    }

    #[test]
    fn all_steps_together_ask_for_all() {
        let (x, y) = (vec![0.0f32; 1000], vec![0.0f32; 70]);
        let whole = Ahead::new([&x, &y], 333);
        assert_eq!(places(&whole, [&x, &y]), [0, 0]);
        let [x_end, y_end] = places(&whole.after(333), [&x, &y]);
        assert!((990..=1000).contains(&x_end) && (65..=70).contains(&y_end), "{x_end} {y_end}");
        let mut pieces = whole.every(3);
        (0..111).for_each(|_| pieces.ask());
        let asked = [0, 1].map(|k| pieces.slices[k].elements_after([&x[..], &y[..]][k]));
        assert!(asked[0] >= x_end && asked[1] >= y_end, "{asked:?}");
    }

    #[test]
    fn nothing_stays_where_it_is() {
        let x = [0.0f32; 64];
        let mut pieces = Ahead::nothing(&x).after(1000).every(10);
        pieces.ask();
        assert_eq!(pieces.slices.map(|at| at.elements_after(&x)), [0, 0]);
    }
}

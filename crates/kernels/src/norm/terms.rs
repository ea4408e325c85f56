//! What a norm and its activation are given.

use crate::element::Element;

/// What the norm and the activation are given.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a, F> {
    /// Factor of each channel, 1 where it is left out.
    pub scale: Option<&'a [F]>,
    /// Added to each channel, 0 where it is left out.
    pub shift: Option<&'a [F]>,
    /// Added to the variance.
    pub eps: F,
    /// Slope of the activation where negative; a block of all three takes 0 to 1.
    pub slope: F,
}

impl<F: Element> Terms<'_, F> {
    pub(crate) fn check(&self, c: usize) {
        assert!(self.scale.is_none_or(|s| s.len() == c), "conv block: scale of {c} channels");
        assert!(self.shift.is_none_or(|s| s.len() == c), "conv block: shift of {c} channels");
        assert!(self.slope >= F::zero() && self.slope <= F::one(), "conv block: a slope of {}", self.slope);
    }

    pub(crate) fn scale(&self, j: usize) -> F {
        self.scale.map_or(F::one(), |scale| scale[j])
    }

    pub(crate) fn shift(&self, j: usize) -> F {
        self.shift.map_or(F::zero(), |shift| shift[j])
    }

    pub(crate) fn inverse(&self, variance: F) -> F {
        F::one() / (variance + self.eps).sqrt()
    }
}

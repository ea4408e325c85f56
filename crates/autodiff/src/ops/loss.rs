//! Losses composed of simpler operators; softmax cross-entropy stands with softmax.

use crate::float::Float;
use crate::var::Var;

impl<'t, F: Float> Var<'t, F> {
    /// Mean squared error, over all values: `mean (x - target)^2`, shape `[]`.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn mse(self, target: Var<'t, F>) -> Var<'t, F> {
        let (own, other) = (self.shape(), target.shape());
        assert_eq!(own, other, "mse: predictions {own} and targets {other} differ");
        (self - target).square().mean()
    }

    /// Mean binary cross-entropy of logits, over all values: `mean (softplus(x) - target x)`, shape `[]`; targets in [0, 1].
    ///
    /// The absolute error is about a unit in the last place of the larger of 1 and the greatest logit: in `f32` the loss of right answers
    /// that are certain to 1e-8 is 0. `softplus(-x)` is the loss of target 1, and `softplus(x)` that of target 0, to all digits.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn binary_cross_entropy(self, target: Var<'t, F>) -> Var<'t, F> {
        let (own, other) = (self.shape(), target.shape());
        assert_eq!(own, other, "binary_cross_entropy: logits {own} and targets {other} differ");
        (self.softplus() - target * self).mean()
    }
}

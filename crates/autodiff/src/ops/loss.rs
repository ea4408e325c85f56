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
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn binary_cross_entropy(self, target: Var<'t, F>) -> Var<'t, F> {
        let (own, other) = (self.shape(), target.shape());
        assert_eq!(own, other, "binary_cross_entropy: logits {own} and targets {other} differ");
        (self.softplus() - target * self).mean()
    }
}

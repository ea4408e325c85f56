//! Batch norm fused with the max-pooling of its output. Only a program's plan makes these operators, so they have no gradient.

use fewshot_kernels::norm::Cotangents;
use fewshot_kernels::pool::PoolShape;

use super::norm::Terms;
use crate::float::Float;
use crate::inputs::Inputs;

/// Which operator of the norm is fused with which of the pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NormPoolKind {
    /// The norm and the pooling. Outputs: pooled values, places, statistics.
    Forward,
    /// The gradient of the norm, with the adjoint of the pooling: takes the pooled gradient and the places.
    Backward,
    /// The second gradient of the norm, with the adjoint of the pooling; of the gradient for it, only the elements at the places.
    Backward2,
}

impl NormPoolKind {
    fewshot_kernels::names! {
        NormPoolKind::Forward => "batch_norm + max_pool",
        NormPoolKind::Backward => "max_pool place + batch_norm gradient",
        NormPoolKind::Backward2 => "max_pool place + batch_norm second gradient",
    }
}

/// A norm's operator fused with one of a pooling. Inputs are those of the norm's operator, but for the pooled ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NormPool<F> {
    pub(crate) kind: NormPoolKind,
    pub(crate) terms: Terms<F>,
    pub(crate) pool: PoolShape,
}

impl<F: Float> NormPool<F> {
    pub(crate) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The first input behind those of the norm's forward pass.
    fn first(&self) -> usize {
        1 + self.terms.affine()
    }

    /// The cotangent of the gradient for x may be overwritten by the gradient for x.
    pub(crate) fn overwrites(&self, i: usize) -> Option<usize> {
        (self.kind == NormPoolKind::Backward2 && i == self.first() + 3).then_some(0)
    }

    pub(crate) fn forward(&self, x: &Inputs<'_, F>, out: &mut [&mut [F]]) {
        let rest = |i: usize| x.at(self.first() + i).data();
        let (images, terms) = (x.at(0).data(), self.terms.given(x));
        let [first, second, third] = out else {
            unreachable!("each has three outputs");
        };
        let out = [&mut **first, &mut **second, &mut **third];
        match self.kind {
            NormPoolKind::Forward => F::norm_pool(out, images, &terms, &self.pool),
            NormPoolKind::Backward => {
                F::norm_pool_backward(out, images, rest(0), [rest(1), rest(2)], &terms, &self.pool);
            }
            NormPoolKind::Backward2 => {
                let arrived = Cotangents { x: x.source(self.first() + 3), scale: rest(4), shift: rest(5) };
                let placed = [rest(1), rest(2)];
                F::norm_pool_backward2(out, images, rest(0), placed, &arrived, &terms, &self.pool);
            }
        }
    }
}

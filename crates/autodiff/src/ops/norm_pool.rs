//! Batch norm and the max-pooling that follows it, as one. Only the plan of a program makes them, so that they have no gradient.

use fewshot_kernels::norm::Cotangents;
use fewshot_kernels::pool::PoolShape;

use super::norm::Terms;
use crate::float::Float;
use crate::inputs::Inputs;

/// Which of the norm's operators is joined with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    /// The norm and the pooling: from its inputs to the pooled, the places and the statistics.
    Forward,
    /// The norm's gradient, what arrives being placed: takes what is placed and the places instead.
    Backward,
    /// The second gradient, what arrives being placed; of the gradient for it the elements at the places.
    Backward2,
}

impl Joined {
    fewshot_kernels::names! {
        Joined::Forward => "batch_norm + max_pool",
        Joined::Backward => "max_pool place + batch_norm gradient",
        Joined::Backward2 => "max_pool place + batch_norm second gradient",
    }
}

/// An operator of a norm joined with one of a pooling. All take what the norm's takes, but what was pooled or placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NormPool<F> {
    pub(crate) joined: Joined,
    pub(crate) terms: Terms<F>,
    pub(crate) pool: PoolShape,
}

impl<F: Float> NormPool<F> {
    pub(crate) fn name(&self) -> &'static str {
        self.joined.name()
    }

    /// The first input behind those of the norm's forward pass.
    fn first(&self) -> usize {
        1 + self.terms.affine()
    }

    /// What arrives at the gradient for x may be overwritten by the one for x.
    pub(crate) fn overwrites(&self, i: usize) -> Option<usize> {
        (self.joined == Joined::Backward2 && i == self.first() + 3).then_some(0)
    }

    pub(crate) fn forward(&self, x: &Inputs<'_, F>, out: &mut [&mut [F]]) {
        let rest = |i: usize| x.at(self.first() + i).data();
        let (images, terms) = (x.at(0).data(), self.terms.given(x));
        let [first, second, third] = out else {
            unreachable!("each has three outputs");
        };
        let out = [&mut **first, &mut **second, &mut **third];
        match self.joined {
            Joined::Forward => F::norm_pool(out, images, &terms, &self.pool),
            Joined::Backward => {
                F::norm_pool_backward(out, images, rest(0), [rest(1), rest(2)], &terms, &self.pool);
            }
            Joined::Backward2 => {
                let arrived = Cotangents { x: x.source(self.first() + 3), scale: rest(4), shift: rest(5) };
                let placed = [rest(1), rest(2)];
                F::norm_pool_backward2(out, images, rest(0), placed, &arrived, &terms, &self.pool);
            }
        }
    }
}

//! Batch norm with a piecewise linear activation on batch statistics, its derivatives, and the same fused with max-pooling.

mod backward;
mod backward2;
mod batch_norm;
mod norm_pool;
mod rows;
pub(crate) mod terms;

pub(crate) use backward::batch_norm_backward;
pub(crate) use backward2::batch_norm_backward2;
pub(crate) use batch_norm::batch_norm;
pub use norm_pool::Cotangents;
pub(crate) use norm_pool::{norm_pool, norm_pool_backward, norm_pool_backward2};
pub use terms::Terms;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_norm_pool;

//! Pooling of NHWC images.

mod average;
pub(crate) mod max;
pub(crate) mod shape;

pub(crate) use average::{avg_pool, avg_pool_dx};
pub(crate) use max::{max_pool, max_pool_pick, max_pool_place};
pub use shape::PoolShape;

//! Products of matrices and vectors.

pub(crate) mod dense;
mod dense_tile;
pub(crate) mod gemm;
mod gemv;
pub(crate) mod product;

#[cfg(test)]
mod tests;

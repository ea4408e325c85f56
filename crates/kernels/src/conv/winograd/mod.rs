//! Convolutions of 3x3 in fewer products (Lavin and Gray 2016): F(4x4, 3x3) and F(2x2, 3x3) with stride 1, F(3x3, 3x3) with stride 2.

mod blocks;
mod data_transform;
pub(crate) mod f2_transform;
pub(crate) mod f4;
pub(crate) mod f4_transform;
pub(crate) mod filter_transform;
mod planes;
mod prefetch;
pub(crate) mod strided;
mod strided_transform;
mod tiles;

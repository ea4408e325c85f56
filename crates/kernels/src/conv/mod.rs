//! Convolution of NHWC images and its two adjoints: direct, or in fewer products by Winograd's transforms; and fused with what follows.

mod direct;
mod direct_tile;
mod dispatch;
pub mod fused;
mod geometry;
pub(crate) mod shape;
mod weight_gradient;
mod weight_gradient_tile;
mod winograd;

pub(crate) use dispatch::{conv, conv_dw, conv_dx};
pub use shape::ConvShape;

#[cfg(test)]
mod tests;

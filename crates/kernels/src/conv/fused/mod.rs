//! Convolutions fused with what follows them: batch norm, activation and max-pooling (`conv_block`), or bias, activation and max-pooling
//! for inference (`conv_layer`).

mod conv_block;
mod conv_layer;
mod f2_input;
mod f2_tile;
mod folded;
mod gradient;
mod image;
mod moments;
mod shape;
mod tile;

pub use conv_block::Arrived;
pub(crate) use conv_block::{conv_block, conv_block_backward};
pub use conv_layer::LayerShape;
pub(crate) use conv_layer::conv_layer;
pub use shape::BlockShape;

#[cfg(test)]
mod tests_block;
#[cfg(test)]
mod tests_layer;

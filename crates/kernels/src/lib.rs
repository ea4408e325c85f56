//! Compute kernels: plain functions on slices, generic over the element type.
//!
//! Results do not depend on the number of threads, nor on whether a kernel is split over threads at all ([`with_split`]).
//! A slice of the wrong length is a mistake of this crate and panics.

mod ahead;
mod array;
mod broadcast;
pub mod conv;
pub mod conv_block;
mod conv_block_image;
mod conv_block_lines;
mod conv_block_moments;
mod conv_block_numbers;
mod conv_block_products;
mod conv_block_squares;
mod conv_block_tile;
mod conv_dw;
pub mod conv_layer;
mod dense;
mod dense_tile;
pub mod distances;
mod dots;
mod elementary;
mod geometry;
pub mod isa;
mod job;
pub mod limits;
pub mod lstm;
pub mod map;
pub mod math;
pub mod matmul;
mod max_pool;
pub mod norm;
mod norm_backward;
mod norm_backward2;
pub mod norm_pool;
mod norm_rows;
mod pairs;
pub mod peak;
pub mod permute;
pub mod pick;
pub mod pool;
mod reader;
pub mod reduce;
pub mod rows;
pub mod scale;
mod split;
mod strided;
mod strided_lines;
mod strip;
mod tile;
mod tile_steps;
pub mod turn;
mod vector;
#[cfg(not(target_arch = "x86_64"))]
mod vector_plain;
#[cfg(target_arch = "x86_64")]
mod vector_x86;
mod window;
mod winograd;
mod winograd_ahead;
mod winograd_blocks;
mod winograd_lines;
mod winograd_maps;
mod winograd_planes;
mod winograd_tiles;
mod winograd_weights;

pub(crate) use split::ask_crew;
pub use split::{Crew, with_split};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests_conv;
#[cfg(test)]
mod tests_conv_block;
#[cfg(test)]
mod tests_conv_layer;
#[cfg(test)]
mod tests_dense;
#[cfg(test)]
mod tests_lstm;
#[cfg(test)]
mod tests_math;
#[cfg(test)]
mod tests_norm;
#[cfg(test)]
mod tests_norm_pool;
#[cfg(test)]
mod tests_shape;

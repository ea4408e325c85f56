//! Compute kernels: plain functions on slices, generic over the element type. Internal to fewshot: nothing here is promised to stay.
//!
//! Results do not depend on the number of threads, nor on whether a kernel is split over threads at all ([`with_split`]).
//! A slice of the wrong length is a mistake of the caller and panics.
//!
//! [`Kernels`] lists them.
//!
//! This is the only crate with `unsafe` code: every other one forbids it.

pub mod buffer;
pub mod conv;
pub mod cost;
pub mod cpu;
pub mod element;
pub mod elementwise;
mod entry;
mod layout;
mod matmul;
mod names;
pub mod norm;
pub mod parallel;
pub mod pool;
mod reduce;
mod tile;

pub use buffer::{Buffer, BufferPoolUse, buffer_pool_use};
pub use element::Element;
pub use entry::Kernels;
pub use parallel::{WorkerGroup, with_split};

/// The largest number of axes an array may have.
pub const MAX_RANK: usize = 8;

#[cfg(test)]
mod testing;

//! What kernels ask of a processor: instruction sets chosen at run time, vector registers, reads and prefetches, elementary functions.

pub(crate) mod elementary;
pub(crate) mod isa;
pub(crate) mod limits;
pub(crate) mod math;
pub mod peak;
pub(crate) mod prefetch;
pub(crate) mod raw;
pub(crate) mod small_array;
pub(crate) mod strip;
pub(crate) mod vector;
#[cfg(not(target_arch = "x86_64"))]
mod vector_plain;
#[cfg(target_arch = "x86_64")]
mod vector_x86;

pub use isa::instruction_set;

#[cfg(test)]
mod tests_math;

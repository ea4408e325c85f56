//! The two element types: `f32` (default everywhere) and `f64` (gradient checks, references).

use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;

use num_traits::{FromPrimitive, NumAssign};

use crate::buffer::Pooled;
use crate::cpu::elementary::Elementary;
use crate::matmul::gemm::LargeProduct;

/// An element type of arrays: `f32` or `f64`. Sealed.
pub trait Element:
    Elementary
    + Pooled
    + LargeProduct
    + num_traits::Float
    + NumAssign
    + FromPrimitive
    + Sum
    + Debug
    + Display
    + LowerExp
    + Default
    + Send
    + Sync
    + 'static
{
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// Whether kernels are compiled for AVX-512, not for AVX2 alone: `f64` serves checks and references, and every variant takes time to
    /// build.
    const AVX512: bool;

    /// The nearest value to `x`.
    fn of(x: f64) -> Self;

    /// This value as `f64`, exactly.
    fn as_f64(self) -> f64;
}

macro_rules! element {
    ($t:ident, $avx512:literal) => {
        impl Element for $t {
            const NAME: &'static str = stringify!($t);
            const AVX512: bool = $avx512;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $t
            }

            #[inline(always)]
            fn as_f64(self) -> f64 {
                f64::from(self)
            }
        }
    };
}

element!(f32, true);
element!(f64, false);

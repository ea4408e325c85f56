//! Large products, by the `gemm` crates of the two element types; `gemm` itself would build complex products too, which nobody here needs.

#![allow(unsafe_code)]

use gemm_common::Parallelism;

/// A matrix in memory: its first element, and the elements between its columns and between its rows.
pub struct Strided<P> {
    pub(crate) first: P,
    pub(crate) column: isize,
    pub(crate) row: isize,
}

/// An element type with large products.
pub trait LargeProduct: Sized {
    /// `out = a b` with `a` `[m, k]` and `b` `[k, n]`; `out` has its elements in columns side by side.
    ///
    /// # Safety
    /// All elements of the matrices, with these sizes and strides, are in memory that may be read, and for `out` written.
    #[doc(hidden)]
    unsafe fn product(
        out: Strided<*mut Self>,
        a: Strided<*const Self>,
        b: Strided<*const Self>,
        size: [usize; 3],
    );
}

macro_rules! large_product {
    ($t:ident, $gemm:ident) => {
        impl LargeProduct for $t {
            unsafe fn product(
                out: Strided<*mut $t>,
                a: Strided<*const $t>,
                b: Strided<*const $t>,
                [m, k, n]: [usize; 3],
            ) {
                let gemm = $gemm::gemm::$t::get_gemm_fn();
                // SAFETY: the caller's promise.
                unsafe {
                    gemm(
                        m,
                        n,
                        k,
                        out.first,
                        out.column,
                        out.row,
                        false,
                        a.first,
                        a.column,
                        a.row,
                        b.first,
                        b.column,
                        b.row,
                        0.0,
                        1.0,
                        false,
                        false,
                        false,
                        Parallelism::None,
                    );
                }
            }
        }
    };
}

large_product!(f32, gemm_f32);
large_product!(f64, gemm_f64);

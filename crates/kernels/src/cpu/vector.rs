//! Vector registers of each instruction set, with the few operations register tiles need, for both element types.

#![allow(unsafe_code)]

use crate::element::Element;

/// Lanes of the vector that has most of them.
pub const MOST_LANES: usize = 16;

/// A vector register that holds as many `f32` or `f64` as fit.
pub trait Vector: Copy {
    /// Elements it holds.
    #[inline(always)]
    fn lanes<F>() -> usize {
        const { size_of::<Self>() / size_of::<F>() }
    }

    /// The elements from `at` on.
    ///
    /// # Safety
    /// `at` is valid for reads of all lanes, aligned or not.
    #[inline(always)]
    unsafe fn load<F: Element>(at: *const F) -> Self {
        // SAFETY: the caller's promise; any bits are a vector.
        unsafe { at.cast::<Self>().read_unaligned() }
    }

    /// Writes all lanes from `at` on.
    ///
    /// # Safety
    /// `at` is valid for writes of all lanes, aligned or not.
    #[inline(always)]
    unsafe fn store<F: Element>(self, at: *mut F) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<Self>().write_unaligned(self) }
    }

    /// `x` in every lane.
    ///
    /// # Safety
    /// The machine has the vector's instruction set, here and in the other operations.
    unsafe fn splat<F: Element>(x: F) -> Self;

    /// `self * b + c`, fused where the instruction set has it.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn mul_add<F: Element>(self, b: Self, c: Self) -> Self;

    /// `self + b`.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn add<F: Element>(self, b: Self) -> Self;

    /// `self - b`.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn sub<F: Element>(self, b: Self) -> Self;

    /// The greater of both lanes, `b` where one is not a number.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn max<F: Element>(self, b: Self) -> Self;

    /// The greater of both lanes, NaN where either is.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn max_or_nan<F: Element>(self, b: Self) -> Self;

    /// Lanes of `x` where this is greater than `b`, of `y` elsewhere.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn where_greater<F: Element>(self, b: Self, x: Self, y: Self) -> Self;

    /// Whether some lanes can be read and written alone; only then the three operations that follow may be called.
    const MASKED: bool = false;

    /// Whether a mask takes a vector register.
    const WIDE_MASKS: bool = false;

    /// A choice of lanes.
    type Mask: Copy;

    /// The lanes `from..to`.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn mask<F: Element>(_from: usize, _to: usize) -> Self::Mask {
        unreachable!("this vector has no masks")
    }

    /// The chosen lanes of the vector there, zero in the others.
    ///
    /// # Safety
    /// As for [`Vector::splat`], and the chosen elements are valid for reads.
    unsafe fn load_masked<F: Element>(_at: *const F, _mask: Self::Mask) -> Self {
        unreachable!("this vector has no masks")
    }

    /// Writes the chosen lanes to where the vector would lie.
    ///
    /// # Safety
    /// As for [`Vector::splat`], and the chosen elements are valid for writes.
    unsafe fn store_masked<F: Element>(self, _at: *mut F, _mask: Self::Mask) {
        unreachable!("this vector has no masks")
    }

    /// Sixteen bytes from `at`, sixteen from `step` elements later, and so on.
    ///
    /// # Safety
    /// As for [`Vector::splat`], and all of them are valid for reads.
    unsafe fn pieces<F: Element>(at: *const F, step: usize) -> Self;

    /// Of every sixteen bytes of both the low and the high halves, their elements taken in turns.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn zip<F: Element>(self, b: Self) -> [Self; 2];

    /// [`Vector::zip`] of elements of eight bytes.
    ///
    /// # Safety
    /// As for [`Vector::splat`].
    unsafe fn zip_wide(self, b: Self) -> [Self; 2];
}

/// The vectors of AVX-512, of AVX2 and of the baseline.
#[cfg(target_arch = "x86_64")]
pub use std::arch::x86_64::{__m128 as Vector128, __m256 as Vector256, __m512 as Vector512};

#[cfg(not(target_arch = "x86_64"))]
pub use crate::cpu::vector_plain::{Plain as Vector128, Plain as Vector256, Plain as Vector512};

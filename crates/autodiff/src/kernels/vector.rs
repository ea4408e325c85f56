//! Vector registers of each instruction set, with the few operations register tiles need, for both element types.

#![allow(unsafe_code)]

use crate::float::Float;

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
    unsafe fn load<F: Float>(at: *const F) -> Self {
        // SAFETY: the caller's promise; any bits are a vector.
        unsafe { at.cast::<Self>().read_unaligned() }
    }

    /// Writes all lanes from `at` on.
    ///
    /// # Safety
    /// `at` is valid for writes of all lanes, aligned or not.
    #[inline(always)]
    unsafe fn store<F: Float>(self, at: *mut F) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<Self>().write_unaligned(self) }
    }

    /// `x` in every lane.
    ///
    /// # Safety
    /// The machine has the vector's instruction set, here and in the other operations.
    unsafe fn splat<F: Float>(x: F) -> Self;

    /// `self * b + c`, fused where the instruction set has it.
    ///
    /// # Safety
    /// As of [`Vector::splat`].
    unsafe fn mul_add<F: Float>(self, b: Self, c: Self) -> Self;

    /// `self + b`.
    ///
    /// # Safety
    /// As of [`Vector::splat`].
    unsafe fn add<F: Float>(self, b: Self) -> Self;

    /// Whether some lanes can be written alone: [`Vector::store_lanes`].
    const MASKED: bool = false;

    /// Writes the lanes `from..to` to where the vector would lie at `at`; adds them if `add`.
    ///
    /// # Safety
    /// As of [`Vector::splat`], and those elements are valid for reads and writes; the vector is [`Vector::MASKED`].
    unsafe fn store_lanes<F: Float>(self, _at: *mut F, _lanes: [usize; 2], _add: bool) {
        unreachable!("only vectors with masks store some lanes")
    }

    /// Sixteen bytes from `at`, sixteen from `step` elements later, and so on.
    ///
    /// # Safety
    /// As of [`Vector::splat`], and all of them are valid for reads.
    unsafe fn pieces<F: Float>(at: *const F, step: usize) -> Self;

    /// Of every sixteen bytes of both the low and the high halves, their elements taken in turns.
    ///
    /// # Safety
    /// As of [`Vector::splat`].
    unsafe fn zip<F: Float>(self, b: Self) -> [Self; 2];

    /// [`Vector::zip`] of elements of eight bytes.
    ///
    /// # Safety
    /// As of [`Vector::splat`].
    unsafe fn zip_wide(self, b: Self) -> [Self; 2];
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;
    use crate::float::Float;

    /// The operations of a vector of `f32` lanes that is cast where elements are `f64`.
    macro_rules! vector {
        ($single:ident, $set:ident, $set_f64:ident, $add:ident, $add_f64:ident, $to:ident, $from:ident,
         |$a:ident, $b:ident, $c:ident| $fused:expr, $fused_f64:expr;
         |$piece:ident| $pieces:expr; $low:ident, $high:ident, $low_f64:ident, $high_f64:ident; $($more:item)*) => {
            impl Vector for $single {
                $($more)*

                #[inline(always)]
                unsafe fn splat<F: Float>(x: F) -> Self {
                    // SAFETY: the caller's promise; elements of four bytes are `f32`, of eight `f64`.
                    unsafe {
                        if size_of::<F>() == 4 {
                            $set(std::mem::transmute_copy::<F, f32>(&x))
                        } else {
                            $from($set_f64(std::mem::transmute_copy::<F, f64>(&x)))
                        }
                    }
                }

                #[inline(always)]
                unsafe fn mul_add<F: Float>(self, b: Self, c: Self) -> Self {
                    // SAFETY: the caller's promise.
                    unsafe {
                        if size_of::<F>() == 4 {
                            let ($a, $b, $c) = (self, b, c);
                            $fused
                        } else {
                            let ($a, $b, $c) = ($to(self), $to(b), $to(c));
                            $from($fused_f64)
                        }
                    }
                }

                #[inline(always)]
                unsafe fn add<F: Float>(self, b: Self) -> Self {
                    // SAFETY: the caller's promise.
                    unsafe {
                        if size_of::<F>() == 4 { $add(self, b) } else { $from($add_f64($to(self), $to(b))) }
                    }
                }

                #[inline(always)]
                unsafe fn pieces<F: Float>(at: *const F, step: usize) -> Self {
                    // SAFETY: the caller's promise.
                    unsafe {
                        let $piece = |i: usize| _mm_loadu_ps(at.add(i * step).cast());
                        $pieces
                    }
                }

                #[inline(always)]
                unsafe fn zip<F: Float>(self, b: Self) -> [Self; 2] {
                    // SAFETY: the caller's promise.
                    unsafe {
                        if size_of::<F>() == 4 { [$low(self, b), $high(self, b)] } else { self.zip_wide(b) }
                    }
                }

                #[inline(always)]
                unsafe fn zip_wide(self, b: Self) -> [Self; 2] {
                    // SAFETY: the caller's promise.
                    unsafe { [$from($low_f64($to(self), $to(b))), $from($high_f64($to(self), $to(b)))] }
                }
            }
        };
    }

    vector!(
        __m512,
        _mm512_set1_ps,
        _mm512_set1_pd,
        _mm512_add_ps,
        _mm512_add_pd,
        _mm512_castps_pd,
        _mm512_castpd_ps,
        |a, b, c| _mm512_fmadd_ps(a, b, c),
        _mm512_fmadd_pd(a, b, c);
        |piece| {
            let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(piece(0)), piece(1));
            _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, piece(2)), piece(3))
        };
        _mm512_unpacklo_ps, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpackhi_pd;
        const MASKED: bool = true;

        #[inline(always)]
        unsafe fn store_lanes<F: Float>(self, at: *mut F, [from, to]: [usize; 2], add: bool) {
            let mask = ((1u32 << to) - (1u32 << from)) as u16;
            // SAFETY: the caller's promise; lanes outside of the mask are neither read nor written.
            unsafe {
                if size_of::<F>() == 4 {
                    let sum = if add { _mm512_add_ps(self, _mm512_maskz_loadu_ps(mask, at.cast())) } else { self };
                    _mm512_mask_storeu_ps(at.cast(), mask, sum);
                } else {
                    let mask = mask as u8;
                    let this = _mm512_castps_pd(self);
                    let sum = if add { _mm512_add_pd(this, _mm512_maskz_loadu_pd(mask, at.cast())) } else { this };
                    _mm512_mask_storeu_pd(at.cast(), mask, sum);
                }
            }
        }
    );
    vector!(
        __m256,
        _mm256_set1_ps,
        _mm256_set1_pd,
        _mm256_add_ps,
        _mm256_add_pd,
        _mm256_castps_pd,
        _mm256_castpd_ps,
        |a, b, c| _mm256_fmadd_ps(a, b, c),
        _mm256_fmadd_pd(a, b, c);
        |piece| _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(piece(0)), piece(1));
        _mm256_unpacklo_ps, _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpackhi_pd;
    );
    vector!(
        __m128,
        _mm_set1_ps,
        _mm_set1_pd,
        _mm_add_ps,
        _mm_add_pd,
        _mm_castps_pd,
        _mm_castpd_ps,
        |a, b, c| _mm_add_ps(_mm_mul_ps(a, b), c),
        _mm_add_pd(_mm_mul_pd(a, b), c);
        |piece| piece(0);
        _mm_unpacklo_ps, _mm_unpackhi_ps, _mm_unpacklo_pd, _mm_unpackhi_pd;
    );
}

/// The vectors of AVX-512, of AVX2 and of the baseline.
#[cfg(target_arch = "x86_64")]
pub use std::arch::x86_64::{__m128 as Vector128, __m256 as Vector256, __m512 as Vector512};

#[cfg(not(target_arch = "x86_64"))]
pub use plain::{Plain as Vector128, Plain as Vector256, Plain as Vector512};

/// Sixteen bytes that the compiler makes vectors of as it can.
#[cfg(not(target_arch = "x86_64"))]
mod plain {
    use super::Vector;
    use crate::float::Float;
    use crate::kernels::isa::{Baseline, Isa};

    #[derive(Clone, Copy)]
    #[repr(C, align(16))]
    pub struct Plain([u8; 16]);

    impl Plain {
        #[inline(always)]
        fn map<F: Float>(self, [b, c]: [Self; 2], f: impl Fn(F, F, F) -> F) -> Self {
            let mut out = self;
            for i in 0..Self::lanes::<F>() {
                // SAFETY: the lanes lie in the vector, which is aligned for either element type.
                unsafe {
                    let lane = |v: &Self| (v as *const Self).cast::<F>().add(i).read();
                    let value = f(lane(&self), lane(&b), lane(&c));
                    (&raw mut out).cast::<F>().add(i).write(value);
                }
            }
            out
        }
    }

    impl Vector for Plain {
        #[inline(always)]
        unsafe fn splat<F: Float>(x: F) -> Self {
            let zero = Plain([0; 16]);
            zero.map([zero, zero], |_: F, _, _| x)
        }

        #[inline(always)]
        unsafe fn mul_add<F: Float>(self, b: Self, c: Self) -> Self {
            self.map([b, c], |a: F, b, c| Baseline::mul_add(a, b, c))
        }

        #[inline(always)]
        unsafe fn add<F: Float>(self, b: Self) -> Self {
            self.map([b, b], |a: F, b, _| a + b)
        }

        #[inline(always)]
        unsafe fn pieces<F: Float>(at: *const F, _: usize) -> Self {
            // SAFETY: the caller's promise.
            unsafe { Self::load(at) }
        }

        #[inline(always)]
        unsafe fn zip<F: Float>(self, b: Self) -> [Self; 2] {
            let size = size_of::<F>();
            [0, 8].map(|half| {
                Plain(std::array::from_fn(|i| {
                    let from = half + i / (2 * size) * size + i % size;
                    if i / size % 2 == 0 { self.0[from] } else { b.0[from] }
                }))
            })
        }

        #[inline(always)]
        unsafe fn zip_wide(self, b: Self) -> [Self; 2] {
            // SAFETY: the caller's promise.
            unsafe { self.zip::<f64>(b) }
        }
    }
}

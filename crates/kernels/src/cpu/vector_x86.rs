//! The vector registers of x86-64.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::cpu::vector::Vector;
use crate::element::Element;

/// Masks of the first bytes of a vector, by where one begins to read.
static BYTES: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut i = 0;
    while i < 32 {
        bytes[i] = 0xff;
        i += 1;
    }
    bytes
};

/// The operations of a vector of `f32` lanes that is cast where elements are `f64`.
macro_rules! vector {
    ($single:ident, $set:ident, $set_f64:ident, $add:ident, $add_f64:ident, $sub:ident, $sub_f64:ident, $to:ident, $from:ident,
     |$a:ident, $b:ident, $c:ident| $fused:expr, $fused_f64:expr;
     $max:ident, $max_f64:ident, |$m:ident, $n:ident| $numeric:expr, $numeric_f64:expr; |$p:ident, $q:ident, $x:ident, $y:ident| $greater:expr, $greater_f64:expr;
     |$piece:ident| $pieces:expr; $low:ident, $high:ident, $low_f64:ident, $high_f64:ident; $($more:item)*) => {
        impl Vector for $single {
            $($more)*

            #[inline(always)]
            unsafe fn splat<F: Element>(x: F) -> Self {
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
            unsafe fn mul_add<F: Element>(self, b: Self, c: Self) -> Self {
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
            unsafe fn add<F: Element>(self, b: Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe {
                    if size_of::<F>() == 4 { $add(self, b) } else { $from($add_f64($to(self), $to(b))) }
                }
            }

            #[inline(always)]
            unsafe fn sub<F: Element>(self, b: Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe {
                    if size_of::<F>() == 4 { $sub(self, b) } else { $from($sub_f64($to(self), $to(b))) }
                }
            }

            #[inline(always)]
            unsafe fn max<F: Element>(self, b: Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe {
                    if size_of::<F>() == 4 { $max(self, b) } else { $from($max_f64($to(self), $to(b))) }
                }
            }

            #[inline(always)]
            unsafe fn max_or_nan<F: Element>(self, b: Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe {
                    if size_of::<F>() == 4 {
                        let ($m, $n) = (self, b);
                        $numeric
                    } else {
                        let ($m, $n) = ($to(self), $to(b));
                        $from($numeric_f64)
                    }
                }
            }

            #[inline(always)]
            unsafe fn where_greater<F: Element>(self, b: Self, x: Self, y: Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe {
                    if size_of::<F>() == 4 {
                        let ($p, $q, $x, $y) = (self, b, x, y);
                        $greater
                    } else {
                        let ($p, $q, $x, $y) = ($to(self), $to(b), $to(x), $to(y));
                        $from($greater_f64)
                    }
                }
            }

            #[inline(always)]
            unsafe fn pieces<F: Element>(at: *const F, step: usize) -> Self {
                // SAFETY: the caller's promise.
                unsafe {
                    let $piece = |i: usize| _mm_loadu_ps(at.add(i * step).cast());
                    $pieces
                }
            }

            #[inline(always)]
            unsafe fn zip<F: Element>(self, b: Self) -> [Self; 2] {
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
    _mm512_sub_ps,
    _mm512_sub_pd,
    _mm512_castps_pd,
    _mm512_castpd_ps,
    |a, b, c| _mm512_fmadd_ps(a, b, c),
    _mm512_fmadd_pd(a, b, c);
    _mm512_max_ps,
    _mm512_max_pd,
    // the second operand where one is NaN
    |m, n| _mm512_mask_max_ps(m, _mm512_cmp_ps_mask::<_CMP_ORD_Q>(m, m), m, n),
    _mm512_mask_max_pd(m, _mm512_cmp_pd_mask::<_CMP_ORD_Q>(m, m), m, n);
    |p, q, x, y| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(p, q), y, x),
    _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(p, q), y, x);
    |piece| {
        let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(piece(0)), piece(1));
        _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, piece(2)), piece(3))
    };
    _mm512_unpacklo_ps, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpackhi_pd;
    const MASKED: bool = true;
    type Mask = u16;

    #[inline(always)]
    unsafe fn mask<F: Element>(from: usize, to: usize) -> u16 {
        ((1u32 << to) - (1u32 << from)) as u16
    }

    #[inline(always)]
    unsafe fn load_masked<F: Element>(at: *const F, mask: u16) -> Self {
        // SAFETY: the caller's promise; other lanes are not read.
        unsafe {
            if size_of::<F>() == 4 {
                _mm512_maskz_loadu_ps(mask, at.cast())
            } else {
                _mm512_castpd_ps(_mm512_maskz_loadu_pd(mask as u8, at.cast()))
            }
        }
    }

    #[inline(always)]
    unsafe fn store_masked<F: Element>(self, at: *mut F, mask: u16) {
        // SAFETY: the caller's promise; other lanes are not written.
        unsafe {
            if size_of::<F>() == 4 {
                _mm512_mask_storeu_ps(at.cast(), mask, self);
            } else {
                _mm512_mask_storeu_pd(at.cast(), mask as u8, _mm512_castps_pd(self));
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
    _mm256_sub_ps,
    _mm256_sub_pd,
    _mm256_castps_pd,
    _mm256_castpd_ps,
    |a, b, c| _mm256_fmadd_ps(a, b, c),
    _mm256_fmadd_pd(a, b, c);
    _mm256_max_ps,
    _mm256_max_pd,
    |m, n| _mm256_blendv_ps(_mm256_max_ps(m, n), m, _mm256_cmp_ps::<_CMP_UNORD_Q>(m, m)),
    _mm256_blendv_pd(_mm256_max_pd(m, n), m, _mm256_cmp_pd::<_CMP_UNORD_Q>(m, m));
    |p, q, x, y| _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_GT_OQ>(p, q)),
    _mm256_blendv_pd(y, x, _mm256_cmp_pd::<_CMP_GT_OQ>(p, q));
    |piece| _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(piece(0)), piece(1));
    _mm256_unpacklo_ps, _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpackhi_pd;
    const MASKED: bool = true;
    const WIDE_MASKS: bool = true;
    type Mask = __m256i;

    #[inline(always)]
    unsafe fn mask<F: Element>(from: usize, to: usize) -> __m256i {
        let below = |lanes: usize| BYTES.as_ptr().wrapping_add(32 - lanes * size_of::<F>()).cast();
        // SAFETY: 32 bytes from at most the middle of 64.
        unsafe { _mm256_andnot_si256(_mm256_loadu_si256(below(from)), _mm256_loadu_si256(below(to))) }
    }

    #[inline(always)]
    unsafe fn load_masked<F: Element>(at: *const F, mask: __m256i) -> Self {
        // SAFETY: the caller's promise; other lanes are not read. Elements of eight bytes have two equal halves of the mask.
        unsafe { _mm256_maskload_ps(at.cast(), mask) }
    }

    #[inline(always)]
    unsafe fn store_masked<F: Element>(self, at: *mut F, mask: __m256i) {
        // SAFETY: the caller's promise; other lanes are not written.
        unsafe { _mm256_maskstore_ps(at.cast(), mask, self) }
    }
);
vector!(
    __m128,
    _mm_set1_ps,
    _mm_set1_pd,
    _mm_add_ps,
    _mm_add_pd,
    _mm_sub_ps,
    _mm_sub_pd,
    _mm_castps_pd,
    _mm_castpd_ps,
    |a, b, c| _mm_add_ps(_mm_mul_ps(a, b), c),
    _mm_add_pd(_mm_mul_pd(a, b), c);
    _mm_max_ps,
    _mm_max_pd,
    |m, n| {
        let nan = _mm_cmpunord_ps(m, m);
        _mm_or_ps(_mm_and_ps(nan, m), _mm_andnot_ps(nan, _mm_max_ps(m, n)))
    },
    {
        let nan = _mm_cmpunord_pd(m, m);
        _mm_or_pd(_mm_and_pd(nan, m), _mm_andnot_pd(nan, _mm_max_pd(m, n)))
    };
    |p, q, x, y| {
        let greater = _mm_cmpgt_ps(p, q);
        _mm_or_ps(_mm_and_ps(greater, x), _mm_andnot_ps(greater, y))
    },
    {
        let greater = _mm_cmpgt_pd(p, q);
        _mm_or_pd(_mm_and_pd(greater, x), _mm_andnot_pd(greater, y))
    };
    |piece| piece(0);
    _mm_unpacklo_ps, _mm_unpackhi_ps, _mm_unpacklo_pd, _mm_unpackhi_pd;
    type Mask = ();
);

//! Sixteen bytes that the compiler makes vectors of as it can.

#![allow(unsafe_code)]

use crate::cpu::isa::{Baseline, Isa};
use crate::cpu::small_array;
use crate::cpu::vector::Vector;
use crate::element::Element;

#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct Plain([u8; 16]);

impl Plain {
    #[inline(always)]
    fn map<F: Element>(self, [b, c]: [Self; 2], f: impl Fn(F, F, F) -> F) -> Self {
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
    type Mask = ();

    #[inline(always)]
    unsafe fn splat<F: Element>(x: F) -> Self {
        let zero = Plain([0; 16]);
        zero.map([zero, zero], |_: F, _, _| x)
    }

    #[inline(always)]
    unsafe fn mul_add<F: Element>(self, b: Self, c: Self) -> Self {
        self.map([b, c], |a: F, b, c| Baseline::mul_add(a, b, c))
    }

    #[inline(always)]
    unsafe fn add<F: Element>(self, b: Self) -> Self {
        self.map([b, b], |a: F, b, _| a + b)
    }

    #[inline(always)]
    unsafe fn sub<F: Element>(self, b: Self) -> Self {
        self.map([b, b], |a: F, b, _| a - b)
    }

    #[inline(always)]
    unsafe fn max<F: Element>(self, b: Self) -> Self {
        self.map([b, b], |a: F, b, _| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn max_or_nan<F: Element>(self, b: Self) -> Self {
        self.map([b, b], |a: F, b, _| if a > b || a.is_nan() { a } else { b })
    }

    #[inline(always)]
    unsafe fn where_greater<F: Element>(self, b: Self, x: Self, y: Self) -> Self {
        let greater = self.map([b, b], |a: F, b, _| if a > b { F::one() } else { F::zero() });
        greater.map([x, y], |greater: F, x, y| if greater > F::zero() { x } else { y })
    }

    #[inline(always)]
    unsafe fn pieces<F: Element>(at: *const F, _: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::load(at) }
    }

    #[inline(always)]
    unsafe fn zip<F: Element>(self, b: Self) -> [Self; 2] {
        let size = size_of::<F>();
        [0, 8].map(|half| {
            Plain(small_array::of(|i| {
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

//! Small arrays, element by element.
//!
//! `std`'s `from_fn` and `map` are each a dozen small functions to the compiler, and kernels have thousands of arrays, for every
//! instruction set and size of tile: a third of this crate's intermediate code was theirs.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// `[f(0), f(1), ..]`.
#[inline(always)]
pub fn of<T: Copy, const N: usize>(mut f: impl FnMut(usize) -> T) -> [T; N] {
    let mut all = [const { MaybeUninit::uninit() }; N];
    let mut i = 0;
    while i < N {
        all[i] = MaybeUninit::new(f(i));
        i += 1;
    }
    // SAFETY: the loop has written all elements.
    unsafe { (&raw const all).cast::<[T; N]>().read() }
}

/// `f` of every element.
#[inline(always)]
pub fn map<T: Copy, U: Copy, const N: usize>(x: [T; N], mut f: impl FnMut(T) -> U) -> [U; N] {
    of(|i| f(x[i]))
}

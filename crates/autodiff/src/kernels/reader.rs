//! Raw reads from a slice; in builds with debug assertions every one is compared with the slice's bounds.

#![allow(unsafe_code)]

use std::marker::PhantomData;
#[cfg(debug_assertions)]
use std::ops::Range;

/// A place in, before or after a slice, from which elements are read without a bounds check in release builds.
#[derive(Clone, Copy)]
pub struct Reader<'a, F> {
    at: *const F,
    #[cfg(debug_assertions)]
    first: *const F,
    #[cfg(debug_assertions)]
    len: usize,
    slice: PhantomData<&'a [F]>,
}

impl<'a, F: Copy> Reader<'a, F> {
    /// The start of `slice`.
    #[inline(always)]
    pub fn new(slice: &'a [F]) -> Self {
        Self {
            at: slice.as_ptr(),
            #[cfg(debug_assertions)]
            first: slice.as_ptr(),
            #[cfg(debug_assertions)]
            len: slice.len(),
            slice: PhantomData,
        }
    }

    /// The place `elements` further on.
    #[inline(always)]
    pub fn after(self, elements: isize) -> Self {
        Self { at: self.at.wrapping_offset(elements), ..self }
    }

    /// The element at `index`.
    ///
    /// # Safety
    /// It lies in the slice.
    #[inline(always)]
    pub unsafe fn element(self, index: usize) -> F {
        // SAFETY: the caller's promise.
        unsafe { self.row::<1>(index)[0] }
    }

    /// The `C` elements from `index` on.
    ///
    /// # Safety
    /// They lie in the slice.
    #[inline(always)]
    pub unsafe fn row<const C: usize>(self, index: usize) -> [F; C] {
        let at = self.at.wrapping_add(index);
        #[cfg(debug_assertions)]
        self.check(at..at.wrapping_add(C));
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[F; C]>().read() }
    }

    #[cfg(debug_assertions)]
    fn check(self, read: Range<*const F>) {
        let inside = self.first <= read.start && read.end <= self.first.wrapping_add(self.len);
        assert!(inside, "a kernel reads {read:?} outside {:?} and {} elements", self.first, self.len);
    }
}

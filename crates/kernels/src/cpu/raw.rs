//! Raw reads from a slice; in builds with debug assertions every one is compared with the slice's bounds.

#![allow(unsafe_code)]

use std::marker::PhantomData;
#[cfg(debug_assertions)]
use std::ops::Range;

use crate::cpu::small_array;
use crate::cpu::vector::Vector;
use crate::element::Element;

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

impl<'a, F: Element> Reader<'a, F> {
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

    /// Prefetches the cache line here into the first-level cache. It may lie anywhere.
    #[inline(always)]
    pub fn prefetch_near(self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing, and places that are not memory are ignored.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.at.cast());
        }
    }

    /// Prefetches the cache line here into the second-level cache. It may lie anywhere.
    #[inline(always)]
    pub fn prefetch(self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing, and places that are not memory are ignored.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(self.at.cast());
        }
    }

    /// Prefetches all cache lines of `elements` elements from here on, as [`prefetch`](Self::prefetch).
    #[inline(always)]
    pub fn prefetch_row(self, elements: usize) {
        for line in (0..elements).step_by(64 / size_of::<F>()) {
            self.after(line as isize).prefetch();
        }
    }

    /// The element at `index`.
    ///
    /// # Safety
    /// It lies in the slice.
    #[inline(always)]
    pub unsafe fn element(self, index: usize) -> F {
        let at = self.at.wrapping_add(index);
        #[cfg(debug_assertions)]
        self.check(at..at.wrapping_add(1));
        // SAFETY: the caller's promise.
        unsafe { at.read() }
    }

    /// The elements of `N` vectors from here on.
    ///
    /// # Safety
    /// They lie in the slice.
    #[inline(always)]
    pub unsafe fn vectors<V: Vector, const N: usize>(self) -> [V; N] {
        #[cfg(debug_assertions)]
        self.check(self.at..self.at.wrapping_add(N * V::lanes::<F>()));
        // SAFETY: the caller's promise.
        small_array::of(|j| unsafe { V::load(self.at.wrapping_add(j * V::lanes::<F>())) })
    }

    /// The first `lanes` lanes of the vector from here on, which `mask` chooses, zero in the others.
    ///
    /// # Safety
    /// They lie in the slice, and the machine has the vector's instruction set.
    #[inline(always)]
    pub unsafe fn first_lanes<V: Vector>(self, mask: V::Mask, lanes: usize) -> V {
        debug_assert!(lanes <= V::lanes::<F>(), "a vector has fewer than {lanes} lanes");
        #[cfg(debug_assertions)]
        self.check(self.at..self.at.wrapping_add(lanes));
        // SAFETY: the caller's promise.
        unsafe { V::load_masked(self.at, mask) }
    }

    /// Elements from the start of `slice` to here.
    #[cfg(test)]
    pub fn elements_after(self, slice: &[F]) -> isize {
        (self.at as isize - slice.as_ptr() as isize) / size_of::<F>() as isize
    }

    #[cfg(debug_assertions)]
    fn check(self, read: Range<*const F>) {
        let inside = self.first <= read.start && read.end <= self.first.wrapping_add(self.len);
        assert!(inside, "a kernel reads {read:?} outside {:?} and {} elements", self.first, self.len);
    }
}

/// A slice that is written part by part, and perhaps read between.
#[derive(Clone, Copy)]
pub struct Writer<'a, F> {
    at: *mut F,
    len: usize,
    slice: PhantomData<&'a mut [F]>,
}

impl<'a, F: Element> Writer<'a, F> {
    /// All of `slice`.
    #[inline(always)]
    pub fn new(slice: &'a mut [F]) -> Self {
        Self { at: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The start of the slice: what is read is what was written last.
    #[inline(always)]
    pub fn reader(self) -> Reader<'a, F> {
        Reader {
            at: self.at,
            #[cfg(debug_assertions)]
            first: self.at,
            #[cfg(debug_assertions)]
            len: self.len,
            slice: PhantomData,
        }
    }

    /// `len` elements from `from` on. Panics unless they lie in the slice.
    ///
    /// # Safety
    /// While the part is used, nothing else reads or writes it.
    #[inline(always)]
    pub unsafe fn part(self, from: usize, len: usize) -> &'a mut [F] {
        assert!(
            from <= self.len && len <= self.len - from,
            "a kernel writes outside of {} elements",
            self.len
        );
        // SAFETY: it lies in the slice that was borrowed for `'a`; the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.at.add(from), len) }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;
    use crate::cpu::vector::Vector128;

    #[test]
    fn reading_inside_is_allowed() {
        let reader = Reader::new(&[1.0f32, 2.0, 3.0, 4.0, 5.0]).after(7).after(-6);
        // SAFETY: both lie in the slice.
        unsafe {
            assert_eq!(reader.element(3), 5.0);
            let _ = reader.vectors::<Vector128, 1>();
        }
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn reading_outside_panics() {
        // SAFETY: the check panics before the read.
        unsafe { Reader::new(&[1.0f64, 2.0]).after(2).element(0) };
    }
}

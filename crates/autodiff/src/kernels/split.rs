//! Splitting one kernel over threads, for a lone big episode.

use std::cell::Cell;

use rayon::prelude::*;

thread_local! {
    static SPLIT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; kernels it calls on this thread are split over rayon's threads if `threads_inside`.
///
/// The results are the same bits either way.
pub fn with_split<R>(threads_inside: bool, f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            SPLIT.set(self.0);
        }
    }
    let _restore = Restore(SPLIT.replace(threads_inside));
    f()
}

/// Whether kernels called on this thread are split.
#[inline(always)]
pub fn is_split() -> bool {
    SPLIT.get()
}

/// Into how many of at most `most` pieces to cut work whose result does not depend on the cut.
pub fn pieces(most: usize) -> usize {
    if is_split() { most.min(4 * rayon::current_num_threads()).max(1) } else { 1 }
}

/// Calls `f(i, chunk)` for the `i`-th chunk of `size` elements, on this thread or on all, which take them one by one: of several at
/// once the last would hold up the others.
#[inline]
pub fn chunks<T: Send>(out: &mut [T], size: usize, f: impl Fn(usize, &mut [T]) + Send + Sync) {
    if out.is_empty() {
        return;
    }
    if is_split() && out.len() > size {
        out.par_chunks_mut(size).enumerate().with_max_len(1).for_each(|(i, chunk)| f(i, chunk));
    } else {
        out.chunks_mut(size).enumerate().for_each(|(i, chunk)| f(i, chunk));
    }
}

/// [`chunks`] of two slices side by side.
#[inline]
pub fn chunks2<T: Send, U: Send>(
    (a, size_a): (&mut [T], usize),
    (b, size_b): (&mut [U], usize),
    f: impl Fn(usize, &mut [T], &mut [U]) + Send + Sync,
) {
    if a.is_empty() {
        return;
    }
    if is_split() && a.len() > size_a {
        let pairs = a.par_chunks_mut(size_a).zip(b.par_chunks_mut(size_b));
        pairs.enumerate().with_max_len(1).for_each(|(i, (a, b))| f(i, a, b));
    } else {
        let pairs = a.chunks_mut(size_a).zip(b.chunks_mut(size_b));
        pairs.enumerate().for_each(|(i, (a, b))| f(i, a, b));
    }
}

//! The per-thread buffer pool: size classes, 64-byte aligned.
//!
//! A tape asks for the same few sizes again and again; taking them from the operating system each time costs more than
//! the arithmetic (page faults). A pool keeps at most what its thread has itself had in use at one time, so memory stays
//! flat however buffers travel between threads.

use crate::float::Float;

/// Bytes to which every buffer is aligned.
const ALIGN: usize = 64;
/// Classes per power of two.
const STEPS: usize = 4;
/// Smallest class, in elements.
const SMALLEST: usize = 16;
/// Size classes: enough for 2^40 elements.
const CLASSES: usize = 36 * STEPS;

/// Free buffers of one thread and one element type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Pool<F> {
    free: [Vec<Vec<F>>; CLASSES],
    free_bytes: usize,
    used_bytes: usize,
    peak_bytes: usize,
}

/// What a thread's pool holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// In buffers that wait for their next use.
    pub free: usize,
    /// In buffers taken on this thread less those returned on it.
    pub used: usize,
    /// The largest `used` so far.
    pub peak: usize,
}

/// What this thread's pool of element type `F` holds.
pub fn pool_use<F: Float>() -> PoolUse {
    F::with_pool(|p| PoolUse { free: p.free_bytes, used: p.used_bytes, peak: p.peak_bytes })
        .unwrap_or(PoolUse { free: 0, used: 0, peak: 0 })
}

/// The class for `len` elements and the elements a buffer of it can hold.
fn class(len: usize) -> (usize, usize) {
    let len = len.max(SMALLEST);
    let power = usize::BITS - 1 - len.leading_zeros();
    let base = 1usize << power;
    let step = (base / STEPS).max(1);
    let over = (len - base).div_ceil(step);
    let index = (power as usize - SMALLEST.ilog2() as usize) * STEPS + over;
    (index, base + over * step)
}

impl<F> Pool<F> {
    #[doc(hidden)]
    pub const fn new() -> Self {
        Pool { free: [const { Vec::new() }; CLASSES], free_bytes: 0, used_bytes: 0, peak_bytes: 0 }
    }
}

/// A 64-byte aligned run of elements that goes back to the pool of the thread that drops it.
#[derive(Debug)]
pub(crate) struct Buffer<F: Float> {
    store: Vec<F>,
    start: usize,
    len: usize,
    pooled: bool,
}

impl<F: Float> Buffer<F> {
    /// A buffer whose contents are left from its last use: the caller writes all of it.
    pub(crate) fn dirty(len: usize) -> Self {
        let (index, capacity) = class(len);
        let padded = capacity + ALIGN / size_of::<F>();
        let bytes = padded * size_of::<F>();
        let reused = F::with_pool(|p| {
            p.used_bytes += bytes;
            p.peak_bytes = p.peak_bytes.max(p.used_bytes);
            let store = p.free[index].pop();
            if store.is_some() {
                p.free_bytes -= bytes;
            }
            store
        })
        .flatten();
        let store = reused.unwrap_or_else(|| vec![F::zero(); padded]);
        let start = store.as_ptr().align_offset(ALIGN).min(padded - capacity);
        Buffer { store, start, len, pooled: true }
    }

    /// Takes over `store` as it lies.
    pub(crate) fn from_vec(store: Vec<F>) -> Self {
        let len = store.len();
        Buffer { store, start: 0, len, pooled: false }
    }

    #[inline]
    pub(crate) fn data(&self) -> &[F] {
        &self.store[self.start..self.start + self.len]
    }

    #[inline]
    pub(crate) fn data_mut(&mut self) -> &mut [F] {
        &mut self.store[self.start..self.start + self.len]
    }
}

impl<F: Float> Drop for Buffer<F> {
    fn drop(&mut self) {
        if !self.pooled {
            return;
        }
        let store = std::mem::take(&mut self.store);
        let bytes = store.len() * size_of::<F>();
        let index = class(self.len).0;
        // A thread that is ending has no pool any more: then the memory is simply freed.
        F::with_pool(|p| {
            // Buffers taken on other threads do not count as ours.
            p.used_bytes = p.used_bytes.saturating_sub(bytes);
            if p.free_bytes + bytes + p.used_bytes <= p.peak_bytes {
                p.free[index].push(store);
                p.free_bytes += bytes;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_is_asked_and_waste_at_most_a_quarter() {
        for len in (1..5000).chain([65_537, 1_000_003]) {
            let (index, capacity) = class(len);
            assert!(capacity >= len && index < CLASSES);
            assert!(len < SMALLEST || capacity * 4 <= len * 5, "{len} -> {capacity}");
            assert_eq!(class(capacity), (index, capacity), "{len}");
        }
    }

    #[test]
    fn buffers_are_aligned_and_reused() {
        let first = Buffer::<f32>::dirty(100);
        let address = first.data().as_ptr() as usize;
        assert_eq!(address % ALIGN, 0);
        drop(first);
        assert_eq!(Buffer::<f32>::dirty(101).data().as_ptr() as usize, address);
    }

    #[test]
    fn buffers_from_other_threads_do_not_pile_up() {
        for _ in 0..50 {
            let foreign = std::thread::spawn(|| Buffer::<f64>::dirty(1000)).join().expect("no panic");
            drop(foreign);
        }
        assert_eq!(pool_use::<f64>().free, 0);
    }
}

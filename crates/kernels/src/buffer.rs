//! The per-thread buffer pool: size classes, 64-byte aligned.
//!
//! A tape needs the same few sizes again and again; taking them from the operating system each time costs more than
//! the arithmetic (page faults). Of each size a pool keeps at most as many as its thread has had in use at one time, so memory stays
//! flat however buffers travel between threads.

use std::cell::RefCell;

use num_traits::Zero;

/// Bytes to which every buffer is aligned.
const ALIGN: usize = 64;
/// Classes per power of two.
const STEPS: usize = 4;
/// Smallest class, in elements.
const SMALLEST: usize = 16;
/// Size classes: enough for 2^40 elements.
const CLASSES: usize = 36 * STEPS;

/// Elements from which on the amount of free memory is checked first.
const LARGE: usize = 1 << 28;

/// The buffers of one size.
#[derive(Debug)]
struct SizeClass<F> {
    free: Vec<Vec<F>>,
    used: usize,
    peak: usize,
}

/// Free buffers of one thread and one element type.
#[doc(hidden)]
#[derive(Debug)]
pub struct BufferPool<F> {
    classes: [SizeClass<F>; CLASSES],
}

/// What a thread's pool holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BufferPoolUse {
    /// In buffers that wait for their next use.
    pub free: usize,
    /// In buffers taken on this thread less those returned on it.
    pub used: usize,
    /// The largest `used` so far of each size class, summed: `free` and `used` together never exceed it.
    pub peak: usize,
}

/// What this thread's pool of element type `F` holds.
pub fn buffer_pool_use<F: Pooled>() -> BufferPoolUse {
    let count = |p: &mut BufferPool<F>| {
        let mut sum = BufferPoolUse::default();
        for (index, class) in p.classes.iter().enumerate() {
            let bytes = padded::<F>(capacity(index)) * size_of::<F>();
            sum.free += class.free.len() * bytes;
            sum.used += class.used * bytes;
            sum.peak += class.peak * bytes;
        }
        sum
    };
    F::with_pool(count).unwrap_or_default()
}

/// An element type whose buffers are pooled.
pub trait Pooled: Zero + Clone + 'static {
    /// Runs `f` on this thread's buffer pool, or returns `None` when the thread is ending.
    #[doc(hidden)]
    fn with_pool<R>(f: impl FnOnce(&mut BufferPool<Self>) -> R) -> Option<R>;
}

macro_rules! pooled {
    ($t:ident, $pool:ident) => {
        thread_local! {
            static $pool: RefCell<BufferPool<$t>> = const { RefCell::new(BufferPool::new()) };
        }

        impl Pooled for $t {
            fn with_pool<R>(f: impl FnOnce(&mut BufferPool<Self>) -> R) -> Option<R> {
                $pool.try_with(|pool| f(&mut pool.borrow_mut())).ok()
            }
        }
    };
}

pooled!(f32, POOL_F32);
pooled!(f64, POOL_F64);

/// The elements that buffers of a class hold.
fn capacity(index: usize) -> usize {
    let base = SMALLEST << (index / STEPS);
    base + index % STEPS * (base / STEPS)
}

/// The elements allocated for `capacity` of them to be aligned.
fn padded<F>(capacity: usize) -> usize {
    capacity + ALIGN / size_of::<F>()
}

/// The smallest class whose buffers hold `len` elements.
fn class(len: usize) -> usize {
    let len = len.max(SMALLEST);
    let power = len.ilog2();
    let base = 1usize << power;
    let over = (len - base).div_ceil(base / STEPS);
    (power - SMALLEST.ilog2()) as usize * STEPS + over
}

impl<F> BufferPool<F> {
    const fn new() -> Self {
        BufferPool { classes: [const { SizeClass { free: Vec::new(), used: 0, peak: 0 } }; CLASSES] }
    }
}

/// Panics unless there is memory for a buffer of `len` elements, where the allocator would end the program.
#[cold]
#[track_caller]
fn check_memory<F: Pooled>(len: usize) {
    let most = (len + len / STEPS).saturating_add(ALIGN);
    let had = Vec::<F>::new().try_reserve_exact(most);
    assert!(
        had.is_ok(),
        "an array of {len} values of {} needs more memory than there is",
        std::any::type_name::<F>()
    );
}

/// A 64-byte aligned run of elements that goes back to the pool of the thread that drops it.
#[derive(Debug)]
pub struct Buffer<F: Pooled> {
    store: Vec<F>,
    start: usize,
    len: usize,
    pooled: bool,
}

impl<F: Pooled> Buffer<F> {
    /// A buffer whose contents are left from its last use: the caller writes all of it.
    ///
    /// # Panics
    /// When there is not as much memory.
    #[track_caller]
    pub fn dirty(len: usize) -> Self {
        if len >= LARGE {
            check_memory::<F>(len);
        }
        let index = class(len);
        let reused = F::with_pool(|p| {
            let class = &mut p.classes[index];
            class.used += 1;
            class.peak = class.peak.max(class.used);
            class.free.pop()
        })
        .flatten();
        let capacity = capacity(index);
        let store = reused.unwrap_or_else(|| vec![F::zero(); padded::<F>(capacity)]);
        let start = store.as_ptr().align_offset(ALIGN).min(store.len() - capacity);
        Buffer { store, start, len, pooled: true }
    }

    /// Takes over `store` as it lies.
    pub fn from_vec(store: Vec<F>) -> Self {
        let len = store.len();
        Buffer { store, start: 0, len, pooled: false }
    }

    #[inline]
    /// Its elements.
    pub fn data(&self) -> &[F] {
        &self.store[self.start..self.start + self.len]
    }

    #[inline]
    /// Its elements, to be written.
    pub fn data_mut(&mut self) -> &mut [F] {
        &mut self.store[self.start..self.start + self.len]
    }
}

impl<F: Pooled> Default for Buffer<F> {
    /// No elements.
    fn default() -> Self {
        Buffer::from_vec(Vec::new())
    }
}

impl<F: Pooled> Drop for Buffer<F> {
    fn drop(&mut self) {
        if !self.pooled {
            return;
        }
        let store = std::mem::take(&mut self.store);
        // A thread that is ending has no pool any more: then the memory is simply freed.
        F::with_pool(|p| {
            let class = &mut p.classes[class(self.len)];
            // Buffers taken on other threads do not count as ours.
            class.used = class.used.saturating_sub(1);
            if class.free.len() + 1 + class.used <= class.peak {
                class.free.push(store);
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
            let index = class(len);
            let capacity = capacity(index);
            assert!(capacity >= len && index < CLASSES);
            assert!(len < SMALLEST || capacity * 4 <= len * 5, "{len} -> {capacity}");
            assert_eq!(class(capacity), index, "{len}");
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
        assert_eq!(buffer_pool_use::<f64>().free, 0);
    }
}

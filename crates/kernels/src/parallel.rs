//! Work sharing: one kernel split over threads, for a single large task and for the last tasks of a meta-batch.

use std::cell::{Cell, RefCell};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

thread_local! {
    /// Number of threads that share the kernels called on this one.
    static HELPERS: Cell<usize> = const { Cell::new(0) };
    /// The group whose free workers share the operators on this thread.
    static GROUP: RefCell<Option<WorkerGroup>> = const { RefCell::new(None) };
}

/// How long a thread without work stays awake: waking it takes as long as a small kernel.
const AWAKE: Duration = Duration::from_millis(1);
/// Ever longer pauses until a thread without work yields its processor to other processes.
const ROUNDS: u32 = 5;

/// Runs `f`; kernels it calls on this thread are split over rayon's threads if `threads_inside`.
///
/// The results are the same bits either way. Splitting serves a single task; many tasks at once are better served by one thread each.
pub fn with_split<R>(threads_inside: bool, f: impl FnOnce() -> R) -> R {
    within(if threads_inside { rayon::current_num_threads() - 1 } else { 0 }, None, f)
}

/// Threads of rayon's pool that work on the tasks of one meta-batch. A worker that is done shares the kernels of the others.
#[derive(Clone, Debug)]
pub struct WorkerGroup(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    count: usize,
    busy: AtomicUsize,
}

impl WorkerGroup {
    /// A group of `count` workers, each of which calls [`WorkerGroup::work`] once.
    pub fn new(count: usize) -> Self {
        WorkerGroup(Arc::new(Counts { count, busy: AtomicUsize::new(count) }))
    }

    /// Runs `f`, this worker's part, and then shares the kernels of the others until all are done. Operators of `f` are split as soon as
    /// another worker is free; their results are the same bits either way. A thread outside of rayon's pool can be helped, but cannot help.
    pub fn work(&self, f: impl FnOnce()) {
        // rayon may give this thread another worker's part while it waits within its own
        let is_nested = GROUP.with_borrow(Option::is_some);
        within(self.helpers(), Some(self.clone()), f);
        self.0.busy.fetch_sub(1, Ordering::Release);
        if !is_nested {
            share_work_while(|| self.0.busy.load(Ordering::Acquire) > 0);
        }
    }

    fn helpers(&self) -> usize {
        self.0.count.saturating_sub(self.0.busy.load(Ordering::Relaxed))
    }
}

/// Called by every operator first: splits its kernels over the workers of this thread's group that are free now.
#[inline]
pub fn update_helpers() {
    GROUP.with_borrow(|group| group.iter().for_each(|group| HELPERS.set(group.helpers())));
}

fn within<R>(helpers: usize, group: Option<WorkerGroup>, f: impl FnOnce() -> R) -> R {
    struct Restore(usize, Option<WorkerGroup>);
    impl Drop for Restore {
        fn drop(&mut self) {
            HELPERS.set(self.0);
            GROUP.set(self.1.take());
        }
    }
    let _restore = Restore(HELPERS.replace(helpers), GROUP.replace(group));
    f()
}

/// Does work of rayon's pool as long as `more` says so, but no longer than [`AWAKE`] without any.
fn share_work_while(more: impl Fn() -> bool) {
    let (mut start, mut rounds) = (Instant::now(), 0);
    while more() && start.elapsed() < AWAKE {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            (start, rounds) = (Instant::now(), 0);
        } else if rounds < ROUNDS {
            (0..1 << rounds).for_each(|_| spin_loop());
            rounds += 1;
        } else {
            // other processes may need the processor
            std::thread::yield_now();
        }
    }
}

/// Whether kernels called on this thread are split.
#[inline(always)]
pub fn is_split() -> bool {
    HELPERS.get() > 0
}

/// Number of threads that share kernels called on this one, itself included.
pub fn threads() -> usize {
    1 + HELPERS.get()
}

/// Number of pieces, at most `most`, to cut work into whose result does not depend on the cut.
pub fn pieces(most: usize) -> usize {
    if is_split() { most.min(4 * threads()).max(1) } else { 1 }
}

/// Calls `f(i, chunk)` for the `i`-th chunk of `size` elements, on this thread or shared with others.
#[inline]
pub fn chunks<T: Send>(out: &mut [T], size: usize, f: impl Fn(usize, &mut [T]) + Send + Sync) {
    if out.is_empty() {
        return;
    }
    let chunks = out.chunks_mut(size).enumerate();
    if is_split() && chunks.len() > 1 {
        share(chunks, |(i, chunk)| f(i, chunk));
    } else {
        chunks.for_each(|(i, chunk)| f(i, chunk));
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
    let pairs = a.chunks_mut(size_a).zip(b.chunks_mut(size_b)).enumerate();
    if is_split() && pairs.len() > 1 {
        share(pairs, |(i, (a, b))| f(i, a, b));
    } else {
        pairs.for_each(|(i, (a, b))| f(i, a, b));
    }
}

/// Calls `f` for each piece, on this thread and its helpers, which take pieces one by one: with several at once the last ones would
/// hold up the others.
pub fn share<P: Send>(pieces: impl ExactSizeIterator<Item = P> + Send, f: impl Fn(P) + Sync) {
    let count = pieces.len();
    let helpers = HELPERS.get().min(count.saturating_sub(1));
    let (pieces, done) = (Mutex::new(pieces), AtomicUsize::new(0));
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(piece) = next() {
            f(piece);
            done.fetch_add(1, Ordering::Release);
        }
    };
    rayon::in_place_scope(|scope| {
        (0..helpers).for_each(|_| scope.spawn(|_| work()));
        work();
        share_work_while(|| done.load(Ordering::Acquire) < count);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits work into pieces of which two do not end before the other has begun.
    fn take_two_threads() {
        let (begun, mut out, start) = (AtomicUsize::new(0), [0; 7], Instant::now());
        chunks(&mut out, 2, |i, chunk| {
            begun.fetch_add(1, Ordering::Relaxed);
            while i < 2 && begun.load(Ordering::Relaxed) < 2 {
                assert!(start.elapsed() < Duration::from_secs(20), "no help came");
            }
            chunk.iter_mut().for_each(|x| *x += i + 1);
        });
        assert_eq!(out, [1, 1, 2, 2, 3, 3, 4]);
    }

    fn in_pool(threads: usize, f: impl FnOnce() + Send) {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads start").install(f);
    }

    #[test]
    fn pieces_are_done_once_by_all_threads() {
        in_pool(3, || with_split(true, take_two_threads));
        with_split(true, || with_split(false, || assert_eq!(pieces(9), 1)));
    }

    #[test]
    fn workers_that_are_done_share_the_others_work() {
        in_pool(2, || {
            let group = WorkerGroup::new(2);
            let busy = || {
                assert!(!is_split());
                let start = Instant::now();
                while !is_split() {
                    assert!(start.elapsed() < Duration::from_secs(20), "no worker was free");
                    update_helpers();
                }
                take_two_threads();
            };
            rayon::join(|| group.work(busy), || group.work(|| ()));
            assert!(!is_split() && GROUP.with_borrow(Option::is_none));
        });
    }

    #[test]
    #[should_panic(expected = "a piece")]
    fn a_piece_that_panics_is_heard_of() {
        in_pool(2, || with_split(true, || chunks(&mut [0; 9], 1, |i, _| assert!(i != 5, "a piece"))));
    }
}

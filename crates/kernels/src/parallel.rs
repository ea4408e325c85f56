//! Splitting one kernel over threads: for a lone big episode, and for the last tasks of a meta-batch.

use std::cell::{Cell, RefCell};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

thread_local! {
    /// How many threads may help with kernels called on this one.
    static HELPERS: Cell<usize> = const { Cell::new(0) };
    /// Those among whom operators on this thread look for help.
    static GROUP: RefCell<Option<WorkerGroup>> = const { RefCell::new(None) };
}

/// How long a thread stays awake when there is nothing to do, for what may come next: waking it takes as long as a small kernel.
const AWAKE: Duration = Duration::from_millis(1);
/// Ever longer pauses until a thread that has nothing to do leaves its processor to others, if there are any.
const ROUNDS: u32 = 5;

/// Runs `f`; kernels it calls on this thread are split over rayon's threads if `threads_inside`.
///
/// The results are the same bits either way. It is for work that is alone: many tasks at once are better served by a thread each.
pub fn with_split<R>(threads_inside: bool, f: impl FnOnce() -> R) -> R {
    within(if threads_inside { rayon::current_num_threads() - 1 } else { 0 }, None, f)
}

/// Threads of rayon's pool that work on tasks of one meta-batch: who has none left helps the others with their kernels.
#[derive(Clone, Debug)]
pub struct WorkerGroup(Arc<Members>);

#[derive(Debug)]
struct Members {
    count: usize,
    busy: AtomicUsize,
}

impl WorkerGroup {
    /// So many threads, each of which is to call [`WorkerGroup::work`] once.
    pub fn new(count: usize) -> Self {
        WorkerGroup(Arc::new(Members { count, busy: AtomicUsize::new(count) }))
    }

    /// Runs `f`, this thread's share, and then helps until all are done. Operators of `f` are split as soon as there is help; their results
    /// are the same bits either way. A thread that is not of the pool can be helped, but cannot help.
    pub fn work(&self, f: impl FnOnce()) {
        // rayon may give this thread another one's share while it waits in its own
        let waits_in_its_own = GROUP.with_borrow(Option::is_some);
        within(self.helpers(), Some(self.clone()), f);
        self.0.busy.fetch_sub(1, Ordering::Release);
        if !waits_in_its_own {
            help_while(|| self.0.busy.load(Ordering::Acquire) > 0);
        }
    }

    fn helpers(&self) -> usize {
        self.0.count.saturating_sub(self.0.busy.load(Ordering::Relaxed))
    }
}

/// What every operator does first: the kernels it calls are split if this thread's group has help now.
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

/// Does what rayon's threads have to do as long as `more` says so, but no longer than [`AWAKE`] without anything to do.
fn help_while(more: impl Fn() -> bool) {
    let (mut start, mut rounds) = (Instant::now(), 0);
    while more() && start.elapsed() < AWAKE {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            (start, rounds) = (Instant::now(), 0);
        } else if rounds < ROUNDS {
            (0..1 << rounds).for_each(|_| spin_loop());
            rounds += 1;
        } else {
            // others may need the processor
            std::thread::yield_now();
        }
    }
}

/// Whether kernels called on this thread are split.
#[inline(always)]
pub fn is_split() -> bool {
    HELPERS.get() > 0
}

/// How many threads share kernels called on this one.
pub fn threads() -> usize {
    1 + HELPERS.get()
}

/// Into how many of at most `most` pieces to cut work whose result does not depend on the cut.
pub fn pieces(most: usize) -> usize {
    if is_split() { most.min(4 * threads()).max(1) } else { 1 }
}

/// Calls `f(i, chunk)` for the `i`-th chunk of `size` elements, on this thread or with help.
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

/// Calls `f` for each piece, on this thread and on those that help, which take them one by one: of several at once the last would hold
/// up the others.
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
        help_while(|| done.load(Ordering::Acquire) < count);
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
    fn members_without_work_help_and_none_is_split_for_before() {
        in_pool(2, || {
            let group = WorkerGroup::new(2);
            let busy = || {
                assert!(!is_split());
                let start = Instant::now();
                while !is_split() {
                    assert!(start.elapsed() < Duration::from_secs(20), "nobody was asked");
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

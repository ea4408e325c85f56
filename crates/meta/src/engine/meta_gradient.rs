//! The meta-gradient of a meta-batch: tasks over threads, summed in task order.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use fewshot_autodiff::{Array, Float, WorkerGroup};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_nn::Params;
use rayon::Scope;

use crate::engine::ordered_sum::{AWAKE, Collector, TaskResults};
use crate::engine::runner::{Runner, Worker};
use crate::error::Error;
use crate::fit::{of_episode, or_panic};
use crate::learner::Learner;
use crate::meta::Meta;
use crate::task::Task;

/// The mean over the tasks of a meta-batch.
#[derive(Clone, Debug)]
pub struct MetaGradient<F: Float = f32> {
    /// Mean query loss.
    pub loss: f64,
    /// Mean query accuracy, for classification.
    pub accuracy: Option<f64>,
    /// Mean meta-gradient.
    pub gradient: Params<Array<F>>,
    /// The running statistics, moved by each task in turn.
    pub statistics: Params<Array<F>>,
    /// What each lane carries to the next meta-batch.
    pub lanes: Vec<Params<Array<F>>>,
}

impl<F: Float> Runner<'_, F> {
    /// The mean meta-gradient of the episodes `range`: `(1/B) sum_i grad_theta L_Q(i)`.
    ///
    /// Tasks run in parallel on the threads of the ambient rayon pool, each with its own memory; they are summed in task order, so
    /// the result has the same bits for any number of threads. Threads that have no task left help the others with their kernels.
    /// Task `i` draws dropout and other noise from stream `i` of `seed`.
    ///
    /// # Panics
    /// When the range is empty, or something does not fit of which [`Runner::try_meta_gradient`] makes an error.
    #[track_caller]
    #[inline(never)]
    pub fn meta_gradient(
        &self,
        meta: &Meta<Array<F>>,
        tasks: &dyn Tasks,
        range: Range<u64>,
        seed: u64,
    ) -> MetaGradient<F> {
        or_panic("meta_gradient", self.try_meta_gradient(meta, tasks, range, seed))
    }

    /// [`Runner::meta_gradient`], for tasks from outside.
    ///
    /// # Errors
    /// When the meta-parameters are not the learner's; when a task does not fit it, of which the first is named; or when the learner does
    /// other work each time it is called ([`Error::Changing`]).
    ///
    /// # Panics
    /// When the range is empty.
    #[track_caller]
    #[inline(never)]
    pub fn try_meta_gradient(
        &self,
        meta: &Meta<Array<F>>,
        tasks: &dyn Tasks,
        range: Range<u64>,
        seed: u64,
    ) -> Result<MetaGradient<F>, Error> {
        assert!(!range.is_empty(), "meta_gradient: the meta-batch {range:?} has no task");
        self.check(meta)?;
        self.check_lanes(meta)?;
        // on the calling thread, so that what a user's own model says of shapes is said there
        let first = || Task::from(tasks.episode(range.start));
        self.look_at(meta, first).map_err(|error| of_episode(range.start, error))?;
        if self.tasks_at_once() == 1 && rayon::current_thread_index().is_none() {
            // kernels that are split wait for each other: a thread that is not of the pool would sleep and wake each time
            return rayon::scope(|_| self.mean(meta, tasks, range, seed));
        }
        self.mean(meta, tasks, range, seed)
    }

    fn mean(
        &self,
        meta: &Meta<Array<F>>,
        tasks: &dyn Tasks,
        range: Range<u64>,
        seed: u64,
    ) -> Result<MetaGradient<F>, Error> {
        let failed = First::new();
        let collector = Collector::new(self.learner, meta, range.clone(), &self.added);
        let noise = |i: u64| stream(seed, Purpose::Dropout, i);
        let lanes: Vec<Mutex<Params<Array<F>>>> = if meta.lanes.is_empty() {
            let some = |worker: &mut Worker<'_, '_, F>, range: Range<u64>| {
                let mut first = range.start;
                let mut tasks = range.map(|i| (i, Task::from(tasks.episode(i)))).peekable();
                while !failed.is_before(first)
                    && let Some(results) = worker.next_results(meta, &mut tasks, noise)
                {
                    let results = match results {
                        Ok(results) => results,
                        Err((i, error)) => return failed.note(i, error),
                    };
                    let behind = first + results.losses.len() as u64;
                    collector.submit(first, results);
                    first = behind;
                }
            };
            on_all_threads(range, self.tasks_at_once(), || self.worker(), some, || collector.add_mine());
            Vec::new()
        } else {
            let lanes: Vec<_> = meta.lanes.iter().map(|lane| Mutex::new(lane.clone())).collect();
            let count = lanes.len();
            let all_of = |worker: &mut Worker<'_, '_, F>, lane: Range<u64>| {
                let lane = lane.start as usize;
                let mut carried = lanes[lane].lock().unwrap_or_else(PoisonError::into_inner);
                for i in range.clone().skip(lane).step_by(count) {
                    if failed.is_before(i) {
                        return;
                    }
                    let task = Task::from(tasks.episode(i));
                    let meta = Meta { lanes: vec![carried.clone()], ..meta.clone() };
                    let mut one = match worker.task_gradient(&meta, &task, || noise(i)) {
                        Ok(one) => one,
                        Err(error) => return failed.note(i, error),
                    };
                    *carried = std::mem::take(&mut one.carried);
                    collector.submit(i, TaskResults::of_one(one, &task.query.y));
                }
            };
            on_all_threads(0..count as u64, 1, || self.worker(), all_of, || {});
            lanes
        };
        let lanes = lanes.into_iter().map(|lane| lane.into_inner().unwrap_or_else(PoisonError::into_inner));
        let lanes = lanes.collect();
        failed.result()?;
        Ok(MetaGradient { lanes, ..collector.mean(meta) })
    }
}

/// The error of the first task that failed, whatever the order in which they ran: tasks are begun in order, and those in front of one that
/// failed are finished.
struct First {
    /// Its number.
    task: AtomicU64,
    error: Mutex<Option<Error>>,
}

impl First {
    fn new() -> Self {
        First { task: AtomicU64::new(u64::MAX), error: Mutex::new(None) }
    }

    /// Whether a task in front of this one failed.
    fn is_before(&self, task: u64) -> bool {
        self.task.load(Ordering::Relaxed) < task
    }

    fn note(&self, task: u64, error: Error) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if task < self.task.load(Ordering::Relaxed) {
            self.task.store(task, Ordering::Relaxed);
            *first = Some(of_episode(task, error));
        }
    }

    fn result(self) -> Result<(), Error> {
        self.error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Calls `some` for parts of `range` of at most `most` numbers on the threads of the ambient pool, with what `worker` gives each
/// thread, and then `end` on each.
fn on_all_threads<W>(
    range: Range<u64>,
    most: usize,
    worker: impl Fn() -> W + Sync,
    some: impl Fn(&mut W, Range<u64>) + Sync,
    end: impl Fn() + Sync,
) {
    let threads = rayon::current_num_threads();
    let (next, most) = (AtomicU64::new(range.start), most as u64);
    let (count, fewest) = (range.end - range.start, most.div_ceil(4));
    let share = |left: u64| left.div_ceil(threads as u64).max(fewest);
    // one part a thread if that is enough; of more parts those at the end are smaller, so that all threads end at about the same
    // time, but few tasks take nearly as many calls as many
    let even = Some(share(count)).filter(|&even| even <= most);
    let size = |left: u64| even.unwrap_or_else(|| share(left).min(most));
    let behind = |from: u64| range.end.min(from + size(range.end - from));
    let take = |from: u64| (from < range.end).then(|| behind(from));
    let work = || {
        let mut worker = worker();
        while let Ok(from) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            some(&mut worker, from..behind(from));
        }
        end();
    };
    if most > 1 {
        // tasks so small that several run at once are too small to be helped with
        on_threads(threads.min(count.div_ceil(fewest) as usize), work);
    } else {
        let group = WorkerGroup::new(threads);
        on_threads(threads, || group.work(work));
    }
}

/// Calls `work` on `threads` threads of the ambient pool.
fn on_threads(threads: usize, work: impl Fn() + Sync) {
    // the caller works too, at once: waking a thread takes as long as some of the smallest tasks
    let others = AtomicUsize::new(threads - 1);
    rayon::in_place_scope(|scope| {
        let other = |_: &Scope<'_>| {
            work();
            others.fetch_sub(1, Ordering::Release);
        };
        (1..threads).for_each(|_| scope.spawn(other));
        work();
        wait_awake(&others);
    });
}

/// Waits until none of the others is left, but not for long.
fn wait_awake(others: &AtomicUsize) {
    let start = Instant::now();
    while others.load(Ordering::Acquire) > 0 && start.elapsed() < AWAKE {
        std::hint::spin_loop();
    }
}

/// [`Runner::meta_gradient`] once: for many meta-batches keep a [`Runner`], which records the work once.
///
/// # Panics
/// As [`Runner::meta_gradient`].
#[track_caller]
pub fn meta_gradient<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    range: Range<u64>,
    seed: u64,
) -> MetaGradient<F> {
    Runner::new(learner).meta_gradient(meta, tasks, range, seed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The parts that threads take, by their first numbers.
    fn parts(count: u64, most: usize, threads: usize) -> Vec<Range<u64>> {
        let taken = Mutex::new(Vec::new());
        let take = |_: &mut (), range: Range<u64>| taken.lock().expect("nobody panics").push(range);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads start");
        pool.install(|| on_all_threads(3..3 + count, most, || (), take, || {}));
        let mut parts = taken.into_inner().expect("nobody panicked");
        parts.sort_by_key(|part| part.start);
        parts
    }

    #[test]
    fn parts_are_all_tasks_once_and_no_part_is_too_large() {
        for (count, most, threads) in
            [(1, 1, 1), (25, 16, 2), (25, 6, 2), (32, 1, 2), (100, 16, 3), (2, 8, 4)]
        {
            let parts = parts(count, most, threads);
            let sizes = parts.iter().scan(3, |end, part| {
                assert_eq!(part.start, *end, "{parts:?}");
                *end = part.end;
                Some(part.end - part.start)
            });
            assert!(sizes.clone().all(|size| size > 0 && size <= most as u64), "{parts:?}");
            assert_eq!(sizes.sum::<u64>(), count, "{parts:?}");
        }
    }

    #[test]
    fn what_fits_one_part_a_thread_is_shared_out_evenly() {
        assert_eq!(parts(25, 16, 2), [3..16, 16..28]);
        // no thread wakes for less than a few
        assert_eq!(parts(25, 16, 16), [3..7, 7..11, 11..15, 15..19, 19..23, 23..27, 27..28]);
        // else the parts get smaller towards the end, but not tiny
        assert_eq!(parts(25, 8, 2), [3..11, 11..19, 19..24, 24..26, 26..28]);
    }

    #[test]
    fn fewer_tasks_than_threads_run_side_by_side() {
        let (begun, start) = (AtomicUsize::new(0), Instant::now());
        let meet = |_: &mut (), _| {
            begun.fetch_add(1, Ordering::Relaxed);
            while begun.load(Ordering::Relaxed) < 3 {
                assert!(start.elapsed() < Duration::from_secs(20), "one after another");
            }
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a few threads start");
        pool.install(|| on_all_threads(0..3, 1, || (), meet, || {}));
    }
}

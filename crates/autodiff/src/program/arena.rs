//! The arena: memory of one thread for a program, which holds all values but the results.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fewshot_kernels::Buffer;

use super::{Operand, Place};
use crate::float::Float;
use crate::tape::InputKind;

/// Number of free lists.
const LISTS: usize = 16;

thread_local! {
    /// The free list that this thread returns memory to and looks into first.
    static LIST: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Ordering::Relaxed) % LISTS
    };
}

/// Memory of arenas that are not in use. Each thread has a free list of its own: a lock that two cores share costs as much as an
/// operator of a small network, and memory that another core has used must come from its caches.
pub(super) struct FreeLists<F: Float>([FreeList<F>; LISTS]);

/// A free list on cache lines of its own.
#[repr(align(128))]
struct FreeList<F: Float>(Mutex<Vec<Buffer<F>>>);

impl<F: Float> FreeList<F> {
    fn open(&self) -> MutexGuard<'_, Vec<Buffer<F>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Float> FreeLists<F> {
    pub(super) fn new() -> Self {
        FreeLists(std::array::from_fn(|_| FreeList(Mutex::new(Vec::new()))))
    }

    /// A buffer of at least `count` elements: the one this thread returned last, else one of another thread's, else a new one.
    pub(super) fn take(&self, count: usize) -> Buffer<F> {
        let mine = LIST.with(|&list| list);
        let idle = (0..LISTS).find_map(|k| self.0[(mine + k) % LISTS].open().pop());
        idle.filter(|idle| idle.data().len() >= count).unwrap_or_else(|| Buffer::dirty(count))
    }

    pub(super) fn put(&self, memory: Buffer<F>) {
        self.0[LIST.with(|&list| list)].open().push(memory);
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(|list| list.open().clear());
    }
}

pub(super) struct Arena<F: Float> {
    pub(super) memory: Buffer<F>,
    /// The results, which leave with the memory they lie in.
    pub(super) results: Vec<Buffer<F>>,
}

/// All of an arena but the targets of a step.
pub(super) struct Rest<'a, F: Float> {
    /// Runs of the memory by their first elements.
    runs: &'a [(usize, &'a [F])],
    results: &'a [Buffer<F>],
    /// Number of tasks in the batch.
    tasks: usize,
}

impl Operand {
    /// Elements of the operand in a batch of `tasks` tasks.
    #[inline(always)]
    pub(super) fn elements(&self, tasks: usize) -> usize {
        match self.kind {
            InputKind::PerTask => self.count * tasks,
            InputKind::Shared => self.count,
        }
    }
}

impl<'a, F: Float> Rest<'a, F> {
    /// The value of an operand that a step has written.
    #[inline(always)]
    pub(super) fn value(&self, operand: &Operand) -> &'a [F] {
        match operand.place {
            Place::Memory(at) => {
                let at = at * self.tasks;
                let run = self.runs.iter().rfind(|run| run.0 <= at);
                let &(first, run) = run.expect("an operand lies beside the targets");
                &run[at - first..][..operand.elements(self.tasks)]
            }
            Place::Result(k) => &self.results[k as usize].data()[..operand.elements(self.tasks)],
            _ => unreachable!("operators write to the arena"),
        }
    }
}

impl<F: Float> Arena<F> {
    /// Calls `f` with the memory of a step's targets in a batch of `tasks` tasks, and with the rest of the arena.
    #[inline(always)]
    pub(super) fn split<R>(
        &mut self,
        targets: &[Operand],
        tasks: usize,
        f: impl Fn(&mut [&mut [F]], &Rest<'_, F>) -> R,
    ) -> R {
        match targets {
            [target @ Operand { place: Place::Memory(at), .. }] => {
                let (at, count) = (at * tasks, target.elements(tasks));
                let (before, rest) = self.memory.data_mut().split_at_mut(at);
                let (out, behind) = rest.split_at_mut(count);
                let runs = [(0, &*before), (at + count, &*behind)];
                f(&mut [out], &Rest { runs: &runs, results: &self.results, tasks })
            }
            [target @ Operand { place: Place::Result(k), .. }] => {
                let mut out = std::mem::take(&mut self.results[*k as usize]);
                let runs = [(0, self.memory.data())];
                let values = &mut out.data_mut()[..target.elements(tasks)];
                let done = f(&mut [values], &Rest { runs: &runs, results: &self.results, tasks });
                self.results[*k as usize] = out;
                done
            }
            _ => self.split_many(targets, tasks, f),
        }
    }

    /// [`Arena::split`] for any number of targets.
    #[inline(never)]
    fn split_many<R>(
        &mut self,
        targets: &[Operand],
        tasks: usize,
        f: impl Fn(&mut [&mut [F]], &Rest<'_, F>) -> R,
    ) -> R {
        let mut taken: Vec<Buffer<F>> = Vec::new();
        let mut order: Vec<usize> = (0..targets.len()).collect();
        order.sort_by_key(|&k| match targets[k].place {
            Place::Memory(at) => at,
            _ => usize::MAX,
        });
        for target in targets {
            if let Place::Result(k) = target.place {
                taken.push(std::mem::take(&mut self.results[k as usize]));
            }
        }
        let mut out: Vec<&mut [F]> = targets.iter().map(|_| &mut [][..]).collect();
        let (mut runs, mut rest, mut first) = (Vec::new(), self.memory.data_mut(), 0);
        for k in order {
            if let Place::Memory(at) = targets[k].place {
                let (at, count) = (at * tasks, targets[k].elements(tasks));
                let (run, from) = rest.split_at_mut(at - first);
                let (target, behind) = from.split_at_mut(count);
                runs.push((first, &*run));
                (out[k], rest, first) = (target, behind, at + count);
            }
        }
        runs.push((first, &*rest));
        let mut results = taken.iter_mut();
        for (out, target) in out.iter_mut().zip(targets) {
            if let Place::Result(_) = target.place {
                let result = results.next().expect("as many were taken");
                *out = &mut result.data_mut()[..target.elements(tasks)];
            }
        }
        let done = f(&mut out, &Rest { runs: &runs, results: &self.results, tasks });
        let mut taken = taken.into_iter();
        for target in targets {
            if let Place::Result(k) = target.place {
                self.results[k as usize] = taken.next().expect("as many were taken");
            }
        }
        done
    }
}

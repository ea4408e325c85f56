//! One thread's memory for a program: all values but the results in one run of elements.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fewshot_kernels::Buffer;

use super::{Operand, Place};
use crate::float::Float;
use crate::tape::Given;

/// Places where threads leave the memory of arenas.
const SHELVES: usize = 16;

thread_local! {
    /// Where this thread leaves memory, and looks for it first.
    static SHELF: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Ordering::Relaxed) % SHELVES
    };
}

/// Memory of arenas that are not in use. Threads have shelves of their own: a lock that two cores share costs as much as an operator of
/// a small network, and memory that another core has used must come from its caches.
pub(super) struct Shelves<F: Float>([Shelf<F>; SHELVES]);

/// Alone in its cache lines.
#[repr(align(128))]
struct Shelf<F: Float>(Mutex<Vec<Buffer<F>>>);

impl<F: Float> Shelf<F> {
    fn open(&self) -> MutexGuard<'_, Vec<Buffer<F>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Float> Shelves<F> {
    pub(super) fn new() -> Self {
        Shelves(std::array::from_fn(|_| Shelf(Mutex::new(Vec::new()))))
    }

    /// `count` elements or more: those that this thread used last, or that another one does not use.
    pub(super) fn take(&self, count: usize) -> Buffer<F> {
        let mine = SHELF.with(|&shelf| shelf);
        let idle = (0..SHELVES).find_map(|k| self.0[(mine + k) % SHELVES].open().pop());
        idle.filter(|idle| idle.data().len() >= count).unwrap_or_else(|| Buffer::dirty(count))
    }

    pub(super) fn put(&self, memory: Buffer<F>) {
        self.0[SHELF.with(|&shelf| shelf)].open().push(memory);
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(|shelf| shelf.open().clear());
    }
}

pub(super) struct Arena<F: Float> {
    pub(super) memory: Buffer<F>,
    /// The results, which leave with the memory they lie in.
    pub(super) results: Vec<Buffer<F>>,
}

/// What lies in an arena beside the targets of a step.
pub(super) struct Rest<'a, F: Float> {
    /// Runs of the memory by their first elements.
    runs: &'a [(usize, &'a [F])],
    results: &'a [Buffer<F>],
    /// How many tasks the memory is for.
    tasks: usize,
}

impl Operand {
    /// Elements for so many tasks.
    #[inline(always)]
    pub(super) fn elements(&self, tasks: usize) -> usize {
        match self.given {
            Given::Each => self.count * tasks,
            Given::Once => self.count,
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
    /// Calls `f` with the memory of a step's targets for so many tasks, and that beside it.
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

    /// The same for any targets.
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

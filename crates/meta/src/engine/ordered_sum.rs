//! The ordered reduction of a meta-batch: results are added in task order, whatever the order in which threads submit them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Params, update_running};

use crate::engine::meta_gradient::MetaGradient;
use crate::labels::Labels;
use crate::learner::{Learner, momentum};
use crate::meta::Meta;
use crate::outcome::Outcome;

/// Submitted results that may wait for the threads that are to add them before any thread adds them.
const WAITING: usize = 8;

/// How long a thread that has nothing left to do stays awake for the others before it sleeps: about as long as falling asleep and
/// waking up take.
pub(crate) const AWAKE: Duration = Duration::from_micros(50);

/// Where threads submit their results. Those of one task are added by the calling thread, so that the sum stays in the caches of one core;
/// those of several tasks together are larger than the sum, and the thread that computed them adds them.
pub(crate) struct Collector<'a, F: Float> {
    sum: Mutex<Sum<'a, F>>,
    /// The task whose turn it is.
    next: AtomicU64,
    waiting: Mutex<BTreeMap<u64, FromThread<F>>>,
    added: &'a AddedResults<F>,
    /// Number of the calling thread.
    caller: Option<usize>,
}

/// Results that have been added. Their memory goes back to the threads it came from, whose pools have a use for it, if need be with the
/// next meta-batch: at most what each thread computed in the last one in which it took part waits here.
pub(crate) struct AddedResults<F: Float>(Mutex<Vec<FromThread<F>>>);

impl<F: Float> AddedResults<F> {
    pub(crate) fn new() -> Self {
        AddedResults(Mutex::new(Vec::new()))
    }

    /// Gives the calling thread its memory back.
    pub(crate) fn give_back(&self) {
        let thread = rayon::current_thread_index();
        let mine: Vec<FromThread<F>> = locked(&self.0).extract_if(.., |added| added.0 == thread).collect();
        drop(mine);
    }
}

/// The results of some tasks that follow each other.
pub(crate) struct TaskResults<F: Float> {
    /// Query loss of each.
    pub(crate) losses: Vec<f64>,
    /// Query accuracy of each, for classification.
    pub(crate) accuracies: Vec<Option<f64>>,
    /// For each weight the gradients, task after task.
    pub(crate) gradient: Vec<Array<F>>,
    /// Batch statistics of each; none where a model has none.
    pub(crate) statistics: Vec<Params<Array<F>>>,
}

impl<F: Float> TaskResults<F> {
    /// The results of one task, whose query has these labels.
    pub(crate) fn of_one(outcome: Outcome<Array<F>>, query: &Labels<Array<F>>) -> Self {
        TaskResults {
            losses: vec![outcome.loss.item().as_f64()],
            accuracies: vec![outcome.accuracy(query)],
            gradient: outcome.gradient.values().to_vec(),
            statistics: outcome.statistics.into_iter().collect(),
        }
    }
}

/// Results and the thread that computed them.
type FromThread<F> = (Option<usize>, TaskResults<F>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a, F: Float> Collector<'a, F> {
    /// A collector for the tasks `range`, on the calling thread.
    pub(crate) fn new(
        learner: &'a dyn Learner<F>,
        meta: &Meta<Array<F>>,
        range: Range<u64>,
        added: &'a AddedResults<F>,
    ) -> Self {
        Collector {
            next: AtomicU64::new(range.start),
            sum: Mutex::new(Sum::new(learner, meta, range)),
            waiting: Mutex::new(BTreeMap::new()),
            added,
            caller: rayon::current_thread_index(),
        }
    }

    /// Submits the results of task `i` and of those behind it.
    pub(crate) fn submit(&self, i: u64, results: TaskResults<F>) {
        let thread = rayon::current_thread_index();
        let mine = self.is_for(thread, thread, &results);
        let many = {
            let mut waiting = locked(&self.waiting);
            waiting.insert(i, (thread, results));
            waiting.len() > WAITING
        };
        self.added.give_back();
        if mine || many {
            self.add_waiting(thread, |maker, results| many || self.is_for(thread, maker, results));
        }
    }

    /// Whether `thread` is the one that adds these results, which `maker` computed.
    fn is_for(&self, thread: Option<usize>, maker: Option<usize>, results: &TaskResults<F>) -> bool {
        thread == if results.losses.len() > 1 { maker } else { self.caller }
    }

    /// Adds what this thread has submitted, if its turn comes soon.
    pub(crate) fn add_mine(&self) {
        let thread = rayon::current_thread_index();
        let (start, mine) = (Instant::now(), |maker: Option<usize>| maker == thread);
        loop {
            let first = locked(&self.waiting).iter().find(|(_, (maker, _))| mine(*maker)).map(|(&i, _)| i);
            let Some(first) = first else { return };
            while self.next.load(Ordering::Acquire) != first {
                if start.elapsed() > AWAKE {
                    return;
                }
                std::hint::spin_loop();
            }
            self.add_waiting(thread, |maker, _| mine(maker));
        }
    }

    /// Adds the results whose turn it is as long as `adds` says so of the thread that computed them and of the results.
    fn add_waiting(&self, thread: Option<usize>, adds: impl Fn(Option<usize>, &TaskResults<F>) -> bool) {
        let mut sum = locked(&self.sum);
        loop {
            let (maker, results) = match locked(&self.waiting).entry(sum.next) {
                Entry::Occupied(next) if adds(next.get().0, &next.get().1) => next.remove(),
                _ => return,
            };
            if let Some(results) = sum.add(results).filter(|_| maker != thread) {
                locked(&self.added.0).push((maker, results));
            }
            self.next.store(sum.next, Ordering::Release);
        }
    }

    /// The mean over all tasks.
    pub(crate) fn mean(self, meta: &Meta<Array<F>>) -> MetaGradient<F> {
        self.add_waiting(self.caller, |_, _| true);
        self.sum.into_inner().unwrap_or_else(PoisonError::into_inner).mean(meta)
    }
}

struct Sum<'a, F: Float> {
    learner: &'a dyn Learner<F>,
    count: f64,
    next: u64,
    loss: f64,
    accuracy: Option<f64>,
    gradient: Option<Vec<Array<F>>>,
    statistics: Params<Array<F>>,
}

impl<'a, F: Float> Sum<'a, F> {
    fn new(learner: &'a dyn Learner<F>, meta: &Meta<Array<F>>, range: Range<u64>) -> Self {
        Sum {
            learner,
            count: (range.end - range.start) as f64,
            next: range.start,
            loss: 0.0,
            accuracy: Some(0.0),
            gradient: None,
            statistics: meta.statistics.clone(),
        }
    }

    /// Adds the next results; returns them unless the sum begins with their memory.
    fn add(&mut self, results: TaskResults<F>) -> Option<TaskResults<F>> {
        let tasks = results.losses.len();
        self.next += tasks as u64;
        self.loss = results.losses.iter().fold(self.loss, |sum, loss| sum + loss);
        for &accuracy in &results.accuracies {
            self.accuracy = self.accuracy.zip(accuracy).map(|(sum, accuracy)| sum + accuracy);
        }
        for batch in &results.statistics {
            self.statistics = update_running(&self.statistics, batch, momentum(self.learner.policy()));
        }
        if tasks == 1 && self.gradient.is_none() {
            self.gradient = Some(results.gradient);
            return None;
        }
        let mut from = 0;
        let sum = self.gradient.get_or_insert_with(|| {
            from = 1;
            results.gradient.iter().map(first_task).collect()
        });
        for (sum, all) in sum.iter_mut().zip(&results.gradient) {
            sum.add_each(&all.data()[from * sum.len()..]);
        }
        Some(results)
    }

    fn mean(self, meta: &Meta<Array<F>>) -> MetaGradient<F> {
        let factor = F::of(1.0 / self.count);
        let gradient = self.gradient.expect("a meta-batch has a task");
        MetaGradient {
            loss: self.loss / self.count,
            accuracy: self.accuracy.map(|sum| sum / self.count),
            gradient: meta.theta.with_values(gradient.iter().map(|g| g.map(|x| x * factor)).collect()),
            statistics: self.statistics,
            lanes: Vec::new(),
        }
    }
}

/// The values of the first of several tasks.
fn first_task<F: Float>(all: &Array<F>) -> Array<F> {
    let mut first = Array::zeros(&all.shape()[1..]);
    let count = first.len();
    first.data_mut().copy_from_slice(&all.data()[..count]);
    first
}

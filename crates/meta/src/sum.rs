//! The parts of a meta-batch, added up in task order whatever the order in which they arrive.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Params, update_running};

use crate::learner::{Learner, Meta, TaskGradient};
use crate::tasks::MetaGradient;

/// Parts that may wait for the calling thread before others add them.
const WAITING: usize = 8;

/// Where threads hand in their parts. The calling thread adds them, so that the sum stays in the caches of one core; but a part of
/// several tasks is larger than the sum, and who made it adds it if its turn has come. A part's memory goes back to the thread it came
/// from, whose pool has a use for it.
pub(crate) struct Collector<'a, F: Float> {
    sum: Mutex<Sum<'a, F>>,
    parts: Mutex<Parts<F>>,
    /// Number of the calling thread.
    caller: Option<usize>,
}

/// The meta-gradients of some tasks that follow each other.
pub(crate) struct Part<F: Float> {
    /// Query loss of each.
    pub(crate) losses: Vec<f64>,
    /// Query accuracy of each, for classification.
    pub(crate) accuracies: Vec<Option<f64>>,
    /// For each weight the gradients, task after task.
    pub(crate) gradient: Vec<Array<F>>,
    /// Batch statistics of each; none where a model has none.
    pub(crate) statistics: Vec<Params<Array<F>>>,
}

impl<F: Float> From<TaskGradient<F>> for Part<F> {
    fn from(task: TaskGradient<F>) -> Self {
        Part {
            losses: vec![task.loss],
            accuracies: vec![task.accuracy],
            gradient: task.gradient.values().to_vec(),
            statistics: task.statistics.into_iter().collect(),
        }
    }
}

/// A part and the thread that made it.
type Made<F> = (Option<usize>, Part<F>);

struct Parts<F: Float> {
    waiting: BTreeMap<u64, Made<F>>,
    /// Added already; the memory is still there.
    spent: Vec<Made<F>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a, F: Float> Collector<'a, F> {
    /// A collector for the tasks `range`, to whose sum the thread that calls this adds.
    pub(crate) fn new(learner: &'a dyn Learner<F>, meta: &Meta<F>, range: Range<u64>) -> Self {
        Collector {
            sum: Mutex::new(Sum::new(learner, meta, range)),
            parts: Mutex::new(Parts { waiting: BTreeMap::new(), spent: Vec::new() }),
            caller: rayon::current_thread_index(),
        }
    }

    /// Hands in the part of task `i` and those behind it.
    pub(crate) fn hand_in(&self, i: u64, part: Part<F>) {
        let thread = rayon::current_thread_index();
        let several = part.losses.len() > 1;
        let (mine, waiting): (Vec<Made<F>>, usize) = {
            let mut parts = locked(&self.parts);
            parts.waiting.insert(i, (thread, part));
            (parts.spent.extract_if(.., |spent| spent.0 == thread).collect(), parts.waiting.len())
        };
        drop(mine);
        if several || thread == self.caller || waiting > WAITING {
            self.add_waiting(thread);
        }
    }

    /// Adds the parts whose turn it is.
    fn add_waiting(&self, thread: Option<usize>) {
        let mut sum = locked(&self.sum);
        loop {
            let Some((maker, part)) = locked(&self.parts).waiting.remove(&sum.next) else { return };
            if let Some(part) = sum.add(part).filter(|_| maker != thread) {
                locked(&self.parts).spent.push((maker, part));
            }
        }
    }

    /// The mean over all tasks.
    pub(crate) fn mean(self, meta: &Meta<F>) -> MetaGradient<F> {
        self.add_waiting(self.caller);
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
    fn new(learner: &'a dyn Learner<F>, meta: &Meta<F>, range: Range<u64>) -> Self {
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

    /// Adds the next part; returns it unless the sum begins with its memory.
    fn add(&mut self, part: Part<F>) -> Option<Part<F>> {
        let tasks = part.losses.len();
        self.next += tasks as u64;
        self.loss = part.losses.iter().fold(self.loss, |sum, loss| sum + loss);
        for &accuracy in &part.accuracies {
            self.accuracy = self.accuracy.zip(accuracy).map(|(sum, accuracy)| sum + accuracy);
        }
        for batch in &part.statistics {
            self.statistics = update_running(&self.statistics, batch, self.learner.momentum());
        }
        if tasks == 1 && self.gradient.is_none() {
            self.gradient = Some(part.gradient);
            return None;
        }
        let mut from = 0;
        let sum = self.gradient.get_or_insert_with(|| {
            from = 1;
            part.gradient.iter().map(first_task).collect()
        });
        for (sum, all) in sum.iter_mut().zip(&part.gradient) {
            sum.add_each(&all.data()[from * sum.len()..]);
        }
        Some(part)
    }

    fn mean(self, meta: &Meta<F>) -> MetaGradient<F> {
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

//! The meta-gradient of a meta-batch: tasks over threads, summed in task order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fewshot_autodiff::{Array, Float, with_split};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_nn::{Params, update_running};

use crate::learner::{Learner, Meta, TaskGradient};
use crate::runner::Runner;
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
    /// the result has the same bits for any number of threads. Fewer tasks than threads have the threads for their kernels. Task
    /// `i` draws dropout and other noise from stream `i` of `seed`.
    ///
    /// # Panics
    /// When the range is empty.
    #[track_caller]
    pub fn meta_gradient(
        &self,
        meta: &Meta<F>,
        tasks: &dyn Tasks,
        range: Range<u64>,
        seed: u64,
    ) -> MetaGradient<F> {
        assert!(!range.is_empty(), "meta_gradient: the meta-batch {range:?} has no task");
        let sum = Mutex::new(Sum::new(self.learner, meta, range.clone()));
        let one = |meta: &Meta<F>, i: u64| {
            let task = Task::from(tasks.episode(i));
            let mut part = self.task_gradient(meta, &task, || stream(seed, Purpose::Dropout, i));
            let carried = std::mem::take(&mut part.carried);
            sum.lock().unwrap_or_else(PoisonError::into_inner).add(i, part);
            carried
        };
        let lanes: Vec<Mutex<Params<Array<F>>>> = if meta.lanes.is_empty() {
            on_all_threads(range, |i| drop(one(meta, i)));
            Vec::new()
        } else {
            let lanes: Vec<_> = meta.lanes.iter().map(|lane| Mutex::new(lane.clone())).collect();
            let count = lanes.len();
            on_all_threads(0..count as u64, |lane| {
                let held = &lanes[lane as usize];
                let mut carried = held.lock().unwrap_or_else(PoisonError::into_inner);
                for i in range.clone().skip(lane as usize).step_by(count) {
                    *carried = one(&Meta { lanes: vec![carried.clone()], ..meta.clone() }, i);
                }
            });
            lanes
        };
        let lanes = lanes.into_iter().map(|lane| lane.into_inner().unwrap_or_else(PoisonError::into_inner));
        let lanes = lanes.collect();
        MetaGradient { lanes, ..sum.into_inner().unwrap_or_else(PoisonError::into_inner).mean(meta) }
    }
}

/// Calls `one` for each number on the threads of the ambient pool; fewer numbers than threads have the threads for their kernels.
fn on_all_threads(range: Range<u64>, one: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(range.start);
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= range.end {
                return;
            }
            one(i);
        }
    };
    let threads = rayon::current_num_threads();
    if range.end - range.start < threads as u64 {
        with_split(true, work);
    } else {
        // the caller works too, at once: waking a thread takes as long as some of the smallest tasks
        rayon::in_place_scope(|scope| {
            (1..threads).for_each(|_| scope.spawn(|_| work()));
            work();
        });
    }
}

/// [`Runner::meta_gradient`] once: for many meta-batches keep a [`Runner`], which records the work once.
///
/// # Panics
/// When the range is empty.
#[track_caller]
pub fn meta_gradient<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<F>,
    tasks: &dyn Tasks,
    range: Range<u64>,
    seed: u64,
) -> MetaGradient<F> {
    Runner::new(learner).meta_gradient(meta, tasks, range, seed)
}

/// The parts of a meta-batch added up in task order, whatever the order in which they arrive.
struct Sum<'a, F: Float> {
    learner: &'a dyn Learner<F>,
    count: f64,
    next: u64,
    /// Parts that came before their turn: at most one a thread.
    early: BTreeMap<u64, TaskGradient<F>>,
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
            early: BTreeMap::new(),
            loss: 0.0,
            accuracy: Some(0.0),
            gradient: None,
            statistics: meta.statistics.clone(),
        }
    }

    fn add(&mut self, i: u64, part: TaskGradient<F>) {
        self.early.insert(i, part);
        while let Some(part) = self.early.remove(&self.next) {
            self.next += 1;
            self.loss += part.loss;
            self.accuracy = self.accuracy.zip(part.accuracy).map(|(sum, accuracy)| sum + accuracy);
            if let Some(batch) = &part.statistics {
                self.statistics = update_running(&self.statistics, batch, self.learner.momentum());
            }
            match &mut self.gradient {
                Some(sum) => sum.iter_mut().zip(part.gradient.values()).for_each(|(sum, x)| *sum += x),
                None => self.gradient = Some(part.gradient.values().to_vec()),
            }
        }
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

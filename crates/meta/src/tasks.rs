//! The meta-gradient of a meta-batch: tasks over threads, summed in task order.

use std::ops::Range;

use fewshot_autodiff::{Array, Float, with_split};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_nn::{Params, update_running};
use rayon::prelude::*;

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
        let one = |i: u64| {
            let task = Task::from(&tasks.episode(i));
            self.task_gradient(meta, &task, || stream(seed, Purpose::Dropout, i))
        };
        let parts: Vec<TaskGradient<F>> = if range.end - range.start < rayon::current_num_threads() as u64 {
            with_split(true, || range.map(one).collect())
        } else {
            range.into_par_iter().map(one).collect()
        };
        mean(self.learner, meta, parts)
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

fn mean<F: Float>(learner: &dyn Learner<F>, meta: &Meta<F>, parts: Vec<TaskGradient<F>>) -> MetaGradient<F> {
    let count = parts.len() as f64;
    let sums: Vec<Array<F>> = (0..meta.theta.len())
        .into_par_iter()
        .map(|p| mean_of(parts.iter().map(|part| &part.gradient.values()[p]), F::of(1.0 / count)))
        .collect();
    MetaGradient {
        loss: parts.iter().map(|part| part.loss).sum::<f64>() / count,
        accuracy: parts.iter().map(|part| part.accuracy).sum::<Option<f64>>().map(|sum| sum / count),
        gradient: meta.theta.with_values(sums),
        statistics: parts
            .iter()
            .filter_map(|part| part.statistics.as_ref())
            .fold(meta.statistics.clone(), |running, batch| {
                update_running(&running, batch, learner.momentum())
            }),
    }
}

/// The arrays summed in order, times `factor`.
fn mean_of<'a, F: Float>(mut arrays: impl Iterator<Item = &'a Array<F>>, factor: F) -> Array<F> {
    let mut sum = arrays.next().expect("a meta-batch has a task").clone();
    for array in arrays {
        for (s, &x) in sum.data_mut().iter_mut().zip(array.data()) {
            *s += x;
        }
    }
    for s in sum.data_mut() {
        *s *= factor;
    }
    sum
}

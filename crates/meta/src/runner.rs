//! [`Runner`]: the meta-gradients of a learner, from programs recorded once for episodes of one shape.

use std::iter::Peekable;
use std::sync::{Arc, Mutex, PoisonError};

use fewshot_autodiff::{Float, Program, StepTime};
use fewshot_episodes::ChaCha8Rng;

use crate::learner::{Learner, Meta, TaskGradient};
use crate::recording::{Form, Recording};
use crate::sum::{Part, Spent};
use crate::task::Task;

/// How a learner's work on a task is executed. The results are the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Execution {
    /// Recorded once for episodes of one shape, then replayed for every task on every thread.
    #[default]
    Recorded,
    /// Operator by operator on a tape for each task: for debugging.
    Eager,
}

/// Computes meta-gradients of a learner: records its work on the first task of each shape and replays it for the others.
///
/// ```
/// use fewshot_episodes::{Purpose, Sinusoid};
/// use fewshot_meta::{Learner, Maml, Runner};
/// use fewshot_nn::Mlp;
/// let waves = Sinusoid::new(10, 10, 1, Purpose::Train).expect("sizes are not 0");
/// let maml = Maml::new(Mlp::new(&[1, 40, 40, 1]));
/// let (runner, meta) = (Runner::<f32>::new(&maml), maml.init(1));
/// let mean = runner.meta_gradient(&meta, &waves, 0..25, 1);
/// assert_eq!(mean.gradient.names(), meta.theta.names());
/// ```
pub struct Runner<'a, F: Float = f32> {
    pub(crate) learner: &'a dyn Learner<F>,
    execution: Execution,
    /// The one used last is the last.
    recordings: Mutex<Vec<Arc<Recording<F>>>>,
    pub(crate) spent: Spent<F>,
}

/// Programs kept at a time: episodes of ever other shapes would fill the memory.
const KEPT: usize = 16;

impl<'a, F: Float> Runner<'a, F> {
    /// A runner that records programs, if the learner allows it.
    pub fn new(learner: &'a dyn Learner<F>) -> Self {
        Self::with(learner, Execution::Recorded)
    }

    /// A runner that executes in this way.
    pub fn with(learner: &'a dyn Learner<F>, execution: Execution) -> Self {
        let execution = if learner.is_recordable() { execution } else { Execution::Eager };
        Runner { learner, execution, recordings: Mutex::new(Vec::new()), spent: Spent::new() }
    }

    /// The meta-gradient of one task; `rng` makes the stream of dropout and other noise.
    pub fn task_gradient(
        &self,
        meta: &Meta<F>,
        task: &Task<F>,
        rng: impl FnOnce() -> ChaCha8Rng,
    ) -> TaskGradient<F> {
        self.worker().task_gradient(meta, task, rng)
    }

    /// How many tasks a [`Worker`] is to be given at once: what suits the program used last.
    pub(crate) fn tasks_at_once(&self) -> usize {
        let recordings = self.recordings.lock().unwrap_or_else(PoisonError::into_inner);
        recordings.last().map_or(1, |last| last.program.tasks_at_once())
    }

    /// The runner as the calling thread uses it for some tasks.
    pub(crate) fn worker(&self) -> Worker<'_, 'a, F> {
        self.spent.give_back();
        Worker { runner: self, last: None }
    }

    /// The program for tasks of this one's shape, to be printed or drawn. Nothing when execution is eager.
    pub fn program(&self, meta: &Meta<F>, task: &Task<F>) -> Option<Arc<Program<F>>> {
        self.recording(meta, task).map(|recording| Arc::clone(&recording.program))
    }

    /// How long each operator takes on one task. Nothing when execution is eager.
    pub fn profile(
        &self,
        meta: &Meta<F>,
        task: &Task<F>,
        rng: impl FnOnce() -> ChaCha8Rng,
    ) -> Option<Vec<StepTime>> {
        let recording = self.recording(meta, task)?;
        let given = recording.given(task, rng);
        Some(recording.program.profile(&given.inputs(meta, task)))
    }

    fn recording(&self, meta: &Meta<F>, task: &Task<F>) -> Option<Arc<Recording<F>>> {
        let form = self.form(meta, task)?;
        Some(self.recording_of(form, meta))
    }

    /// What the program for a task must fit; nothing when execution is eager.
    fn form(&self, meta: &Meta<F>, task: &Task<F>) -> Option<Form> {
        match self.execution {
            Execution::Eager => None,
            Execution::Recorded => Form::of(self.learner.stage(meta.iteration), task),
        }
    }

    fn recording_of(&self, form: Form, meta: &Meta<F>) -> Arc<Recording<F>> {
        // held while recording, so that the first tasks of a shape record it once
        let mut recordings = self.recordings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = recordings.last().filter(|recording| recording.form == form) {
            return Arc::clone(last);
        }
        // shapes that take turns take turns in the same memory
        recordings.iter().for_each(|other| other.program.release());
        let recording = match recordings.iter().position(|recording| recording.form == form) {
            Some(known) => recordings.remove(known),
            None => Arc::new(Recording::new(self.learner, meta, form)),
        };
        if recordings.len() == KEPT {
            recordings.remove(0);
        }
        recordings.push(Arc::clone(&recording));
        recording
    }
}

/// A [`Runner`] on one thread, which keeps the program it used last at hand: looking for it where all threads look takes as long as
/// some operators of a small network.
pub(crate) struct Worker<'r, 'a, F: Float> {
    runner: &'r Runner<'a, F>,
    last: Option<Arc<Recording<F>>>,
}

impl<F: Float> Worker<'_, '_, F> {
    /// As [`Runner::task_gradient`].
    pub(crate) fn task_gradient(
        &mut self,
        meta: &Meta<F>,
        task: &Task<F>,
        rng: impl FnOnce() -> ChaCha8Rng,
    ) -> TaskGradient<F> {
        match self.runner.form(meta, task) {
            Some(form) => self.recording_of(form, meta).run(meta, task, rng),
            None => self.runner.learner.meta_gradient(meta, task, rng()),
        }
    }

    /// The part of the next of these numbered tasks and of those behind it that have its shapes, if they run together; `rng(i)` makes
    /// the stream of task `i`. Nothing if there is none.
    pub(crate) fn part(
        &mut self,
        meta: &Meta<F>,
        tasks: &mut Peekable<impl Iterator<Item = (u64, Task<F>)>>,
        rng: impl Fn(u64) -> ChaCha8Rng,
    ) -> Option<Part<F>> {
        let runner = self.runner;
        let form = runner.form(meta, &tasks.peek()?.1);
        let recording = form.map(|form| self.recording_of(form, meta));
        let most = recording.map_or(1, |recording| recording.program.tasks_at_once());
        match (recording, most.min(tasks.size_hint().0)) {
            (Some(recording), most @ 2..) => {
                let same = |task: &Task<F>| runner.form(meta, task).as_ref() == Some(&recording.form);
                let rng = &rng;
                let next = || tasks.next_if(|(_, task)| same(task)).map(|(i, task)| (task, move || rng(i)));
                Some(recording.run_together(meta, most, std::iter::from_fn(next).take(most)))
            }
            _ => {
                let (i, task) = tasks.next()?;
                Some(self.task_gradient(meta, &task, || rng(i)).into())
            }
        }
    }

    fn recording_of(&mut self, form: Form, meta: &Meta<F>) -> &Recording<F> {
        if self.last.as_ref().is_none_or(|last| last.form != form) {
            self.last = Some(self.runner.recording_of(form, meta));
        }
        self.last.as_ref().expect("it has just been set")
    }
}

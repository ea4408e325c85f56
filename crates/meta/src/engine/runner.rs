//! [`Runner`]: the meta-gradients of a learner, from programs recorded once for episodes of one shape.

use std::iter::Peekable;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fewshot_autodiff::{Array, Float, Program, StepTime};
use fewshot_episodes::ChaCha8Rng;
use fewshot_nn::{ParamSpec, Params};

use crate::engine::eager::eager;
use crate::engine::ordered_sum::{AddedResults, TaskResults};
use crate::engine::programs::{Form, Recording};
use crate::error::Error;
use crate::fit::{self, or_panic};
use crate::learner::Learner;
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::task::Task;

/// How a learner's work on a task is executed. The results are the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Execution {
    /// Recorded once for episodes of one shape, then replayed for every task on every thread.
    #[default]
    Recorded,
    /// Operator by operator on a tape for each task: for debugging, and for learners that do other work each time they are called.
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
    pub(crate) added: AddedResults<F>,
    /// What meta-parameters are compared with.
    spec: OnceLock<ParamSpec>,
    lanes: OnceLock<Vec<Params<Array<F>>>>,
    /// Meta-batches so far.
    batches: AtomicU64,
    /// Recordings so far, of which the first are made twice and compared.
    compared: AtomicUsize,
}

/// Programs kept at a time: episodes of ever other shapes would fill the memory.
const KEPT: usize = 16;

impl<'a, F: Float> Runner<'a, F> {
    /// A runner that records programs.
    pub fn new(learner: &'a dyn Learner<F>) -> Self {
        Self::with(learner, Execution::Recorded)
    }

    /// A runner that executes in this way.
    #[inline(never)]
    pub fn with(learner: &'a dyn Learner<F>, execution: Execution) -> Self {
        Runner {
            learner,
            execution,
            recordings: Mutex::new(Vec::new()),
            added: AddedResults::new(),
            spec: OnceLock::new(),
            lanes: OnceLock::new(),
            batches: AtomicU64::new(0),
            compared: AtomicUsize::new(0),
        }
    }

    /// The meta-gradient of one task; `rng` makes the stream of dropout and other noise.
    ///
    /// # Panics
    /// When meta-parameters or task do not fit the learner, or it cannot be recorded ([`Error::Changing`]).
    #[track_caller]
    pub fn task_gradient(
        &self,
        meta: &Meta<Array<F>>,
        task: &Task<Array<F>>,
        rng: impl FnOnce() -> ChaCha8Rng,
    ) -> Outcome<Array<F>> {
        let gradient = self.check(meta).and_then(|()| self.worker().task_gradient(meta, task, rng));
        or_panic("task_gradient", gradient)
    }

    /// Whether meta-parameters are the learner's.
    pub(crate) fn check(&self, meta: &Meta<Array<F>>) -> Result<(), Error> {
        let spec = self.spec.get_or_init(|| self.learner.spec());
        fit::weights(spec, meta)?;
        let lanes = self.lanes.get_or_init(|| self.learner.lanes(&meta.theta));
        fit::lanes(lanes, &meta.lanes)
    }

    /// Whether meta-parameters are such as the learner is trained with, which [`Runner::check`] has let pass.
    pub(crate) fn check_lanes(&self, meta: &Meta<Array<F>>) -> Result<(), Error> {
        let lanes = self.lanes.get_or_init(|| self.learner.lanes(&meta.theta));
        fit::lane_count(lanes.len(), meta.lanes.len())
    }

    /// How many tasks a [`Worker`] is to be given at once: what suits the program used last.
    pub(crate) fn tasks_at_once(&self) -> usize {
        let recordings = self.recordings.lock().unwrap_or_else(PoisonError::into_inner);
        recordings.last().map_or(1, |last| last.program.tasks_at_once())
    }

    /// The runner as the calling thread uses it for some tasks.
    pub(crate) fn worker(&self) -> Worker<'_, 'a, F> {
        self.added.give_back();
        Worker { runner: self, last: None }
    }

    /// The program for tasks of this one's shape, to be printed or drawn. Nothing when execution is eager.
    ///
    /// # Panics
    /// As [`Runner::task_gradient`].
    #[track_caller]
    #[inline(never)]
    pub fn program(&self, meta: &Meta<Array<F>>, task: &Task<Array<F>>) -> Option<Arc<Program<F>>> {
        let recording = or_panic("program", self.recording(meta, task));
        recording.map(|recording| Arc::clone(&recording.program))
    }

    /// How long each operator takes on one task. Nothing when execution is eager.
    ///
    /// # Panics
    /// As [`Runner::task_gradient`].
    #[track_caller]
    pub fn profile(
        &self,
        meta: &Meta<Array<F>>,
        task: &Task<Array<F>>,
        rng: impl FnOnce() -> ChaCha8Rng,
    ) -> Option<Vec<StepTime>> {
        let recording = or_panic("profile", self.recording(meta, task))?;
        let given = recording.given(task, rng);
        Some(recording.program.profile(&given.inputs(meta, task)))
    }

    /// Looks at the first task of a meta-batch before it begins: records its work, and after 1, 2, 4, 8, ... meta-batches records it
    /// again, as a learner may come to do other work only later.
    pub(crate) fn look_at(
        &self,
        meta: &Meta<Array<F>>,
        task: impl FnOnce() -> Task<Array<F>>,
    ) -> Result<(), Error> {
        let before = self.batches.fetch_add(1, Ordering::Relaxed);
        if self.execution == Execution::Eager || !(before == 0 || before.is_power_of_two()) {
            return Ok(());
        }
        match self.recording(meta, &task())? {
            Some(recording) if before > 0 => recording.compare(self.learner, meta),
            _ => Ok(()),
        }
    }

    /// The recording for a task that fits; nothing when execution is eager.
    pub(crate) fn recording(
        &self,
        meta: &Meta<Array<F>>,
        task: &Task<Array<F>>,
    ) -> Result<Option<Arc<Recording<F>>>, Error> {
        self.check(meta)?;
        self.learner.check_task(task)?;
        self.form(meta, task).map(|form| self.recording_of(form, meta, task)).transpose()
    }

    /// What the program for a task must fit; nothing when execution is eager.
    fn form(&self, meta: &Meta<Array<F>>, task: &Task<Array<F>>) -> Option<Form> {
        match self.execution {
            Execution::Eager => None,
            Execution::Recorded => Form::of(self.learner.stage(meta.iteration), task),
        }
    }

    /// The recording for tasks of a form, of which `task` is the first.
    fn recording_of(
        &self,
        form: Form,
        meta: &Meta<Array<F>>,
        task: &Task<Array<F>>,
    ) -> Result<Arc<Recording<F>>, Error> {
        // held while recording, so that the first tasks of a shape record it once
        let mut recordings = self.recordings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = recordings.last().filter(|recording| recording.form == form) {
            return Ok(Arc::clone(last));
        }
        // shapes that take turns take turns in the same memory
        recordings.iter().for_each(|other| other.program.release());
        let recording = match recordings.iter().position(|recording| recording.form == form) {
            Some(known) => recordings.remove(known),
            None => {
                self.learner.check_task(task)?;
                // shapes that are forgotten and come again are not compared for ever
                let twice = self.compared.fetch_add(1, Ordering::Relaxed) < KEPT;
                Arc::new(Recording::new(self.learner, meta, form, twice)?)
            }
        };
        if recordings.len() == KEPT {
            recordings.remove(0);
        }
        recordings.push(Arc::clone(&recording));
        Ok(recording)
    }
}

/// A [`Runner`] on one thread, which keeps the program it used last at hand: looking for it where all threads look takes as long as
/// some operators of a small network.
pub(crate) struct Worker<'r, 'a, F: Float> {
    runner: &'r Runner<'a, F>,
    last: Option<Arc<Recording<F>>>,
}

impl<F: Float> Worker<'_, '_, F> {
    /// As [`Runner::task_gradient`], for meta-parameters that fit.
    pub(crate) fn task_gradient(
        &mut self,
        meta: &Meta<Array<F>>,
        task: &Task<Array<F>>,
        rng: impl FnOnce() -> ChaCha8Rng,
    ) -> Result<Outcome<Array<F>>, Error> {
        let learner = self.runner.learner;
        let Some(form) = self.runner.form(meta, task) else {
            learner.check_task(task)?;
            return Ok(eager(learner, meta, task, rng()));
        };
        let recording = self.recording_of(form, meta, task)?;
        if !recording.takes_query(task) {
            learner.check_task(task)?;
        }
        Ok(recording.run(meta, task, rng))
    }

    /// The results of the next of these numbered tasks and of those behind it that have its shapes, if they run together; `rng(i)` makes
    /// the stream of task `i`. Nothing if there is none.
    pub(crate) fn next_results(
        &mut self,
        meta: &Meta<Array<F>>,
        tasks: &mut Peekable<impl Iterator<Item = (u64, Task<Array<F>>)>>,
        rng: impl Fn(u64) -> ChaCha8Rng,
    ) -> Option<Result<TaskResults<F>, (u64, Error)>> {
        let runner = self.runner;
        let (first, task) = tasks.peek()?;
        let (first, form) = (*first, runner.form(meta, task));
        let recording = match form.map(|form| self.recording_of(form, meta, task)).transpose() {
            Ok(recording) => recording,
            Err(error) => return Some(Err((first, error))),
        };
        let together = recording.filter(|recording| recording.takes_query(task));
        let most = together.map_or(1, |recording| recording.program.tasks_at_once());
        match (together, most.min(tasks.size_hint().0)) {
            (Some(recording), most @ 2..) => {
                let same = |task: &Task<Array<F>>| {
                    runner.form(meta, task).as_ref() == Some(&recording.form) && recording.takes_query(task)
                };
                let rng = &rng;
                let next = || tasks.next_if(|(_, task)| same(task)).map(|(i, task)| (task, move || rng(i)));
                Some(Ok(recording.run_batched(meta, most, std::iter::from_fn(next).take(most))))
            }
            _ => {
                let (i, task) = tasks.next()?;
                let outcome = self.task_gradient(meta, &task, || rng(i));
                let results = outcome.map(|outcome| TaskResults::of_one(outcome, &task.query.y));
                Some(results.map_err(|error| (i, error)))
            }
        }
    }

    fn recording_of(
        &mut self,
        form: Form,
        meta: &Meta<Array<F>>,
        task: &Task<Array<F>>,
    ) -> Result<&Recording<F>, Error> {
        if self.last.as_ref().is_none_or(|last| last.form != form) {
            self.last = Some(self.runner.recording_of(form, meta, task)?);
        }
        Ok(self.last.as_ref().expect("it has just been set"))
    }
}

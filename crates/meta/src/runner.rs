//! [`Runner`]: the meta-gradients of a learner, from programs recorded once for episodes of one shape.

use std::sync::{Arc, Mutex, PoisonError};

use fewshot_autodiff::{Array, Float, Program, Shape, StepTime};
use fewshot_episodes::ChaCha8Rng;
use fewshot_nn::{Draw, Noise, Params};

use crate::learner::{Learner, Meta, MetaVars, TaskGradient, accuracy};
use crate::sum::Part;
use crate::task::{Examples, Labels, Task};
use crate::task_vars::{ExampleVars, LabelForm, TaskVars};

/// How a learner's work on a task is executed. The results are the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Execution {
    /// Recorded once for episodes of one shape, then replayed for every task on every thread.
    #[default]
    Recorded,
    /// Operator by operator on a tape for each task: for debugging.
    Eager,
}

/// What episodes must have in common to share a program.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Form {
    stage: u64,
    sides: [(Shape, Shape, LabelForm); 2],
}

impl Form {
    /// The form of a task; nothing for one whose support lacks a class, which is for the eager way to complain of.
    fn of<F: Float>(stage: u64, task: &Task<F>) -> Option<Self> {
        // a query need not show every class: the support says how many there are
        let ways = task.support.y.ways();
        let side = |examples: &Examples<F>| {
            let x = Shape::new(examples.x.shape());
            match &examples.y {
                Labels::Classes(classes) => (x, Shape::new(&[classes.len()]), LabelForm::Classes { ways }),
                Labels::Values(values) => (x, Shape::new(values.shape()), LabelForm::Values),
            }
        };
        let complete = match &task.support.y {
            Labels::Classes(classes) => (0..ways).all(|class| classes.contains(&class)),
            Labels::Values(_) => true,
        };
        complete.then(|| Form { stage, sides: [side(&task.support), side(&task.query)] })
    }
}

/// A learner's work on episodes of one form.
struct Recording<F: Float> {
    form: Form,
    program: Arc<Program<F>>,
    draws: Vec<Draw>,
    statistics: Option<Params<()>>,
    carried: Params<()>,
}

impl<F: Float> Recording<F> {
    fn new(learner: &dyn Learner<F>, meta: &Meta<F>, form: Form) -> Self {
        let noise = Noise::recorder();
        let (mut statistics, mut carried) = (None, Params::default());
        let program = Program::record(|tape| {
            let common = |params: &Params<Array<F>>| params.map(|x| tape.common_input(x.shape()));
            let meta = MetaVars {
                theta: common(&meta.theta),
                statistics: common(&meta.statistics),
                carried: meta.lanes.first().map(common).unwrap_or_default(),
                stage: form.stage,
            };
            let [support, query] = form.sides.map(|(x, y, labels)| {
                let x = tape.input(&x);
                ExampleVars { x, y: labels.on(tape.input(&y)) }
            });
            let g = learner.gradient(&meta, &TaskVars { support, query }, &noise);
            statistics = g.statistics.as_ref().map(|s| s.map(|_| ()));
            carried = g.carried.map(|_| ());
            let mut results = vec![g.loss, g.predictions];
            results.extend_from_slice(g.gradient.values());
            results.extend(g.statistics.iter().flat_map(|s| s.values()));
            results.extend_from_slice(g.carried.values());
            results
        });
        Recording { form, program: Arc::new(program), draws: noise.draws(), statistics, carried }
    }

    fn run(&self, meta: &Meta<F>, task: &Task<F>, rng: impl FnOnce() -> ChaCha8Rng) -> TaskGradient<F> {
        let given = self.given(task, rng);
        let mut results = self.program.run(&given.inputs(meta, task)).into_iter();
        let mut next = || results.next().expect("a program has the results that were recorded");
        let (loss, predictions) = (next(), next());
        let gradient = meta.theta.with_values((0..meta.theta.len()).map(|_| next()).collect());
        let statistics = self.statistics.as_ref().map(|names| names.map(|()| next()));
        TaskGradient {
            loss: loss.item().as_f64(),
            accuracy: accuracy(&task.query.y, &predictions),
            gradient,
            statistics,
            carried: self.carried.map(|()| next()),
        }
    }

    /// The parts of some tasks of this form, run together.
    fn run_many(&self, meta: &Meta<F>, tasks: &[Task<F>], rng: impl Fn(usize) -> ChaCha8Rng) -> Part<F> {
        let given: Vec<Given<F>> =
            tasks.iter().enumerate().map(|(k, task)| self.given(task, || rng(k))).collect();
        let inputs: Vec<Vec<&Array<F>>> =
            given.iter().zip(tasks).map(|(given, task)| given.inputs(meta, task)).collect();
        let mut results = self.program.run_many(&inputs).into_iter();
        let mut next = || results.next().expect("a program has the results that were recorded");
        let (losses, predictions) = (next(), next());
        let gradient = (0..meta.theta.len()).map(|_| next()).collect();
        let statistics = self.statistics.as_ref().map(|names| names.map(|()| next()));
        let of_task = |array: &Array<F>, k: usize| {
            let shape = &array.shape()[1..];
            let count = shape.iter().product::<usize>();
            Array::new(shape, array.data()[k * count..][..count].to_vec())
        };
        let accuracies = tasks.iter().enumerate().map(|(k, task)| match &task.query.y {
            Labels::Classes(_) => accuracy(&task.query.y, &of_task(&predictions, k)),
            Labels::Values(_) => None,
        });
        Part {
            losses: losses.data().iter().map(|loss| loss.as_f64()).collect(),
            accuracies: accuracies.collect(),
            gradient,
            statistics: statistics
                .map_or_else(Vec::new, |all| (0..tasks.len()).map(|k| all.map(|x| of_task(x, k))).collect()),
        }
    }

    /// The values of the program's inputs for a task, beside those of the task itself.
    fn given(&self, task: &Task<F>, rng: impl FnOnce() -> ChaCha8Rng) -> Given<F> {
        let labels = [&task.support.y, &task.query.y].map(|y| match y {
            Labels::Classes(classes) => Array::index(classes),
            Labels::Values(values) => values.clone(),
        });
        let draws = if self.draws.is_empty() {
            Vec::new()
        } else {
            let mut rng = rng();
            self.draws.iter().map(|draw| draw.array(&mut rng)).collect()
        };
        Given { labels, draws }
    }
}

/// What a program is given for a task beside its examples: labels, and what is drawn.
struct Given<F: Float> {
    labels: [Array<F>; 2],
    draws: Vec<Array<F>>,
}

impl<F: Float> Given<F> {
    /// The values of the program's inputs, in the order in which they were recorded.
    fn inputs<'g>(&'g self, meta: &'g Meta<F>, task: &'g Task<F>) -> Vec<&'g Array<F>> {
        let mut inputs: Vec<&Array<F>> =
            Vec::with_capacity(2 * meta.theta.len() + meta.statistics.len() + 5 + self.draws.len());
        inputs.extend(meta.theta.values());
        inputs.extend(meta.statistics.values());
        inputs.extend(meta.lanes.first().into_iter().flat_map(|lane| lane.values()));
        inputs.extend([&task.support.x, &self.labels[0], &task.query.x, &self.labels[1]]);
        inputs.extend(&self.draws);
        inputs
    }
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
        Runner { learner, execution, recordings: Mutex::new(Vec::new()) }
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

    /// The runner as one thread uses it for some tasks.
    pub(crate) fn worker(&self) -> Worker<'_, 'a, F> {
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

    /// The part of the first of these tasks and of those behind it that have its shapes; `rng(k)` makes the stream of task `k`.
    pub(crate) fn part(
        &mut self,
        meta: &Meta<F>,
        tasks: &[Task<F>],
        rng: impl Fn(usize) -> ChaCha8Rng,
    ) -> Part<F> {
        let runner = self.runner;
        let Some(form) = runner.form(meta, &tasks[0]) else {
            return self.task_gradient(meta, &tasks[0], || rng(0)).into();
        };
        let recording = self.recording_of(form, meta);
        let same = |task: &&Task<F>| runner.form(meta, task).as_ref() == Some(&recording.form);
        let most = recording.program.tasks_at_once();
        match tasks.iter().take(most).take_while(same).count() {
            1 => recording.run(meta, &tasks[0], || rng(0)).into(),
            alike => recording.run_many(meta, &tasks[..alike], rng),
        }
    }

    fn recording_of(&mut self, form: Form, meta: &Meta<F>) -> &Recording<F> {
        if self.last.as_ref().is_none_or(|last| last.form != form) {
            self.last = Some(self.runner.recording_of(form, meta));
        }
        self.last.as_ref().expect("it has just been set")
    }
}

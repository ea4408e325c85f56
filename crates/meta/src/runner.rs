//! [`Runner`]: the meta-gradients of a learner, from programs recorded once for episodes of one shape.

use std::sync::{Arc, Mutex, PoisonError};

use fewshot_autodiff::{Array, Float, Program, Shape, StepTime};
use fewshot_episodes::ChaCha8Rng;
use fewshot_nn::{Draw, Noise, Params};

use crate::learner::{Learner, Meta, MetaVars, TaskGradient, accuracy};
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
            let inputs = |params: &Params<Array<F>>| params.map(|x| tape.input(x.shape()));
            let meta = MetaVars {
                theta: inputs(&meta.theta),
                statistics: inputs(&meta.statistics),
                carried: meta.lanes.first().map(inputs).unwrap_or_default(),
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
        let mut results = self.with_inputs(meta, task, rng, |inputs| self.program.run(inputs)).into_iter();
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

    /// Calls `f` with the values of the program's inputs, in the order in which they were recorded.
    fn with_inputs<R>(
        &self,
        meta: &Meta<F>,
        task: &Task<F>,
        rng: impl FnOnce() -> ChaCha8Rng,
        f: impl FnOnce(&[&Array<F>]) -> R,
    ) -> R {
        let labels = [&task.support.y, &task.query.y].map(|y| match y {
            Labels::Classes(classes) => Array::index(classes),
            Labels::Values(values) => values.clone(),
        });
        let draws: Vec<Array<F>> = if self.draws.is_empty() {
            Vec::new()
        } else {
            let mut rng = rng();
            self.draws.iter().map(|draw| draw.array(&mut rng)).collect()
        };
        let mut inputs: Vec<&Array<F>> =
            Vec::with_capacity(2 * meta.theta.len() + meta.statistics.len() + 5 + draws.len());
        inputs.extend(meta.theta.values());
        inputs.extend(meta.statistics.values());
        inputs.extend(meta.lanes.first().into_iter().flat_map(|lane| lane.values()));
        inputs.extend([&task.support.x, &labels[0], &task.query.x, &labels[1]]);
        inputs.extend(&draws);
        f(&inputs)
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
        Some(recording.with_inputs(meta, task, rng, |inputs| recording.program.profile(inputs)))
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
        let Some(form) = self.runner.form(meta, task) else {
            return self.runner.learner.meta_gradient(meta, task, rng());
        };
        if self.last.as_ref().is_none_or(|last| last.form != form) {
            self.last = Some(self.runner.recording_of(form, meta));
        }
        self.last.as_ref().expect("it has just been set").run(meta, task, rng)
    }
}

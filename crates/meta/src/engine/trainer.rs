//! Training: one outer update after another.

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::Tasks;
use fewshot_nn::{Clip, Optimizer, Params, Schedule};

use crate::engine::runner::{Execution, Runner};
use crate::error::Error;
use crate::fit::or_panic;
use crate::learner::Learner;
use crate::meta::Meta;

/// How a learner is trained.
#[derive(Clone, Debug)]
pub struct Training {
    /// Episodes averaged in one outer update.
    pub meta_batch: usize,
    /// Base rate of the outer optimiser.
    pub outer_lr: f64,
    /// Change of the outer rate over the iterations.
    pub schedule: Schedule,
    /// Clipping of the mean meta-gradient.
    pub clip: Option<Clip>,
    /// Initial weights and noise inside the learner follow from it; episodes follow from the seed of their source.
    pub seed: u64,
    /// How the learner's work is executed; the results are the same bits.
    pub execution: Execution,
}

impl Default for Training {
    /// One episode per update, rate 1e-3, constant, without clipping, seed 0, recorded.
    fn default() -> Self {
        Training {
            meta_batch: 1,
            outer_lr: 1e-3,
            schedule: Schedule::Constant,
            clip: None,
            seed: 0,
            execution: Execution::Recorded,
        }
    }
}

/// What one outer update saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Number of the update, from 1.
    pub iteration: u64,
    /// Mean query loss of its episodes, before the update.
    pub loss: f64,
    /// Mean query accuracy of its episodes, for classification.
    pub accuracy: Option<f64>,
}

/// Where a training stands: enough to go on with the same bits.
#[derive(Clone, Debug)]
pub struct Progress<F: Float = f32> {
    /// What has been learned, and by how many updates.
    pub meta: Meta<Array<F>>,
    /// State of the outer optimiser.
    pub optimizer: Params<Array<F>>,
}

/// Trains a learner on a distribution of tasks.
///
/// Update `n` (from 1) sees the episodes `(n - 1) * meta_batch .. n * meta_batch`; equal seeds give equal bits, for any
/// number of threads, in one go or resumed.
pub struct Trainer<'a, F: Float = f32> {
    runner: Runner<'a, F>,
    tasks: &'a dyn Tasks,
    optimizer: Box<dyn Optimizer<F>>,
    training: Training,
    meta: Meta<Array<F>>,
}

impl<'a> Trainer<'a> {
    /// A trainer at iteration 0, with fresh weights, in `f32`.
    ///
    /// # Panics
    /// When the meta-batch is 0.
    #[track_caller]
    #[inline(never)]
    pub fn new(
        learner: &'a dyn Learner,
        tasks: &'a dyn Tasks,
        optimizer: impl Optimizer + 'static,
        training: Training,
    ) -> Self {
        Trainer::with_element(learner, tasks, optimizer, training)
    }
}

impl<'a, F: Float> Trainer<'a, F> {
    /// As [`Trainer::new`], in any element type: `Trainer::<f64>::with_element(..)`.
    ///
    /// # Panics
    /// When the meta-batch is 0.
    #[track_caller]
    pub fn with_element(
        learner: &'a dyn Learner<F>,
        tasks: &'a dyn Tasks,
        optimizer: impl Optimizer<F> + 'static,
        training: Training,
    ) -> Self {
        Trainer::begin(learner, tasks, Box::new(optimizer), training)
    }

    /// [`Trainer::with_element`], compiled once for all optimisers.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn begin(
        learner: &'a dyn Learner<F>,
        tasks: &'a dyn Tasks,
        optimizer: Box<dyn Optimizer<F>>,
        training: Training,
    ) -> Self {
        assert!(training.meta_batch > 0, "Trainer: the meta-batch is 0");
        let meta = learner.init(training.seed);
        let runner = Runner::with(learner, training.execution);
        Trainer { runner, tasks, optimizer, training, meta }
    }

    /// Goes on where `progress` was taken, with the same bits as if never stopped.
    ///
    /// # Panics
    /// When its meta-parameters are not the learner's, naming the first name or shape that differs.
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn resume(mut self, progress: Progress<F>) -> Self {
        let (runner, meta) = (&self.runner, &progress.meta);
        or_panic("resume", runner.check(meta).and_then(|()| runner.check_lanes(meta)));
        self.optimizer.restore(&progress.optimizer);
        self.meta = progress.meta;
        self
    }

    /// Where the training stands.
    #[inline(never)]
    pub fn progress(&self) -> Progress<F> {
        Progress { meta: self.meta.clone(), optimizer: self.optimizer.state() }
    }

    /// What has been learned so far.
    pub fn meta(&self) -> &Meta<Array<F>> {
        &self.meta
    }

    /// Updates done.
    pub fn iteration(&self) -> u64 {
        self.meta.iteration
    }

    /// One outer update: mean meta-gradient over a meta-batch, clipping, optimiser.
    ///
    /// # Errors
    /// When a task does not fit the learner, such as one without queries; when the learner does other work each time it is called; or when
    /// a number is not finite. Weights, statistics and optimiser are then those of the iteration before.
    #[inline(never)]
    pub fn step(&mut self) -> Result<Step, Error> {
        let before = self.meta.iteration;
        let iteration = before + 1;
        let diverged = |what| Error::Diverged { iteration, what };
        let size = self.training.meta_batch as u64;
        let range = before * size..iteration * size;
        let mean = self.runner.try_meta_gradient(&self.meta, self.tasks, range, self.training.seed)?;
        if !mean.loss.is_finite() {
            return Err(diverged("loss"));
        }
        if !mean.gradient.all_finite() {
            return Err(diverged("gradient"));
        }
        if !mean.statistics.all_finite() || !mean.lanes.iter().all(Params::all_finite) {
            return Err(diverged("statistics"));
        }
        let gradient = match &self.training.clip {
            Some(clip) => clip.apply(&mean.gradient),
            None => mean.gradient,
        };
        let rate = self.training.schedule.rate(self.training.outer_lr, before);
        let state = self.optimizer.state();
        let theta = self.optimizer.step(&self.meta.theta, &gradient, rate);
        if !theta.all_finite() {
            self.optimizer.restore(&state);
            return Err(diverged("weights"));
        }
        self.meta.theta = theta;
        self.meta.statistics = mean.statistics;
        self.meta.lanes = mean.lanes;
        self.meta.iteration = iteration;
        Ok(Step { iteration, loss: mean.loss, accuracy: mean.accuracy })
    }
}

//! The meta-gradient of one task, operator by operator.

use fewshot_autodiff::{Array, Float, Tape};
use fewshot_episodes::ChaCha8Rng;
use fewshot_nn::Noise;

use crate::fit::or_panic;
use crate::learner::Learner;
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::task::Task;

/// The meta-gradient of one task, in the first lane, executed operator by operator on a tape of its own; `rng` is the stream of dropout and
/// other noise.
///
/// ```
/// use fewshot_episodes::{Purpose, Sinusoid, Tasks, stream};
/// use fewshot_meta::{Learner, Maml, Task, task_gradient};
/// use fewshot_nn::Mlp;
/// let maml = Maml::new(Mlp::new(&[1, 40, 1]));
/// let task = Task::from(Sinusoid::new(10, 10, 1, Purpose::Train).expect("sizes are not 0").episode(0));
/// let meta = Learner::<f32>::init(&maml, 1);
/// let outcome = task_gradient(&maml, &meta, &task, stream(1, Purpose::Dropout, 0));
/// assert_eq!(outcome.gradient.names(), meta.theta.names());
/// ```
///
/// # Panics
/// When the meta-parameters or the task do not fit.
#[track_caller]
pub fn task_gradient<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    task: &Task<Array<F>>,
    rng: ChaCha8Rng,
) -> Outcome<Array<F>> {
    or_panic("task_gradient", learner.check_meta(meta).and_then(|()| learner.check_task(task)));
    eager(learner, meta, task, rng)
}

/// [`task_gradient`] of what fits.
pub(crate) fn eager<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    task: &Task<Array<F>>,
    rng: ChaCha8Rng,
) -> Outcome<Array<F>> {
    let (tape, noise) = (Tape::new(), Noise::new(rng));
    learner.gradient(&meta.on(&tape), &task.on(&tape), &noise).arrays()
}

//! What can go wrong in training, evaluating and keeping a learner.

use std::path::PathBuf;

/// An error of this crate: names the thing, the cause and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Training produced a number that is not finite.
    #[error(
        "iteration {iteration}: the {what} is not finite: lower the inner or outer rate, or clip the gradient \
         (the weights of the iteration before are kept)"
    )]
    Diverged {
        /// The iteration that failed, from 1.
        iteration: u64,
        /// `loss`, `gradient`, `weights` or `statistics`.
        what: &'static str,
    },
    /// A task that the learner cannot learn, or be measured on.
    #[error("episode {episode}: {cause}")]
    Task {
        /// Number of the episode.
        episode: u64,
        /// What does not fit.
        cause: String,
    },
    /// Meta-parameters, a support or queries that do not fit the learner or predictor they are given to.
    #[error("{cause}")]
    Unfit {
        /// The first thing that does not fit.
        cause: String,
    },
    /// A learner that does other work each time it is called cannot be recorded: its first work would be repeated for all tasks.
    #[error(
        "the learner does other work each time it is called ({cause}), which a recorded program would freeze: let it draw random numbers from the `Noise` it is given and keep no state between calls, or train with `Execution::Eager`"
    )]
    Changing {
        /// The first difference between two recordings.
        cause: String,
    },
    /// A predictor that answers the same queries in two ways.
    #[error(
        "episode {episode}: the predictor gives other answers to the same queries when it is asked again: let the model draw random numbers from its pass's `Noise` alone, of which there is none in use, and keep no state between calls"
    )]
    Unsteady {
        /// Number of the episode.
        episode: u64,
    },
    /// A prediction is not a number, so it cannot be scored.
    #[error(
        "test episode {episode}: the predictions are not finite: the learner diverges while it adapts; \
         lower the inner rate or the number of steps, or take weights from earlier in training"
    )]
    Predictions {
        /// Number of the episode.
        episode: u64,
    },
    /// A file that could not be written; what was there before is untouched.
    #[error("{}: not saved: {cause}: check the folder, its permissions and free space (an older file is untouched)", path.display())]
    Save {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// A file that could not be read.
    #[error("{}: not read: {source}: check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is no checkpoint, or a damaged one.
    #[error("{}: {cause}: use a file saved by fewshot, or save it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// What was learned from a support set, by another learner.
    #[error("{cause}: restore it with the learner and the settings that it was learned with")]
    OtherLearner {
        /// The first difference.
        cause: String,
    },
    /// A checkpoint of another model.
    #[error("{}: {cause}: load it with the model and the settings it was trained with", path.display())]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The first difference.
        cause: String,
    },
}

impl Error {
    /// A copy of the error, for several results that fail for one reason.
    pub(crate) fn again(&self) -> Error {
        match self {
            Error::Task { episode, cause } => Error::Task { episode: *episode, cause: cause.clone() },
            Error::Unsteady { episode } => Error::Unsteady { episode: *episode },
            Error::Predictions { episode } => Error::Predictions { episode: *episode },
            other => Error::Unfit { cause: other.to_string() },
        }
    }
}

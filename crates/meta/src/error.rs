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

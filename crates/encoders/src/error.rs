//! What can go wrong with encoders from outside.

use std::path::PathBuf;

/// An error of this crate: names the thing, the cause and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("{}: {source}; give a file that can be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is no model, or one that cannot be run.
    #[error("{}: it is no model of ONNX that can be run: {cause}; export it anew (float32, operators of the standard set)", path.display())]
    NoModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// Nothing says what pictures the encoder was trained on.
    #[error(
        "{}: nothing says how it wants pictures; name a preset ({}), or write {} beside it, such as preset = \"imagenet\"",
        path.display(), crate::Preset::NAMES.join(", "), beside.display()
    )]
    Undescribed {
        /// The encoder.
        path: PathBuf,
        /// Where its description would be.
        beside: PathBuf,
    },
    /// A description that cannot be understood.
    #[error("{}: {cause}", path.display())]
    Description {
        /// The description.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        cause: String,
    },
    /// A model that wants something else, or gives something else, than its description says.
    #[error("{}: {cause}", path.display())]
    Unfit {
        /// The encoder.
        path: PathBuf,
        /// What does not fit, and the way out.
        cause: String,
    },
    /// Features of a picture that are not finite.
    #[error("{}: its features of the picture are not finite; another normalisation may be wanted, see its description", path.display())]
    NotFinite {
        /// The encoder.
        path: PathBuf,
    },
}

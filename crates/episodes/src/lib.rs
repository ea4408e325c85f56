//! Few-shot episodes: data sets, splits and task distributions.
//!
//! An [`Episode`] is a small learning problem: a support [`Set`] to learn from and
//! a query set to be measured on, as plain arrays. A distribution of them is a
//! [`Tasks`]: [`ImageTasks`] draws classes and images of an [`ImageSet`] by a
//! [`Protocol`], [`Pairs`] draws pairs of the same class or two, [`OneShot`] trials within
//! an alphabet, [`Sequences`] images whose labels come late, [`FeatureTasks`] vectors of a [`FeatureSet`], [`Sinusoid`]
//! draws waves. Image sets come from [`omniglot`], from a
//! [`folder`] of one's own pictures, or are made by [`glyphs`]; a [`ClassSplit`]
//! says which classes are for training and which for testing, such as those of [`cifar`].
//! Training pictures are varied by an [`Augmentation`].
//!
//! Episode `i` is a pure function of data, protocol, seed, [`Purpose`] and `i`: it
//! does not matter which thread asks for it, nor what was asked before. All
//! randomness comes from [`stream`] and its [`RngExt`]s.
//!
//! What is read from outside is bounded and checked; every [`Error`] names the
//! thing, the cause and the way out.
//!
//! # Features
//!
//! Both are on by default; without them no decoder of pictures and of archives is built.
//!
//! - `images`: the module [`folder`], pictures of one's own (PNG, JPEG, WebP, GIF, BMP, TIFF, PNM).
//! - `archives`: [`omniglot::load`] and [`omniglot::runs`], the official archives of Omniglot or the folders unpacked from them.
//!
//! ```
//! use fewshot_episodes::{glyphs, nearest, ImageTasks, Protocol, Purpose, Rotations, Tasks};
//! use std::sync::Arc;
//!
//! let images = Arc::new(glyphs::generate(&glyphs::GlyphConfig::default(), 1));
//! let split = glyphs::split(&images);
//! let protocol = Protocol { ways: 5, shots: 1, queries: 15, rotations: Rotations::None };
//! let tasks = ImageTasks::new(images, split.test(), protocol, 1, Purpose::Test)?;
//! let episode = tasks.episode(0);
//! assert_eq!(episode.support.x.shape(), [5, 28, 28, 1]);
//! assert_eq!(episode.query.len(), 75);
//! println!("{}", nearest::accuracy(&episode, nearest::Distance::Cosine));
//! # Ok::<(), fewshot_episodes::Error>(())
//! ```

#![forbid(unsafe_code)]
// links to what a feature brings lead nowhere without it
#![cfg_attr(not(all(feature = "images", feature = "archives")), allow(rustdoc::broken_intra_doc_links))]

mod affine;
mod alphabets;
mod augmentation;
pub mod cifar;
mod class_batches;
mod class_id;
mod error;
mod feature_file;
mod feature_tasks;
mod features;
#[cfg(feature = "images")]
pub mod folder;
pub mod glyphs;
mod image_set;
mod image_tasks;
mod jitter;
pub mod names;
pub mod nearest;
pub mod omniglot;
mod one_shot;
mod pairs;
mod parts;
mod protocol;
#[cfg(any(feature = "images", feature = "archives"))]
mod resample;
#[cfg(feature = "images")]
mod row_resample;
mod sequences;
mod set;
mod sinusoid;
mod source;
mod split;
mod split_files;
mod tasks;
#[doc(hidden)]
pub mod tensor_file;
mod text;

pub use affine::{Affine, Distortion};
pub use augmentation::Augmentation;
pub use class_batches::ClassBatches;
pub use class_id::{ClassId, Turn};
pub use error::Error;
pub use feature_file::FeatureParts;
pub use feature_tasks::FeatureTasks;
pub use features::FeatureSet;
pub use fewshot_random::{ChaCha8Rng, Purpose, RngExt, stream};
pub use image_set::ImageSet;
pub use image_tasks::ImageTasks;
pub use jitter::Jitter;
pub use one_shot::OneShot;
pub use pairs::{PairProtocol, Pairs};
pub use protocol::{Protocol, Rotations};
pub use sequences::{ALPHABET, Growth, Names, STRING_LENGTH, SequenceProtocol, Sequences};
pub use set::{Episode, Set, Targets};
pub use sinusoid::{Sinusoid, Wave};
pub use split::ClassSplit;
pub use tasks::{Outputs, Tasks};

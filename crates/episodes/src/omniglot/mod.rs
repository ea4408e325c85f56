//! Omniglot: 1623 handwritten characters of 50 alphabets, 20 drawings each
//! (Lake, Salakhutdinov and Tenenbaum 2015).
//!
//! [`load`] reads the official archives `images_background.zip` and
//! `images_evaluation.zip` in place, or the folders unpacked from them. Four
//! splits are in use: [`maml_split`], [`background_evaluation`], [`koch`], and the files
//! of Vinyals et al. by [`ClassSplit::read`](crate::ClassSplit::read).
//! [`runs`] reads the official one-shot benchmark. Both readers need the feature `archives`, the splits
//! do not.
//!
//! ```no_run
//! use fewshot_episodes::{omniglot, ImageTasks, Protocol, Purpose, Rotations, Tasks};
//! use std::sync::Arc;
//! let images = Arc::new(omniglot::load("data/omniglot", 28)?);
//! let split = omniglot::maml_split(&images, 1)?;
//! let protocol = Protocol { ways: 5, shots: 1, queries: 15, rotations: Rotations::PerClass };
//! let tasks = ImageTasks::new(images, split.train(), protocol, 1, Purpose::Train)?;
//! assert_eq!(tasks.episode(0).support.x.shape(), [5, 28, 28, 1]);
//! # Ok::<(), fewshot_episodes::Error>(())
//! ```

#[cfg(feature = "archives")]
mod drawing;
#[cfg(feature = "archives")]
mod load;
#[cfg(feature = "archives")]
mod parts;
#[cfg(feature = "archives")]
mod runs;
#[cfg(feature = "archives")]
mod source;
mod splits;

#[cfg(feature = "archives")]
pub use load::load;
#[cfg(feature = "archives")]
pub use runs::runs;
pub use splits::{TRAINING_DRAWERS, VALIDATION_DRAWERS, background_evaluation, koch, maml_split};

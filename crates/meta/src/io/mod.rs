//! What was learned, in files.

pub(crate) mod atomic;
pub(crate) mod checkpoint;
pub(crate) mod order;
pub(crate) mod save;
pub(crate) mod tensors;

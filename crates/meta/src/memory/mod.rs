//! Model-based meta-learning: what is learned is a network that reads the task, example by example.

pub(crate) mod mann;

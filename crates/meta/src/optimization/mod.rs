//! Optimisation-based meta-learning: what is learned is how to take gradient steps.

pub(crate) mod anil;
pub(crate) mod cavia;
pub(crate) mod imaml;
pub(crate) mod leo;
pub(crate) mod lstm_meta_learner;
pub(crate) mod maml;
pub(crate) mod reptile;

//! Metric-based meta-learning: what is learned is a space in which a query is compared with the support.

pub(crate) mod comparison;
pub(crate) mod matching;
pub(crate) mod metric_learner;
pub(crate) mod nil;
pub(crate) mod protonet;
pub(crate) mod r2d2;
pub(crate) mod relation;
pub(crate) mod siamese;

//! Transductive heads: all queries are classified together, so that their own distribution informs the answers.

pub(crate) mod head;
pub(crate) mod information;
pub(crate) mod joint;
pub(crate) mod label_propagation;
pub(crate) mod laplacian_shot;
pub(crate) mod rectification;
pub(crate) mod tim;
pub(crate) mod tim_gradient;

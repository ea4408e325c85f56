//! What the probabilities of few-shot predictions are worth, and when to answer "none of these".

pub(crate) mod detection;
pub(crate) mod leave_one_out;
pub(crate) mod query_logits;
pub(crate) mod reliability;
pub(crate) mod scores;
pub(crate) mod shapes;
pub(crate) mod temperature;
pub(crate) mod threshold;

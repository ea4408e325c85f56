//! What probabilities of few-shot predictions are worth, and when to answer "none of these".

pub(crate) mod shapes;
pub(crate) mod temperature;

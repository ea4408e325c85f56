//! Few-shot classifiers of fixed feature vectors: what a frozen encoder makes of the examples is transformed, and a small classifier is solved
//! for on each support. Nothing is meta-learned.

pub(crate) mod algebra;
pub(crate) mod feature_head;
pub(crate) mod head_kind;
pub(crate) mod lbfgs;
pub(crate) mod logistic;
pub(crate) mod ridge;
pub(crate) mod solved;
pub(crate) mod svm;
pub(crate) mod transductive;
pub(crate) mod transform;

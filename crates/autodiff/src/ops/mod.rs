//! The calculus: one file per family of operators, each with its descriptions, shape rules, values and gradient rules.
//!
//! The documentation of [`Var`](crate::Var) says how operators behave at 0, infinity, NaN and ties. For gradient rules this means: an
//! arriving gradient is multiplied with a slope by `chain`, whose product of 0 and infinity is 0, and slopes are written so that no
//! digits cancel: as functions of the argument where the value has lost digits.

pub(crate) mod binary;
pub(crate) mod concat;
pub(crate) mod conv;
pub(crate) mod conv_block;
pub(crate) mod conv_layer;
pub(crate) mod fused;
pub(crate) mod index;
pub(crate) mod indices;
pub(crate) mod layout;
pub(crate) mod linalg;
pub(crate) mod loss;
pub(crate) mod lstm;
pub(crate) mod norm;
pub(crate) mod norm_pool;
pub(crate) mod pool;
pub(crate) mod product;
pub(crate) mod reduce;
pub(crate) mod rows;
pub(crate) mod unary;

//! Parameters, layers, the field's networks, and outer optimisers for few-shot learning.
//!
//! A [`Model`] is architecture only: weights are an argument, [`Params`], so that initial and adapted weights are values of one
//! type. Batch statistics and dropout enter through a [`Pass`] and come back from it; nothing is changed behind the
//! caller's back.

mod clip;
mod conv;
mod conv4;
mod dropout;
mod init;
mod linear;
mod lstm;
mod mlp;
mod model;
mod norm;
mod optim;
mod params;
mod schedule;
mod spec;

pub use clip::Clip;
pub use conv::{Conv2d, ConvNorm};
pub use conv4::{Conv4, Conv4Config, Downsample, Features};
pub use dropout::Dropout;
pub use init::{Init, PYTORCH};
pub use linear::Linear;
pub use lstm::{LstmCell, LstmState};
pub use mlp::Mlp;
pub use model::{Model, Pass, update_running};
pub use norm::{BatchNorm, LayerNorm, NormAffine, NormPolicy, UnknownPolicy};
pub use optim::{Adam, Momentum, Optimizer, RmsProp, Sgd};
pub use params::{Params, Slot};
pub use schedule::Schedule;
pub use spec::{Builder, Spec};

//! Parameters, layers, the field's networks, and outer optimisers for few-shot learning.
//!
//! A [`Model`] is architecture only: weights are an argument, [`Params`], so that initial and adapted weights are values of one
//! type. Batch statistics and dropout enter through a [`Pass`] and come back from it; models have no hidden state. Losses are methods of [`Var`](fewshot_autodiff::Var): `cross_entropy`, `binary_cross_entropy`, `mse`.

#![forbid(unsafe_code)]

mod accuracy;
mod arithmetic;
mod clip;
mod conv;
mod conv4;
mod drop_block;
mod dropout;
mod gru;
mod init;
#[doc(hidden)]
pub mod instances;
mod koch;
mod layer_norm;
mod layerwise;
mod least_used;
mod linear;
mod lstm;
mod mann;
mod mlp;
mod model;
#[macro_use]
mod named;
mod noise;
mod norm;
mod norm_policy;
mod optim;
mod params;
mod r2d2_encoder;
mod recurrent;
mod relation;
mod resnet12;
mod schedule;
mod sequential;
mod signature;
mod spec;

#[cfg(feature = "serde")]
#[doc(hidden)]
pub use serde;

pub use accuracy::{answer, correct};
pub use clip::Clip;
pub use conv::{Conv2d, ConvNorm};
pub use conv4::{Conv4, Conv4Config, Downsample, Features};
pub use drop_block::DropBlock;
pub use dropout::Dropout;
pub use gru::GruCell;
pub use init::{Bias, Init, PYTORCH};
pub use koch::Koch;
pub use layer_norm::LayerNorm;
pub use layerwise::{LayerSettings, Layerwise};
pub use linear::Linear;
pub use lstm::{LstmCell, LstmState};
pub use mann::{Access, MannCell, MannConfig, MannInput, MannState};
pub use mlp::Mlp;
pub use model::{Headed, Mode, Model, Pass, update_running};
pub use noise::{Batches, Noise, NoiseSpec, Tail};
pub use norm::{BatchNorm, NormAffine};
pub use norm_policy::{NormPolicy, UnknownPolicy};
pub use optim::{Adam, Momentum, Optimizer, RmsProp, Sgd};
pub use params::{ParamId, Params};
pub use r2d2_encoder::{R2d2Config, R2d2Encoder};
pub use recurrent::{Cell, Direction, Gru, Lstm, Recurrent};
pub use relation::{PairModel, RelationConfig, RelationEncoder, RelationModule};
pub use resnet12::{ResNet12, ResNet12Config};
pub use schedule::Schedule;
pub use sequential::Sequential;
pub use signature::{Input, Signature};
pub use spec::{ParamBuilder, ParamSpec};

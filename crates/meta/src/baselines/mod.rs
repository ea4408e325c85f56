//! What few-shot learners are compared with: pretraining with fine-tuning or nearest neighbours (Ravi and Larochelle 2017, section
//! 5.1) or with a head on frozen features (RFS, SimpleShot), and training on the support alone.

mod descent;
mod distill;
mod fine_tune;
mod frozen_features;
mod pretrain;
mod scratch;
mod support_copies;
mod transfer;

pub use distill::{Distill, Teacher};
pub use fine_tune::{FineTune, Head};
pub use frozen_features::FrozenFeatures;
pub use pretrain::Pretrain;
pub use scratch::Scratch;
pub use support_copies::SupportCopies;

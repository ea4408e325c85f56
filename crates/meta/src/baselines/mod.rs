//! What few-shot learners are compared with: pretraining with fine-tuning or nearest neighbours (Ravi and Larochelle 2017, section
//! 5.1), and training on the support alone.

mod descent;
mod fine_tune;
mod pretrain;
mod scratch;
mod transfer;

pub use fine_tune::{FineTune, Head};
pub use pretrain::Pretrain;
pub use scratch::Scratch;

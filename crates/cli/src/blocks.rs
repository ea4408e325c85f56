//! The four-block networks: which an algorithm has of its paper, and how it may be changed.

use fewshot_autodiff::Activation;
use fewshot_nn::{Bias, Conv4Config, Features, Init};

use crate::algorithm::Algorithm;
use crate::choices::Downsample;
use crate::options::Options;

/// What can be chosen of the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// Channels of each.
    pub filters: usize,
    /// How each halves its images.
    pub downsample: Downsample,
}

/// The encoder of the paper, of algorithms that have one of four such blocks.
fn published(algorithm: Algorithm) -> Option<Conv4Config> {
    Some(match algorithm {
        Algorithm::Protonet | Algorithm::Matching | Algorithm::Pretrain => Conv4Config::pooled_64(),
        Algorithm::Reptile | Algorithm::Imaml => Conv4Config::strided_flat(),
        Algorithm::LstmMetaLearner => Conv4Config::pooled_32(),
        Algorithm::Mamlpp => pooled_leaky(),
        Algorithm::Maml | Algorithm::Fomaml | Algorithm::Anil | Algorithm::MetaSgd => {
            Conv4Config::strided_gap()
        }
        _ => return None,
    })
}

/// The encoder of MAML++: max-pooling, leaky ReLU, Xavier uniform weights, biases 0 (released code).
fn pooled_leaky() -> Conv4Config {
    Conv4Config {
        activation: Activation::LeakyRelu(0.01),
        weight: Init::XavierUniform,
        bias: Bias::Zeros,
        head_weight: Init::XavierUniform,
        head_bias: Bias::Zeros,
        ..Conv4Config::pooled_64()
    }
}

impl Blocks {
    /// Those of the options, of algorithms that have them.
    pub fn of(algorithm: Algorithm, options: &Options) -> Option<Blocks> {
        let published = published(algorithm)?;
        Some(Blocks {
            filters: options.filters.unwrap_or(published.filters),
            downsample: options.downsample.unwrap_or(published.downsample.into()),
        })
    }

    /// Writes them as options.
    pub fn write(self, options: &mut Options) {
        (options.filters, options.downsample) = (Some(self.filters), Some(self.downsample));
    }

    /// The encoder of this algorithm with them.
    pub fn encoder(self, algorithm: Algorithm) -> Conv4Config {
        let published = published(algorithm).expect("blocks are of algorithms that have them");
        Conv4Config { filters: self.filters, downsample: self.downsample.into(), ..published }
    }
}

/// Such a network in words.
pub fn words(config: &Conv4Config) -> String {
    let downsample = match config.downsample {
        fewshot_nn::Downsample::MaxPool => "max-pooling",
        fewshot_nn::Downsample::Stride => "strides",
    };
    let leaky = if matches!(config.activation, Activation::LeakyRelu(_)) { ", leaky ReLU" } else { "" };
    let strides = config.downsample == fewshot_nn::Downsample::Stride;
    let flat = if strides && config.features == Features::Flatten { ", flat" } else { "" };
    let head = if config.head.is_some() { ", linear head" } else { "" };
    format!("Conv4 with {downsample}, {} channels{leaky}{flat}{head}", config.filters)
}

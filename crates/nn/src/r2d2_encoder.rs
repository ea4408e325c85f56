//! The encoder of R2-D2 and LR-D2 (Bertinetto et al. 2019: "Meta-learning with differentiable closed-form solvers", ICLR).

use fewshot_autodiff::{Activation, Conv, Float, Padding, Pool, Var};

use crate::conv::{Conv2d, ConvNorm};
use crate::dropout::Dropout;
use crate::model::{Model, Pass};
use crate::norm::NormAffine;
use crate::params::Params;
use crate::signature::Input;
use crate::spec::{ParamBuilder, ParamSpec};

/// Slope of the leaky ReLU.
const SLOPE: f64 = 0.1;
/// Epsilon of the norms (PyTorch's default, as released).
const EPS: f64 = 1e-5;

/// An encoder of four blocks whose last two are both features: 3x3 convolution with padding 1, batch norm, 2x2 max-pooling (in the
/// last block moving by one pixel), leaky ReLU of slope 0.1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct R2d2Config {
    /// Height and width of the images, in pixels.
    pub size: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Channels of each block.
    pub filters: [usize; 4],
    /// Dropout after the last two blocks.
    pub dropout: f64,
}

impl R2d2Config {
    /// The paper's network for 28x28 grey images: 96, 192, 384 and 512 channels, no dropout; 3584 features.
    pub fn omniglot() -> Self {
        R2d2Config { size: 28, channels: 1, filters: [96, 192, 384, 512], dropout: 0.0 }
    }

    /// The network for miniImageNet: 84x84 colour images, dropout of 0.1; 72,576 features.
    pub fn mini_imagenet() -> Self {
        R2d2Config { size: 84, channels: 3, dropout: 0.1, ..Self::omniglot() }
    }

    /// With 64 channels in every block, the paper's smaller network.
    #[must_use]
    pub fn with_64_channels(self) -> Self {
        R2d2Config { filters: [64; 4], ..self }
    }

    /// Number of features of an image.
    pub fn feature_count(&self) -> usize {
        let last = (self.size / 8).saturating_sub(1);
        (self.filters[2] + self.filters[3]) * last * last
    }
}

/// The network of an [`R2d2Config`]: `[n, size, size, channels]` to `[n, feature_count]`.
#[derive(Debug, Clone)]
pub struct R2d2Encoder {
    config: R2d2Config,
    blocks: Vec<ConvNorm>,
    spec: ParamSpec,
}

/// The pooling of the last block, which the features of the one before get, too.
fn last_pool() -> Pool {
    Pool { stride: [1; 2], ..Pool::valid(2) }
}

impl R2d2Encoder {
    /// The network of this configuration.
    ///
    /// # Panics
    /// When the images are too small for four poolings.
    #[track_caller]
    pub fn new(config: &R2d2Config) -> Self {
        assert!(config.feature_count() > 0, "R2d2Encoder: images of {} pixels are too small", config.size);
        let mut b = ParamBuilder::new();
        let blocks = (0..4).map(|i| {
            let c_in = if i == 0 { config.channels } else { config.filters[i - 1] };
            let (c_out, how) = (config.filters[i], Conv { stride: [1; 2], padding: Padding::all(1) });
            let conv = |b: &mut ParamBuilder| Conv2d::new(b, 3, c_in, c_out, how);
            let name = format!("block{}", i + 1);
            let block = b.scope(&name, |b| ConvNorm::new(b, conv, c_out, NormAffine::ScaleShift, EPS));
            block.with_pool(if i == 3 { last_pool() } else { Pool::valid(2) })
        });
        let blocks = blocks.collect();
        b.takes(Input::Shape(vec![config.size, config.size, config.channels]));
        b.gives(config.feature_count());
        b.sign("network", "R2d2Encoder");
        R2d2Encoder { config: *config, blocks, spec: b.finish() }
    }

    /// The configuration of the network.
    pub fn config(&self) -> &R2d2Config {
        &self.config
    }
}

impl<F: Float> Model<F> for R2d2Encoder {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    #[track_caller]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let block = |i: usize, x, pass: &mut Pass<'t, F>| {
            self.blocks[i].forward(params, x, Activation::LeakyRelu(SLOPE), pass)
        };
        let dropout = Dropout::new(self.config.dropout);
        let first = block(0, x, pass);
        let second = block(1, first, pass);
        let third = block(2, second, pass);
        let third = dropout.forward(third, pass);
        let fourth = block(3, third, pass);
        let fourth = dropout.forward(fourth, pass);
        Var::concat(&[third.max_pool(last_pool()).flatten(), fourth.flatten()], 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewshot_autodiff::{Array, Tape};
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    #[test]
    fn feature_counts_are_the_published_ones() {
        let colour = R2d2Config { size: 32, channels: 3, ..R2d2Config::omniglot() };
        for (config, features) in [
            (R2d2Config::omniglot(), 3584),
            (R2d2Config::mini_imagenet(), 72_576),
            (colour, 8064),
            (R2d2Config::mini_imagenet().with_64_channels(), 10_368),
        ] {
            assert_eq!(config.feature_count(), features);
        }
        for config in [R2d2Config::omniglot(), colour].map(R2d2Config::with_64_channels) {
            let model = R2d2Encoder::new(&config);
            let theta = model.spec.init::<f32>(&mut ChaCha8Rng::seed_from_u64(1));
            let tape = Tape::new();
            let x = Array::from_fn(&[2, config.size, config.size, config.channels], |i| (i as f32).sin());
            let y = model.forward(&theta.on(&tape), tape.var(&x), &mut Pass::batch());
            assert_eq!(y.shape(), [2, config.feature_count()]);
        }
    }
}

//! The four-block convolutional encoders of the few-shot literature.

use fewshot_autodiff::{Activation, Conv, Float, Padding, Pool, Var};

use crate::conv::{Conv2d, ConvNorm};
use crate::init::{Bias, Init, PYTORCH};
use crate::linear::Linear;
use crate::model::{Headed, Model, Pass};
use crate::norm::NormAffine;
use crate::params::Params;
use crate::signature::Input;
use crate::spec::{ParamBuilder, ParamSpec};

/// How a block halves its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downsample {
    /// Convolutions of stride 2.
    Stride,
    /// 2x2 max-pooling after the activation; an odd last row and column belong to no window.
    MaxPool,
}

crate::named!(Downsample, "downsampling" { Stride = "stride", MaxPool = "max-pool" });

/// How the last block's images become features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// The mean of each channel.
    Mean,
    /// All values of the images, in one row.
    Flatten,
}

/// A four-block encoder: each block is a 3x3 convolution, batch norm, activation, and halving. The constructors are the
/// published variants; change fields for others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv4Config {
    /// Height and width of the images, in pixels.
    pub size: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Channels of every block.
    pub filters: usize,
    /// How a block halves its images.
    pub downsample: Downsample,
    /// Zeros around the images of each convolution.
    pub padding: Padding,
    /// Learned terms of the norms.
    pub affine: NormAffine,
    /// The norms' epsilon.
    pub eps: f64,
    /// Activation after the norm.
    pub activation: Activation,
    /// How the last images become features.
    pub features: Features,
    /// Initial convolution weights.
    pub weight: Init,
    /// Convolution biases.
    pub bias: Bias,
    /// Outputs of a linear layer on top of the features; `None` for a network without it.
    pub head: Option<usize>,
    /// Initial weights of the head.
    pub head_weight: Init,
    /// Bias of the head.
    pub head_bias: Bias,
}

impl Conv4Config {
    /// MAML's Omniglot encoder (Finn et al. 2017, section 5.2, and released code): 64 filters, stride 2 with TensorFlow's `Same`
    /// padding, shift only, eps 1e-3, mean over the last 2x2; Xavier uniform, normal head. 64 features, 111,680 parameters.
    pub fn strided_gap() -> Self {
        Conv4Config {
            size: 28,
            channels: 1,
            filters: 64,
            downsample: Downsample::Stride,
            padding: Padding::Same,
            affine: NormAffine::Shift,
            eps: 1e-3,
            activation: Activation::Relu,
            features: Features::Mean,
            weight: Init::XavierUniform,
            bias: Bias::Zeros,
            head: None,
            head_weight: Init::Normal { std: 1.0 },
            head_bias: Bias::Zeros,
        }
    }

    /// Reptile's and iMAML's Omniglot encoder (Nichol et al. 2018, released code): as [`strided_gap`](Self::strided_gap) with scale
    /// and shift, all last values, Xavier uniform head. 256 features, 111,936 parameters.
    pub fn strided_flat() -> Self {
        Conv4Config {
            affine: NormAffine::ScaleShift,
            features: Features::Flatten,
            head_weight: Init::XavierUniform,
            ..Self::strided_gap()
        }
    }

    /// The encoder of Prototypical and Matching networks (Snell et al. 2017, section 3.1): 64 filters, padding 1, max-pooling, scale
    /// and shift, eps 1e-5, PyTorch's initial values. On 28x28 it has 64 features and 111,936 parameters.
    pub fn pooled_64() -> Self {
        Conv4Config {
            downsample: Downsample::MaxPool,
            padding: Padding::all(1),
            eps: 1e-5,
            weight: PYTORCH,
            bias: Bias::FanIn,
            head_weight: PYTORCH,
            head_bias: Bias::FanIn,
            ..Self::strided_flat()
        }
    }

    /// The learner of the LSTM meta-learner (Ravi and Larochelle 2017, section 5.1 and released code): as
    /// [`strided_flat`](Self::strided_flat) with 32 filters and max-pooling. On 28x28 it has 32 features and 28,320
    /// parameters; on 84x84 in colour 800 and 28,896.
    pub fn pooled_32() -> Self {
        Conv4Config { filters: 32, downsample: Downsample::MaxPool, ..Self::strided_flat() }
    }

    /// With a linear layer from the features to `outputs`, named `head`.
    #[must_use]
    pub fn with_head(mut self, outputs: usize) -> Self {
        self.head = Some(outputs);
        self
    }

    /// Height and width after the four blocks.
    fn last_size(&self) -> usize {
        (0..4).fold(self.size, |size, _| match self.downsample {
            Downsample::Stride => size.div_ceil(2),
            Downsample::MaxPool => size / 2,
        })
    }

    /// Number of features of an image.
    pub fn feature_count(&self) -> usize {
        match self.features {
            Features::Mean => self.filters,
            Features::Flatten => self.filters.saturating_mul(self.last_size().saturating_pow(2)),
        }
    }
}

/// A four-block convolutional network: `[n, size, size, channels]` to features `[n, feature_count]`, or to `[n, outputs]` with a
/// head. Names: `block1.conv.weight`, `block1.norm.shift`, ..., `head.weight`.
#[derive(Debug, Clone)]
pub struct Conv4 {
    config: Conv4Config,
    blocks: Vec<ConvNorm>,
    head: Option<Linear>,
    spec: ParamSpec,
}

impl Conv4 {
    /// The network of this configuration.
    ///
    /// # Panics
    /// When four halvings leave nothing of the images.
    #[track_caller]
    pub fn new(config: &Conv4Config) -> Self {
        let config = *config;
        assert!(
            config.feature_count() > 0,
            "Conv4: four halvings leave nothing of images of {} pixels",
            config.size
        );
        let mut b = ParamBuilder::new();
        let blocks = (0..4).map(|i| block(&mut b, &config, i)).collect();
        let head = config.head.map(|outputs| {
            b.scope("head", |b| {
                Linear::with_init(b, config.feature_count(), outputs, config.head_weight, config.head_bias)
            })
        });
        b.takes(Input::Shape(vec![config.size, config.size, config.channels]));
        b.gives(config.head.unwrap_or(config.feature_count()));
        b.sign("network", "Conv4");
        b.sign("slope", config.activation.slope());
        b.sign(
            "halving",
            match config.downsample {
                Downsample::Stride => "stride",
                Downsample::MaxPool => "max-pooling",
            },
        );
        b.sign(
            "features",
            match config.features {
                Features::Mean => "mean",
                Features::Flatten => "all",
            },
        );
        Conv4 { config, blocks, head, spec: b.finish() }
    }

    /// The configuration of the network.
    pub fn config(&self) -> &Conv4Config {
        &self.config
    }
}

fn block(b: &mut ParamBuilder, config: &Conv4Config, i: usize) -> ConvNorm {
    let c_in = if i == 0 { config.channels } else { config.filters };
    let step = if config.downsample == Downsample::Stride { 2 } else { 1 };
    let how = Conv { stride: [step; 2], padding: config.padding };
    let shape = [3, 3, c_in, config.filters];
    let conv = |b: &mut ParamBuilder| Conv2d::with_init(b, shape, how, config.weight, config.bias);
    let block = b.scope(&format!("block{}", i + 1), |b| {
        ConvNorm::new(b, conv, config.filters, config.affine, config.eps)
    });
    match config.downsample {
        Downsample::Stride => block,
        Downsample::MaxPool => block.with_pool(Pool::valid(2)),
    }
}

impl<F: Float> Model<F> for Conv4 {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    #[track_caller]
    #[inline(never)]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let features = self.features(params, x, pass);
        self.head(params, features)
    }
}

impl<F: Float> Headed<F> for Conv4 {
    #[track_caller]
    #[inline(never)]
    fn features<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let c = &self.config;
        let shape = x.shape();
        assert!(
            shape.len() == 4 && shape[1..] == [c.size, c.size, c.channels],
            "Conv4: images {shape} are not [n, {0}, {0}, {1}]",
            c.size,
            c.channels
        );
        let mut x = x;
        for block in &self.blocks {
            x = block.forward(params, x, c.activation, pass);
        }
        match c.features {
            Features::Mean => x.global_avg_pool(),
            Features::Flatten => x.flatten(),
        }
    }

    /// The head's outputs; the features themselves in a network without a head.
    #[track_caller]
    #[inline(never)]
    fn head<'t>(&self, params: &Params<Var<'t, F>>, features: Var<'t, F>) -> Var<'t, F> {
        self.head.map_or(features, |head| head.forward(params, features))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mlp, update_running};
    use fewshot_autodiff::{Array, Tape};
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    #[test]
    fn parameter_counts_are_the_published_ones() {
        let count = |config: Conv4Config| Conv4::new(&config).spec.count();
        assert_eq!(count(Conv4Config::strided_gap()), 111_680);
        assert_eq!(count(Conv4Config::strided_gap().with_head(5)), 112_005);
        assert_eq!(count(Conv4Config::strided_flat()), 111_936);
        assert_eq!(count(Conv4Config::strided_flat().with_head(5)), 113_221);
        assert_eq!(count(Conv4Config::pooled_64()), 111_936);
        assert_eq!(count(Conv4Config::pooled_32()), 28_320);
        let colour = Conv4Config { size: 84, channels: 3, ..Conv4Config::pooled_32() };
        assert_eq!(count(colour), 28_896);
        assert_eq!(count(colour.with_head(5)), 32_901);
        let spec = |model: &dyn Model<f32>| model.spec().count();
        assert_eq!(spec(&Mlp::new(&[1, 40, 40, 1])), 1761);
        assert_eq!(spec(&Mlp::with_batch_norm(&[784, 256, 128, 64, 64, 5])), 247_109);
    }

    #[test]
    fn feature_shapes_are_the_published_ones() {
        for (config, features) in [
            (Conv4Config::strided_gap(), 64),
            (Conv4Config::strided_flat(), 256),
            (Conv4Config::pooled_64(), 64),
            (Conv4Config::pooled_32(), 32),
            (Conv4Config { size: 84, channels: 3, filters: 8, ..Conv4Config::pooled_64() }, 200),
        ] {
            let model = Conv4::new(&config);
            let theta = model.spec.init::<f32>(&mut ChaCha8Rng::seed_from_u64(1));
            let tape = Tape::new();
            let x = Array::from_fn(&[2, config.size, config.size, config.channels], |i| (i as f32).sin());
            let mut pass = Pass::batch();
            let y = model.forward(&theta.on(&tape), tape.var(&x), &mut pass);
            assert_eq!(y.shape(), [2, features]);
            let statistics = pass.into_statistics().expect("the norms used the batch").arrays();
            let running = model.spec.statistics();
            let updated = update_running(&running, &statistics, 0.1);
            assert_eq!(updated.names(), running.names());
            assert!(updated.values().iter().zip(running.values()).all(|(new, old)| new != old));
        }
    }
}

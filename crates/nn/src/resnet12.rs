//! ResNet-12, the residual network of the few-shot literature.

use fewshot_autodiff::{Activation, Conv, Float, Padding, Pool, Var};

use crate::conv::{Conv2d, ConvNorm};
use crate::conv4::Features;
use crate::drop_block::DropBlock;
use crate::dropout::Dropout;
use crate::init::{Bias, Init, PYTORCH};
use crate::linear::Linear;
use crate::model::{Headed, Model, Pass};
use crate::norm::NormAffine;
use crate::params::Params;
use crate::signature::Input;
use crate::spec::{ParamBuilder, ParamSpec};

/// Blocks, each of which halves the images.
const BLOCKS: usize = 4;

/// Four residual blocks of three 3x3 convolutions (Lee et al. 2019: "Meta-learning with differentiable convex optimization", CVPR,
/// section 4.1, and released code). The constructors are the published variants; change fields for others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResNet12Config {
    /// Height and width of the images, in pixels.
    pub size: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Channels of each block.
    pub widths: [usize; BLOCKS],
    /// Slope of the leaky ReLU.
    pub slope: f64,
    /// The norms' epsilon.
    pub eps: f64,
    /// How the last images become features.
    pub features: Features,
    /// Rate of [`Dropout`] behind blocks 1 and 2 and of [`DropBlock`] behind blocks 3 and 4, where noise is given; 0 for none.
    pub drop_rate: f64,
    /// Pixels a side of DropBlock's squares; `None` for dropout behind blocks 3 and 4, too.
    pub drop_block: Option<usize>,
    /// Initial convolution weights.
    pub weight: Init,
    /// Outputs of a linear layer on top of the features; `None` for a network without it.
    pub head: Option<usize>,
    /// Initial weights of the head.
    pub head_weight: Init,
    /// Bias of the head.
    pub head_bias: Bias,
}

impl ResNet12Config {
    /// The encoder of RFS (Tian et al. 2020: "Rethinking few-shot image classification", ECCV, section 4.1, and released code) and FEAT
    /// for miniImageNet, 84x84 in colour: 64, 160, 320 and 640 channels, the mean of each of the last as features, dropout and DropBlock
    /// of 0.1 with squares of 5 pixels, normal weights of variance `2 / fan_out`. 640 features, 12,424,320 parameters.
    pub fn rfs() -> Self {
        ResNet12Config {
            size: 84,
            channels: 3,
            widths: [64, 160, 320, 640],
            slope: 0.1,
            eps: 1e-5,
            features: Features::Mean,
            drop_rate: 0.1,
            drop_block: Some(5),
            weight: Init::KaimingNormalFanOut { a: 0.0 },
            head: None,
            head_weight: PYTORCH,
            head_bias: Bias::FanIn,
        }
    }

    /// The encoder of MetaOptNet (Lee et al. 2019): as [`rfs`](Self::rfs) with all last values. 16,000 features; 2,560 on images of 32
    /// pixels.
    pub fn meta_opt_net() -> Self {
        ResNet12Config { features: Features::Flatten, ..Self::rfs() }
    }

    /// The encoder of Meta-Baseline (Chen et al. 2021: "Meta-Baseline: exploring simple meta-learning for few-shot learning", ICCV,
    /// released code): as [`rfs`](Self::rfs) with 64, 128, 256 and 512 channels and without any dropout. 512 features, 7,996,800
    /// parameters.
    pub fn meta_baseline() -> Self {
        ResNet12Config { widths: [64, 128, 256, 512], drop_rate: 0.0, drop_block: None, ..Self::rfs() }
    }

    /// For the images of 32x32 pixels of CIFAR-FS and FC100, with DropBlock, if any, in squares of 2 pixels.
    #[must_use]
    pub fn for_cifar(self) -> Self {
        ResNet12Config { size: 32, drop_block: self.drop_block.map(|_| 2), ..self }
    }

    /// With a linear layer from the features to `outputs`, named `head`.
    #[must_use]
    pub fn with_head(mut self, outputs: usize) -> Self {
        self.head = Some(outputs);
        self
    }

    /// Number of features of an image.
    pub fn feature_count(&self) -> usize {
        let last = self.widths[BLOCKS - 1];
        match self.features {
            Features::Mean => last,
            Features::Flatten => last.saturating_mul((self.size >> BLOCKS).saturating_pow(2)),
        }
    }
}

/// ResNet-12: `[n, size, size, channels]` to features `[n, feature_count]`, or to `[n, outputs]` with a head.
///
/// A block is convolution, norm, leaky ReLU, twice; convolution, norm; plus a 1x1 convolution of its input with its norm; leaky ReLU, 2x2
/// max-pooling, dropout or DropBlock. Convolutions have no bias and keep the size of their images. Names: `block1.layer1.conv.weight`,
/// `block1.layer1.norm.scale`, ..., `block1.shortcut.conv.weight`, ..., `head.weight`.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::{Model, Pass, ResNet12, ResNet12Config};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
/// // a narrow one, for images of 32x32 and 64 classes
/// let config = ResNet12Config { widths: [4, 8, 8, 16], ..ResNet12Config::rfs() }.for_cifar();
/// let model = ResNet12::new(&config.with_head(64));
/// let theta = Model::<f32>::spec(&model).init(&mut ChaCha8Rng::seed_from_u64(0));
/// let tape = Tape::<f32>::new();
/// let y = model.forward(&theta.on(&tape), tape.var(&Array::zeros(&[2, 32, 32, 3])), &mut Pass::batch());
/// assert_eq!((config.feature_count(), y.shape().to_vec()), (16, vec![2, 64]));
/// ```
#[derive(Debug, Clone)]
pub struct ResNet12 {
    config: ResNet12Config,
    blocks: Vec<Block>,
    head: Option<Linear>,
    spec: ParamSpec,
}

impl ResNet12 {
    /// The network of this configuration.
    ///
    /// # Panics
    /// When four halvings leave nothing of the images, the rate of dropout is not in [0, 1), or the squares of DropBlock are larger than
    /// the images behind block 4.
    #[track_caller]
    pub fn new(config: &ResNet12Config) -> Self {
        let c = *config;
        assert!(c.size >> BLOCKS > 0, "ResNet12: four halvings leave nothing of images of {} pixels", c.size);
        // no closure: mistakes are reported at the caller's line
        let drops = [Drop::of(&c, 0), Drop::of(&c, 1), Drop::of(&c, 2), Drop::of(&c, 3)];
        let mut b = ParamBuilder::new();
        let blocks = (0..BLOCKS).map(|i| {
            let c_in = if i == 0 { c.channels } else { c.widths[i - 1] };
            b.scope(&format!("block{}", i + 1), |b| Block::new(b, &c, c_in, c.widths[i], drops[i]))
        });
        let blocks = blocks.collect();
        let head = c.head.map(|outputs| {
            b.scope("head", |b| Linear::with_init(b, c.feature_count(), outputs, c.head_weight, c.head_bias))
        });
        b.takes(Input::Shape(vec![c.size, c.size, c.channels]));
        b.gives(c.head.unwrap_or(c.feature_count()));
        b.sign("network", "ResNet12");
        b.sign("slope", c.slope);
        b.sign("features", if c.features == Features::Mean { "mean" } else { "all" });
        ResNet12 { config: c, blocks, head, spec: b.finish() }
    }

    /// The configuration of the network.
    pub fn config(&self) -> &ResNet12Config {
        &self.config
    }
}

/// What is dropped behind a block.
#[derive(Debug, Clone, Copy)]
enum Drop {
    Values(Dropout),
    Squares(DropBlock),
}

impl Drop {
    /// What is dropped behind block `i`, counted from 0.
    #[track_caller]
    fn of(config: &ResNet12Config, i: usize) -> Self {
        match config.drop_block {
            Some(side) if i >= 2 => {
                let (squares, size) = (DropBlock::new(config.drop_rate, side), config.size >> (i + 1));
                squares.check(&[1, size, size, config.widths[i]]);
                Drop::Squares(squares)
            }
            _ => Drop::Values(Dropout::new(config.drop_rate)),
        }
    }
}

#[derive(Debug, Clone)]
struct Block {
    layers: [ConvNorm; 3],
    shortcut: ConvNorm,
    activation: Activation,
    drop: Drop,
}

impl Block {
    #[track_caller]
    fn new(b: &mut ParamBuilder, config: &ResNet12Config, c_in: usize, c_out: usize, drop: Drop) -> Self {
        let mut layer = |name: &str, kernel: usize, c_in: usize| {
            let (shape, how) =
                ([kernel, kernel, c_in, c_out], Conv { stride: [1; 2], padding: Padding::all(kernel / 2) });
            let conv = |b: &mut ParamBuilder| Conv2d::with_init(b, shape, how, config.weight, Bias::None);
            b.scope(name, |b| ConvNorm::new(b, conv, c_out, NormAffine::ScaleShift, config.eps))
        };
        Block {
            layers: [layer("layer1", 3, c_in), layer("layer2", 3, c_out), layer("layer3", 3, c_out)],
            shortcut: layer("shortcut", 1, c_in),
            activation: Activation::LeakyRelu(config.slope),
            drop,
        }
    }

    #[track_caller]
    fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let h = self.layers[0].forward(params, x, self.activation, pass);
        let h = self.layers[1].forward(params, h, self.activation, pass);
        let h = self.layers[2].forward(params, h, Activation::Identity, pass);
        let r = self.shortcut.forward(params, x, Activation::Identity, pass);
        let y = self.activation.apply(h + r).max_pool(Pool::valid(2));
        match self.drop {
            Drop::Values(dropout) => dropout.forward(y, pass),
            Drop::Squares(squares) => squares.forward(y, pass),
        }
    }
}

impl<F: Float> Model<F> for ResNet12 {
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

impl<F: Float> Headed<F> for ResNet12 {
    #[track_caller]
    #[inline(never)]
    fn features<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let c = &self.config;
        let shape = x.shape();
        assert!(
            shape.len() == 4 && shape[1..] == [c.size, c.size, c.channels],
            "ResNet12: images {shape} are not [n, {0}, {0}, {1}]",
            c.size,
            c.channels
        );
        let mut x = x;
        for block in &self.blocks {
            x = block.forward(params, x, pass);
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

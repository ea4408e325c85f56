//! [`Sequential`]: a network of layers one after another.

mod dropout;
mod function;
mod layer;
mod residual;

use std::fmt;

use fewshot_autodiff::{Activation, Conv, Float, Pool, Shape, Var};

use crate::conv::{Conv2d, padding_words};
use crate::init::{Bias, Init, PYTORCH};
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::model::{Headed, Model, Pass};
use crate::norm::{BatchNorm, NormAffine};
use crate::params::Params;
use crate::signature::Input;
use crate::spec::{ParamBuilder, ParamSpec};
use layer::Layer;

/// Layers one after another: each method appends one, which takes what the layer before it gives.
///
/// Sizes follow from the shape of an example: a method takes what the constructor of its layer takes, without them. Weights are
/// named by kind and number, `conv1.weight`, `norm1.scale`, `linear2.bias`, those of the last layer `head.*`. The chain is signed,
/// but for dropout, which changes no answer. A convolution and the batch norm, activation and max-pooling behind it are computed as in [`Conv4`](crate::Conv4): for
/// equal weights with the same bits. Skip connections are a [`residual`](Self::residual) block; other layers that are no chain are a
/// [`Model`] of one's own.
///
/// ```
/// use fewshot_autodiff::{Conv, Padding, Pool};
/// use fewshot_nn::{Model, NormAffine, Sequential};
///
/// let same = Conv { padding: Padding::Same, ..Conv::default() };
/// let model = Sequential::new(&[28, 28, 1])
///     .conv2d(3, 32, same)
///     .batch_norm(NormAffine::ScaleShift, 1e-5)
///     .relu()
///     .max_pool(Pool::valid(2))
///     .flatten()
///     .with_head(5);
/// let names: Vec<&str> = Model::<f32>::spec(&model).weights().map(|(name, _)| name).collect();
/// assert_eq!(names, ["conv1.weight", "conv1.bias", "norm1.scale", "norm1.shift", "head.weight", "head.bias"]);
/// assert_eq!(model.output_shape(), [5]);
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct Sequential {
    input: Vec<usize>,
    output: Vec<usize>,
    layers: Vec<Layer>,
    head: Option<Linear>,
    /// Initial values of the linear and convolution layers that follow.
    init: (Init, Bias),
    /// The layers and their settings, in words.
    chain: Vec<String>,
    b: ParamBuilder,
}

impl Sequential {
    /// A network without layers for examples of this shape, without the axis of examples: `[28, 28, 1]` for grey images of 28x28
    /// pixels, `[8]` for rows of 8 numbers.
    ///
    /// # Panics
    /// When the shape has no axis, or one of size 0.
    #[track_caller]
    pub fn new(example: &[usize]) -> Self {
        assert!(
            !example.is_empty() && !example.contains(&0),
            "Sequential: an example of shape {example:?} has no axis, or one of size 0"
        );
        let mut b = ParamBuilder::new();
        b.takes(Input::Shape(example.to_vec()));
        b.gives(example.iter().product());
        b.sign("network", "Sequential");
        let [input, output] = [example, example].map(<[usize]>::to_vec);
        Sequential {
            input,
            output,
            layers: Vec::new(),
            head: None,
            init: (PYTORCH, Bias::FanIn),
            chain: Vec::new(),
            b,
        }
    }

    /// What the linear and convolution layers that follow, the head too, start from; otherwise PyTorch's initial values.
    pub fn with_init(mut self, weight: Init, bias: Bias) -> Self {
        self.init = (weight, bias);
        self
    }

    /// The shape of what the last layer so far gives for an example, without the axis of examples.
    pub fn output_shape(&self) -> &[usize] {
        &self.output
    }

    /// A [`Linear`] layer, `[inputs]` to `[outputs]`.
    ///
    /// # Panics
    /// When the layer before gives more than one axis, `outputs` is 0, or the number of weights overflows.
    #[track_caller]
    pub fn linear(self, outputs: usize) -> Self {
        let (inputs, (weight, bias)) = (self.row("linear"), self.init);
        check_weights("linear", &[inputs, outputs]);
        self.layer("linear", "", &[outputs], |b| {
            Layer::Linear(Linear::with_init(b, inputs, outputs, weight, bias))
        })
    }

    /// The last layer, a [`Linear`] one, `[features]` to `[outputs]`, with the weights `head.*`: what [`Headed`] and
    /// ANIL mean by the head. All layers before it make the features.
    ///
    /// # Panics
    /// When the layer before gives more than one axis, there is a head already, `outputs` is 0, or the number of weights overflows.
    #[track_caller]
    pub fn with_head(mut self, outputs: usize) -> Self {
        let (features, (weight, bias)) = (self.row("with_head"), self.init);
        check_weights("with_head", &[features, outputs]);
        self.append("head", "", &[outputs]);
        self.head = Some(self.b.scope("head", |b| Linear::with_init(b, features, outputs, weight, bias)));
        self
    }

    /// A [`Conv2d`] layer with a square window of `kernel` pixels, `[h, w, c]` to `[oh, ow, filters]`.
    ///
    /// # Panics
    /// When the layer before gives no images, the window does not fit, `filters` is 0, or the number of weights overflows.
    #[track_caller]
    pub fn conv2d(self, kernel: usize, filters: usize, how: Conv) -> Self {
        let ([h, w, c], (weight, bias)) = (self.images("conv2d"), self.init);
        let shape = [kernel, kernel, c, filters];
        check_weights("conv2d", &shape);
        let [oh, ow] = how.output_size([h, w], [kernel; 2]);
        self.layer("conv", "", &[oh, ow, filters], |b| Layer::Conv {
            conv: Conv2d::with_init(b, shape, how, weight, bias),
            activation: Activation::Identity,
            pool: None,
        })
    }

    /// A [`BatchNorm`] layer over all axes but the last, without changing shapes.
    ///
    /// # Panics
    /// Behind the head.
    #[track_caller]
    pub fn batch_norm(self, affine: NormAffine, eps: f64) -> Self {
        let shape = self.output.clone();
        let channels = shape[shape.len() - 1];
        self.layer("norm", "", &shape, |b| Layer::BatchNorm {
            norm: BatchNorm::new(b, channels, affine, eps),
            activation: Activation::Identity,
        })
    }

    /// A [`LayerNorm`] layer over the last axis, without changing shapes.
    ///
    /// # Panics
    /// Behind the head.
    #[track_caller]
    pub fn layer_norm(self, eps: f64) -> Self {
        let shape = self.output.clone();
        let features = shape[shape.len() - 1];
        self.layer("layer_norm", "", &shape, |b| Layer::LayerNorm(LayerNorm::new(b, features, eps)))
    }

    /// Max-pooling, `[h, w, c]` to `[oh, ow, c]`.
    ///
    /// # Panics
    /// When the layer before gives no images, a stride is 0, or the window does not fit.
    #[track_caller]
    pub fn max_pool(self, how: Pool) -> Self {
        self.pool("max_pool", how, Layer::MaxPool(how))
    }

    /// Average pooling, the mean of each window without padding: `[h, w, c]` to `[oh, ow, c]`.
    ///
    /// # Panics
    /// When the layer before gives no images, a stride is 0, or the window does not fit.
    #[track_caller]
    pub fn avg_pool(self, how: Pool) -> Self {
        self.pool("avg_pool", how, Layer::AvgPool(how))
    }

    /// The mean of each channel, `[h, w, c]` to `[c]`.
    ///
    /// # Panics
    /// When the layer before gives no images.
    #[track_caller]
    pub fn global_avg_pool(self) -> Self {
        let [_, _, c] = self.images("global_avg_pool");
        self.layer("global_avg_pool", "", &[c], |_| Layer::GlobalAvgPool)
    }

    /// All values of an example in one row, any shape to `[values]`.
    ///
    /// # Panics
    /// Behind the head.
    #[track_caller]
    pub fn flatten(self) -> Self {
        let values = self.output.iter().product();
        self.layer("flatten", "", &[values], |_| Layer::Flatten)
    }

    #[track_caller]
    fn pool(self, kind: &str, how: Pool, layer: Layer) -> Self {
        let [h, w, c] = self.images(kind);
        let [oh, ow] = how.output_size([h, w]);
        let settings = format_args!(" {:?} by {:?}, {}", how.size, how.stride, padding_words(how.padding));
        self.layer(kind, settings, &[oh, ow, c], |_| layer)
    }

    /// Appends a layer that is made within its scope and gives examples of shape `output`.
    #[track_caller]
    fn layer(
        mut self,
        kind: &str,
        settings: impl fmt::Display,
        output: &[usize],
        make: impl FnOnce(&mut ParamBuilder) -> Layer,
    ) -> Self {
        self.append(kind, settings, output);
        let number = self.chain.iter().filter(|&word| word == kind).count();
        let layer = self.b.scope(&format!("{kind}{number}"), make);
        if !self.layers.last_mut().is_some_and(|last| last.join(&layer)) {
            self.layers.push(layer);
        }
        self
    }

    /// Notes and signs that the next layer is of this kind and gives examples of shape `output`.
    #[track_caller]
    fn append(&mut self, kind: &str, settings: impl fmt::Display, output: &[usize]) {
        self.check_open(kind);
        self.chain.push(format!("{kind}{settings}"));
        self.b.sign("layers", self.chain.join(" - "));
        self.b.gives(output.iter().product());
        self.output = output.to_vec();
    }

    #[track_caller]
    fn check_open(&self, kind: &str) {
        assert!(self.head.is_none(), "Sequential: {kind} behind the head, which is the last layer");
    }

    /// The size of the rows that the last layer gives.
    #[track_caller]
    fn row(&self, kind: &str) -> usize {
        let [inputs] = self.output[..] else {
            panic!("Sequential::{kind}: takes [inputs], not {:?}; flatten first", self.output)
        };
        inputs
    }

    /// Height, width and channels of the images that the last layer gives.
    #[track_caller]
    fn images(&self, kind: &str) -> [usize; 3] {
        let [h, w, c] = self.output[..] else {
            panic!("Sequential::{kind}: takes [h, w, c], not {:?}", self.output)
        };
        [h, w, c]
    }
}

/// # Panics
/// When a layer has no outputs, or more weights than can be counted.
#[track_caller]
fn check_weights(kind: &str, shape: &[usize]) {
    assert!(shape[shape.len() - 1] > 0, "Sequential::{kind}: 0 outputs");
    Shape::new(shape);
}

impl<F: Float> Model<F> for Sequential {
    fn spec(&self) -> &ParamSpec {
        self.b.spec()
    }

    #[track_caller]
    #[inline(never)]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let features = self.features(params, x, pass);
        self.head(params, features)
    }
}

impl<F: Float> Headed<F> for Sequential {
    #[track_caller]
    #[inline(never)]
    fn features<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let shape = x.shape();
        assert!(
            shape.len() > self.input.len() && shape[1..] == self.input,
            "Sequential: a batch {shape} is not of examples {:?}",
            self.input
        );
        let mut x = x;
        for layer in &self.layers {
            x = layer.forward(params, x, pass);
        }
        x
    }

    /// The head's outputs; the features themselves in a network without a head.
    #[track_caller]
    #[inline(never)]
    fn head<'t>(&self, params: &Params<Var<'t, F>>, features: Var<'t, F>) -> Var<'t, F> {
        self.head.map_or(features, |head| head.forward(params, features))
    }
}

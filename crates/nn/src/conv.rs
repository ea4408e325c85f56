//! A convolution layer, alone and with the norm that follows it.

use fewshot_autodiff::{Activation, Conv, ConvBlock, ConvLayer, Float, Padding, Pool, Var};

use crate::init::{Bias, Init, PYTORCH};
use crate::model::{Mode, Pass};
use crate::norm::{BatchNorm, NormAffine};
use crate::params::{ParamId, Params};
use crate::spec::ParamBuilder;

/// A convolution: `[n, h, w, c_in]` to `[n, oh, ow, c_out]`, weight `[kh, kw, c_in, c_out]`, bias `[c_out]`.
#[derive(Debug, Clone, Copy)]
pub struct Conv2d {
    weight: ParamId,
    bias: Option<ParamId>,
    how: Conv,
}

impl Conv2d {
    /// A square window of `kernel` pixels with PyTorch's initial values: uniform within `1 / sqrt(kernel^2 c_in)`.
    ///
    /// # Panics
    /// When the number of weights overflows.
    #[track_caller]
    pub fn new(b: &mut ParamBuilder, kernel: usize, c_in: usize, c_out: usize, how: Conv) -> Self {
        Self::with_init(b, [kernel, kernel, c_in, c_out], how, PYTORCH, Bias::FanIn)
    }

    /// Weight shape `[kh, kw, c_in, c_out]` with given initial values.
    ///
    /// # Panics
    /// When the number of weights overflows.
    #[track_caller]
    pub fn with_init(b: &mut ParamBuilder, shape: [usize; 4], how: Conv, weight: Init, bias: Bias) -> Self {
        let weight = b.weight("weight", &shape, weight);
        let fan_in = shape[..3].iter().product();
        b.sign("stride", format_args!("{:?}", how.stride));
        b.sign("padding", padding_words(how.padding));
        Conv2d { weight, bias: bias.init(fan_in).map(|init| b.weight("bias", &[shape[3]], init)), how }
    }

    /// Applies the layer.
    ///
    /// # Panics
    /// When the channels differ, images have no pixels, or the window does not fit.
    #[track_caller]
    pub fn forward<'t, F: Float>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>) -> Var<'t, F> {
        let y = self.without_bias(params, x);
        self.bias.map_or(y, |bias| y + params[bias])
    }

    /// Applies the layer, an activation, and max-pooling if given.
    ///
    /// # Panics
    /// When the channels differ or a window does not fit.
    #[track_caller]
    pub(crate) fn activated<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        activation: Activation,
        pool: Option<Pool>,
        pass: &Pass<'t, F>,
    ) -> Var<'t, F> {
        if pass.mode() == Mode::Inference {
            let bias = self.bias.map(|bias| params[bias]);
            return x.conv_layer(params[self.weight], bias, ConvLayer { conv: self.how, activation, pool });
        }
        let y = activation.apply(self.forward(params, x));
        pool.map_or(y, |pool| y.max_pool(pool))
    }

    /// Number of output pixels of all images of `x`.
    fn windows<F: Float>(&self, params: &Params<Var<'_, F>>, x: Var<'_, F>) -> usize {
        let (x, w) = (x.shape(), params[self.weight].shape());
        let [height, width] = self.how.output_size([x[1], x[2]], [w[0], w[1]]);
        x[0] * height * width
    }

    #[track_caller]
    fn without_bias<'t, F: Float>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>) -> Var<'t, F> {
        x.conv2d(params[self.weight], self.how)
    }
}

/// A padding in a signature.
pub(crate) fn padding_words(padding: Padding) -> String {
    match padding {
        Padding::Valid => "valid".to_owned(),
        Padding::Same => "same".to_owned(),
        Padding::Explicit(widths) => format!("{widths:?}"),
    }
}

/// Weights of one output value up to which a convolution is cheaper to compute a second time than to store.
const FEW: usize = 32;

/// Convolution, batch norm, activation, and optional max-pooling.
///
/// A norm on batch statistics cancels a bias exactly, and the bias has a gradient of zero: it is left out, and only added to the mean
/// that is collected. For inference, a norm on given statistics is folded into weights and bias.
#[derive(Debug, Clone)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
    pool: Option<Pool>,
}

impl ConvNorm {
    /// The layers `conv` and `norm` in the present scope.
    pub fn new(
        b: &mut ParamBuilder,
        conv: impl FnOnce(&mut ParamBuilder) -> Conv2d,
        channels: usize,
        affine: NormAffine,
        eps: f64,
    ) -> Self {
        ConvNorm {
            conv: b.scope("conv", conv),
            norm: b.scope("norm", |b| BatchNorm::new(b, channels, affine, eps)),
            pool: None,
        }
    }

    /// The block of these two layers.
    pub(crate) fn of(conv: Conv2d, norm: BatchNorm) -> Self {
        ConvNorm { conv, norm, pool: None }
    }

    pub(crate) fn is_pooled(&self) -> bool {
        self.pool.is_some()
    }

    /// This block with max-pooling at the end.
    #[must_use]
    pub fn with_pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Applies convolution, norm, activation and pooling.
    ///
    /// # Panics
    /// When the channels differ or the window does not fit.
    #[track_caller]
    pub fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        activation: Activation,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        if pass.mode() == Mode::Inference
            && let Some(given) = self.norm.given(params, pass)
        {
            return self.folded(params, x, activation, given);
        }
        let batch = self.norm.uses_batch(pass);
        let weight = params[self.conv.weight].shape();
        if batch && pass.mode() != Mode::AnyOrder && weight[..3].iter().product::<usize>() <= FEW {
            return self.block(params, x, activation, pass);
        }
        self.after(params, self.conv.without_bias(params, x), activation, pass)
    }

    /// Applies the block to every pair of two batches `[n, h, w, c]` and `[m, h, w, c]`, with the images of a pair concatenated along the
    /// channels, the first batch's first: `[m n, ..]`, all pairs of the first image of the second batch before the others.
    ///
    /// A convolution is a sum over channels: each batch is convolved by itself, and a pair takes the sum of two results.
    #[track_caller]
    pub(crate) fn forward_pairs<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        [first, second]: [Var<'t, F>; 2],
        activation: Activation,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let shapes = [first.shape(), second.shape()];
        let alike = shapes.iter().all(|shape| shape.len() == 4) && shapes[0][1..3] == shapes[1][1..3];
        assert!(
            alike,
            "pairs: {} and {}: both must be [n, h, w, c], of one height and width",
            shapes[0], shapes[1]
        );
        let channels = shapes.map(|shape| shape[3]);
        let weights = params[self.conv.weight].split(2, &channels);
        let [n, m] = [first, second].map(|x| x.shape()[0]);
        let (a, b) = (first.conv2d(weights[0], self.conv.how), second.conv2d(weights[1], self.conv.how));
        let [h, w, c] = [1, 2, 3].map(|axis| a.shape()[axis]);
        let y = (a.insert_axis(0) + b.insert_axis(1)).reshape(&[m * n, h, w, c]);
        self.after(params, y, activation, pass)
    }

    /// Norm, activation and pooling of the convolution's output, computed without bias.
    #[track_caller]
    fn after<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        y: Var<'t, F>,
        activation: Activation,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let bias = self.bias(params);
        let y = if self.norm.uses_batch(pass) {
            self.norm.on_batch(params, y, activation, pass, bias)
        } else {
            self.norm.forward(params, bias.map_or(y, |bias| y + bias), activation, pass)
        };
        self.pool.map_or(y, |pool| y.max_pool(pool))
    }

    /// The whole block as one fused operator, on the statistics of the batch.
    #[track_caller]
    fn block<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        activation: Activation,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let (scale, shift) = self.norm.terms(params);
        let how = ConvBlock { conv: self.conv.how, eps: self.norm.eps(), activation, pool: self.pool };
        let (y, statistics) = x.conv_block(params[self.conv.weight], scale, shift, how);
        self.norm.collect(statistics, self.conv.windows(params, x), pass, self.bias(params));
        y
    }

    /// The whole block as one fused operator, with the norm of given statistics folded into weights and bias.
    #[track_caller]
    fn folded<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        activation: Activation,
        [factor, shift]: [Var<'t, F>; 2],
    ) -> Var<'t, F> {
        let shift = self.bias(params).map_or(shift, |bias| shift + bias * factor);
        let how = ConvLayer { conv: self.conv.how, activation, pool: self.pool };
        x.conv_layer(params[self.conv.weight] * factor, Some(shift), how)
    }

    fn bias<'t, F: Float>(&self, params: &Params<Var<'t, F>>) -> Option<Var<'t, F>> {
        self.conv.bias.map(|bias| params[bias])
    }
}

//! Fused convolution, bias, activation and max-pooling for inference; intermediates are not stored. Gradients are composed of the single
//! operators.

use fewshot_kernels::conv::fused::LayerShape;
use fewshot_kernels::pool::PoolShape;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::ops::conv::{Conv, Padding, conv_shape};
use crate::ops::norm::Activation;
use crate::ops::pool::Pool;
use crate::shape::Shape;
use crate::var::Var;

/// Settings of a fused convolution, bias, activation and max-pooling: [`Var::conv_layer`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvLayer {
    /// Stride and padding of the convolution.
    pub conv: Conv,
    /// The activation after the bias.
    pub activation: Activation,
    /// Max-pooling at the end, if any.
    pub pool: Option<Pool>,
}

/// The operator: images, weights, and the bias where there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConvLayerOp<F> {
    shape: LayerShape,
    slope: F,
}

impl<F: Float> ConvLayerOp<F> {
    fewshot_kernels::names! {
        ConvLayerOp { .. } => "conv_layer",
    }

    pub(crate) fn forward(&self, x: &Inputs<'_, F>, out: &mut [F]) {
        let bias = (x.len() > 2).then(|| x.at(2).data());
        F::conv_layer(out, x.at(0).data(), x.at(1).data(), bias, self.slope, &self.shape);
    }

    pub(crate) fn vjp(&self, r: &mut GradientRule<'_, '_, F>) {
        r.give_composed(|r| {
            let bias = (r.len() > 2).then(|| r.x(2));
            vec![composed(r.x(0), r.x(1), bias, &self.how())]
        });
    }

    fn how(&self) -> ConvLayer {
        let LayerShape { conv, pool } = &self.shape;
        let pool = pool.map(|pool| Pool { size: pool.size, stride: pool.stride, padding: Padding::Valid });
        let conv = Conv { stride: conv.stride, padding: Padding::Explicit(conv.pad) };
        ConvLayer { conv, activation: Activation::LeakyRelu(self.slope.as_f64()), pool }
    }
}

/// The layer in simpler operators.
#[track_caller]
fn composed<'t, F: Float>(
    x: Var<'t, F>,
    weight: Var<'t, F>,
    bias: Option<Var<'t, F>>,
    how: &ConvLayer,
) -> Var<'t, F> {
    let y = x.conv2d(weight, how.conv);
    let y = how.activation.apply(if let Some(bias) = bias { y + bias } else { y });
    if let Some(pool) = how.pool { y.max_pool(pool) } else { y }
}

impl<'t, F: Float> Var<'t, F> {
    /// Fused [`conv2d`](Var::conv2d) with `weight`, bias `[c_out]` if given, activation and [`max_pool`](Var::max_pool), for inference;
    /// intermediates are not stored. Gradients of any order are right, but start from the images and compute the single operators.
    ///
    /// Pooling with padding and activations of a negative slope are computed by the single operators. First layers of 3x3 with stride 1
    /// take as few products as in [`conv_block`](Var::conv_block), other layers as in [`conv2d`](Var::conv2d). In a first layer a pixel
    /// that is not finite makes some or all outputs near it NaN.
    ///
    /// # Panics
    /// As `conv2d` and `max_pool` do, or when the bias is not `[c_out]`.
    #[track_caller]
    pub fn conv_layer(self, weight: Var<'t, F>, bias: Option<Var<'t, F>>, how: ConvLayer) -> Var<'t, F> {
        let conv = conv_shape("conv_layer", &self.shape(), &weight.shape(), how.conv);
        let c = conv.c_out;
        if let Some(bias) = bias {
            let other = bias.shape();
            assert_eq!(other, [c], "conv_layer: {c} channels and bias {other}: bias must be [{c}]");
        }
        let (n, [h, w]) = (conv.n, [conv.out_h(), conv.out_w()]);
        let Some(pool) = pool_shape([n, h, w, c], how.pool) else {
            return composed(self, weight, bias, &how);
        };
        let rises = how.activation.slope() >= 0.0;
        if !rises {
            return composed(self, weight, bias, &how);
        }
        let shape = LayerShape { conv, pool };
        let [h, w] = shape.out_size();
        let op = ConvLayerOp { shape, slope: F::of(how.activation.slope()) };
        let inputs: Vec<Var<'t, F>> = [self, weight].into_iter().chain(bias).collect();
        self.tape().push(Op::ConvLayer(Box::new(op)), &inputs, Shape::new(&[n, h, w, c]))
    }
}

/// The pooling of images `[n, h, w, c]`, or nothing where the kernel does not know it or it does not fit.
fn pool_shape([n, h, w, c]: [usize; 4], pool: Option<Pool>) -> Option<Option<PoolShape>> {
    let Some(Pool { size, stride, padding }) = pool else {
        return Some(None);
    };
    let moves = stride[0] > 0 && stride[1] > 0;
    let pad = [[0; 2]; 2];
    let fits = moves && (1..=h).contains(&size[0]) && (1..=w).contains(&size[1]);
    let known = fits && padding.widths([h, w], size, stride) == pad;
    known.then_some(Some(PoolShape { n, h, w, c, size, stride, pad }))
}

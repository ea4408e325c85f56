//! Convolutions of images `[n, h, w, c]` with weights `[kh, kw, c_in, c_out]`: three operators closed under differentiation.
//!
//! Convolution is linear in both inputs, so the gradient of any of the three is made of the other two.

use fewshot_kernels::conv::ConvShape;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::shape::Shape;
use crate::var::Var;

/// Zeros around images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// No padding.
    #[default]
    Valid,
    /// As many zeros as give an output of `ceil(size / stride)` pixels; an odd one goes to the bottom and right, as in TensorFlow.
    Same,
    /// `[[top, bottom], [left, right]]`.
    Explicit([[usize; 2]; 2]),
}

impl Padding {
    /// The same width on all four sides.
    pub const fn all(width: usize) -> Self {
        Padding::Explicit([[width; 2]; 2])
    }

    /// Pixels before and after, for the two axes of images of `size` and strides that are not 0.
    pub(crate) fn widths(self, size: [usize; 2], window: [usize; 2], stride: [usize; 2]) -> [[usize; 2]; 2] {
        match self {
            Padding::Valid => [[0; 2]; 2],
            Padding::Explicit(widths) => widths,
            Padding::Same => [0, 1].map(|i| {
                let covered =
                    ((size[i].div_ceil(stride[i]).max(1) - 1) * stride[i]).saturating_add(window[i]);
                let total = covered.saturating_sub(size[i]);
                [total / 2, total - total / 2]
            }),
        }
    }
}

/// How a convolution moves over its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    /// Steps down and right, in pixels.
    pub stride: [usize; 2],
    /// Zeros around the images.
    pub padding: Padding,
}

impl Default for Conv {
    fn default() -> Self {
        Conv { stride: [1, 1], padding: Padding::Valid }
    }
}

impl Conv {
    /// Height and width of the output for images and a window of these sizes.
    ///
    /// # Panics
    /// When there are no pixels, a stride is 0, or the window does not fit.
    #[track_caller]
    pub fn output_size(self, size: [usize; 2], window: [usize; 2]) -> [usize; 2] {
        let images = Shape::new(&[1, size[0], size[1], 1]);
        let pad = padding_of("Conv", &images, window, self.stride, self.padding);
        [0, 1].map(|i| (size[i] + pad[i][0] + pad[i][1] - window[i]) / self.stride[i] + 1)
    }
}

/// The three convolution operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConvOp {
    /// Images and weights to images.
    Forward(ConvShape),
    /// Output gradients and weights to image gradients.
    Dx(ConvShape),
    /// Images and output gradients to weight gradients.
    Dw(ConvShape),
}

fn image_shape(s: &ConvShape) -> Shape {
    Shape::new(&[s.n, s.h, s.w, s.c_in])
}

fn weight_shape(s: &ConvShape) -> Shape {
    Shape::new(&[s.kh, s.kw, s.c_in, s.c_out])
}

fn output_shape(s: &ConvShape) -> Shape {
    Shape::new(&[s.n, s.out_h(), s.out_w(), s.c_out])
}

impl ConvOp {
    fewshot_kernels::names! {
        ConvOp::Forward(_) => "conv2d",
        ConvOp::Dx(_) => "conv2d input gradient",
        ConvOp::Dw(_) => "conv2d weight gradient",
    }

    pub(crate) fn forward<F: Float>(&self, x: &Inputs<'_, F>, out: &mut [F]) {
        let (a, b) = (x.at(0).data(), x.at(1).data());
        match self {
            ConvOp::Forward(s) => F::conv(out, a, b, s),
            ConvOp::Dx(s) => F::conv_dx(out, a, b, s),
            ConvOp::Dw(s) => F::conv_dw(out, a, b, s),
        }
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut GradientRule<'_, '_, F>) {
        let (a, b, u) = (r.x(0), r.x(1), r.u());
        match *self {
            ConvOp::Forward(s) => {
                r.give(0, || write(ConvOp::Dx(s), u, b));
                r.give(1, || write(ConvOp::Dw(s), a, u));
            }
            ConvOp::Dx(s) => {
                r.give(0, || write(ConvOp::Forward(s), u, b));
                r.give(1, || write(ConvOp::Dw(s), u, a));
            }
            ConvOp::Dw(s) => {
                r.give(0, || write(ConvOp::Dx(s), b, u));
                r.give(1, || write(ConvOp::Forward(s), a, u));
            }
        }
    }
}

#[track_caller]
fn write<'t, F: Float>(op: ConvOp, a: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
    let shape = match &op {
        ConvOp::Forward(s) => output_shape(s),
        ConvOp::Dx(s) => image_shape(s),
        ConvOp::Dw(s) => weight_shape(s),
    };
    a.tape().push(Op::Conv(Box::new(op)), &[a, b], shape)
}

impl<'t, F: Float> Var<'t, F> {
    /// Convolution (cross-correlation, as every deep-learning library means it): images `[n, h, w, c_in]` and `weight`
    /// `[kh, kw, c_in, c_out]` to `[n, oh, ow, c_out]`, with `oh = (h + padding - kh) / stride + 1` rounded down.
    ///
    /// Kernels of 3x3 on many channels are computed by Winograd's transforms where that is faster (Lavin and Gray 2016). Whether they are
    /// depends on the number of images, and so do the last digits; a pixel that is not finite can make nearby outputs NaN. With stride 1
    /// several images share a transform: the last digits of an image's outputs then depend on the other images, and pixels of the others
    /// that are not finite can make its outputs NaN.
    ///
    /// # Panics
    /// When images or weights have not four axes, the channels differ, there are no channels or no pixels, a stride is 0, or the window is larger
    /// than the padded image.
    #[track_caller]
    pub fn conv2d(self, weight: Var<'t, F>, how: Conv) -> Var<'t, F> {
        let s = conv_shape("conv2d", &self.shape(), &weight.shape(), how);
        write(ConvOp::Forward(s), self, weight)
    }
}

/// The sizes of a convolution of images `x` with weights `w`, checked.
#[track_caller]
pub(crate) fn conv_shape(name: &str, x: &Shape, w: &Shape, how: Conv) -> ConvShape {
    assert!(
        x.len() == 4 && w.len() == 4,
        "{name}: {x} and {w}: images are [n, h, w, c_in], weights [kh, kw, c_in, c_out]"
    );
    assert_eq!(x[3], w[2], "{name}: {x} and {w}: channels {} and {} differ", x[3], w[2]);
    let window = [w[0], w[1]];
    let pad = padding_of(name, x, window, how.stride, how.padding);
    assert!(w[3] > 0, "{name}: weights {w} have no output channels");
    let ([n, h, width, c_in], [kh, kw]) = ([x[0], x[1], x[2], x[3]], window);
    ConvShape { n, h, w: width, c_in, kh, kw, c_out: w[3], stride: how.stride, pad }
}

/// The padding of images `[n, h, w, c]` under a window that moves over them, checked.
#[track_caller]
pub(crate) fn padding_of(
    name: &str,
    x: &Shape,
    window: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> [[usize; 2]; 2] {
    assert!(x[1] > 0 && x[2] > 0, "{name}: images {x} [n, h, w, c] have no pixels");
    assert!(x[3] > 0, "{name}: images {x} [n, h, w, c] have no channels");
    assert!(stride[0] > 0 && stride[1] > 0, "{name}: stride {stride:?} does not move");
    assert!(window[0] > 0 && window[1] > 0, "{name}: a window of {window:?} holds no pixel");
    let pad = padding.widths([x[1], x[2]], window, stride);
    let padded = [0, 1].map(|i| x[i + 1].saturating_add(pad[i][0]).saturating_add(pad[i][1]));
    for i in 0..2 {
        assert!(
            window[i] <= padded[i],
            "{name}: a window of {window:?} does not fit into images {x} padded by {pad:?}"
        );
    }
    // pixels are counted in 32 bits
    let pixels = padded[0].checked_mul(padded[1]).filter(|&pixels| pixels <= i32::MAX as usize);
    assert!(pixels.is_some(), "{name}: images {x} padded by {pad:?} have more than 2^31 pixels");
    pad
}

//! Fused convolution, batch norm on batch statistics, activation and max-pooling; intermediates are not stored. Value and first derivative
//! are computed tile by tile; higher derivatives are composed of the single operators.

use fewshot_kernels::conv::fused::{Arrived, BlockShape};
use fewshot_kernels::norm::Terms;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::ops::conv::{Conv, ConvOp, Padding, conv_shape};
use crate::ops::norm::Activation;
use crate::ops::pool::Pool;
use crate::shape::Shape;
use crate::var::Var;

/// Settings of a fused convolution, batch norm, activation and max-pooling: [`Var::conv_block`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvBlock {
    /// Stride and padding of the convolution.
    pub conv: Conv,
    /// Added to the variances.
    pub eps: f64,
    /// The activation after the norm.
    pub activation: Activation,
    /// Max-pooling at the end, if any.
    pub pool: Option<Pool>,
}

/// Which inputs there are beside images and weights, the sizes, and the two numbers of the formula.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Block<F> {
    shape: BlockShape,
    scale: bool,
    shift: bool,
    eps: F,
    slope: F,
}

/// The operators. Both take images and weights, and scale and shift where they exist; what else is said at each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ConvBlockOp<F> {
    /// To y, the statistics `[2, c]`, and the moments of the windows, which only the gradient reads.
    Forward(Block<F>),
    /// With statistics, moments and dy, to the gradients for weights, scale and shift.
    Backward(Block<F>),
}

impl<F> Block<F> {
    fn affine(&self) -> usize {
        usize::from(self.scale) + usize::from(self.shift)
    }
}

impl<F: Float> ConvBlockOp<F> {
    fewshot_kernels::names! {
        ConvBlockOp::Forward(_) => "conv_block",
        ConvBlockOp::Backward(_) => "conv_block gradient",
    }

    pub(crate) fn forward(&self, x: &Inputs<'_, F>, out: &mut [&mut [F]]) {
        let (ConvBlockOp::Forward(b) | ConvBlockOp::Backward(b)) = *self;
        let (images, w) = (x.at(0).data(), x.at(1).data());
        let terms = Terms {
            scale: b.scale.then(|| x.at(2).data()),
            shift: b.shift.then(|| x.at(1 + b.affine()).data()),
            eps: b.eps,
            slope: b.slope,
        };
        let rest = |i: usize| x.at(2 + b.affine() + i).data();
        match (self, out) {
            (ConvBlockOp::Forward(_), [y, stats, moments]) => {
                F::conv_block(y, stats, moments, images, w, &terms, &b.shape);
            }
            (ConvBlockOp::Backward(_), [dw, dscale, dshift]) => {
                let arrived = Arrived { stats: rest(0), moments: rest(1), dy: rest(2) };
                F::conv_block_backward([dw, dscale, dshift], images, w, &terms, &arrived, &b.shape);
            }
            _ => unreachable!("the outputs were counted when the operator was written"),
        }
    }

    pub(crate) fn vjp(&self, r: &mut GradientRule<'_, '_, F>) {
        match *self {
            ConvBlockOp::Forward(b) => forward_rule(b, r),
            ConvBlockOp::Backward(b) => r.give_composed(|r| composed_backward(b, r)),
        }
    }
}

fn inputs<'t, F: Float>(b: &Block<F>, r: &GradientRule<'_, 't, F>) -> Vec<Var<'t, F>> {
    (0..2 + b.affine()).map(|i| r.x(i)).collect()
}

fn forward_rule<F: Float>(b: Block<F>, r: &mut GradientRule<'_, '_, F>) {
    let terms = inputs(&b, r);
    let (Some(u), None) = (r.u_of(0), r.u_of(1)) else {
        // Statistics that are used as values: rare, so simpler operators do.
        return r.give_composed(|_| {
            let (y, statistics) = b.composed(&terms);
            vec![y, statistics]
        });
    };
    let (tape, y) = (terms[0].tape(), r.y());
    let mut all = terms.clone();
    all.extend([y.output(1), y.output(2), u]);
    let channel = Shape::new(&[b.shape.conv.c_out]);
    let shapes = [terms[1].shape(), channel, channel];
    let mut written = None;
    let mut gradient = |i| {
        written
            .get_or_insert_with(|| {
                tape.push_many(Op::ConvBlock(Box::new(ConvBlockOp::Backward(b))), &all, &shapes)
            })
            .output(i)
    };
    r.give(1, || gradient(0));
    if b.scale {
        r.give(2, || gradient(1));
    }
    if b.shift {
        r.give(1 + b.affine(), || gradient(2));
    }
    r.give(0, || {
        let conv = terms[0].conv2d(terms[1], b.conv());
        let (y, _) = b.composed_after(conv, &terms);
        let du = y.recorded_vjp(&[conv], u)[0];
        tape.push(Op::Conv(Box::new(ConvOp::Dx(b.shape.conv))), &[du, terms[1]], terms[0].shape())
    });
}

impl<F: Float> Block<F> {
    fn conv(&self) -> Conv {
        Conv { stride: self.shape.conv.stride, padding: Padding::Explicit(self.shape.conv.pad) }
    }

    /// Output and statistics in simpler operators.
    fn composed<'t>(&self, terms: &[Var<'t, F>]) -> (Var<'t, F>, Var<'t, F>) {
        self.composed_after(terms[0].conv2d(terms[1], self.conv()), terms)
    }

    /// Output and statistics from the convolution's output, in simpler operators.
    fn composed_after<'t>(&self, conv: Var<'t, F>, terms: &[Var<'t, F>]) -> (Var<'t, F>, Var<'t, F>) {
        let scale = self.scale.then(|| terms[2]);
        let shift = self.shift.then(|| terms[1 + self.affine()]);
        let activation = Activation::LeakyRelu(self.slope.as_f64());
        let (y, statistics) = conv.batch_norm(scale, shift, self.eps, activation);
        let size = self.shape.pool;
        let pool = Pool { size, stride: size, padding: Padding::Valid };
        (if self.shape.pools() { y.max_pool(pool) } else { y }, statistics)
    }
}

/// `Backward` in simpler operators. Statistics and moments are functions of the other inputs, whose shares hold theirs.
fn composed_backward<'t, F: Float>(b: Block<F>, r: &GradientRule<'_, 't, F>) -> Vec<Var<'t, F>> {
    let terms = inputs(&b, r);
    let dy = r.x(2 + b.affine() + 2);
    let (y, _) = b.composed(&terms);
    let mut gradients = r.partials((y * dy).sum(), &terms[1..]).into_iter();
    let mut next = || gradients.next().expect("one gradient for each term");
    let dw = next();
    // where there is no such term, nothing arrives
    let dscale = if b.scale { next() } else { dw };
    let dshift = if b.shift { next() } else { dw };
    vec![dw, dscale, dshift]
}

/// The sizes, if the kernel knows such a block: no pooling or 2x2 side by side without padding, a slope from 0 to 1.
#[track_caller]
fn block_shape<F: Float>(x: Var<'_, F>, weight: Var<'_, F>, how: &ConvBlock) -> Option<BlockShape> {
    let conv = conv_shape("conv_block", &x.shape(), &weight.shape(), how.conv);
    let out = [conv.out_h(), conv.out_w()];
    let pool = match how.pool {
        None => [1, 1],
        Some(pool) => {
            let fits = pool.size == [2, 2] && pool.stride == [2, 2] && out[0] > 1 && out[1] > 1;
            let beside = fits && pool.padding.widths(out, pool.size, pool.stride) == [[0; 2]; 2];
            beside.then_some(pool.size)?
        }
    };
    let shape = BlockShape { conv, pool };
    ((0.0..=1.0).contains(&how.activation.slope()) && conv.n * conv.c_in * conv.c_out > 0).then_some(shape)
}

impl<'t, F: Float> Var<'t, F> {
    /// Fused [`conv2d`](Var::conv2d) with `weight`, [`batch_norm`](Var::batch_norm) with an activation, and
    /// [`max_pool`](Var::max_pool), for training. Returns the output and the statistics `[2, c]` of the convolution: mean and biased
    /// variance.
    ///
    /// Intermediates are not stored: the first gradient computes the convolution a second time. This pays in first layers, where a weight
    /// sees few values: the cost added per pixel is about that of the products of `kh * kw * c_in` values with each other. Gradients for
    /// images and higher gradients are right, but computed by the single operators. So is the whole block where pooling windows are not
    /// 2x2 side by side without padding, or the activation's slope is not in [0, 1].
    ///
    /// Kernels of 3x3 with stride 1 before pooling of 2x2 take 16 products instead of 36 (Lavin and Gray 2016, F(2x2, 3x3)); a pixel
    /// that is not finite makes all outputs near it NaN.
    ///
    /// # Panics
    /// As `conv2d`, `batch_norm` and `max_pool` do.
    #[track_caller]
    pub fn conv_block(
        self,
        weight: Var<'t, F>,
        scale: Option<Var<'t, F>>,
        shift: Option<Var<'t, F>>,
        how: ConvBlock,
    ) -> (Var<'t, F>, Var<'t, F>) {
        let Some(shape) = block_shape(self, weight, &how) else {
            let conv = self.conv2d(weight, how.conv);
            let (y, statistics) = conv.batch_norm(scale, shift, F::of(how.eps), how.activation);
            let y = if let Some(pool) = how.pool { y.max_pool(pool) } else { y };
            return (y, statistics);
        };
        let c = shape.conv.c_out;
        let mut inputs = vec![self, weight];
        for (name, term) in [("scale", scale), ("shift", shift)] {
            if let Some(term) = term {
                let other = term.shape();
                assert_eq!(other, [c], "conv_block: {c} channels and {name} {other}: {name} must be [{c}]");
                inputs.push(term);
            }
        }
        let (eps, slope) = (F::of(how.eps), F::of(how.activation.slope()));
        let block = Block { shape, scale: scale.is_some(), shift: shift.is_some(), eps, slope };
        let (n, depth) = (shape.conv.n, shape.depth());
        let shapes = [
            Shape::new(&[n, shape.out_h(), shape.out_w(), c]),
            Shape::new(&[2, c]),
            Shape::new(&[depth + 1, depth]),
        ];
        let y = self.tape().push_many(Op::ConvBlock(Box::new(ConvBlockOp::Forward(block))), &inputs, &shapes);
        (y, y.output(1))
    }
}

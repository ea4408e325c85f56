//! The table of contents of the operators: plain data, executed by [`Op::forward`], differentiated by [`Op::vjp`].
//!
//! An operator's description, shape rule, value and gradient rule stand side by side in `ops/`, one file per family.

use std::fmt;
use std::sync::Arc;

use fewshot_kernels::parallel::update_helpers;

use crate::array::Array;
use crate::checkpoint::Checkpoint;
use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::ops::binary::{self, Binary};
use crate::ops::conv::ConvOp;
use crate::ops::conv_block::ConvBlockOp;
use crate::ops::conv_layer::ConvLayerOp;
use crate::ops::fused::Fused;
use crate::ops::index::IndexOp;
use crate::ops::indices::OutOfRange;
use crate::ops::layout::Layout;
use crate::ops::linalg::Linalg;
use crate::ops::lstm::LstmOp;
use crate::ops::norm::NormOp;
use crate::ops::norm_pool::{NormPool, NormPoolKind};
use crate::ops::pool::PoolOp;
use crate::ops::product::Product;
use crate::ops::rows::Rows;
use crate::ops::unary::{self, Unary};
use crate::shape::Shape;
use crate::var::Var;

/// What a node of the record does.
#[derive(Clone)]
pub(crate) enum Op<F: Float> {
    /// A value put on the tape.
    Leaf,
    /// A further output of the operator that an earlier node holds.
    Output,
    /// One value in, one out, element by element.
    Unary(Unary<F>),
    /// Two or three values in, one out, element by element with broadcasting.
    Binary(Binary),
    /// Reductions, broadcasting, and the order of elements.
    Layout(Layout),
    /// Picking and placing.
    Index(IndexOp),
    /// Matrix products and distances.
    Product(Product),
    /// Softmax and its relatives.
    Rows(Rows),
    /// Convolutions; in a box, as operators that describe much, so that the list of a program's operators stays short.
    Conv(Box<ConvOp>),
    /// Convolution, batch norm, activation and pooling in one.
    ConvBlock(Box<ConvBlockOp<F>>),
    /// Convolution, bias, activation and pooling in one.
    ConvLayer(Box<ConvLayerOp<F>>),
    /// Pooling.
    Pool(PoolOp),
    /// Batch normalisation.
    Norm(NormOp<F>),
    /// Batch normalisation and pooling as one, in a program.
    NormPool(Box<NormPool<F>>),
    /// Gates of an LSTM.
    Lstm(LstmOp),
    /// Factorisations and solves.
    Linalg(Linalg),
    /// Several of the above, in a program.
    Fused(Fused<F>),
    /// A function whose inner values are not kept.
    Checkpoint(Checkpoint<F>),
    /// A user's own.
    Custom(Arc<dyn CustomOp<F>>),
}

impl<F: Float> Op<F> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Op::Leaf => "var",
            Op::Output => "output",
            Op::Unary(op) => op.name(),
            Op::Binary(op) => op.name(),
            Op::Layout(op) => op.name(),
            Op::Index(op) => op.name(),
            Op::Product(op) => op.name(),
            Op::Rows(op) => op.name(),
            Op::Conv(op) => op.name(),
            Op::ConvBlock(op) => op.name(),
            Op::ConvLayer(op) => op.name(),
            Op::Pool(op) => op.name(),
            Op::Norm(op) => op.name(),
            Op::NormPool(op) => op.name(),
            Op::Lstm(op) => op.name(),
            Op::Linalg(op) => op.name(),
            Op::Fused(op) => op.name(),
            Op::Checkpoint(_) => "checkpoint",
            Op::Custom(op) => op.name(),
        }
    }

    /// Whether the output is the first input's values under another shape.
    pub(crate) fn is_alias(&self) -> bool {
        matches!(self, Op::Layout(Layout::Reshape | Layout::Detach))
    }

    /// Whether no gradient passes through.
    pub(crate) fn is_constant(&self) -> bool {
        match self {
            Op::Layout(Layout::Detach) => true,
            Op::Unary(op) => op.is_constant(),
            Op::Binary(op) => op.is_constant(),
            _ => false,
        }
    }

    /// The output that the operator may write over input `i`, should both be of one size.
    pub(crate) fn overwrites(&self, i: usize) -> Option<usize> {
        match self {
            Op::Unary(_) | Op::Binary(_) => Some(0),
            Op::Fused(op) => op.overwrites(),
            Op::Norm(op) => op.overwrites(i),
            Op::NormPool(op) => op.overwrites(i),
            Op::Lstm(op) => op.overwrites(i),
            _ => None,
        }
    }

    /// Writes the values of the outputs, whose shapes were settled when the operator was written.
    pub(crate) fn forward(
        &self,
        x: &Inputs<'_, F>,
        out: &mut [&mut [F]],
        shapes: &[Shape],
    ) -> Result<(), OutOfRange> {
        update_helpers();
        match self {
            Op::Leaf | Op::Output | Op::Checkpoint(_) => unreachable!("has its value from the start"),
            Op::Unary(function) => F::unary(out[0], x.source(0), *function),
            Op::Binary(function) => binary::forward(*function, x, out[0], shapes[0]),
            Op::Layout(op) => op.forward(x, out, shapes),
            Op::Index(op) => return op.forward(x, out, shapes),
            Op::Product(op) => op.forward(x, None, out[0], shapes[0]),
            Op::Rows(op) => return op.forward(x, out),
            Op::Conv(op) => op.forward(x, out[0]),
            Op::ConvBlock(op) => op.forward(x, out),
            Op::ConvLayer(op) => op.forward(x, out[0]),
            Op::Pool(op) => op.forward(x, out),
            Op::Norm(op) => op.forward(x, out),
            Op::NormPool(op) => op.forward(x, out),
            Op::Lstm(op) => op.forward(x, out),
            Op::Linalg(op) => op.forward(x, out[0]),
            Op::Fused(op) => op.forward(x, out[0], shapes[0]),
            Op::Custom(op) => custom_forward(&**op, x, out[0], shapes[0]),
        }
        Ok(())
    }

    /// Gives the rule's inputs their share of the gradient, in recorded operations.
    pub(crate) fn vjp<'t>(&self, r: &mut GradientRule<'_, 't, F>) {
        match self {
            Op::Leaf | Op::Output => {}
            Op::Unary(function) => unary::vjp(*function, r),
            Op::Binary(function) => binary::vjp(*function, r),
            Op::Layout(op) => op.vjp(r),
            Op::Index(op) => op.vjp(r),
            Op::Product(op) => op.vjp(r),
            Op::Rows(op) => op.vjp(r),
            Op::Conv(op) => op.vjp(r),
            Op::ConvBlock(op) => op.vjp(r),
            Op::ConvLayer(op) => op.vjp(r),
            Op::Pool(op) => op.vjp(r),
            Op::Norm(op) => op.vjp(r),
            Op::Lstm(op) => op.vjp(r),
            Op::Linalg(op) => op.vjp(r),
            Op::Fused(_) | Op::NormPool(_) => unreachable!("made after all gradients were taken"),
            Op::Checkpoint(function) => function.vjp(r),
            Op::Custom(op) => {
                let inputs: Vec<Var<'t, F>> = (0..r.len()).map(|i| r.x(i)).collect();
                let shares = op.vjp(&inputs, r.y(), r.u());
                assert_eq!(
                    shares.len(),
                    inputs.len(),
                    "{}: `vjp` returned {} shares for {} inputs",
                    op.name(),
                    shares.len(),
                    inputs.len()
                );
                for (i, share) in shares.into_iter().enumerate() {
                    if let Some(share) = share {
                        r.give(i, || share);
                    }
                }
            }
        }
    }
}

/// The names of all operators, as messages give them.
#[doc(hidden)]
pub fn operators() -> Vec<&'static str> {
    let families = [
        Unary::<f32>::NAMES,
        Binary::NAMES,
        Layout::NAMES,
        IndexOp::NAMES,
        Product::NAMES,
        Rows::NAMES,
        ConvOp::NAMES,
        ConvBlockOp::<f32>::NAMES,
        ConvLayerOp::<f32>::NAMES,
        PoolOp::NAMES,
        NormOp::<f32>::NAMES,
        NormPoolKind::NAMES,
        LstmOp::NAMES,
        Linalg::NAMES,
        Fused::<f32>::NAMES,
    ];
    families.concat()
}

fn custom_forward<F: Float>(op: &dyn CustomOp<F>, x: &Inputs<'_, F>, out: &mut [F], shape: Shape) {
    let inputs: Vec<Array<F>> = (0..x.len()).map(|i| x.at(i).to_array()).collect();
    let value = op.forward(&inputs.iter().collect::<Vec<_>>());
    let name = op.name();
    assert_eq!(
        value.shape(),
        &shape[..],
        "{name}: `forward` returned {:?}, `shape` promised {shape}",
        value.shape()
    );
    out.copy_from_slice(value.data());
}

/// An operator of the user's own, put on a tape with [`Tape::custom`](crate::Tape::custom).
///
/// The gradient rule is written in operations on [`Var`]s, so a gradient through the operator can be differentiated again.
/// Check it with [`gradcheck`](crate::gradcheck).
///
/// ```
/// use std::sync::Arc;
/// use fewshot_autodiff::{Array, CustomOp, Tape, Var};
///
/// /// x^3, element by element.
/// #[derive(Debug)]
/// struct Cube;
///
/// impl CustomOp<f64> for Cube {
///     fn name(&self) -> &'static str { "cube" }
///     fn shape(&self, inputs: &[&[usize]]) -> Vec<usize> { inputs[0].to_vec() }
///     fn forward(&self, inputs: &[&Array<f64>]) -> Array<f64> { inputs[0].map(|x| x * x * x) }
///     fn vjp<'t>(&self, x: &[Var<'t, f64>], _y: Var<'t, f64>, u: Var<'t, f64>) -> Vec<Option<Var<'t, f64>>> {
///         vec![Some(u * x[0] * x[0] * 3.0)]
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.scalar(2.0);
/// let y = tape.custom(Arc::new(Cube), &[x]);
/// assert_eq!(y.grad(x).grad(x).item(), 12.0);
/// ```
pub trait CustomOp<F: Float>: fmt::Debug + Send + Sync {
    /// The operator's name in messages.
    fn name(&self) -> &'static str;

    /// The shape of the output; panics when the inputs' shapes do not fit.
    fn shape(&self, inputs: &[&[usize]]) -> Vec<usize>;

    /// The output's value.
    fn forward(&self, inputs: &[&Array<F>]) -> Array<F>;

    /// For each input its share of the gradient, where `u` is the gradient with respect to the output `y`; `None` where
    /// no gradient flows. A share may have the output's shape where the input was broadcast: the engine sums it.
    fn vjp<'t>(&self, inputs: &[Var<'t, F>], y: Var<'t, F>, u: Var<'t, F>) -> Vec<Option<Var<'t, F>>>;
}

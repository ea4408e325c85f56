//! [`Kernels`]: what the crates above call.

use crate::conv::fused::{self, Arrived, BlockShape, LayerShape};
use crate::conv::{self, ConvShape};
use crate::element::Element;
use crate::elementwise::{self, Binary, Source, Unary};
use crate::layout::{gather, permute};
use crate::matmul::product;
use crate::norm::{self, Cotangents, Terms};
use crate::pool::{self, PoolShape};
use crate::reduce::{axes, distances, scale, softmax};

macro_rules! entry_points {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:path;)*) => {
        /// The kernels, compiled here once for both element types: generic functions would be compiled anew in every crate that
        /// calls them.
        pub trait Kernels: Element {
            $($(#[$doc])*
            #[allow(clippy::too_many_arguments)]
            fn $name($($arg: $ty),*) $(-> $out)?;)*
        }

        entry_points!(@impl f32 $(fn $name($($arg: $ty),*) $(-> $out)? = $body;)*);
        entry_points!(@impl f64 $(fn $name($($arg: $ty),*) $(-> $out)? = $body;)*);
    };
    (@impl $t:ident $(fn $name:ident($($arg:ident: $ty:ty),*) $(-> $out:ty)? = $body:path;)*) => {
        impl Kernels for $t {
            $(fn $name($($arg: $ty),*) $(-> $out)? {
                $body($($arg),*)
            })*
        }
    };
}

entry_points! {
    /// `out[i] = function(x[i])`.
    fn unary(out: &mut [Self], x: Source<'_, Self>, function: Unary<Self>) = elementwise::unary::unary;
    /// `out = function(a, b)` with operands of these shapes, broadcast to `shape`; not for [`Binary::Select`].
    fn binary(
        out: &mut [Self],
        shape: &[usize],
        operands: [(Source<'_, Self>, &[usize]); 2],
        function: Binary,
    ) = elementwise::binary::binary;
    /// `out[i] = a[i]` where `mask[i]` is not zero, else `b[i]`; NaN where the mask is. Operands: mask, a, b.
    fn select(out: &mut [Self], operands: [Source<'_, Self>; 3]) = elementwise::binary::select;
    /// `out = a + b factor`, broadcast to `shape`.
    fn add_scaled(
        out: &mut [Self],
        shape: &[usize],
        operands: [(Source<'_, Self>, &[usize]); 2],
        factor: Self,
    ) = elementwise::fused::add_scaled;
    /// `out = u` where `x > 0`, else `u slope`.
    fn leaky_gradient(out: &mut [Self], u: Source<'_, Self>, x: Source<'_, Self>, slope: Self) = elementwise::fused::leaky_gradient;
    /// `out = leaky(out + added)` with this slope, `added` being broadcast to `shape`.
    fn add_leaky(
        out: &mut [Self],
        shape: &[usize],
        added: &[Self],
        added_shape: &[usize],
        slope: Self,
    ) = elementwise::fused::add_leaky;
    /// `out = a + b`.
    fn sum_of(out: &mut [Self], a: &[Self], b: &[Self]) = elementwise::fused::add;
    /// `acc[i] += b[i]`.
    fn accumulate(acc: &mut [Self], b: &[Self]) = elementwise::map::add_assign;
    /// Repeats `a` along the axes of `shape` it lacks or has one element on.
    fn broadcast_to(out: &mut [Self], shape: &[usize], a: &[Self], a_shape: &[usize]) = elementwise::broadcast_to;
    /// The gates of an LSTM: see `elementwise::lstm`.
    fn lstm(
        hidden: &mut [Self],
        next: &mut [Self],
        active: &mut [Self],
        gates: Source<'_, Self>,
        cell: &[Self],
        size: usize,
    ) = elementwise::lstm;
    /// The derivative of [`Kernels::lstm`]: see `elementwise::lstm_backward`.
    fn lstm_backward(
        d_gates: &mut [Self],
        d_cell: &mut [Self],
        active: &[Self],
        cell: &[Self],
        next: &[Self],
        d_hidden: &[Self],
        d_next: &[Self],
        size: usize,
    ) = elementwise::lstm_backward;

    /// Copies `x`, split over threads where there is help.
    fn copy(out: &mut [Self], x: &[Self]) = permute::copy;
    /// Reorders the axes of `x`: see `permute::permute`.
    fn permute(out: &mut [Self], x: &[Self], shape: &[usize], axes: &[usize]) = permute::permute;
    /// Rows picked along an axis; sizes outer, axis, inner.
    fn gather(out: &mut [Self], x: &[Self], places: &[usize], sizes: [usize; 3]) = gather::gather;
    /// The adjoint of [`Kernels::gather`].
    fn scatter_add(out: &mut [Self], x: &[Self], places: &[usize], sizes: [usize; 3]) = gather::scatter_add;

    /// Sums `x` over the axes that `over` names.
    fn sum_axes(out: &mut [Self], x: &[Self], shape: &[usize], over: &[bool]) = axes::sum_axes;
    /// The place of the greatest element of each row of `c`; of the first NaN where there is one.
    fn argmax_last(x: &[Self], c: usize) -> Vec<usize> = axes::argmax_last;
    /// Adds each of the arrays in `x` to `acc`.
    fn add_rows(acc: &mut [Self], x: &[Self]) = axes::add_rows;
    /// Softmax of rows of `c` elements.
    fn softmax(out: &mut [Self], x: &[Self], c: usize) = softmax::softmax;
    /// The logarithm of [`Kernels::softmax`].
    fn log_softmax(out: &mut [Self], x: &[Self], c: usize) = softmax::log_softmax;
    /// The logarithm of the sum of exponentials of each row of `c` elements.
    fn logsumexp(out: &mut [Self], x: &[Self], c: usize) = softmax::logsumexp;
    /// Cross-entropy of each row, and its softmax.
    fn softmax_cross_entropy(
        loss: &mut [Self],
        probabilities: &mut [Self],
        logits: &[Self],
        labels: &[usize],
        c: usize,
    ) = softmax::softmax_cross_entropy;
    /// Vectors brought into a range by powers of two: see `scale::scale`. Outputs: scaled vectors, factors, inverses.
    fn scale(outputs: [&mut [Self]; 3], x: &[Self], sizes: [usize; 3]) = scale::scale;
    /// Squared Euclidean distances between the rows of two matrices.
    fn squared_distances(out: &mut [Self], a: &[Self], b: &[Self], width: usize) = distances::squared_distances;

    /// Products of matrices, and a matrix added to each: see `product::matmuls`. Sizes: matrices, m, k, n.
    fn matmuls(
        out: &mut [Self],
        a: &[Self],
        b: &[Self],
        add: Option<&[Self]>,
        sizes: [usize; 4],
        trans_a: bool,
        trans_b: bool,
    ) = product::matmuls;

    /// The mean of each pooling window.
    fn avg_pool(out: &mut [Self], x: &[Self], s: &PoolShape) = pool::avg_pool;
    /// The adjoint of [`Kernels::avg_pool`].
    fn avg_pool_dx(dx: &mut [Self], g: &[Self], s: &PoolShape) = pool::avg_pool_dx;
    /// The greatest element of each window and its place: see `pool::max_pool`.
    fn max_pool(out: &mut [Self], places: &mut [Self], x: &[Self], s: &PoolShape) = pool::max_pool;
    /// The elements of `x` at the places that [`Kernels::max_pool`] gave.
    fn max_pool_pick(out: &mut [Self], x: &[Self], places: &[Self], s: &PoolShape) = pool::max_pool_pick;
    /// The adjoint of [`Kernels::max_pool_pick`].
    fn max_pool_place(out: &mut [Self], u: &[Self], places: &[Self], s: &PoolShape) = pool::max_pool_place;

    /// Convolution: see `conv::conv`.
    fn conv(out: &mut [Self], x: &[Self], w: &[Self], s: &ConvShape) = conv::conv;
    /// Its gradient for the images.
    fn conv_dx(dx: &mut [Self], g: &[Self], w: &[Self], s: &ConvShape) = conv::conv_dx;
    /// Its gradient for the weights.
    fn conv_dw(dw: &mut [Self], x: &[Self], g: &[Self], s: &ConvShape) = conv::conv_dw;
    /// Convolution, batch norm, activation and max-pooling in one: see `fused::conv_block`.
    fn conv_block(
        y: &mut [Self],
        stats: &mut [Self],
        moments: &mut [Self],
        x: &[Self],
        w: &[Self],
        terms: &Terms<'_, Self>,
        s: &BlockShape,
    ) = fused::conv_block;
    /// Its gradients for the weights, scale and shift.
    fn conv_block_backward(
        gradients: [&mut [Self]; 3],
        x: &[Self],
        w: &[Self],
        terms: &Terms<'_, Self>,
        arrived: &Arrived<'_, Self>,
        s: &BlockShape,
    ) = fused::conv_block_backward;
    /// Convolution, bias, activation and max-pooling in one, for inference: see `fused::conv_layer`.
    fn conv_layer(
        y: &mut [Self],
        x: &[Self],
        w: &[Self],
        added: Option<&[Self]>,
        slope: Self,
        s: &LayerShape,
    ) = fused::conv_layer;

    /// Batch norm and activation: see `norm::batch_norm`.
    fn batch_norm(
        y: &mut [Self],
        stats: &mut [Self],
        x: &[Self],
        scale: Option<&[Self]>,
        shift: Option<&[Self]>,
        c: usize,
        eps: Self,
        slope: Self,
    ) = norm::batch_norm;
    /// Its derivative: see `norm::batch_norm_backward`.
    fn batch_norm_backward(
        dx: &mut [Self],
        dscale: &mut [Self],
        dshift: &mut [Self],
        x: &[Self],
        stats: &[Self],
        scale: Option<&[Self]>,
        shift: Option<&[Self]>,
        dy: Source<'_, Self>,
        c: usize,
        eps: Self,
        slope: Self,
    ) = norm::batch_norm_backward;
    /// Its second derivative: see `norm::batch_norm_backward2`.
    fn batch_norm_backward2(
        to_x: &mut [Self],
        to_dy: &mut [Self],
        to_scale: &mut [Self],
        x: &[Self],
        stats: &[Self],
        scale: Option<&[Self]>,
        shift: Option<&[Self]>,
        dy: Source<'_, Self>,
        u: Source<'_, Self>,
        u_scale: &[Self],
        u_shift: &[Self],
        c: usize,
        eps: Self,
        slope: Self,
    ) = norm::batch_norm_backward2;
    /// Batch norm, activation and max-pooling in one. Outputs: pooled values, places, statistics.
    fn norm_pool(outputs: [&mut [Self]; 3], x: &[Self], terms: &Terms<'_, Self>, s: &PoolShape) = norm::norm_pool;
    /// Its derivative: see `norm::norm_pool_backward`.
    fn norm_pool_backward(
        gradients: [&mut [Self]; 3],
        x: &[Self],
        stats: &[Self],
        arriving: [&[Self]; 2],
        terms: &Terms<'_, Self>,
        s: &PoolShape,
    ) = norm::norm_pool_backward;
    /// Its second derivative: see `norm::norm_pool_backward2`.
    fn norm_pool_backward2(
        outputs: [&mut [Self]; 3],
        x: &[Self],
        stats: &[Self],
        arriving: [&[Self]; 2],
        cotangents: &Cotangents<'_, Self>,
        terms: &Terms<'_, Self>,
        s: &PoolShape,
    ) = norm::norm_pool_backward2;
}

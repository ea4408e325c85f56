//! Winograd's convolutions of 3x3 with stride 2.
//!
//! Windows of 3x3 outputs take 49 products of channels instead of 81 (see [`strided_transform`](crate::conv::winograd::strided_transform)), with rounding errors
//! like those of plain sums. The outputs beside whole windows, by the padding if there are any, are computed directly. A pixel that is not
//! finite can make NaN of all outputs of its window.

use std::ops::Range;

use crate::conv::direct::gather;
use crate::conv::geometry::{self, Area};
use crate::conv::shape::{ConvShape, image_sizes};
use crate::conv::weight_gradient;
use crate::conv::winograd::blocks::{self, Form, WeightForm};
use crate::conv::winograd::data_transform::{
    PIECE, strided_gradient_transform, strided_input_gradient, strided_input_transform,
    strided_output_adjoint, strided_output_transform,
};
use crate::conv::winograd::filter_transform::{strided_filter_gradient, strided_filter_transform};
use crate::conv::winograd::strided_transform::{AXIS, GRADIENTS, INPUTS, KINDS, OUTPUTS, TAKERS};
use crate::conv::winograd::tiles::{Mosaic, Tiles, Windows};
use crate::element::Element;
use crate::matmul::dense;
use crate::parallel;

/// Windows, times lanes of a vector, below which the filter transform takes longer than is saved; and windows below which its adjoint
/// does.
const FEW: usize = 256;
const FEW_DW: usize = 32;
/// Windows below which the filter transform does where transformed filters are [far](blocks::weights_are_far).
const FEW_FAR: usize = 32;
/// Products of channels of all windows below which setting up takes longer than is saved.
const SMALL: usize = 40_000;
/// Channels below which the transforms take more time than is saved.
const CHANNELS: usize = 32;
/// Elements of the rows of one block of windows.
const BLOCK: usize = 1536;

/// The windows along an axis: how many, the first output they give, and the first input that takes its gradient from them.
#[derive(Clone, Copy)]
struct Along {
    outputs: usize,
    first_output: usize,
    inputs: usize,
    first_input: usize,
}

impl Along {
    /// The windows of an axis of `size` inputs and `out` outputs.
    fn new(size: usize, out: usize, before: usize) -> Self {
        Along {
            outputs: out / OUTPUTS,
            // next to the padding there are fewer taps to save
            first_output: usize::from(before > 0 && !out.is_multiple_of(OUTPUTS)),
            inputs: (size + before) / TAKERS,
            first_input: 1 - before,
        }
    }

    fn of_outputs(&self) -> Range<usize> {
        self.first_output..self.first_output + OUTPUTS * self.outputs
    }
}

/// Down and across.
fn along(s: &ConvShape) -> [Along; 2] {
    [Along::new(s.h, s.out_h(), s.pad[0][0]), Along::new(s.w, s.out_w(), s.pad[1][0])]
}

/// Outputs that windows give, and inputs whose gradients they do.
fn areas(s: &ConvShape) -> [Area; 2] {
    let along = along(s);
    let inputs = |axis: Along| axis.first_input..axis.first_input + TAKERS * axis.inputs;
    [Area::new(along.map(|axis| axis.of_outputs()), s.out_w()), Area::new(along.map(inputs), s.w)]
}

/// Whether this takes less time than the direct kernel.
pub fn suits<F: Element>(s: &ConvShape) -> bool {
    let form = [s.kh, s.kw] == [3, 3]
        && s.stride == [2, 2]
        && s.pad.iter().all(|&[before, after]| before <= 1 && after <= 2);
    let channels = s.c_in.is_multiple_of(PIECE) && s.c_out.is_multiple_of(PIECE);
    if !form || !channels || s.c_in.min(s.c_out) < CHANNELS.max(2 * dense::lanes::<F>()) || s.h < 3 || s.w < 3
    {
        return false;
    }
    let [down, across] = along(s);
    let windows = down.outputs * across.outputs;
    let far = blocks::weights_are_far::<F>(KINDS * KINDS * s.c_in * s.c_out);
    let few = if far { FEW_FAR } else { FEW.div_ceil(dense::lanes::<F>()) };
    let many = s.n * windows >= few && s.n * windows * s.c_in * s.c_out >= SMALL;
    if !many || down.inputs * across.inputs == 0 {
        return false;
    }
    let direct = s.taps(0, 0..s.out_h()) * s.taps(1, 0..s.out_w());
    let saved = s.taps(0, down.of_outputs()) * s.taps(1, across.of_outputs());
    5 * (direct - saved + INPUTS * INPUTS * windows) <= 4 * direct
}

/// Whether it does for the gradient of the weights, too.
pub fn suits_dw<F: Element>(s: &ConvShape) -> bool {
    let windows = |[down, across]: [Along; 2]| s.n * down.outputs * across.outputs;
    suits::<F>(s) && windows(along(s)) >= FEW_DW
}

/// Windows over the images and the outputs of a convolution.
fn tiles(s: &ConvShape) -> [Tiles; 2] {
    let along = along(s);
    let (size, out) = ([s.h, s.w], [s.out_h(), s.out_w()]);
    let first = [0, 1].map(|i| 2 * along[i].first_output.cast_signed() - s.pad[i][0].cast_signed());
    let inputs = Windows { size: INPUTS, step: 2 * OUTPUTS, first };
    let outputs =
        Windows { size: OUTPUTS, step: OUTPUTS, first: along.map(|axis| axis.first_output.cast_signed()) };
    let grid = along.map(|axis| axis.outputs);
    [
        Tiles::new(Mosaic::alone(s.n, size, grid), s.n, size, inputs, s.c_in),
        Tiles::new(Mosaic::alone(s.n, out, grid), s.n, out, outputs, s.c_out),
    ]
}

/// Windows over the gradients of the outputs and of the images.
fn tiles_back(s: &ConvShape) -> [Tiles; 2] {
    let along = along(s);
    let (size, out) = ([s.h, s.w], [s.out_h(), s.out_w()]);
    let gradients = Windows { size: GRADIENTS, step: OUTPUTS, first: [0; 2] };
    let inputs =
        Windows { size: TAKERS, step: TAKERS, first: along.map(|axis| axis.first_input.cast_signed()) };
    let grid = along.map(|axis| axis.inputs);
    [
        Tiles::new(Mosaic::alone(s.n, out, grid), s.n, out, gradients, s.c_out),
        Tiles::new(Mosaic::alone(s.n, size, grid), s.n, size, inputs, s.c_in),
    ]
}

/// As [`crate::conv::dispatch::conv`], for a shape that [`suits`].
pub fn conv<F: Element>(out: &mut [F], x: &[F], w: &[F], s: &ConvShape) {
    let form = Form {
        axis: AXIS,
        filter_transform: strided_filter_transform::<F>,
        input_transform: strided_input_transform::<F>,
        output_transform: strided_output_transform::<F>,
        block: BLOCK,
    };
    let (images, pixels) = (image_sizes(s), [s.h * s.w, s.out_h() * s.out_w()]);
    let each = s.n.div_ceil(parallel::pieces(s.n));
    blocks::conv(out, x, w, images, &form, each, |n| tiles(&ConvShape { n, ..*s }));
    let geometry = geometry::of(s);
    let beside = geometry.beside(|| areas(s));
    gather(out, x, w, &beside.forward, s.n, pixels, [s.c_in, s.c_out]);
}

/// As [`crate::conv::dispatch::conv_dx`], for a shape that [`suits`], and weights `flipped`: transposed, taps in reverse order.
pub fn conv_dx<F: Element>(dx: &mut [F], g: &[F], flipped: &[F], s: &ConvShape) {
    let form = Form {
        axis: AXIS,
        filter_transform: strided_filter_transform::<F>,
        input_transform: strided_gradient_transform::<F>,
        output_transform: strided_input_gradient::<F>,
        block: BLOCK,
    };
    let ([x_image, g_image], pixels) = (image_sizes(s), [s.out_h() * s.out_w(), s.h * s.w]);
    let each = s.n.div_ceil(parallel::pieces(s.n));
    blocks::conv(dx, g, flipped, [g_image, x_image], &form, each, |n| tiles_back(&ConvShape { n, ..*s }));
    let geometry = geometry::of(s);
    let beside = geometry.beside(|| areas(s));
    gather(dx, g, flipped, &beside.back, s.n, pixels, [s.c_out, s.c_in]);
}

/// As [`crate::conv::dispatch::conv_dw`], for a shape that [`suits_dw`]. Groups of images are summed apart, then in order.
pub fn conv_dw<F: Element>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let form = WeightForm {
        axis: AXIS,
        input_transform: strided_input_transform::<F>,
        gradient_transform: strided_output_adjoint::<F>,
        filter_gradient: strided_filter_gradient::<F>,
        block: BLOCK,
    };
    let geometry = geometry::of(s);
    let beside = geometry.beside(|| areas(s));
    weight_gradient::of_pairs(dw, x, g, s, &beside.taps);
    blocks::weights(dw, [x, g], s, &form, tiles);
}

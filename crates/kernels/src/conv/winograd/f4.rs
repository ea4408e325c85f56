//! Convolutions of 3x3 with stride 1 in fewer products: Winograd's F(4x4, 3x3) (Lavin and Gray 2016, section 4).
//!
//! A window of 4x4 outputs takes 36 products of channels instead of 144: `A^T [(G g G^T) (B^T d B)] A`, of which the products of one
//! place over all windows are one product of matrices. The gradient for the weights is the adjoint of the same.
//!
//! Images lie beside and below each other, the zeros around them shared, so that few windows stick out: three by three images of
//! 14x14 take 121 windows, not 144. So a window may read the edges of several images: it rounds what is read of one to the digits of
//! the largest, and an infinite pixel makes NaN of all its outputs.

use crate::conv::shape::{ConvShape, image_sizes};
use crate::conv::winograd::blocks::{self, Form, WeightForm};
use crate::conv::winograd::data_transform::{PIECE, gradient_transform, input_transform, output_transform};
use crate::conv::winograd::f4_transform::{AXIS, SIDE, STEP};
use crate::conv::winograd::filter_transform::{filter_gradient, filter_transform};
use crate::conv::winograd::tiles::{Mosaic, Tiles, Windows};
use crate::element::Element;

/// Elements of a transformed window, each in a plane of its own.
const PLANES: usize = SIDE * SIDE;
/// Elements of the rows of one block of windows; in the gradient of weights half of its planes are computed at a time.
const BLOCK: usize = 1536;
const BLOCK_DW: usize = 2304;
/// Windows below which the filter transform or its adjoint takes longer than is saved, and the same where transformed filters are
/// [far](blocks::weights_are_far).
const FEW: usize = 16;
const FEW_FAR: usize = 24;
/// Channels below which the transforms take more time than is saved.
const CHANNELS: usize = 16;

/// Whether these take less time than the direct kernels.
pub fn suits<F: Element>(s: &ConvShape) -> bool {
    let form = [s.kh, s.kw] == [3, 3] && s.stride == [1, 1] && s.pad.as_flattened().iter().all(|&p| p <= 2);
    let channels = s.c_in.is_multiple_of(PIECE) && s.c_out.is_multiple_of(PIECE);
    let few = if blocks::weights_are_far::<F>(PLANES * s.c_in * s.c_out) { FEW_FAR } else { FEW };
    let many = s.c_in.min(s.c_out) >= CHANNELS && windows_apart(s) >= few;
    if !form || !channels || !many || s.h < 3 || s.w < 3 {
        return false;
    }
    let some = ConvShape { n: s.n.min(images(s.n)), ..*s };
    let direct = some.n * s.taps(0, 0..s.out_h()) * s.taps(1, 0..s.out_w());
    // the maps take up to nine tenths of the time of the products, and more with fewer channels
    direct >= 2 * PLANES * Mosaic::of(&some).windows()
}

/// Images that share mosaics: a few where there are few, so that threads have their part.
fn images(n: usize) -> usize {
    match n {
        ..=9 => 3,
        10..=12 => 6,
        13..=144 => 9,
        _ => 18,
    }
}

/// Windows that images take one by one.
fn windows_apart(s: &ConvShape) -> usize {
    s.n * s.out_h().div_ceil(STEP) * s.out_w().div_ceil(STEP)
}

/// Windows over the input and the output of a convolution.
pub fn tiles(s: &ConvShape) -> [Tiles; 2] {
    let mosaic = Mosaic::of(s);
    let first = s.pad.map(|[before, _]| -before.cast_signed());
    let inputs = Windows { size: SIDE, step: STEP, first };
    let outputs = Windows { size: STEP, step: STEP, first: [0; 2] };
    [
        Tiles::new(mosaic, s.n, [s.h, s.w], inputs, s.c_in),
        Tiles::new(mosaic, s.n, [s.out_h(), s.out_w()], outputs, s.c_out),
    ]
}

/// As [`crate::conv::dispatch::conv`], for a shape that [`suits`].
pub fn conv<F: Element>(out: &mut [F], x: &[F], w: &[F], s: &ConvShape) {
    let form = Form {
        axis: AXIS,
        filter_transform: filter_transform::<F>,
        input_transform: input_transform::<F>,
        output_transform: output_transform::<F>,
        block: BLOCK,
    };
    blocks::conv(out, x, w, image_sizes(s), &form, images(s.n), |n| tiles(&ConvShape { n, ..*s }));
}

/// As [`crate::conv::dispatch::conv_dw`], for a shape that [`suits`]. Groups of images are summed apart, then in order.
pub fn conv_dw<F: Element>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let form = WeightForm {
        axis: AXIS,
        input_transform: input_transform::<F>,
        gradient_transform: gradient_transform::<F>,
        filter_gradient: filter_gradient::<F>,
        block: BLOCK_DW,
    };
    dw.fill(F::zero());
    blocks::weights(dw, [x, g], s, &form, tiles);
}

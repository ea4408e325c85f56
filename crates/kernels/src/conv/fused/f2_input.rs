//! Input and filter transform of Winograd's F(2x2, 3x3) in a first layer: windows are the 4x4 pixels under a pooling window.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::buffer::Buffer;
use crate::conv::fused::gradient::strip_rows;
use crate::conv::fused::image::Image;
use crate::conv::fused::shape::BlockShape;
use crate::conv::winograd::f2_transform::{self as f2, SIDE};
use crate::conv::winograd::f4_transform::both;
use crate::conv::winograd::filter_transform::{f2_filter_gradient, f2_filter_transform};
use crate::cpu::isa::Isa;
use crate::cpu::raw::Reader;
use crate::cpu::vector::{MOST_LANES, Vector};
use crate::element::Element;

/// Elements of a transformed window for each channel of the image.
const ELEMENTS: usize = SIDE * SIDE;
/// Length of a pack: as many transformed windows as the widest vector has lanes, for one channel of the image, element by element,
/// windows beside each other. Transformed filters are packed likewise, with output channels beside each other.
const PACK: usize = ELEMENTS * MOST_LANES;

/// Whether blocks of this shape are computed by F(2x2, 3x3).
pub fn suits(s: &BlockShape) -> bool {
    s.pool == [2, 2] && [s.conv.kh, s.conv.kw] == [3, 3] && s.conv.stride == [1, 1]
}

/// The transform of `folded` weights, rows of `wide`, and behind it the row that is added: for [`Layer::weights`].
pub fn weights<F: Element>(folded: &[F], wide: usize, c_in: usize) -> Vec<F> {
    let (weights, added) = folded.split_at(9 * c_in * wide);
    let mut planes = Buffer::dirty(ELEMENTS * c_in * wide);
    f2_filter_transform(planes.data_mut(), weights, c_in * wide);
    let mut packed = Vec::with_capacity(planes.data().len() + wide);
    for (col, c) in (0..wide).step_by(MOST_LANES).flat_map(|col| (0..c_in).map(move |c| (col, c))) {
        for k in 0..ELEMENTS {
            packed.extend_from_slice(&planes.data()[(k * c_in + c) * wide + col..][..MOST_LANES]);
        }
    }
    packed.extend_from_slice(added);
    packed
}

/// From sums of products with transformed windows to sums of products with windows, rows of `wide`, the last row as it is.
pub fn to_values<F: Element>(values: &mut [F], sums: &[F], wide: usize) {
    let (values, ones) = values.split_at_mut(values.len() - wide);
    let (sums, sums_of_ones) = sums.split_at(sums.len() - wide);
    let size = values.len() / 9;
    f2_filter_gradient(values, sums, size);
    ones.copy_from_slice(sums_of_ones);
}

/// One image, and the transforms of some rows of its windows.
pub struct TransformedImage<'a, F: Element> {
    image: Image<'a, F>,
    transformed: Buffer<F>,
    /// Length of a row of transformed windows.
    row: usize,
    /// Channels of the image.
    pub channels: usize,
}

impl<'a, F: Element> TransformedImage<'a, F> {
    /// Without an image yet, as [`Image::new`].
    pub fn new(pivot: &'a [F], s: &'a BlockShape) -> Self {
        let (image, channels) = (Image::under(pivot, s, [SIDE; 2], [2; 2]), s.conv.c_in);
        let row = s.out_w().div_ceil(MOST_LANES) * channels * PACK;
        Self { image, transformed: Buffer::dirty(strip_rows(s) * row), row, channels }
    }

    /// Goes on to an image.
    pub fn enter(&mut self, image: &[F]) {
        self.image.enter(image);
    }

    /// Transforms these rows of windows, at most those of a strip.
    #[inline(always)]
    pub fn transform<I: Isa>(&mut self, rows: Range<usize>) {
        let (channels, taps) = (self.channels, &self.image.taps);
        for (to, row) in self.transformed.data_mut().chunks_exact_mut(self.row).zip(rows) {
            for (i, to) in to.chunks_exact_mut(PACK).enumerate() {
                let (first, c) = (i / channels * MOST_LANES, i % channels);
                pack::<F, I>(to, self.image.window(row).after(first as isize), taps, c, channels);
            }
        }
    }

    /// The `i`-th of the transformed rows.
    #[inline(always)]
    pub fn row(&self, i: usize) -> Reader<'_, F> {
        Reader::new(self.transformed.data()).after((i * self.row) as isize)
    }
}

/// Transforms windows beside each other into a pack, for channel `c` of `channels`.
#[inline(always)]
fn pack<F: Element, I: Isa>(to: &mut [F], image: Reader<'_, F>, taps: &[usize], c: usize, channels: usize) {
    let lanes = I::Vector::lanes::<F>();
    for at in (0..MOST_LANES).step_by(lanes) {
        // SAFETY: the windows begin in the image, behind which there is room for a vector, and the slices hold their vectors; this runs
        // with the features of `I`.
        unsafe {
            let mut d = [[I::Vector::splat(F::zero()); SIDE]; SIDE];
            for k in 0..ELEMENTS {
                let tap = taps[k * channels + c] + at;
                [d[k / SIDE][k % SIDE]] = image.after(tap as isize).vectors::<I::Vector, 1>();
            }
            let v = both::<F, I::Vector, f2::Image, SIDE, SIDE>(d);
            for k in 0..ELEMENTS {
                v[k / SIDE][k % SIDE].store(to[k * MOST_LANES + at..][..lanes].as_mut_ptr());
            }
        }
    }
}

/// Where the transform of window `x` of a row begins, for channel `c` of `channels`.
#[inline(always)]
pub fn place(x: usize, c: usize, channels: usize) -> isize {
    ((x / MOST_LANES * channels + c) * PACK + x % MOST_LANES) as isize
}

//! The numbers of Winograd's F(2x2, 3x3) of a first layer's squares, the 4x4 pixels under a pooling window, and of its weights.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::buffer::Buffer;
use crate::conv::fused::gradient::strip_rows;
use crate::conv::fused::image::Image;
use crate::conv::fused::shape::BlockShape;
use crate::conv::winograd::f2_transform::{self as lines, SIDE};
use crate::conv::winograd::f4_transform::both;
use crate::conv::winograd::filter_transform::{of_square_weights, to_square_weights};
use crate::cpu::isa::Isa;
use crate::cpu::raw::Reader;
use crate::cpu::vector::{MOST_LANES, Vector};
use crate::element::Element;

/// Numbers of a square for each channel of the image.
const NUMBERS: usize = SIDE * SIDE;
/// Elements of the numbers of as many squares as the widest vector has lanes, for one channel of the image: those squares beside each
/// other, number by number. Weights lie the same way, channels of the output beside each other.
const PACK: usize = NUMBERS * MOST_LANES;

/// Whether blocks of this shape are computed by squares.
pub fn suits(s: &BlockShape) -> bool {
    s.pool == [2, 2] && [s.conv.kh, s.conv.kw] == [3, 3] && s.conv.stride == [1, 1]
}

/// The numbers of `folded` weights, rows of `wide`, and behind them what is added: for [`Layer::weights`].
pub fn weights<F: Element>(folded: &[F], wide: usize, c_in: usize) -> Vec<F> {
    let (weights, added) = folded.split_at(9 * c_in * wide);
    let mut planes = Buffer::dirty(NUMBERS * c_in * wide);
    of_square_weights(planes.data_mut(), weights, c_in * wide);
    let mut packed = Vec::with_capacity(planes.data().len() + wide);
    for (col, c) in (0..wide).step_by(MOST_LANES).flat_map(|col| (0..c_in).map(move |c| (col, c))) {
        for k in 0..NUMBERS {
            packed.extend_from_slice(&planes.data()[(k * c_in + c) * wide + col..][..MOST_LANES]);
        }
    }
    packed.extend_from_slice(added);
    packed
}

/// From sums of products of numbers to those of values of windows, rows of `wide`, the last one as it is.
pub fn to_values<F: Element>(values: &mut [F], sums: &[F], wide: usize) {
    let (values, ones) = values.split_at_mut(values.len() - wide);
    let (sums, sums_of_ones) = sums.split_at(sums.len() - wide);
    let size = values.len() / 9;
    to_square_weights(values, sums, size);
    ones.copy_from_slice(sums_of_ones);
}

/// One image under squares, and the numbers of some rows of them.
pub struct Squares<'a, F: Element> {
    image: Image<'a, F>,
    numbers: Buffer<F>,
    /// Elements of the numbers of a row of squares.
    row: usize,
    /// Of the image.
    pub channels: usize,
}

impl<'a, F: Element> Squares<'a, F> {
    /// Without an image yet, as [`Image::new`].
    pub fn new(pivot: &'a [F], s: &'a BlockShape) -> Self {
        let (image, channels) = (Image::under(pivot, s, [SIDE; 2], [2; 2]), s.conv.c_in);
        let row = s.out_w().div_ceil(MOST_LANES) * channels * PACK;
        Self { image, numbers: Buffer::dirty(strip_rows(s) * row), row, channels }
    }

    /// Goes on to an image.
    pub fn enter(&mut self, image: &[F]) {
        self.image.enter(image);
    }

    /// Computes the numbers of so many rows of squares, at most those of a strip.
    #[inline(always)]
    pub fn read<I: Isa>(&mut self, rows: Range<usize>) {
        let (channels, taps) = (self.channels, &self.image.taps);
        for (to, row) in self.numbers.data_mut().chunks_exact_mut(self.row).zip(rows) {
            for (i, to) in to.chunks_exact_mut(PACK).enumerate() {
                let (first, c) = (i / channels * MOST_LANES, i % channels);
                pack::<F, I>(to, self.image.window(row).after(first as isize), taps, c, channels);
            }
        }
    }

    /// The numbers of the `i`-th row that was read.
    #[inline(always)]
    pub fn numbers(&self, i: usize) -> Reader<'_, F> {
        Reader::new(self.numbers.data()).after((i * self.row) as isize)
    }
}

/// The numbers of squares beside each other, for channel `c` of so many.
#[inline(always)]
fn pack<F: Element, I: Isa>(to: &mut [F], squares: Reader<'_, F>, taps: &[usize], c: usize, channels: usize) {
    let lanes = I::Vector::lanes::<F>();
    for at in (0..MOST_LANES).step_by(lanes) {
        // SAFETY: the squares begin in the image, behind which there is room for a vector, and the slices hold their vectors; this runs
        // with the features of `I`.
        unsafe {
            let mut d = [[I::Vector::splat(F::zero()); SIDE]; SIDE];
            for k in 0..NUMBERS {
                let tap = taps[k * channels + c] + at;
                [d[k / SIDE][k % SIDE]] = squares.after(tap as isize).vectors::<I::Vector, 1>();
            }
            let v = both::<F, I::Vector, lines::Image, SIDE, SIDE>(d);
            for k in 0..NUMBERS {
                v[k / SIDE][k % SIDE].store(to[k * MOST_LANES + at..][..lanes].as_mut_ptr());
            }
        }
    }
}

/// Where the numbers of square `x` of a row begin, for channel `c` of so many.
#[inline(always)]
pub fn place(x: usize, c: usize, channels: usize) -> isize {
    ((x / MOST_LANES * channels + c) * PACK + x % MOST_LANES) as isize
}

//! An image as the tiles of a first layer read it: with its padding, the values of a window at fixed distances from each other.

use super::conv_block::BlockShape;
use super::isa::{Isa, versions};
use super::reader::Reader;
use super::vector::MOST_LANES;
use crate::float::Float;
use crate::pool::Buffer;

/// One image less a pivot, padded: channel after channel, a row's columns sorted by their remainder by the stride,
/// `[c_in, height, stride, width / stride]`. So windows beside each other have their values beside each other. Behind it lies as much
/// as a vector at its end reaches.
pub struct Image<'a, F: Float> {
    shape: &'a BlockShape,
    pivot: &'a [F],
    values: Buffer<F>,
    /// Elements from a window's first value to each of its values.
    pub taps: Vec<usize>,
    /// Elements from a window to the one below.
    pub row: usize,
}

impl<'a, F: Float> Image<'a, F> {
    /// Without an image yet; `pivot`, one value a channel, is taken from every pixel.
    pub fn new(pivot: &'a [F], shape: &'a BlockShape) -> Self {
        let s = &shape.conv;
        let ([height, width], [down, across]) = (padded_size(shape), s.stride);
        let plane = height * across * width;
        let mut values = Buffer::dirty(plane * s.c_in + MOST_LANES);
        let (planes, slack) = values.data_mut().split_at_mut(plane * s.c_in);
        planes.chunks_exact_mut(plane).zip(pivot).for_each(|(plane, &pivot)| plane.fill(-pivot));
        slack.fill(F::zero());
        let tap = |i: usize| {
            let (c, kx, ky) = (i % s.c_in, i / s.c_in % s.kw, i / s.c_in / s.kw);
            c * plane + (ky * across + kx % across) * width + kx / across
        };
        let taps = (0..shape.depth()).map(tap).collect();
        Self { shape, pivot, values, taps, row: down * across * width }
    }

    /// Goes on to an image.
    pub fn enter(&mut self, image: &[F]) {
        pad(self.values.data_mut(), image, self.pivot, self.shape);
    }

    /// The first value of the first window of a row.
    #[inline(always)]
    pub fn window(&self, row: usize) -> Reader<'_, F> {
        Reader::new(self.values.data()).after((row * self.row) as isize)
    }
}

/// Rows of an image with its padding, and columns that are a stride apart.
fn padded_size(s: &BlockShape) -> [usize; 2] {
    let s = &s.conv;
    [s.h + s.pad[0][0] + s.pad[0][1], (s.w + s.pad[1][0] + s.pad[1][1]).div_ceil(s.stride[1])]
}

versions! {
    fn pad<F>(padded: &mut [F], image: &[F], pivot: &[F], s: &BlockShape) where [F: Float] = pad_body;
}

#[inline(always)]
fn pad_body<F: Float, I: Isa>(padded: &mut [F], image: &[F], pivot: &[F], s: &BlockShape) {
    let ([height, width], across) = (padded_size(s), s.conv.stride[1]);
    let [[top, _], [left, _]] = s.conv.pad;
    let (row, step) = (s.conv.w * s.conv.c_in, across * s.conv.c_in);
    for (c, &pivot) in pivot.iter().enumerate() {
        for first in 0..across.min(s.conv.w) {
            let (phase, at) = ((left + first) % across, (left + first) / across);
            let count = (s.conv.w - first).div_ceil(across);
            for (y, row) in image.chunks_exact(row).enumerate() {
                let to = ((c * height + top + y) * across + phase) * width + at;
                let (out, row) = (&mut padded[to..][..count], &row[first * s.conv.c_in + c..]);
                match step {
                    1 => every::<F, 1>(out, row, pivot),
                    2 => every::<F, 2>(out, row, pivot),
                    _ => out.iter_mut().zip(row.iter().step_by(step)).for_each(|(out, &x)| *out = x - pivot),
                }
            }
        }
    }
}

/// Every `STEP`-th element, less the pivot.
#[inline(always)]
fn every<F: Float, const STEP: usize>(out: &mut [F], row: &[F], pivot: F) {
    let (whole, rest) = row.as_chunks::<STEP>();
    out.iter_mut().zip(whole).for_each(|(out, x)| *out = x[0] - pivot);
    if let (Some(out), Some(&x)) = (out.get_mut(whole.len()), rest.first()) {
        *out = x - pivot;
    }
}

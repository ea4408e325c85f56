//! An image as the tiles of a first layer read it: with its padding, the values of a window at fixed distances from each other.

use crate::buffer::Buffer;
use crate::conv::fused::shape::BlockShape;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::vector::MOST_LANES;
use crate::element::Element;

/// One image less a pivot, padded: channel after channel, a row's columns sorted by their remainder by the step from a window to the
/// next, `[c_in, height, step, width / step]`. So windows beside each other have their values beside each other. Behind it lies as much
/// as a vector at its end reaches.
pub struct Image<'a, F: Element> {
    shape: &'a BlockShape,
    pivot: &'a [F],
    values: Buffer<F>,
    /// Columns from a window to the next.
    across: usize,
    /// Elements from a window's first value to each of its values.
    pub taps: Vec<usize>,
    /// Elements from a window to the one below.
    pub row: usize,
}

impl<'a, F: Element> Image<'a, F> {
    /// For the windows of the convolution, without an image yet; `pivot`, one value a channel, is taken from every pixel.
    pub fn new(pivot: &'a [F], shape: &'a BlockShape) -> Self {
        Self::under(pivot, shape, [shape.conv.kh, shape.conv.kw], shape.conv.stride)
    }

    /// An image for windows of `height` by `width` pixels, `down` and `across` pixels from each other.
    pub fn under(
        pivot: &'a [F],
        shape: &'a BlockShape,
        [height, width]: [usize; 2],
        [down, across]: [usize; 2],
    ) -> Self {
        let c_in = shape.conv.c_in;
        let [rows, columns] = padded_size(shape, across);
        let plane = rows * across * columns;
        let mut values = Buffer::dirty(plane * c_in + MOST_LANES);
        let (planes, slack) = values.data_mut().split_at_mut(plane * c_in);
        planes.chunks_exact_mut(plane).zip(pivot).for_each(|(plane, &pivot)| plane.fill(-pivot));
        slack.fill(F::zero());
        let tap = |i: usize| {
            let (c, kx, ky) = (i % c_in, i / c_in % width, i / c_in / width);
            c * plane + (ky * across + kx % across) * columns + kx / across
        };
        let taps = (0..height * width * c_in).map(tap).collect();
        Self { shape, pivot, values, across, taps, row: down * across * columns }
    }

    /// Goes on to an image.
    pub fn enter(&mut self, image: &[F]) {
        pad(self.values.data_mut(), image, self.pivot, self.shape, self.across);
    }

    /// The first value of the first window of a row.
    #[inline(always)]
    pub fn window(&self, row: usize) -> Reader<'_, F> {
        Reader::new(self.values.data()).after((row * self.row) as isize)
    }
}

/// Rows of an image with its padding, and columns that are `across` apart.
fn padded_size(s: &BlockShape, across: usize) -> [usize; 2] {
    let s = &s.conv;
    [s.h + s.pad[0][0] + s.pad[0][1], (s.w + s.pad[1][0] + s.pad[1][1]).div_ceil(across)]
}

versions! {
    fn pad<F>(padded: &mut [F], image: &[F], pivot: &[F], s: &BlockShape, across: usize) where [F: Element] = pad_body;
}

#[inline(always)]
fn pad_body<F: Element, I: Isa>(padded: &mut [F], image: &[F], pivot: &[F], s: &BlockShape, across: usize) {
    let [height, width] = padded_size(s, across);
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
fn every<F: Element, const STEP: usize>(out: &mut [F], row: &[F], pivot: F) {
    let (whole, rest) = row.as_chunks::<STEP>();
    out.iter_mut().zip(whole).for_each(|(out, x)| *out = x[0] - pivot);
    if let (Some(out), Some(&x)) = (out.get_mut(whole.len()), rest.first()) {
        *out = x - pivot;
    }
}

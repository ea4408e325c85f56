//! Strips of a convolution's output, computed where they are needed.

use std::ops::Range;

use super::conv_block::BlockShape;
use super::isa::{Isa, versions};
use super::map::{Source, map1, map2};
use super::matmul::matmul;
use super::strip::{load, store, strips};
use crate::float::Float;
use crate::pool::Buffer;

/// About as many windows as a strip has: with 64 channels it stays in the first-level cache.
const STRIP: usize = 128;

/// One image with its padding, and a strip of its windows and of its convolution.
pub struct Strips<'a, F: Float> {
    shape: &'a BlockShape,
    pivot: &'a [F],
    /// Channel after channel, a row's columns sorted by their remainder by the stride: `[c_in, height, stride, width / stride]`.
    padded: Buffer<F>,
    patches: Buffer<F>,
    z: Buffer<F>,
    /// Elements from the first pixel of a pooling window to its others, first to last.
    offsets: Vec<usize>,
}

impl<'a, F: Float> Strips<'a, F> {
    /// Without an image yet; `pivot`, one value a channel, is taken from every pixel.
    pub fn new(pivot: &'a [F], shape: &'a BlockShape) -> Self {
        let s = &shape.conv;
        let [height, width] = padded_size(shape);
        let windows = Self::rows(shape, s.out_h()).map(|rows| rows.len()).max().unwrap_or(0) * s.out_w();
        let plane = height * s.stride[1] * width;
        let mut padded = Buffer::dirty(plane * s.c_in);
        for (plane, &pivot) in padded.data_mut().chunks_exact_mut(plane).zip(pivot) {
            plane.fill(-pivot);
        }
        Self {
            shape,
            pivot,
            padded,
            patches: Buffer::dirty(windows * (shape.depth() + 1)),
            z: Buffer::dirty(windows * s.c_out),
            offsets: offsets(shape),
        }
    }

    /// Rows of the convolution's first `rows` in strips, none of which cuts through a pooling window.
    pub fn rows(s: &BlockShape, rows: usize) -> impl Iterator<Item = Range<usize>> + use<F> {
        let unit = s.pool[0];
        let each = (STRIP / (s.conv.out_w() * unit)).max(1) * unit;
        (0..rows).step_by(each).map(move |row| row..(row + each).min(rows))
    }

    /// Goes on to an image.
    pub fn enter(&mut self, image: &[F]) {
        pad(self.padded.data_mut(), image, self.pivot, self.shape);
    }

    /// The windows of some rows and the first columns, a row for each of their values, and ones: `[depth + 1, windows]`.
    pub fn gather(&mut self, rows: Range<usize>, columns: usize) -> &[F] {
        let windows = rows.len() * columns;
        let patches = &mut self.patches.data_mut()[..windows * (self.shape.depth() + 1)];
        gather(patches, self.padded.data(), rows, columns, self.shape);
        patches
    }

    /// The output of some rows of the convolution, where `weights` `[depth + 1, c]` hold the norm.
    pub fn output(&mut self, y: &mut [F], rows: Range<usize>, weights: &[F], slope: F) {
        let s = self.shape;
        if s.pools() {
            self.convolve(rows, weights);
            pool_max(y, self.z.data(), slope, s, &self.offsets);
        } else {
            let patches = self.gather(rows, s.out_w());
            matmul(y, patches, weights, y.len() / s.conv.c_out, s.depth() + 1, s.conv.c_out, true, false);
            activate(y, slope);
        }
    }

    /// The windows of some rows, and the gradient of what the norm makes of them where that of the output is `dy`; `y` is the
    /// output where there is no pooling.
    pub fn gradient(
        &mut self,
        rows: Range<usize>,
        weights: &[F],
        y: Option<&[F]>,
        dy: &[F],
        slope: F,
    ) -> (&[F], &[F]) {
        let s = self.shape;
        match y {
            Some(y) if !s.pools() => {
                let (patches, dz) = self.pair(rows);
                map2(dz, y, dy, |y, dy| if y > F::zero() { dy } else { slope * dy });
                (patches, dz)
            }
            _ => {
                let [patches, z] = self.convolve(rows, weights);
                let z = &mut self.z.data_mut()[..z];
                place_max(z, dy, slope, s, &self.offsets);
                (&self.patches.data()[..patches], z)
            }
        }
    }

    /// Windows that the output is made of, and room for a value of each and of each channel.
    fn pair(&mut self, rows: Range<usize>) -> (&[F], &mut [F]) {
        let columns = self.shape.out_w() * self.shape.pool[1];
        let windows = rows.len() * columns;
        let patches = self.gather(rows, columns).len();
        (&self.patches.data()[..patches], &mut self.z.data_mut()[..windows * self.shape.conv.c_out])
    }

    /// The same with the windows times `weights`; how long both are.
    fn convolve(&mut self, rows: Range<usize>, weights: &[F]) -> [usize; 2] {
        let (k, c) = (self.shape.depth() + 1, self.shape.conv.c_out);
        let (patches, z) = self.pair(rows);
        matmul(z, patches, weights, z.len() / c, k, c, true, false);
        [patches.len(), z.len()]
    }
}

/// Rows of an image with its padding, and columns that are a stride apart.
fn padded_size(s: &BlockShape) -> [usize; 2] {
    let s = &s.conv;
    [s.h + s.pad[0][0] + s.pad[0][1], (s.w + s.pad[1][0] + s.pad[1][1]).div_ceil(s.stride[1])]
}

/// The activation in place.
fn activate<F: Float>(y: &mut [F], slope: F) {
    if slope != F::one() {
        map1(y, Source::Out, |z| if z > F::zero() { z } else { slope * z });
    }
}

versions! {
    fn pad<F>(padded: &mut [F], image: &[F], pivot: &[F], s: &BlockShape) where [F: Float] = pad_body;
    fn gather<F>(patches: &mut [F], padded: &[F], rows: Range<usize>, columns: usize, s: &BlockShape)
        where [F: Float] = gather_body;
    /// The greatest value of each window of the strip `z`, with the activation.
    fn pool_max<F>(y: &mut [F], z: &[F], slope: F, s: &BlockShape, offsets: &[usize]) where [F: Float] = pool_body;
    /// In place of the strip `z` its gradient, that of each window's greatest value being at the first such.
    fn place_max<F>(z: &mut [F], dy: &[F], slope: F, s: &BlockShape, offsets: &[usize])
        where [F: Float] = place_body;
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

#[inline(always)]
fn gather_body<F: Float, I: Isa>(
    patches: &mut [F],
    padded: &[F],
    rows: Range<usize>,
    columns: usize,
    s: &BlockShape,
) {
    let ([height, width], [down, across]) = (padded_size(s), s.conv.stride);
    let mut values = patches.chunks_exact_mut(rows.len() * columns);
    for (ky, kx) in (0..s.conv.kh).flat_map(|ky| (0..s.conv.kw).map(move |kx| (ky, kx))) {
        for (plane, out) in padded.chunks_exact(height * across * width).zip(&mut values) {
            for (out, row) in out.chunks_exact_mut(columns).zip(rows.clone()) {
                let from = ((row * down + ky) * across + kx % across) * width + kx / across;
                out.copy_from_slice(&plane[from..][..columns]);
            }
        }
    }
    values.for_each(|ones| ones.fill(F::one()));
}

/// Elements from the first pixel of a pooling window to its others, first to last.
fn offsets(s: &BlockShape) -> Vec<usize> {
    let (c, width, across) = (s.conv.c_out, s.out_w() * s.pool[1], s.pool[1]);
    (0..s.pool[0]).flat_map(|y| (0..across).map(move |x| (y * width + x) * c)).collect()
}

/// For each pooling window of a strip of `windows`: its element of the output, and that of the strip it begins with. No closure
/// does the work on vectors: compiled for itself, it would not have the kernel's features.
#[inline(always)]
fn windows(windows: usize, s: &BlockShape) -> impl Iterator<Item = [usize; 2]> {
    let (c, width, [down, across]) = (s.conv.c_out, s.out_w(), s.pool);
    let first = move |y: usize, x: usize| (y * down * width * across + x * across) * c;
    (0..windows / width).flat_map(move |y| (0..width).map(move |x| [(y * width + x) * c, first(y, x)]))
}

/// Calls `$f::<F, I, W>(column, args..., offsets)` for strips of columns; with a length the compiler knows for windows of two by two.
macro_rules! pooled {
    ($f:ident::<$F:ident, $I:ident>($s:expr, $($arg:expr),*; $offsets:expr)) => {
        match <&[usize; 4]>::try_from($offsets) {
            Ok(offsets) => strips!($s.conv.c_out, $f::<$F, $I>($s, $($arg,)* offsets)),
            Err(_) => strips!($s.conv.c_out, $f::<$F, $I>($s, $($arg,)* $offsets)),
        }
    };
}

#[inline(always)]
fn pool_body<F: Float, I: Isa>(y: &mut [F], z: &[F], slope: F, s: &BlockShape, offsets: &[usize]) {
    pooled!(pool_strip::<F, I>(s, y, z, slope; offsets));
}

#[inline(always)]
fn pool_strip<F: Float, I: Isa, const W: usize>(
    col: usize,
    s: &BlockShape,
    y: &mut [F],
    z: &[F],
    slope: F,
    offsets: &[usize],
) {
    for [out, first] in windows(y.len() / s.conv.c_out, s) {
        let best: [F; W] = greatest(z, first + col, offsets);
        let activated = best.map(|z| if z > F::zero() { z } else { slope * z });
        store(y, out + col, activated);
    }
}

#[inline(always)]
fn greatest<F: Float, const W: usize>(z: &[F], at: usize, offsets: &[usize]) -> [F; W] {
    let mut best: [F; W] = load(z, at);
    for offset in &offsets[1..] {
        let values: [F; W] = load(z, at + offset);
        for j in 0..W {
            best[j] = if values[j] > best[j] || values[j].is_nan() { values[j] } else { best[j] };
        }
    }
    best
}

#[inline(always)]
fn place_body<F: Float, I: Isa>(z: &mut [F], dy: &[F], slope: F, s: &BlockShape, offsets: &[usize]) {
    pooled!(place_strip::<F, I>(s, z, dy, slope; offsets));
}

#[inline(always)]
fn place_strip<F: Float, I: Isa, const W: usize>(
    col: usize,
    s: &BlockShape,
    z: &mut [F],
    dy: &[F],
    slope: F,
    offsets: &[usize],
) {
    for [out, first] in windows(dy.len() / s.conv.c_out, s) {
        let best: [F; W] = greatest(z, first + col, offsets);
        let mut left: [F; W] = load(dy, out + col);
        for j in 0..W {
            left[j] = if best[j] > F::zero() { left[j] } else { slope * left[j] };
        }
        for offset in offsets {
            let mut values: [F; W] = load(z, first + col + offset);
            for j in 0..W {
                let here = values[j] == best[j];
                values[j] = if here { left[j] } else { F::zero() };
                left[j] = if here { F::zero() } else { left[j] };
            }
            store(z, first + col + offset, values);
        }
    }
}

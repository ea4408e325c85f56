//! The gradient of a first layer: products of its windows with what arrives before the norm, strip by strip.

#![allow(unsafe_code)]

use std::ops::Range;

use super::ahead::Ahead;
use super::conv_block::BlockShape;
use super::conv_block_image::Image;
use super::conv_block_tile::{Layer, channels, greatest, load_lanes, tile};
use super::isa::{Isa, versions};
use super::reader::Reader;
use super::vector::{MOST_LANES, Vector};
use crate::float::Float;

/// Windows of a strip of gradients, about: it stays in the first-level cache.
const STRIP: usize = 128;
/// Values of a window whose products a tile adds up.
const TAPS: usize = 9;

versions! {
    /// Adds to `sums` `[depth + 1, wide]` the products of one image's windows, each with a one behind, and of the gradients that the
    /// norm's output has where that of the block has `dy`. Behind the image's own gradients may lie those of others, needed next.
    /// `strip` is room for [`strip_len`] elements.
    pub fn products<F>(sums: &mut [F], strip: &mut [F], image: &Image<'_, F>, layer: &Layer<'_, F>, dy: &[F])
        where [F: Float] = products_body;
}

/// Rows of windows of a strip, which cuts through no pooling window.
fn strip_rows(s: &BlockShape) -> usize {
    let unit = s.pool[0];
    let rows = (STRIP / (s.out_w() * s.pool[1] * unit)).max(1) * unit;
    rows.min(s.out_h() * unit)
}

/// Elements of a strip: a value of each window for each channel of the widest tile.
pub fn strip_len(s: &BlockShape) -> usize {
    strip_rows(s) * s.out_w() * s.pool[1] * 2 * MOST_LANES
}

/// One image and what arrives at it.
struct Arriving<'a, F: Float> {
    image: &'a Image<'a, F>,
    layer: &'a Layer<'a, F>,
    dy: &'a [F],
}

impl<F: Float> Arriving<'_, F> {
    /// Windows of a row.
    fn width(&self) -> usize {
        self.layer.shape.out_w() * self.layer.shape.pool[1]
    }

    /// Elements of the output that so many rows of windows have.
    fn out(&self, rows: usize) -> usize {
        let s = self.layer.shape;
        rows / s.pool[0] * s.out_w() * s.conv.c_out
    }

    /// What the rows behind these need, its halves at once, spread over the steps of all products of these.
    fn ahead(&self, rows: &Range<usize>, steps: usize) -> Ahead<'_, F> {
        let (from, len) = (self.out(rows.end), self.out(rows.len()));
        let dy = &self.dy[from.min(self.dy.len())..(from + len).min(self.dy.len())];
        let (first, second) = dy.split_at(dy.len() / 2);
        Ahead::new([first, second], steps)
    }
}

#[inline(always)]
fn products_body<F: Float, I: Isa>(
    sums: &mut [F],
    strip: &mut [F],
    image: &Image<'_, F>,
    layer: &Layer<'_, F>,
    dy: &[F],
) {
    let (s, of) = (layer.shape, &Arriving { image, layer, dy });
    let (rows, each) = (s.out_h() * s.pool[0], strip_rows(s));
    for start in (0..rows).step_by(each) {
        let rows = &(start..(start + each).min(rows));
        channels!(s.conv.c_out, strip_products::<F, I>(col => sums, strip, of, rows, col));
    }
}

/// Those of some rows of windows, for channels from `col` on.
#[inline(always)]
fn strip_products<F: Float, I: Isa, const N: usize, const WHOLE: bool>(
    sums: &mut [F],
    strip: &mut [F],
    of: &Arriving<'_, F>,
    rows: &Range<usize>,
    col: usize,
) {
    let (s, unit) = (of.layer.shape, of.layer.shape.pool[0]);
    let (width, lanes) = (of.width(), N * I::Vector::lanes::<F>());
    let strip = &mut strip[..rows.len() * width * lanes];
    for (out, row) in strip.chunks_exact_mut(unit * width * lanes).zip(rows.clone().step_by(unit)) {
        let (dy, from) = (&of.dy[of.out(row)..of.out(row + unit)], of.image.window(row));
        match (s.pools(), s.out_w()) {
            (false, 8..) => placed::<F, I, 1, 8, N, WHOLE>(out, from, of, dy, col),
            (false, _) => placed::<F, I, 1, 1, N, WHOLE>(out, from, of, dy, col),
            (true, 2..) => placed::<F, I, 2, 4, N, WHOLE>(out, from, of, dy, col),
            (true, _) => placed::<F, I, 2, 2, N, WHOLE>(out, from, of, dy, col),
        }
    }
    let steps = rows.len() * width;
    let ahead = of.ahead(rows, steps * s.conv.c_out.div_ceil(lanes)).after(steps * (col / lanes));
    for first in (0..of.image.taps.len()).step_by(TAPS) {
        tap_products::<F, I, N>(&mut sums[col..], strip, of, rows, first, ahead);
    }
}

/// The gradient of `R` rows of windows, of each pooling window of `R` times `R` at its first greatest value, by tiles of `R` times `C`
/// windows.
#[inline(always)]
fn placed<F: Float, I: Isa, const R: usize, const C: usize, const N: usize, const WHOLE: bool>(
    out: &mut [F],
    from: Reader<'_, F>,
    of: &Arriving<'_, F>,
    dy: &[F],
    col: usize,
) {
    let (c, width) = (of.layer.shape.conv.c_out, of.layer.shape.out_w());
    let lanes = I::Vector::lanes::<F>();
    let row = width * R * N * lanes;
    assert_eq!(out.len(), R * row, "conv block: a strip");
    for x in (0..width).step_by(C / R) {
        let x = x.min(width - C / R);
        // SAFETY: the windows lie in the image and have their places in the strip; this runs with the features of `I`.
        unsafe {
            let z = tile::<F, I, R, C, N>(from.after((x * R) as isize), of.image, of.layer, col);
            let (zero, slope) = (I::Vector::splat(F::zero()), I::Vector::splat(of.layer.slope));
            for i in 0..C / R {
                let best = greatest::<F, I, R, C, N>(&z, i);
                let dy = load_lanes::<F, I::Vector, N, WHOLE>(&dy[(x + i) * c + col..], c - col);
                for j in 0..N {
                    let mut left = best[j].where_greater::<F>(zero, dy[j], dy[j].mul_add::<F>(slope, zero));
                    for k in 0..R * R {
                        let mut here = left;
                        if R > 1 {
                            let z = z[k / R][R * i + k % R][j];
                            here = best[j].where_greater::<F>(z, zero, left);
                            left = best[j].where_greater::<F>(z, left, zero);
                        }
                        let place = k / R * row + (((x + i) * R + k % R) * N + j) * lanes;
                        here.store(out.as_mut_ptr().add(place));
                    }
                }
            }
        }
    }
}

/// Adds to rows of `sums` the products of values `first..` of the windows of some rows with the strip, and those of ones.
#[inline(always)]
fn tap_products<F: Float, I: Isa, const N: usize>(
    sums: &mut [F],
    strip: &[F],
    of: &Arriving<'_, F>,
    rows: &Range<usize>,
    first: usize,
    ahead: Ahead<'_, F>,
) {
    let (image, wide, width) = (of.image, of.layer.wide, of.width());
    let (depth, lanes) = (image.taps.len(), I::Vector::lanes::<F>());
    // SAFETY: the windows of the rows lie in the image, and have a row of the strip each; this runs with the features of `I`.
    unsafe {
        let mut acc = [[I::Vector::splat(F::zero()); N]; TAPS];
        let mut ones = [I::Vector::splat(F::zero()); N];
        let mut dz = Reader::new(strip);
        let mut ahead = ahead.every(1);
        for row in rows.clone() {
            let mut from = [image.window(row); TAPS];
            for (from, &tap) in from.iter_mut().zip(&image.taps[first..]) {
                *from = from.after(tap as isize);
            }
            for x in 0..width {
                ahead.ask();
                let g = dz.vectors::<I::Vector, N>();
                dz = dz.after((N * lanes) as isize);
                for t in 0..TAPS {
                    let p = I::Vector::splat(from[t].element(x));
                    for j in 0..N {
                        acc[t][j] = p.mul_add::<F>(g[j], acc[t][j]);
                    }
                }
                for j in 0..N {
                    ones[j] = ones[j].add::<F>(g[j]);
                }
            }
        }
        for t in 0..TAPS {
            if first + t < depth {
                add_row::<F, I, N>(&mut sums[(first + t) * wide..], acc[t]);
            }
        }
        if first == 0 {
            add_row::<F, I, N>(&mut sums[depth * wide..], ones);
        }
    }
}

/// Adds vectors to the start of a row.
///
/// # Safety
/// This runs with the features of `I`.
#[inline(always)]
unsafe fn add_row<F: Float, I: Isa, const N: usize>(row: &mut [F], values: [I::Vector; N]) {
    let lanes = I::Vector::lanes::<F>();
    let row = row[..N * lanes].as_mut_ptr();
    for j in 0..N {
        // SAFETY: the vectors lie in the row.
        unsafe {
            let at = row.add(j * lanes);
            values[j].add::<F>(I::Vector::load(at)).store(at);
        }
    }
}

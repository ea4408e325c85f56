//! The gradient of a first layer: products of its windows with what arrives before the norm, strip by strip.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::conv::fused::image::Image;
use crate::conv::fused::shape::BlockShape;
use crate::conv::fused::tile::{ByWindow, Layer, Tile, channels, greatest, load_lanes};
use crate::cpu::isa::{Isa, versions};
use crate::cpu::prefetch::Prefetch;
use crate::cpu::raw::Reader;
use crate::cpu::vector::{MOST_LANES, Vector};
use crate::element::Element;

/// Windows of a strip of gradients, about: it stays in the first-level cache.
const STRIP: usize = 128;
/// Values of a window whose products a tile adds up.
const TAPS: usize = 9;

versions! {
    /// Adds to `sums` `[depth + 1, wide]` the products of one image's windows, each with a one behind, and of the gradients that the
    /// norm's output has where that of the block has `dy`. Behind the image's own gradients may lie those of others, needed next.
    /// `strip` is room for [`strip_len`] elements.
    pub fn products<F>(sums: &mut [F], strip: &mut [F], image: &Image<'_, F>, layer: &Layer<'_, F>, dy: &[F])
        where [F: Element] = products_body;
}

/// Rows of pooling windows of a strip.
pub fn strip_rows(s: &BlockShape) -> usize {
    (STRIP / (s.out_w() * s.pool[0] * s.pool[1])).clamp(1, s.out_h())
}

/// Elements of a strip: a value of each window for each channel of the widest tile.
pub fn strip_len(s: &BlockShape) -> usize {
    strip_rows(s) * s.out_w() * s.pool[0] * s.pool[1] * 2 * MOST_LANES
}

/// The gradient that arrives at one image.
#[derive(Clone, Copy)]
pub struct Arriving<'a, F> {
    pub layer: &'a Layer<'a, F>,
    /// Behind the image's own gradients may lie those of others, needed next.
    pub dy: &'a [F],
}

impl<'a, F: Element> Arriving<'a, F> {
    /// The gradient of these rows of the output.
    pub fn at(&self, rows: &Range<usize>) -> &'a [F] {
        let row = self.layer.shape.out_w() * self.layer.shape.conv.c_out;
        &self.dy[(rows.start * row).min(self.dy.len())..(rows.end * row).min(self.dy.len())]
    }

    /// A prefetch of the next rows' gradients, both halves at once, spread over the `steps` of all products of `rows`.
    pub fn prefetch(&self, rows: &Range<usize>, steps: usize) -> Prefetch<'a, F> {
        let dy = self.at(&(rows.end..rows.end + rows.len()));
        let (first, second) = dy.split_at(dy.len() / 2);
        Prefetch::new([first, second], steps)
    }

    /// Rows of the output, strip by strip.
    pub fn strips(&self) -> impl Iterator<Item = Range<usize>> {
        let (rows, each) = (self.layer.shape.out_h(), strip_rows(self.layer.shape));
        (0..rows).step_by(each).map(move |start| start..(start + each).min(rows))
    }
}

#[inline(always)]
fn products_body<F: Element, I: Isa>(
    sums: &mut [F],
    strip: &mut [F],
    image: &Image<'_, F>,
    layer: &Layer<'_, F>,
    dy: &[F],
) {
    let of = Arriving { layer, dy };
    for rows in of.strips() {
        channels!(layer.shape.conv.c_out, strip_products::<F, I>(col => sums, strip, image, of, &rows, col));
    }
}

/// Products of some rows of the output, for channels from `col` on.
#[inline(always)]
fn strip_products<F: Element, I: Isa, const N: usize, const WHOLE: bool>(
    sums: &mut [F],
    strip: &mut [F],
    image: &Image<'_, F>,
    of: Arriving<'_, F>,
    rows: &Range<usize>,
    col: usize,
) {
    let (s, [unit, across]) = (of.layer.shape, of.layer.shape.pool);
    let (width, lanes) = (s.out_w() * across, N * I::Vector::lanes::<F>());
    let strip = &mut strip[..rows.len() * unit * width * lanes];
    let tile = ByWindow { taps: &image.taps, below: image.row };
    for (out, row) in strip.chunks_exact_mut(unit * width * lanes).zip(rows.clone()) {
        let (dy, from) = (of.at(&(row..row + 1)), image.window(row * unit));
        match (s.pools(), s.out_w()) {
            (false, 8..) => placed::<F, I, _, 1, 8, N, WHOLE>(out, from, tile, of.layer, dy, col),
            (false, _) => placed::<F, I, _, 1, 1, N, WHOLE>(out, from, tile, of.layer, dy, col),
            (true, 2..) => placed::<F, I, _, 4, 2, N, WHOLE>(out, from, tile, of.layer, dy, col),
            (true, _) => placed::<F, I, _, 4, 1, N, WHOLE>(out, from, tile, of.layer, dy, col),
        }
    }
    let steps = rows.len() * unit * width;
    let prefetch = of.prefetch(rows, steps * s.conv.c_out.div_ceil(lanes)).after(steps * (col / lanes));
    let windows = rows.start * unit..rows.end * unit;
    for first in (0..image.taps.len()).step_by(TAPS) {
        tap_products::<F, I, N>(&mut sums[col..], strip, image, of.layer, &windows, first, prefetch);
    }
}

/// The gradient of a row of pooling windows of `K` windows, of each at its first greatest value, by tiles of `P` of them: rows of
/// windows.
#[inline(always)]
pub fn placed<
    F: Element,
    I: Isa,
    T: Tile,
    const K: usize,
    const P: usize,
    const N: usize,
    const WHOLE: bool,
>(
    out: &mut [F],
    from: Reader<'_, F>,
    tile: T,
    layer: &Layer<'_, F>,
    dy: &[F],
    col: usize,
) {
    let (c, width, side) = (layer.shape.conv.c_out, layer.shape.out_w(), layer.shape.pool[0]);
    let lanes = I::Vector::lanes::<F>();
    let row = width * side * N * lanes;
    assert!(K == side * side && out.len() == side * row, "conv block: a strip");
    for x in (0..width).step_by(P) {
        let x = x.min(width - P);
        // SAFETY: the windows lie in the image and have their places in the strip; this runs with the features of `I`.
        unsafe {
            let z = tile.of::<F, I, K, P, N>(from, x, layer, col);
            let (zero, slope) = (I::Vector::splat(F::zero()), I::Vector::splat(layer.slope));
            for i in 0..P {
                let best = greatest::<F, I, K, P, N>(&z, i);
                let dy = load_lanes::<F, I::Vector, N, WHOLE>(&dy[(x + i) * c + col..], c - col);
                for j in 0..N {
                    let mut left = best[j].where_greater::<F>(zero, dy[j], dy[j].mul_add::<F>(slope, zero));
                    for k in 0..K {
                        let mut here = left;
                        // the last one is where no other was
                        if k + 1 < K {
                            let z = z[k][i][j];
                            here = best[j].where_greater::<F>(z, zero, left);
                            left = best[j].where_greater::<F>(z, left, zero);
                        }
                        let place = k / side * row + (((x + i) * side + k % side) * N + j) * lanes;
                        here.store(out.as_mut_ptr().add(place));
                    }
                }
            }
        }
    }
}

/// Adds to rows of `sums` the products of values `first..` of the windows of some rows with the strip, and those of ones.
#[inline(always)]
fn tap_products<F: Element, I: Isa, const N: usize>(
    sums: &mut [F],
    strip: &[F],
    image: &Image<'_, F>,
    layer: &Layer<'_, F>,
    rows: &Range<usize>,
    first: usize,
    prefetch: Prefetch<'_, F>,
) {
    let (wide, width) = (layer.wide, layer.shape.out_w() * layer.shape.pool[1]);
    let (depth, lanes) = (image.taps.len(), I::Vector::lanes::<F>());
    // SAFETY: the windows of the rows lie in the image, and have a row of the strip each; this runs with the features of `I`.
    unsafe {
        let mut acc = [[I::Vector::splat(F::zero()); N]; TAPS];
        let mut ones = [I::Vector::splat(F::zero()); N];
        let mut dz = Reader::new(strip);
        let mut prefetch = prefetch.every(1);
        for row in rows.clone() {
            let mut from = [image.window(row); TAPS];
            for (from, &tap) in from.iter_mut().zip(&image.taps[first..]) {
                *from = from.after(tap as isize);
            }
            for x in 0..width {
                prefetch.issue();
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
pub unsafe fn add_row<F: Element, I: Isa, const N: usize>(row: &mut [F], values: [I::Vector; N]) {
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

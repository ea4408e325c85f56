//! The register tile of weight gradients: sums of outer products over pairs of an input and an output pixel.

#![allow(unsafe_code)]

use super::conv::ConvShape;
use super::isa::{Isa, versions};
use super::tile::Pixel;
use super::window::{Window, at_rows, at_width, narrow, rows_of_tile, widened};
use crate::float::Float;

/// A row of the weight gradient: where its factor lies relative to the input pixel, and which row it is.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Elements from the input pixel's first channel.
    pub x: usize,
    /// Row of the output.
    pub out: usize,
}

/// `out[row, :] += sum over images and pairs of x[input pixel + first + row] g[output pixel, :]`.
#[derive(Clone, Copy)]
pub struct PairJob<'a> {
    /// Input pixel and output pixel of each pair.
    pub pixels: &'a [Pixel],
    /// Rows of the output.
    pub rows: &'a [Row],
    /// Elements added to every row's offset.
    pub first: usize,
    /// Number of images.
    pub images: usize,
    /// Sizes of images and channels.
    pub shape: &'a ConvShape,
}

impl PairJob<'_> {
    /// Elements of one image of x and of g.
    #[inline(always)]
    fn images_sizes(&self) -> [usize; 2] {
        let s = self.shape;
        [s.h * s.w * s.c_in, s.out_h() * s.out_w()]
    }

    /// Panics unless every element the tiles touch lies inside slices of these lengths.
    fn check(&self, out: usize, x: usize, g: usize) {
        let s = self.shape;
        let [x_image, g_image] = self.images_sizes();
        assert!(self.images > 0 && x == self.images * x_image, "pairs: images");
        assert_eq!(g, self.images * g_image * s.c_out, "pairs: gradient");
        let last = self.rows.iter().map(|row| row.x).max().unwrap_or(0) + self.first;
        let rows = self.rows.iter().map(|row| row.out + 1).max().unwrap_or(0);
        assert!(rows * s.c_out <= out, "pairs: output");
        for pixel in self.pixels {
            assert!(pixel.src >= 0 && pixel.src as usize * s.c_in + last < x_image, "pairs: input pixel");
            assert!((pixel.dst as usize) < g_image, "pairs: output pixel");
        }
    }
}

versions! {
    /// Runs a job: `out` has rows of `c_out` elements.
    pub fn accumulate<F>(out: &mut [F], x: &[F], g: &[F], job: &PairJob<'_>) where [F: Float] = accumulate_body;
}

#[inline(always)]
fn accumulate_body<F: Float, I: Isa>(out: &mut [F], x: &[F], g: &[F], job: &PairJob<'_>) {
    job.check(out.len(), x.len(), g.len());
    let n = job.shape.c_out;
    if narrow::<F, I>(n) {
        let width = I::VECTOR_BYTES / size_of::<F>();
        let packed = widened(g, n, width);
        columns_of::<F, I>(out, x, packed.data(), width, job, Window { col: 0, width, keep: [0, n] });
        return;
    }
    let mut col = 0;
    while col < n {
        let window = Window::next::<F, I>(col, n);
        columns_of::<F, I>(out, x, g, n, job, window);
        col += window.keep[1] - window.keep[0];
    }
}

#[inline(always)]
fn columns_of<F: Float, I: Isa>(
    out: &mut [F],
    x: &[F],
    g: &[F],
    g_step: usize,
    job: &PairJob<'_>,
    window: Window,
) {
    at_width!(window.width, columns::<F, I>(out, x, g, g_step, job, window));
}

/// Walks the rows of one window of columns in tiles.
#[inline(always)]
fn columns<F: Float, I: Isa, const C: usize>(
    out: &mut [F],
    x: &[F],
    g: &[F],
    g_step: usize,
    job: &PairJob<'_>,
    window: Window,
) {
    let mut rows = job.rows;
    while !rows.is_empty() {
        let (tile_rows, rest) = rows.split_at(rows_of_tile::<I>(rows.len()));
        at_rows!(tile_rows.len(), tile::<F, I, C>(out, x, g, g_step, job, tile_rows, window));
        rows = rest;
    }
}

#[inline(always)]
fn tile<F: Float, I: Isa, const R: usize, const C: usize>(
    out: &mut [F],
    x: &[F],
    g: &[F],
    g_step: usize,
    job: &PairJob<'_>,
    rows: &[Row],
    window: Window,
) {
    let c_in = job.shape.c_in;
    let [x_image, g_image] = job.images_sizes();
    let mut offsets = [0usize; R];
    for i in 0..R {
        offsets[i] = rows[i].x + job.first;
    }
    let mut acc = [[F::zero(); C]; R];
    for image in 0..job.images {
        // SAFETY: `PairJob::check` has compared every pair of pixels and the largest offset with the slices' lengths;
        // a window ends within the row of `g_step` columns.
        unsafe {
            let x = x.as_ptr().add(image * x_image);
            let g = g.as_ptr().add(image * g_image * g_step + window.col);
            for pixel in job.pixels {
                let from = x.add(pixel.src as usize * c_in);
                let values: [F; C] = *g.add(pixel.dst as usize * g_step).cast::<[F; C]>();
                for i in 0..R {
                    let s = *from.add(offsets[i]);
                    for j in 0..C {
                        acc[i][j] = I::mul_add(s, values[j], acc[i][j]);
                    }
                }
            }
        }
    }
    let [from, to] = window.keep;
    for i in 0..R {
        let start = rows[i].out * job.shape.c_out + window.col;
        let row = acc[i];
        for (out, &value) in out[start + from..start + to].iter_mut().zip(&row[from..to]) {
            *out += value;
        }
    }
}

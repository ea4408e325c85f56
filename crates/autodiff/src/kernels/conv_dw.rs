//! The gradient of a convolution for its weights.

use super::conv::{ConvShape, FEW_CHANNELS, image_sizes};
use super::geometry::{self, Class};
use super::map::add_assign;
use super::pairs::{self, PairJob, Row};
use super::split;
use crate::float::Float;

/// Output pixels of one block of the weight gradient: as many as the first-level cache holds with 64 channels.
const BLOCK_PIXELS: usize = 128;
/// The same with few input channels, where more columns of the output fit.
const FEW_PIXELS: usize = 512;
/// Images of one partial sum of the weight gradient with few input channels.
const BLOCK_IMAGES: usize = 16;

/// The gradient of [`conv`](super::conv::conv) for the weights: `dw[tap] = sum over windows of x[n, iy, ix, :]^T g[n, oy, ox, :]`.
#[inline(never)]
pub fn conv_dw<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    s.check(x.len(), dw.len(), g.len());
    dw.fill(F::zero());
    if dw.is_empty() || x.is_empty() || g.is_empty() {
        return;
    }
    if s.c_in < FEW_CHANNELS { dw_few(dw, x, g, s) } else { dw_many(dw, x, g, s) }
}

/// Each kernel position by itself, rows of the tile being input channels.
///
/// Every element adds up the same blocks of images in the same order, however the rows are cut.
fn dw_many<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let geometry = geometry::of(s);
    let taps = &geometry.taps;
    let [x_image, g_image] = image_sizes(s);
    let pixels = s.out_h() * s.out_w();
    let (images, parts) = ((BLOCK_PIXELS / pixels).max(1), pixels.div_ceil(BLOCK_PIXELS));
    let channels: Vec<Row> = (0..s.c_in).map(|c| Row { x: c, out: c }).collect();
    let all = s.kh * s.kw * s.c_in;
    let each = all.div_ceil(split::pieces(all));
    split::chunks(dw, each * s.c_out, |i, dw| {
        let rows = i * each..i * each + dw.len() / s.c_out;
        for (x, g) in x.chunks(images * x_image).zip(g.chunks(images * g_image)) {
            for part in 0..parts {
                let mut row = rows.start;
                while row < rows.end {
                    let (tap, first) = (&taps[row / s.c_in], row % s.c_in);
                    let count = (s.c_in - first).min(rows.end - row);
                    let pixels = &tap[tap.len() * part / parts..tap.len() * (part + 1) / parts];
                    let job = PairJob {
                        pixels,
                        rows: &channels[..count],
                        first,
                        images: x.len() / x_image,
                        shape: s,
                    };
                    pairs::accumulate(&mut dw[(row - rows.start) * s.c_out..][..count * s.c_out], x, g, &job);
                    row += count;
                }
            }
        }
    });
}

/// All kernel positions of a class of windows at once; blocks of images are summed apart, then in order.
fn dw_few<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let geometry = geometry::of(s);
    let classes = &geometry.forward;
    let [x_image, g_image] = image_sizes(s);
    let rows: Vec<Vec<Row>> = classes.iter().map(|class| rows_of(class, s.c_in)).collect();
    let group = (FEW_PIXELS / (s.out_h() * s.out_w())).max(1);
    let mut partial = vec![F::zero(); s.n.div_ceil(BLOCK_IMAGES) * dw.len()];
    split::chunks(&mut partial, dw.len(), |i, partial| {
        let first = i * BLOCK_IMAGES;
        let images = BLOCK_IMAGES.min(s.n - first);
        let (x, g) = (&x[first * x_image..][..images * x_image], &g[first * g_image..][..images * g_image]);
        for (x, g) in x.chunks(group * x_image).zip(g.chunks(group * g_image)) {
            for (class, rows) in classes.iter().zip(&rows) {
                for pixels in class.pixels.chunks(FEW_PIXELS) {
                    let images = x.len() / x_image;
                    pairs::accumulate(partial, x, g, &PairJob { pixels, rows, first: 0, images, shape: s });
                }
            }
        }
    });
    for partial in partial.chunks_exact(dw.len()) {
        add_assign(dw, partial);
    }
}

/// The rows of the weight gradient that the windows of a class contribute to.
fn rows_of(class: &Class, c_in: usize) -> Vec<Row> {
    let row = |&(tap, src): &(u32, i32), c| Row { x: src as usize * c_in + c, out: tap as usize * c_in + c };
    class.taps.iter().flat_map(|tap| (0..c_in).map(move |c| row(tap, c))).collect()
}

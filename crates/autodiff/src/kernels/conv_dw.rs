//! The gradient of a convolution for its weights.

use super::conv::{ConvShape, FEW_CHANNELS, image_sizes};
use super::geometry;
use super::job::{Pixel, Run};
use super::map::add_assign;
use super::pairs::{self, PairJob, Pairs};
use super::split;
use super::winograd;
use crate::float::Float;

/// Output pixels of one block of the weight gradient: as many as the first-level cache holds with 64 channels.
const BLOCK_PIXELS: usize = 256;
/// The same with few input channels, where more columns of the output fit.
const FEW_PIXELS: usize = 512;
/// Images of one partial sum of the weight gradient with few input channels.
const BLOCK_IMAGES: usize = 16;

/// The gradient of [`conv`](super::conv::conv) for the weights: `dw[tap] = sum over windows of x[n, iy, ix, :]^T g[n, oy, ox, :]`.
#[inline(never)]
pub fn conv_dw<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    s.check(x.len(), dw.len(), g.len());
    if dw.is_empty() || x.is_empty() || g.is_empty() {
        return dw.fill(F::zero());
    }
    if s.c_in < FEW_CHANNELS {
        dw.fill(F::zero());
        dw_few(dw, x, g, s)
    } else if winograd::suits_dw::<F>(s) {
        winograd::conv_dw(dw, x, g, s)
    } else {
        dw_many(dw, x, g, s)
    }
}

/// Each kernel position by itself, rows of the tile being input channels.
///
/// Every element adds up the same blocks of images in the same order, however the rows are cut.
fn dw_many<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let geometry = geometry::of(s);
    let [x_image, g_image] = image_sizes(s);
    let pixels = s.out_h() * s.out_w();
    let (images, parts) = ((BLOCK_PIXELS / pixels).clamp(1, s.n), pixels.div_ceil(BLOCK_PIXELS));
    let part_of = |tap: &Vec<Pixel>, part| {
        Pairs::new(&tap[tap.len() * part / parts..tap.len() * (part + 1) / parts], images, s)
    };
    let pairs: Vec<Vec<Pairs>> =
        (0..parts).map(|part| geometry.taps.iter().map(|tap| part_of(tap, part)).collect()).collect();
    let all = s.kh * s.kw * s.c_in;
    let each = all.div_ceil(split::pieces(all));
    split::chunks(dw, each * s.c_out, |i, dw| {
        let rows = i * each..i * each + dw.len() / s.c_out;
        for first in (0..s.n).step_by(images) {
            for (part, pairs) in pairs.iter().enumerate() {
                let job = |tap: usize| {
                    let (top, end) = (rows.start.max(tap * s.c_in), rows.end.min((tap + 1) * s.c_in));
                    PairJob {
                        pairs: &pairs[tap],
                        rows: end - top,
                        first: top - tap * s.c_in,
                        row: top - rows.start,
                        images: images.min(s.n - first),
                        add: first + part > 0,
                        shape: s,
                    }
                };
                let jobs: Vec<PairJob<'_>> =
                    (rows.start / s.c_in..rows.end.div_ceil(s.c_in)).map(job).collect();
                pairs::accumulate(dw, &x[first * x_image..], &g[first * g_image..], &jobs);
            }
        }
    });
}

/// All kernel positions of a class of windows at once; blocks of images are summed apart, then in order.
fn dw_few<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let geometry = geometry::of(s);
    let classes = &geometry.forward;
    let [x_image, g_image] = image_sizes(s);
    let group = (FEW_PIXELS / (s.out_h() * s.out_w())).clamp(1, BLOCK_IMAGES.min(s.n));
    let mut sums: Vec<(Pairs, &[Run])> = Vec::new();
    for class in classes {
        let parts = class.pixels.chunks(FEW_PIXELS);
        sums.extend(parts.map(|pixels| (Pairs::new(pixels, group, s), &class.runs[..])));
    }
    let mut partial = vec![F::zero(); s.n.div_ceil(BLOCK_IMAGES) * dw.len()];
    split::chunks(&mut partial, dw.len(), |i, partial| {
        let last = ((i + 1) * BLOCK_IMAGES).min(s.n);
        for first in (i * BLOCK_IMAGES..last).step_by(group) {
            let images = group.min(last - first);
            let job = |pairs, run: &Run| PairJob {
                pairs,
                first: run.a as usize * s.c_in,
                row: run.b as usize * s.c_in,
                rows: run.len as usize * s.c_in,
                images,
                add: true,
                shape: s,
            };
            let jobs = sums.iter().flat_map(|(pairs, runs)| runs.iter().map(move |run| job(pairs, run)));
            let jobs: Vec<PairJob<'_>> = jobs.collect();
            pairs::accumulate(partial, &x[first * x_image..], &g[first * g_image..], &jobs);
        }
    });
    for partial in partial.chunks_exact(dw.len()) {
        add_assign(dw, partial);
    }
}

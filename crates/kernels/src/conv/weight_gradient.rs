//! The gradient of a convolution for its weights.

use std::ops::Range;

use crate::buffer::Buffer;
use crate::conv::geometry;
use crate::conv::shape::{ConvShape, GROUP_BYTES, image_sizes};
use crate::conv::weight_gradient_tile::{self, PairJob, Pairs};
use crate::element::Element;
use crate::elementwise::map::add_assign;
use crate::matmul::dense;
use crate::parallel;
use crate::tile::job::{Pixel, Run};

/// Output pixels of one block of the weight gradient: as many as the first-level cache holds with 64 channels.
const BLOCK_PIXELS: usize = 128;
/// Output pixels of one block with few input channels, where more columns of the output fit.
const FEW_PIXELS: usize = 512;
/// Images of one partial sum of the weight gradient with few input channels.
const BLOCK_IMAGES: usize = 16;

/// Adds the products of these pairs of an input and an output pixel, for each kernel position.
pub(crate) fn of_pairs<F: Element>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape, taps: &[Vec<Pixel>]) {
    // with rows of whole vectors, of which zeros fill the last
    let wide = ConvShape { c_out: dense::whole_row::<F>(s.c_out), ..*s };
    if wide.c_out == s.c_out {
        return dw_many(dw, x, g, s, taps);
    }
    let g = dense::widened(g, s.c_out, wide.c_out);
    let mut rows = Buffer::dirty(dw.len() / s.c_out * wide.c_out);
    dw_many(rows.data_mut(), x, g.data(), &wide, taps);
    for (to, from) in dw.chunks_exact_mut(s.c_out).zip(rows.data().chunks_exact(wide.c_out)) {
        to.copy_from_slice(&from[..s.c_out]);
    }
}

/// Each kernel position by itself, rows of the tile being input channels.
///
/// Every element adds up the same blocks of images in the same order, however the rows are cut.
fn dw_many<F: Element>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape, taps: &[Vec<Pixel>]) {
    let [x_image, g_image] = image_sizes(s);
    let pixels = taps.iter().map(Vec::len).max().unwrap_or_default().max(1);
    let (images, parts) = ((BLOCK_PIXELS / pixels).clamp(1, s.n), pixels.div_ceil(BLOCK_PIXELS));
    let pairs: Vec<Vec<Pairs>> = (0..parts)
        .map(|k| taps.iter().map(|tap| Pairs::new(part(tap, k, parts), images, s)).collect())
        .collect();
    let all = s.kh * s.kw * s.c_in;
    let each = all.div_ceil(parallel::pieces(all));
    let is_far = (x.len() + g.len()) * size_of::<F>() > GROUP_BYTES;
    parallel::chunks(dw, each * s.c_out, |i, dw| {
        let rows = i * each..i * each + dw.len() / s.c_out;
        for first in (0..s.n).step_by(images) {
            let [this, next] = [first, first + images].map(|from| from..(from + images).min(s.n));
            for (k, pairs) in pairs.iter().enumerate() {
                let mut jobs = jobs_of(&rows, pairs, this.len(), first + k > 0, s);
                if is_far && !next.is_empty() {
                    let next = [(x, x_image), (g, g_image)]
                        .map(|(all, image)| part(&all[next.start * image..next.end * image], k, parts));
                    weight_gradient_tile::plan_prefetch(&mut jobs, next);
                }
                weight_gradient_tile::accumulate(dw, &x[first * x_image..], &g[first * g_image..], &jobs);
            }
        }
    });
}

/// Part `k` of `all` cut into `parts` parts.
fn part<T>(all: &[T], k: usize, parts: usize) -> &[T] {
    &all[all.len() * k / parts..all.len() * (k + 1) / parts]
}

/// The jobs for these rows of the weights, one for each kernel position; `pairs` are those of the positions.
fn jobs_of<'a, F: Element>(
    rows: &Range<usize>,
    pairs: &'a [Pairs],
    images: usize,
    add: bool,
    s: &'a ConvShape,
) -> Vec<PairJob<'a, F>> {
    let job = |tap: usize| {
        let (top, end) = (rows.start.max(tap * s.c_in), rows.end.min((tap + 1) * s.c_in));
        PairJob {
            pairs: &pairs[tap],
            rows: end - top,
            first: top - tap * s.c_in,
            row: top - rows.start,
            images,
            add,
            shape: s,
            prefetch: None,
        }
    };
    (rows.start / s.c_in..rows.end.div_ceil(s.c_in)).map(job).collect()
}

/// All kernel positions of a class of windows at once; blocks of images are summed apart, then in order.
pub(crate) fn dw_few<F: Element>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
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
    parallel::chunks(&mut partial, dw.len(), |i, partial| {
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
                prefetch: None,
            };
            let jobs = sums.iter().flat_map(|(pairs, runs)| runs.iter().map(move |run| job(pairs, run)));
            let jobs: Vec<PairJob<'_, F>> = jobs.collect();
            weight_gradient_tile::accumulate(partial, &x[first * x_image..], &g[first * g_image..], &jobs);
        }
    });
    for partial in partial.chunks_exact(dw.len()) {
        add_assign(dw, partial);
    }
}

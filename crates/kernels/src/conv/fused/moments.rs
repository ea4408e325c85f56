//! Mean and covariance of the windows of images.

#![allow(unsafe_code)]

use crate::conv::fused::image::Image;
use crate::conv::fused::shape::{BlockShape, GROUP};
use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::vector::{MOST_LANES, Vector};
use crate::element::Element;
use crate::matmul::product::matmul;
use crate::parallel;

/// Values of a window that meet as many others at once.
const BLOCK: usize = 3;
/// Vectors of a meeting: products, and sums of the first.
const SUMS: usize = (BLOCK + 1) * BLOCK;
/// Windows after which lanes are added up in double precision, about.
const EXACT: usize = 2048;

/// Mean and covariance of the values of a window less the pivot, over all windows.
#[derive(Debug)]
pub struct Moments {
    /// `[depth]`.
    pub mean: Vec<f64>,
    /// `[depth, depth]`, biased.
    covariance: Vec<f64>,
}

impl Moments {
    /// The moments of images `x`: lanes are summed in their own precision, and lanes of images in double, in order.
    pub fn of<F: Element>(x: &[F], pivot: &[F], s: &BlockShape) -> Self {
        let depth = s.depth();
        let mut parts = vec![0.0; s.conv.n.div_ceil(GROUP) * (depth + 1) * depth];
        parallel::chunks(&mut parts, (depth + 1) * depth, |i, part| {
            let images = &x[i * GROUP * s.image()..((i + 1) * GROUP).min(s.conv.n) * s.image()];
            group(part, images, pivot, s);
        });
        let mut sums = vec![0.0; (depth + 1) * depth];
        for part in parts.chunks_exact((depth + 1) * depth) {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        let scale = 1.0 / (s.conv.n * windows(s)) as f64;
        let mean: Vec<f64> = sums[depth * depth..].iter().map(|sum| sum * scale).collect();
        let entry = |i: usize| sums[i] * scale - mean[i / depth] * mean[i % depth];
        let covariance = (0..depth * depth).map(entry).collect();
        Self { mean, covariance }
    }

    /// From where [`store`](Self::store) wrote them.
    pub fn load<F: Element>(from: &[F], depth: usize) -> Self {
        assert_eq!(from.len(), (depth + 1) * depth, "conv block: moments of {depth} values");
        let mut covariance: Vec<f64> = from.iter().map(|x| x.as_f64()).collect();
        let mean = covariance.split_off(depth * depth);
        Self { mean, covariance }
    }

    /// Covariance, then mean: `[depth + 1, depth]`.
    pub fn store<F: Element>(&self, to: &mut [F]) {
        assert_eq!(to.len(), self.covariance.len() + self.mean.len(), "conv block: moments");
        let values = self.covariance.iter().chain(&self.mean);
        to.iter_mut().zip(values).for_each(|(to, &value)| *to = F::of(value));
    }

    /// Covariance times `w` of shape `[depth, c]`.
    pub fn times(&self, w: &[f64], c: usize) -> Vec<f64> {
        let depth = self.mean.len();
        let mut out = vec![0.0; depth * c];
        matmul(&mut out, &self.covariance, w, depth, depth, c, false, false);
        out
    }

    /// Mean and biased variance of the convolution with weights `w`, `[2, c]`.
    pub fn statistics<F: Element>(&self, stats: &mut [F], w: &[F], pivot: &[F]) {
        let c = stats.len() / 2;
        assert_eq!((stats.len(), w.len()), (2 * c, self.mean.len() * c), "conv block: statistics");
        let w: Vec<f64> = w.iter().map(|w| w.as_f64()).collect();
        let spread = self.times(&w, c);
        let mut sums = vec![0.0; 2 * c];
        let (means, variances) = sums.split_at_mut(c);
        for (k, (w, spread)) in w.chunks_exact(c).zip(spread.chunks_exact(c)).enumerate() {
            let mean = self.mean[k] + pivot[k % pivot.len()].as_f64();
            for j in 0..c {
                means[j] += mean * w[j];
                variances[j] += w[j] * spread[j];
            }
        }
        // rounding can make a variance of zero negative
        variances.iter_mut().for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v });
        stats.iter_mut().zip(sums).for_each(|(to, sum)| *to = F::of(sum));
    }
}

/// Windows of an image.
fn windows(s: &BlockShape) -> usize {
    s.conv.out_h() * s.conv.out_w()
}

/// Adds to `part` sums of the products of values of windows, then of values: `[depth + 1, depth]`.
fn group<F: Element>(part: &mut [f64], images: &[F], pivot: &[F], s: &BlockShape) {
    let blocks = s.depth().div_ceil(BLOCK);
    let mut lanes = vec![F::zero(); blocks * (blocks + 1) / 2 * SUMS * MOST_LANES];
    let mut image = Image::new(pivot, s);
    let (mut seen, mut left) = (0, images.len() / s.image());
    for x in images.chunks_exact(s.image()) {
        image.enter(x);
        meet(&mut lanes, &image, s);
        (seen, left) = (seen + windows(s), left - 1);
        if seen >= EXACT || left == 0 {
            add_lanes(part, &lanes, s.depth());
            lanes.fill(F::zero());
            seen = 0;
        }
    }
}

/// Blocks of values that meet, in order.
fn meetings(depth: usize) -> impl Iterator<Item = [usize; 2]> {
    let blocks = depth.div_ceil(BLOCK);
    (0..blocks).flat_map(move |a| (a..blocks).map(move |b| [a, b]))
}

fn add_lanes<F: Element>(part: &mut [f64], lanes: &[F], depth: usize) {
    let total = |lanes: &[F]| lanes.iter().map(|x| x.as_f64()).sum::<f64>();
    for ([a, b], sums) in meetings(depth).zip(lanes.chunks_exact(SUMS * MOST_LANES)) {
        for (i, sums) in sums.chunks_exact(MOST_LANES).enumerate() {
            let (row, column) = (a * BLOCK + i % BLOCK, b * BLOCK + i / BLOCK);
            if row >= depth {
                continue;
            }
            if i >= BLOCK * BLOCK {
                // sums of values are those of the meeting with themselves
                part[depth * depth + row] += if a == b { total(sums) } else { 0.0 };
            } else if column < depth {
                let sum = total(sums);
                part[row * depth + column] += sum;
                if a != b {
                    part[column * depth + row] += sum;
                }
            }
        }
    }
}

versions! {
    /// Adds the products and values of one image's windows, lane by lane.
    fn meet<F>(lanes: &mut [F], image: &Image<'_, F>, s: &BlockShape) where [F: Element] = meet_body;
}

#[inline(always)]
fn meet_body<F: Element, I: Isa>(lanes: &mut [F], image: &Image<'_, F>, s: &BlockShape) {
    for ([a, b], sums) in meetings(s.depth()).zip(lanes.chunks_exact_mut(SUMS * MOST_LANES)) {
        if a == b {
            meet_blocks::<F, I, true>(sums, [a, b], image, s);
        } else {
            meet_blocks::<F, I, false>(sums, [a, b], image, s);
        }
    }
}

#[inline(always)]
fn meet_blocks<F: Element, I: Isa, const ALONE: bool>(
    sums: &mut [F],
    blocks: [usize; 2],
    image: &Image<'_, F>,
    s: &BlockShape,
) {
    let lanes = I::Vector::lanes::<F>();
    let mut taps = [[0; BLOCK]; 2];
    for (taps, block) in taps.iter_mut().zip(blocks) {
        for (tap, &from) in taps.iter_mut().zip(&image.taps[block * BLOCK..]) {
            *tap = from;
        }
    }
    let width = s.conv.out_w();
    let mut rest = [F::zero(); MOST_LANES];
    let (whole, over) = (width / lanes, width % lanes);
    rest[..over].fill(F::one());
    // SAFETY: windows lie in the image, behind which there is room for a vector; this runs with the features of `I`.
    unsafe {
        let mut acc = [I::Vector::splat(F::zero()); SUMS];
        for (acc, sums) in acc.iter_mut().zip(sums.chunks_exact(MOST_LANES)) {
            *acc = I::Vector::load(sums.as_ptr());
        }
        let rest = I::Vector::load(rest.as_ptr());
        for row in 0..s.conv.out_h() {
            let row = image.window(row);
            for x in 0..whole {
                meet_vectors::<F, I, ALONE>(&mut acc, row.after((x * lanes) as isize), &taps, None);
            }
            if over > 0 {
                let at = row.after((whole * lanes) as isize);
                meet_vectors::<F, I, ALONE>(&mut acc, at, &taps, Some(rest));
            }
        }
        for (acc, sums) in acc.iter().zip(sums.chunks_exact_mut(MOST_LANES)) {
            acc.store(sums.as_mut_ptr());
        }
    }
}

/// Adds the products of one vector of windows, of which `some` is one where they count.
///
/// # Safety
/// All vectors lie in the image, and this runs with the features of `I`.
#[inline(always)]
unsafe fn meet_vectors<F: Element, I: Isa, const ALONE: bool>(
    acc: &mut [I::Vector; SUMS],
    at: Reader<'_, F>,
    taps: &[[usize; BLOCK]; 2],
    some: Option<I::Vector>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = I::Vector::splat(F::zero());
        let mut b = [zero; BLOCK];
        for j in 0..BLOCK {
            [b[j]] = at.after(taps[1][j] as isize).vectors::<I::Vector, 1>();
        }
        for i in 0..BLOCK {
            let [mut a] = at.after(taps[0][i] as isize).vectors::<I::Vector, 1>();
            if let Some(some) = some {
                a = a.mul_add::<F>(some, zero);
            }
            for j in 0..BLOCK {
                acc[j * BLOCK + i] = a.mul_add::<F>(b[j], acc[j * BLOCK + i]);
            }
            if ALONE {
                acc[BLOCK * BLOCK + i] = acc[BLOCK * BLOCK + i].add::<F>(a);
            }
        }
    }
}

//! Convolution, what is added to its channels, a piecewise linear activation and max-pooling in one, for use alone: what lies between is
//! kept for no gradient, and of few pixels at a time.
//!
//! The greatest of a window comes before what is added and the activation, which are monotone.

use crate::buffer::Buffer;
use crate::conv::dispatch::conv;
use crate::conv::fused::conv_block::{layer, output_of_images};
use crate::conv::fused::folded::{of_layer, wide};
use crate::conv::fused::shape::BlockShape;
use crate::conv::shape::{ConvShape, image_sizes};
use crate::cpu::isa::{Isa, versions};
use crate::cpu::limits::{Leaky, surpasses};
use crate::cpu::small_array;
use crate::cpu::strip::{load, store, strips};
use crate::element::Element;
use crate::parallel;
use crate::pool::max::{each_window, pixels};
use crate::pool::shape::PoolShape;

/// Sizes of a layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayerShape {
    /// The convolution.
    pub conv: ConvShape,
    /// Pooling of its output, if any, without padding.
    pub pool: Option<PoolShape>,
}

impl LayerShape {
    /// Height and width of the output.
    pub fn out_size(&self) -> [usize; 2] {
        self.pool.map_or([self.conv.out_h(), self.conv.out_w()], |pool| [pool.out_h(), pool.out_w()])
    }

    fn out_image(&self) -> usize {
        self.out_size().iter().product::<usize>() * self.conv.c_out
    }

    /// The block of a first layer, if the tile knows it.
    fn block<F: Element>(&self, slope: F) -> Option<BlockShape> {
        let pool = match self.pool {
            None => [1, 1],
            Some(pool) if pool.is_beside() && pool.size == [2, 2] => pool.size,
            Some(_) => return None,
        };
        let block = BlockShape { conv: self.conv, pool };
        (slope <= F::one() && block.depth() <= FEW).then_some(block)
    }
}

/// Weights for one output value up to which windows are computed where they are needed.
const FEW: usize = 32;
/// Images of which at least the maps between convolution and pooling are in memory: the weights are prepared once for them.
const IMAGES: usize = 9;
/// Bytes of such maps, where there are more images.
const MAPS_BYTES: usize = 2 << 20;

/// `y = pooled activation(conv(x, w) + added)`, the activation being the identity above zero and of this slope, from 0 on, below.
#[inline(never)]
pub fn conv_layer<F: Element>(y: &mut [F], x: &[F], w: &[F], added: Option<&[F]>, slope: F, s: &LayerShape) {
    let ([x_image, image], out_image, c) = (image_sizes(&s.conv), s.out_image(), s.conv.c_out);
    assert_eq!(y.len(), s.conv.n * out_image, "conv layer: output of {s:?}");
    assert!(added.is_none_or(|added| added.len() == c), "conv layer: what is added to {c} channels");
    assert!(slope >= F::zero(), "conv layer: a slope of {slope}");
    if y.is_empty() {
        return;
    }
    if let Some(block) = s.block(slope) {
        let weights = block_weights(w, added, &block);
        return output_of_images(y, x, &vec![F::zero(); s.conv.c_in], &layer(&weights, slope, &block));
    }
    let activation = Leaky::new(slope);
    let Some(pool) = s.pool else {
        conv(y, x, w, &s.conv);
        let rows = (s.conv.n * out_image / c).div_ceil(parallel::pieces(s.conv.n));
        return parallel::chunks(y, rows * c, |_, y| activate(y, c, added, activation));
    };
    let most = IMAGES.max(MAPS_BYTES / (image * size_of::<F>()).max(1));
    let each = s.conv.n.div_ceil(s.conv.n.div_ceil(most));
    let mut maps = Buffer::dirty(each * image);
    for (y, x) in y.chunks_mut(each * out_image).zip(x.chunks(each * x_image)) {
        let n = y.len() / out_image;
        let maps = &mut maps.data_mut()[..n * image];
        conv(maps, x, w, &ConvShape { n, ..s.conv });
        let each = n.div_ceil(parallel::pieces(n));
        parallel::chunks(y, each * out_image, |i, y| {
            let maps = maps[i * each * image..].chunks_exact(image);
            y.chunks_exact_mut(out_image)
                .zip(maps)
                .for_each(|(y, x)| pool_image(y, x, added, activation, &pool));
        });
    }
}

/// Weights and, as a last row, what is added to the channels, as a block has them.
fn block_weights<F: Element>(w: &[F], added: Option<&[F]>, s: &BlockShape) -> Vec<F> {
    let (c, wide) = (s.conv.c_out, wide(s.conv.c_out));
    let mut all = vec![F::zero(); (s.depth() + 1) * wide];
    let rows = w.chunks_exact(c).chain(added);
    all.chunks_exact_mut(wide).zip(rows).for_each(|(to, row)| to[..c].copy_from_slice(row));
    of_layer(all, s)
}

versions! {
    /// Adds to each channel of rows of `c` and applies the activation.
    fn activate<F>(y: &mut [F], c: usize, added: Option<&[F]>, activation: Leaky<F>) where [F: Element] = activate_body;
    /// Max-pooling of one image, then as [`activate`]: adds to each channel and applies the activation.
    fn pool_image<F>(y: &mut [F], x: &[F], added: Option<&[F]>, activation: Leaky<F>, s: &PoolShape) where [F: Element] = pool_body;
}

#[inline(always)]
fn activate_body<F: Element, I: Isa>(y: &mut [F], c: usize, added: Option<&[F]>, activation: Leaky<F>) {
    for row in y.chunks_exact_mut(c) {
        strips!(c, activate_strip::<F, I>(row, added, activation));
    }
}

#[inline(always)]
fn activate_strip<F: Element, I: Isa, const W: usize>(
    col: usize,
    row: &mut [F],
    added: Option<&[F]>,
    activation: Leaky<F>,
) {
    let x = load::<F, W>(row, col);
    store(row, col, activated(x, col, added, activation));
}

#[inline(always)]
fn activated<F: Element, const W: usize>(
    mut x: [F; W],
    col: usize,
    added: Option<&[F]>,
    activation: Leaky<F>,
) -> [F; W] {
    if let Some(added) = added {
        let added: [F; W] = load(added, col);
        for j in 0..W {
            x[j] += added[j];
        }
    }
    small_array::map(x, |z| activation.of(z))
}

#[inline(always)]
fn pool_body<F: Element, I: Isa>(
    y: &mut [F],
    x: &[F],
    added: Option<&[F]>,
    activation: Leaky<F>,
    s: &PoolShape,
) {
    each_window!(s, true, pool_strip::<F>(y, x, added, activation));
}

#[inline(always)]
fn pool_strip<F: Element, const W: usize>(
    col: usize,
    y: &mut [F],
    x: &[F],
    added: Option<&[F]>,
    activation: Leaky<F>,
    at: usize,
    pixels: impl Iterator<Item = usize>,
) {
    let mut best = [F::neg_infinity(); W];
    for pixel in pixels {
        let values: [F; W] = load(x, pixel + col);
        for j in 0..W {
            best[j] = if surpasses(values[j], best[j]) { values[j] } else { best[j] };
        }
    }
    store(y, at + col, activated(best, col, added, activation));
}

//! Convolution, batch norm on batch statistics, activation and max-pooling of images of few channels in one, of which no
//! full-size map is ever in memory: a few pixels of it are computed where they are needed.
//!
//! With p a window's values, q a pivot, mu and C mean and covariance of p - q over all windows: the convolution's mean is
//! (mu + q) w and its variance w^T C w, so statistics need no convolution. The norm is folded into the weights; max-pooling
//! comes before the activation, which is monotone.

use crate::buffer::Buffer;
use crate::conv::fused::f2_input::{self, TransformedImage};
use crate::conv::fused::f2_tile;
use crate::conv::fused::folded::{folded, wide};
use crate::conv::fused::gradient::{products, strip_len};
use crate::conv::fused::image::Image;
use crate::conv::fused::moments::Moments;
use crate::conv::fused::shape::{BlockShape, GROUP};
use crate::conv::fused::tile::{Layer, output};
use crate::element::Element;
use crate::norm::terms::Terms;
use crate::parallel;

/// The output `y`, the convolution's mean and biased variance `stats` `[2, c]`, and for the gradient the `moments`
/// `[depth + 1, depth]` of the windows: C and mu.
#[inline(never)]
pub fn conv_block<F: Element>(
    y: &mut [F],
    stats: &mut [F],
    moments: &mut [F],
    x: &[F],
    w: &[F],
    terms: &Terms<'_, F>,
    s: &BlockShape,
) {
    let c = s.conv.c_out;
    s.check(x.len(), w.len(), y.len());
    terms.check(c);
    let pivot = pivot(x, s);
    let exact = Moments::of(x, &pivot, s);
    exact.statistics(stats, w, &pivot);
    exact.store(moments);
    // the gradient knows the moments as they are stored
    let weights = folded(terms, w, &stats[c..], &Moments::load(moments, s.depth()), s);
    output_of_images(y, x, &pivot, &layer(&weights, terms.slope, s));
}

/// The output of all images, from which `pivot` is taken.
pub(crate) fn output_of_images<F: Element>(y: &mut [F], x: &[F], pivot: &[F], layer: &Layer<'_, F>) {
    let s = layer.shape;
    let each = s.conv.n.div_ceil(parallel::pieces(s.conv.n));
    parallel::chunks(y, each * s.out_image(), |i, y| {
        let images = x[i * each * s.image()..].chunks_exact(s.image()).zip(y.chunks_exact_mut(s.out_image()));
        if f2_input::suits(s) {
            let mut image = TransformedImage::new(pivot, s);
            for (x, y) in images {
                image.enter(x);
                f2_tile::output(y, &mut image, layer);
            }
        } else {
            let mut image = Image::new(pivot, s);
            for (x, y) in images {
                image.enter(x);
                output(y, &image, layer);
            }
        }
    });
}

/// What a block with these weights knows.
pub(crate) fn layer<'a, F: Element>(weights: &'a [F], slope: F, s: &'a BlockShape) -> Layer<'a, F> {
    let wide = wide(s.conv.c_out);
    Layer { shape: s, weights, depth: weights.len() / wide - 1, wide, slope }
}

/// What the gradient reads of the forward pass, and the gradient that arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a, F> {
    /// Mean and variance.
    pub stats: &'a [F],
    /// Moments of the windows.
    pub moments: &'a [F],
    /// The output's gradient.
    pub dy: &'a [F],
}

/// The gradient of [`conv_block`] for weights, scale and shift.
///
/// With dz the gradient before activation and pooling and A = sum (p - q - mu) dz: `dshift = sum dz`, `dscale = s w A`,
/// `dw = scale s (A - s^2 (w A) C w)`, s being the inverse deviation.
#[inline(never)]
pub fn conv_block_backward<F: Element>(
    [dw, dscale, dshift]: [&mut [F]; 3],
    x: &[F],
    w: &[F],
    terms: &Terms<'_, F>,
    arrived: &Arrived<'_, F>,
    s: &BlockShape,
) {
    let (c, depth) = (s.conv.c_out, s.depth());
    s.check(x.len(), w.len(), arrived.dy.len());
    terms.check(c);
    assert!((dw.len(), dscale.len(), dshift.len()) == (w.len(), c, c), "conv block: gradients");
    let (variance, moments) = (&arrived.stats[c..], Moments::load(arrived.moments, depth));
    let mut sums = sums(x, w, terms, arrived, &moments, s);
    let (a, sum) = sums.split_at_mut(depth * c);
    let w: Vec<f64> = w.iter().map(|w| w.as_f64()).collect();
    let mut along = vec![0.0; c];
    for ((a, w), mean) in a.chunks_exact_mut(c).zip(w.chunks_exact(c)).zip(&moments.mean) {
        for j in 0..c {
            a[j] -= mean * sum[j];
            along[j] += w[j] * a[j];
        }
    }
    let spread = moments.times(&w, c);
    let inverse: Vec<f64> = variance.iter().map(|&v| terms.inverse(v).as_f64()).collect();
    for ((dw, a), spread) in dw.chunks_exact_mut(c).zip(a.chunks_exact(c)).zip(spread.chunks_exact(c)) {
        for j in 0..c {
            let projected = a[j] - inverse[j] * inverse[j] * along[j] * spread[j];
            dw[j] = F::of(terms.scale(j).as_f64() * inverse[j] * projected);
        }
    }
    for j in 0..c {
        dscale[j] = F::of(inverse[j] * along[j]);
        dshift[j] = F::of(sum[j]);
    }
    // the activation's slope is a number there
    for j in (0..c).filter(|&j| (arrived.stats[j] + variance[j] + terms.scale(j) + terms.shift(j)).is_nan()) {
        dw.iter_mut().skip(j).step_by(c).chain([&mut dscale[j], &mut dshift[j]]).for_each(|x| *x = F::nan());
    }
}

/// Sums over all windows of (p - q, 1) dz, `[depth + 1, c]`: blocks of images apart, then in order.
fn sums<F: Element>(
    x: &[F],
    w: &[F],
    terms: &Terms<'_, F>,
    arrived: &Arrived<'_, F>,
    moments: &Moments,
    s: &BlockShape,
) -> Vec<f64> {
    let (c, k, wide) = (s.conv.c_out, s.depth() + 1, wide(s.conv.c_out));
    let pivot = pivot(x, s);
    let weights = folded(terms, w, &arrived.stats[c..], moments, s);
    let layer = layer(&weights, terms.slope, s);
    let mut parts = vec![F::zero(); s.conv.n.div_ceil(GROUP) * k * wide];
    parallel::chunks(&mut parts, k * wide, |i, part| {
        let images = i * GROUP..((i + 1) * GROUP).min(s.conv.n);
        let images = images.map(|n| (&x[n * s.image()..][..s.image()], &arrived.dy[n * s.out_image()..]));
        let mut strip = Buffer::dirty(strip_len(s));
        if f2_input::suits(s) {
            let (mut image, mut sums) =
                (TransformedImage::new(&pivot, s), vec![F::zero(); (layer.depth + 1) * wide]);
            for (x, dy) in images {
                image.enter(x);
                f2_tile::products(&mut sums, strip.data_mut(), &mut image, &layer, dy);
            }
            f2_input::to_values(part, &sums, wide);
        } else {
            let mut image = Image::new(&pivot, s);
            for (x, dy) in images {
                image.enter(x);
                products(part, strip.data_mut(), &image, &layer, dy);
            }
        }
    });
    let mut total = vec![0.0; k * c];
    for part in parts.chunks_exact(k * wide) {
        for (total, part) in total.chunks_exact_mut(c).zip(part.chunks_exact(wide)) {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part.as_f64());
        }
    }
    total
}

/// A value for each channel of the images that is near their mean: the mean of the first image.
fn pivot<F: Element>(x: &[F], s: &BlockShape) -> Vec<F> {
    let c = s.conv.c_in;
    // several sums of a channel, which do not wait for one another
    let mut sums = vec![0.0; 8 * c];
    for pixels in x[..s.image()].chunks(8 * c) {
        sums.iter_mut().zip(pixels).for_each(|(sum, x)| *sum += x.as_f64());
    }
    let count = (s.conv.h * s.conv.w) as f64;
    (0..c).map(|j| F::of(sums[j..].iter().step_by(c).sum::<f64>() / count)).collect()
}

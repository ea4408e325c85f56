//! Convolution, batch norm on batch statistics, activation and max-pooling of images of few channels in one, of which no
//! full-size map is ever in memory: a few pixels of it are computed where they are needed.
//!
//! With p a window's values, q a pivot, mu and C mean and covariance of p - q over all windows: the convolution's mean is
//! (mu + q) w and its variance w^T C w, so statistics need no convolution. The norm is folded into the weights; max-pooling
//! comes before the activation, which is monotone.

use super::conv::ConvShape;
use super::conv_block_image::Image;
use super::conv_block_moments::Moments;
use super::conv_block_numbers::{self as numbers, Squares};
use super::conv_block_products::{products, strip_len};
use super::conv_block_squares as squares;
use super::conv_block_tile::{Layer, output};
use super::split;
use super::vector::MOST_LANES;
use crate::float::Float;
use crate::pool::Buffer;

/// Images of one partial sum: fixed, so that sums do not depend on threads.
pub(super) const GROUP: usize = 8;

/// Sizes of a block: of its convolution and of its pooling windows, which lie side by side from the first pixel on:
/// `[2, 2]`, or `[1, 1]` for no pooling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockShape {
    /// The convolution.
    pub conv: ConvShape,
    /// Rows and columns of a pooling window.
    pub pool: [usize; 2],
}

impl BlockShape {
    /// Output rows.
    pub fn out_h(&self) -> usize {
        self.conv.out_h() / self.pool[0]
    }

    /// Output columns.
    pub fn out_w(&self) -> usize {
        self.conv.out_w() / self.pool[1]
    }

    /// Whether the output is not that of the convolution.
    pub fn pools(&self) -> bool {
        self.pool != [1, 1]
    }

    /// Values of a window.
    pub fn depth(&self) -> usize {
        self.conv.kh * self.conv.kw * self.conv.c_in
    }

    /// Elements of an image.
    pub(super) fn image(&self) -> usize {
        self.conv.h * self.conv.w * self.conv.c_in
    }

    /// Elements of an image of the output.
    fn out_image(&self) -> usize {
        self.out_h() * self.out_w() * self.conv.c_out
    }

    fn check(&self, x: usize, w: usize, y: usize) {
        let ConvShape { n, c_out, .. } = self.conv;
        assert!([[1, 1], [2, 2]].contains(&self.pool), "conv block: windows of {self:?}");
        assert_eq!(x, n * self.image(), "conv block: images of {self:?}");
        assert_eq!(w, self.depth() * c_out, "conv block: weights of {self:?}");
        assert_eq!(y, n * self.out_image(), "conv block: output of {self:?}");
        assert!(y > 0, "conv block: {self:?} has no output");
    }
}

/// What the norm and the activation are given.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a, F> {
    /// Factor of each channel, 1 where it is left out.
    pub scale: Option<&'a [F]>,
    /// Added to each channel, 0 where it is left out.
    pub shift: Option<&'a [F]>,
    /// Added to the variance.
    pub eps: F,
    /// Slope of the activation where negative; a block of all three takes 0 to 1.
    pub slope: F,
}

impl<F: Float> Terms<'_, F> {
    fn check(&self, c: usize) {
        assert!(self.scale.is_none_or(|s| s.len() == c), "conv block: scale of {c} channels");
        assert!(self.shift.is_none_or(|s| s.len() == c), "conv block: shift of {c} channels");
        assert!(self.slope >= F::zero() && self.slope <= F::one(), "conv block: a slope of {}", self.slope);
    }

    fn scale(&self, j: usize) -> F {
        self.scale.map_or(F::one(), |scale| scale[j])
    }

    fn shift(&self, j: usize) -> F {
        self.shift.map_or(F::zero(), |shift| shift[j])
    }

    fn inverse(&self, variance: F) -> F {
        F::one() / (variance + self.eps).sqrt()
    }

    /// Those of [`Layer`].
    fn weights(&self, w: &[F], variance: &[F], moments: &Moments, s: &BlockShape) -> Vec<F> {
        of_layer(self.folded(w, variance, moments), s)
    }

    /// Weights and, as a last row, what is added, such that convolving pivoted images gives normalised ones: rows of [`wide`].
    fn folded(&self, w: &[F], variance: &[F], moments: &Moments) -> Vec<F> {
        let (c, wide) = (variance.len(), wide(variance.len()));
        let mut all = vec![F::zero(); (w.len() / c + 1) * wide];
        let (folded, shift) = all.split_at_mut(w.len() / c * wide);
        let factors: Vec<F> = (0..c).map(|j| self.scale(j) * self.inverse(variance[j])).collect();
        for (folded, w) in folded.chunks_exact_mut(wide).zip(w.chunks_exact(c)) {
            for j in 0..c {
                folded[j] = w[j] * factors[j];
            }
        }
        for (j, shift) in shift[..c].iter_mut().enumerate() {
            let column = folded[j..].iter().step_by(wide);
            let mean: f64 = column.zip(&moments.mean).map(|(w, mean)| w.as_f64() * mean).sum();
            *shift = F::of(self.shift(j).as_f64() - mean);
        }
        all
    }
}

/// Folded weights as [`Layer`] has them.
pub(super) fn of_layer<F: Float>(folded: Vec<F>, s: &BlockShape) -> Vec<F> {
    if numbers::suits(s) { numbers::weights(&folded, wide(s.conv.c_out), s.conv.c_in) } else { folded }
}

/// Elements of a row of folded weights: whole vectors.
pub(super) fn wide(c: usize) -> usize {
    c.next_multiple_of(MOST_LANES)
}

/// The output `y`, the convolution's mean and biased variance `stats` `[2, c]`, and for the gradient the `moments`
/// `[depth + 1, depth]` of the windows: C and mu.
#[inline(never)]
pub fn conv_block<F: Float>(
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
    let weights = terms.weights(w, &stats[c..], &Moments::load(moments, s.depth()), s);
    output_of_images(y, x, &pivot, &layer(&weights, terms.slope, s));
}

/// The output of all images, from which `pivot` is taken.
pub(super) fn output_of_images<F: Float>(y: &mut [F], x: &[F], pivot: &[F], layer: &Layer<'_, F>) {
    let s = layer.shape;
    let each = s.conv.n.div_ceil(split::pieces(s.conv.n));
    split::chunks(y, each * s.out_image(), |i, y| {
        let images = x[i * each * s.image()..].chunks_exact(s.image()).zip(y.chunks_exact_mut(s.out_image()));
        if numbers::suits(s) {
            let mut squares = Squares::new(pivot, s);
            for (x, y) in images {
                squares.enter(x);
                squares::output(y, &mut squares, layer);
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
pub(super) fn layer<'a, F: Float>(weights: &'a [F], slope: F, s: &'a BlockShape) -> Layer<'a, F> {
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
pub fn conv_block_backward<F: Float>(
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
fn sums<F: Float>(
    x: &[F],
    w: &[F],
    terms: &Terms<'_, F>,
    arrived: &Arrived<'_, F>,
    moments: &Moments,
    s: &BlockShape,
) -> Vec<f64> {
    let (c, k, wide) = (s.conv.c_out, s.depth() + 1, wide(s.conv.c_out));
    let pivot = pivot(x, s);
    let weights = terms.weights(w, &arrived.stats[c..], moments, s);
    let layer = layer(&weights, terms.slope, s);
    let mut parts = vec![F::zero(); s.conv.n.div_ceil(GROUP) * k * wide];
    split::chunks(&mut parts, k * wide, |i, part| {
        let images = i * GROUP..((i + 1) * GROUP).min(s.conv.n);
        let images = images.map(|n| (&x[n * s.image()..][..s.image()], &arrived.dy[n * s.out_image()..]));
        let mut strip = Buffer::dirty(strip_len(s));
        if numbers::suits(s) {
            let (mut squares, mut sums) =
                (Squares::new(&pivot, s), vec![F::zero(); (layer.depth + 1) * wide]);
            for (x, dy) in images {
                squares.enter(x);
                squares::products(&mut sums, strip.data_mut(), &mut squares, &layer, dy);
            }
            numbers::to_values(part, &sums, wide);
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
fn pivot<F: Float>(x: &[F], s: &BlockShape) -> Vec<F> {
    let c = s.conv.c_in;
    // several sums of a channel, which do not wait for one another
    let mut sums = vec![0.0; 8 * c];
    for pixels in x[..s.image()].chunks(8 * c) {
        sums.iter_mut().zip(pixels).for_each(|(sum, x)| *sum += x.as_f64());
    }
    let count = (s.conv.h * s.conv.w) as f64;
    (0..c).map(|j| F::of(sums[j..].iter().step_by(c).sum::<f64>() / count)).collect()
}

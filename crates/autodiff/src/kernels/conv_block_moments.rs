//! Mean and covariance of the windows of images.

use super::conv_block::{BlockShape, GROUP};
use super::conv_block_strip::Strips;
use super::matmul::matmul;
use super::split;
use crate::float::Float;
use crate::pool::Buffer;

/// Of the values of a window less the pivot, over all windows.
#[derive(Debug)]
pub struct Moments {
    /// `[depth]`.
    pub mean: Vec<f64>,
    /// `[depth, depth]`, biased.
    covariance: Vec<f64>,
}

impl Moments {
    /// Those of images `x`: strips are summed in their own precision, strips of images in double, in order.
    pub fn of<F: Float>(x: &[F], pivot: &[F], s: &BlockShape) -> Self {
        let (depth, k) = (s.depth(), s.depth() + 1);
        let mut parts = vec![0.0; s.conv.n.div_ceil(GROUP) * k * k];
        split::chunks(&mut parts, k * k, |i, part| {
            let mut strips = Strips::new(pivot, s);
            let mut product = Buffer::dirty(k * k);
            for image in i * GROUP..((i + 1) * GROUP).min(s.conv.n) {
                strips.enter(&x[image * s.image()..][..s.image()]);
                for rows in Strips::<F>::rows(s, s.conv.out_h()) {
                    let patches = strips.gather(rows, s.conv.out_w());
                    matmul(product.data_mut(), patches, patches, k, patches.len() / k, k, false, true);
                    part.iter_mut().zip(product.data()).for_each(|(part, p)| *part += p.as_f64());
                }
            }
        });
        let mut sums = vec![0.0; k * k];
        for part in parts.chunks_exact(k * k) {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        // every window ends with a one
        let scale = 1.0 / sums[k * k - 1];
        let mean: Vec<f64> = sums[depth * k..][..depth].iter().map(|sum| sum * scale).collect();
        let entry = |i: usize| sums[i / depth * k + i % depth] * scale - mean[i / depth] * mean[i % depth];
        let covariance = (0..depth * depth).map(entry).collect();
        Self { mean, covariance }
    }

    /// From where [`store`](Self::store) wrote them.
    pub fn load<F: Float>(from: &[F], depth: usize) -> Self {
        assert_eq!(from.len(), (depth + 1) * depth, "conv block: moments of {depth} values");
        let mut covariance: Vec<f64> = from.iter().map(|x| x.as_f64()).collect();
        let mean = covariance.split_off(depth * depth);
        Self { mean, covariance }
    }

    /// Covariance, then mean: `[depth + 1, depth]`.
    pub fn store<F: Float>(&self, to: &mut [F]) {
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
    pub fn statistics<F: Float>(&self, stats: &mut [F], w: &[F], pivot: &[F]) {
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

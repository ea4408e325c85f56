//! DropBlock: dropout of squares of an image.

use fewshot_autodiff::{Array, Float, Shape, Var};
use fewshot_random::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::model::Pass;

/// Sets squares of `side` pixels to 0, in each channel for itself, in passes with noise ([`Pass::with_noise`]); does nothing in others
/// (Ghiasi, Lin and Le 2018: "DropBlock: A regularization method for convolutional networks", NeurIPS, algorithm 1; as in the released
/// code of Lee et al. 2019, MetaOptNet).
///
/// A square's upper left corner is any pixel that leaves room for it, with probability [`gamma`](Self::gamma). What is left is scaled by
/// the number of all values over the number of those left, both of the whole batch, so that the mask has the mean 1.
///
/// The rate is constant: work is recorded once and replayed, and a count of calls would be hidden state. The schedule of the released
/// code, by which the rate grows from 0 over the first 40,000 calls, is left out. A rate changes neither the weights nor the signature of a
/// network, so that training may go on, stage by stage, with the same weights in a network of a higher rate.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::{DropBlock, Noise, Pass};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
/// let layer = DropBlock::new(0.1, 5);
/// assert!((layer.gamma([10, 10]) - 0.1 / 25.0 * 100.0 / 36.0).abs() < 1e-12);
/// let noise = Noise::new(ChaCha8Rng::seed_from_u64(1));
/// let tape = Tape::<f32>::new();
/// let x = tape.var(&Array::ones(&[8, 10, 10, 16]));
/// let y = layer.forward(x, &mut Pass::batch().with_noise(&noise)).value();
/// let dropped = y.data().iter().filter(|&&y| y == 0.0).count();
/// assert!(0 < dropped && dropped < y.len() / 4);
/// assert_eq!(layer.forward(x, &mut Pass::batch()).value(), x.value());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DropBlock {
    rate: f64,
    side: usize,
}

impl DropBlock {
    /// DropBlock that drops about `rate` of all values in squares of `side` pixels.
    ///
    /// # Panics
    /// When `rate` is not in [0, 1), or `side` is 0.
    #[track_caller]
    pub fn new(rate: f64, side: usize) -> Self {
        assert!((0.0..1.0).contains(&rate), "DropBlock: rate {rate} is not in [0, 1)");
        assert!(side > 0, "DropBlock: a square of 0 pixels");
        DropBlock { rate, side }
    }

    /// The probability that a pixel is the upper left corner of a dropped square, in images of `[h, w]`:
    /// `rate / side^2 * h w / ((h - side + 1) (w - side + 1))` (Ghiasi et al. 2018, eq. 1).
    ///
    /// # Panics
    /// When the square is larger than the image.
    #[track_caller]
    pub fn gamma(&self, [h, w]: [usize; 2]) -> f64 {
        self.check(&[1, h, w, 1]);
        let corners = (h - self.side + 1) * (w - self.side + 1);
        self.rate / (self.side * self.side) as f64 * (h * w) as f64 / corners as f64
    }

    /// Applies the layer to `[n, h, w, c]`; the mask is a constant on the tape.
    ///
    /// # Panics
    /// When `x` is no batch of images, or the square is larger than one.
    #[track_caller]
    pub fn forward<'t, F: Float>(&self, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let shape = x.shape();
        self.check(&shape);
        match pass.noise() {
            Some(noise) if self.rate > 0.0 => {
                x * noise.squares(x.tape(), &shape, self.side, self.gamma([shape[1], shape[2]]))
            }
            _ => x,
        }
    }

    /// # Panics
    /// When a batch of this shape does not hold images with room for a square.
    #[track_caller]
    pub(crate) fn check(&self, shape: &[usize]) {
        check(shape, self.side);
    }
}

/// # Panics
/// When a batch of this shape does not hold images with room for a square of `side` pixels.
#[track_caller]
pub(crate) fn check(shape: &[usize], side: usize) {
    assert!(
        shape.len() == 4 && side > 0 && shape[1].min(shape[2]) >= side,
        "DropBlock: images {shape:?} [n, h, w, c] have no room for a square of {side}x{side} pixels"
    );
}

/// The mask of shape `[n, h, w, c]`: 0 in squares, elsewhere one number that makes the mean 1; all 0 where squares cover everything.
pub(crate) fn mask<F: Float>(shape: Shape, side: usize, gamma: f64, rng: &mut ChaCha8Rng) -> Array<F> {
    let [n, h, w, c] = [0, 1, 2, 3].map(|axis| shape[axis]);
    let mut kept = vec![true; n * h * w * c];
    for image in kept.chunks_exact_mut((h * w * c).max(1)) {
        for corner in 0..(h - side + 1) * (w - side + 1) {
            let (top, left) = (corner / (w - side + 1), corner % (w - side + 1));
            for channel in 0..c {
                if rng.unit() < gamma {
                    for (y, x) in (0..side * side).map(|i| (top + i / side, left + i % side)) {
                        image[(y * w + x) * c + channel] = false;
                    }
                }
            }
        }
    }
    let left = kept.iter().filter(|&&kept| kept).count();
    let scale = F::of(kept.len() as f64 / left.max(1) as f64);
    Array::from_fn(&shape, |i| if kept[i] { scale } else { F::zero() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn drawn(layer: DropBlock, shape: [usize; 4], rng: &mut ChaCha8Rng) -> Array<f64> {
        mask(Shape::new(&shape), layer.side, layer.gamma([shape[1], shape[2]]), rng)
    }

    #[test]
    fn gamma_is_the_published_one() {
        // ResNet-12 on images of 84 pixels: squares of 5 in maps of 10 and of 5
        let layer = DropBlock::new(0.1, 5);
        assert!((layer.gamma([10, 10]) - 0.1 / 9.0).abs() < 1e-12);
        assert!((layer.gamma([5, 5]) - 0.1).abs() < 1e-12);
        // on images of 32: squares of 2 in maps of 4 and of 2
        let layer = DropBlock::new(0.1, 2);
        assert!((layer.gamma([4, 4]) - 0.1 / 4.0 * 16.0 / 9.0).abs() < 1e-12);
        assert!((layer.gamma([2, 2]) - 0.1).abs() < 1e-12);
        assert!((layer.gamma([2, 4]) - 0.1 / 4.0 * 8.0 / 3.0).abs() < 1e-12);
        assert!((DropBlock::new(0.3, 1).gamma([7, 3]) - 0.3).abs() < 1e-12, "squares of a pixel are dropout");
    }

    /// Marks every square that lies in zeros; whatever zero is left was dropped by no square.
    fn covered(zero: &dyn Fn(usize, usize) -> bool, [h, w]: [usize; 2], side: usize) -> Vec<bool> {
        let mut covered = vec![false; h * w];
        for (top, left) in (0..=h - side).flat_map(|top| (0..=w - side).map(move |left| (top, left))) {
            let square = || (0..side * side).map(|i| (top + i / side, left + i % side));
            if square().all(|(y, x)| zero(y, x)) {
                square().for_each(|(y, x)| covered[y * w + x] = true);
            }
        }
        covered
    }

    #[test]
    fn what_is_dropped_are_squares_of_single_channels() {
        let (layer, [n, h, w, c]) = (DropBlock::new(0.3, 3), [4, 7, 9, 5]);
        let mask = drawn(layer, [n, h, w, c], &mut ChaCha8Rng::seed_from_u64(1));
        let mut maps = Vec::new();
        for (image, channel) in (0..n).flat_map(|image| (0..c).map(move |channel| (image, channel))) {
            let zero = |y: usize, x: usize| mask.data()[((image * h + y) * w + x) * c + channel] == 0.0;
            let map: Vec<bool> = (0..h * w).map(|i| zero(i / w, i % w)).collect();
            assert_eq!(map, covered(&zero, [h, w], layer.side));
            maps.push(map);
        }
        assert!(maps.iter().flatten().any(|&zero| zero));
        assert!(maps.windows(2).all(|pair| pair[0] != pair[1]), "channels and images draw for themselves");
        // the corner opposite to a square's upper left one is reached
        assert!(maps.iter().any(|map| map[h * w - 1]));
    }

    #[test]
    fn masks_have_the_mean_1_and_drop_their_rate() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (layer, shape) = (DropBlock::new(0.1, 5), [8, 5, 5, 16]);
        let (mut dropped, mut all, mut at_centre) = (0, 0, 0.0);
        for _ in 0..200 {
            let mask = drawn(layer, shape, &mut rng);
            let mean = mask.data().iter().sum::<f64>() / mask.len() as f64;
            assert!((mean - 1.0).abs() < 1e-12, "{mean}");
            let scales: Vec<f64> = mask.data().iter().copied().filter(|&m| m != 0.0).collect();
            assert!(scales.iter().all(|&s| s == scales[0]), "one scale for the whole batch");
            dropped += mask.len() - scales.len();
            all += mask.len();
            at_centre += mask.data()[12 * 16];
        }
        // whole maps are dropped, 25,600 of them: five standard errors are 5 sqrt(0.09 / 25,600)
        assert!((dropped as f64 / all as f64 - 0.1).abs() < 0.0094, "{dropped} of {all}");
        // one value over 200 masks has the expectation 1; its deviation is about 1/3
        assert!((at_centre / 200.0 - 1.0).abs() < 5.0 / 3.0 / 200_f64.sqrt(), "{at_centre}");
    }

    #[test]
    fn where_all_is_dropped_nothing_is_scaled() {
        let all = mask::<f64>(Shape::new(&[1, 2, 2, 1]), 2, 1.0, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(all.data(), [0.0; 4]);
    }

    #[test]
    #[should_panic(expected = "images [1, 3, 2, 1] [n, h, w, c] have no room for a square of 3x3 pixels")]
    fn squares_larger_than_the_images_are_refused() {
        DropBlock::new(0.1, 3).gamma([3, 2]);
    }
}

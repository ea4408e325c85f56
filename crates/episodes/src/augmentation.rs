//! Random changes of pictures that leave their class as it is.

use crate::jitter::adjust;
use crate::{ChaCha8Rng, Error, Jitter, Purpose, RngExt, Set, Targets};
use ndarray::ArrayD;

/// Random crops, colours and mirror images of training pictures, in this order, each picture by itself (Lee et al. 2019, MetaOptNet,
/// section 4.1, and released code; Tian et al. 2020, RFS, section 4.1).
///
/// Training episodes and batches are augmented by
/// [`ImageTasks::with_augmentation`](crate::ImageTasks::with_augmentation) and
/// [`ClassBatches::with_augmentation`](crate::ClassBatches::with_augmentation); both refuse to augment what is for validation or testing.
///
/// ```
/// use fewshot_episodes::{Augmentation, Purpose, stream};
/// let picture: Vec<f32> = (0..32 * 32 * 3).map(|i| i as f32 / 3072.0).collect();
/// let changed = |seed| {
///     let mut image = picture.clone();
///     Augmentation::cifar().apply(&mut image, [32, 32, 3], &mut stream(seed, Purpose::Train, 0));
///     image
/// };
/// assert_eq!(changed(1), changed(1));
/// assert!(changed(1) != picture && changed(1) != changed(2));
/// assert!(changed(1).iter().all(|value| (0.0..=1.0).contains(value)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augmentation {
    /// Zeros on each side of a picture, of which a crop of the picture's size is cut at a uniformly random place; 0 for none.
    pub crop_padding: usize,
    /// Whether pictures are mirrored, left to right, with probability one half.
    pub flip: bool,
    /// Changes of colour, if any.
    pub jitter: Option<Jitter>,
}

/// What is drawn for one picture.
struct Draw {
    /// Place of the crop in the padded picture.
    corner: [usize; 2],
    /// Order of brightness 0, contrast 1 and saturation 2.
    order: [usize; 3],
    /// Factors of the three.
    factors: [f32; 3],
    flip: bool,
}

impl Augmentation {
    /// No change.
    pub const NONE: Augmentation = Augmentation { crop_padding: 0, flip: false, jitter: None };

    /// For pictures of 32x32 such as CIFAR-FS and FC100: crops with padding 4, mirror images, jitter of 0.4.
    pub fn cifar() -> Self {
        let jitter = Some(Jitter { brightness: 0.4, contrast: 0.4, saturation: 0.4 });
        Augmentation { crop_padding: 4, flip: true, jitter }
    }

    /// For pictures of 84x84 such as miniImageNet and tieredImageNet: as [`cifar`](Self::cifar) with padding 8.
    pub fn mini_imagenet() -> Self {
        Augmentation { crop_padding: 8, ..Self::cifar() }
    }

    /// Checks that pictures of `channels` channels can be changed so.
    ///
    /// # Errors
    /// When a strength of the jitter is negative or not finite, or colours are to be changed of pictures of other than 1 or 3 channels.
    pub fn check(&self, channels: usize) -> Result<(), Error> {
        self.jitter.map_or(Ok(()), |jitter| jitter.check(channels))
    }

    /// Checks what tasks of a purpose, of pictures of `channels` channels, need.
    pub(crate) fn check_tasks(&self, purpose: Purpose, channels: usize) -> Result<(), Error> {
        if purpose != Purpose::Train {
            return Err(Error::AugmentedEvaluation { purpose });
        }
        self.check(channels)
    }

    /// Changes a picture, `[height, width, channels]` row-major with values `0..=1`. It takes from the stream the same whatever the
    /// settings are, so that one part can be switched off without a change of the others.
    ///
    /// # Panics
    /// When the length is not that of the shape or 0, or [`check`](Self::check) refuses.
    #[track_caller]
    pub fn apply(&self, image: &mut [f32], shape: [usize; 3], rng: &mut ChaCha8Rng) {
        let [h, w, c] = shape;
        assert!(
            !image.is_empty() && image.len() == h * w * c,
            "augmentation: {} values for shape {shape:?}",
            image.len()
        );
        if let Err(refused) = self.check(c) {
            panic!("augmentation: {refused}");
        }
        let draw = self.draw(rng);
        crop(image, shape, self.crop_padding, draw.corner);
        if self.jitter.is_some() {
            draw.order.into_iter().for_each(|change| adjust(image, c, change, draw.factors[change]));
        }
        if draw.flip {
            mirror(image, [w, c]);
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Draw {
        let corner = [0; 2].map(|_| rng.below(2 * self.crop_padding + 1));
        let mut order = [0, 1, 2];
        rng.shuffle(&mut order);
        let factors = self.jitter.unwrap_or(Jitter::NONE).factors(rng);
        Draw { corner, order, factors, flip: rng.below(2) == 1 && self.flip }
    }

    /// Changes every picture of `x`, `[n, height, width, channels]`.
    #[track_caller]
    pub(crate) fn apply_each(&self, x: &mut ArrayD<f32>, rng: &mut ChaCha8Rng) {
        let [_, h, w, c] = x.shape()[..] else {
            panic!("augmentation: examples of shape {:?} are not [n, height, width, channels]", x.shape())
        };
        let images = x.as_slice_mut().expect("made in standard layout");
        for image in images.chunks_exact_mut((h * w * c).max(1)) {
            self.apply(image, [h, w, c], rng);
        }
    }

    /// `count` copies of a set, such as a support, one behind the other, with every picture of every copy changed by itself; targets are
    /// repeated. The pictures as they are do not come with them: a classifier of RFS learns from 5 changed copies in place of its support
    /// (Tian et al. 2020, released code).
    ///
    /// ```
    /// use fewshot_episodes::{Augmentation, Purpose, Set, Targets, stream};
    /// use ndarray::ArrayD;
    /// let support = Set::new(ArrayD::from_elem(vec![2, 32, 32, 3], 0.5), Targets::Classes(vec![0, 1]));
    /// let more = Augmentation::cifar().copies(&support, 5, &mut stream(1, Purpose::Dropout, 7));
    /// assert_eq!(more.x.shape(), [10, 32, 32, 3]);
    /// assert_eq!(more.y.classes(), Some(&[0, 1, 0, 1, 0, 1, 0, 1, 0, 1][..]));
    /// ```
    ///
    /// # Panics
    /// When the examples are not `[n, height, width, channels]`, or [`check`](Self::check) refuses.
    #[track_caller]
    pub fn copies(&self, set: &Set, count: usize, rng: &mut ChaCha8Rng) -> Set {
        let mut x = repeated(&set.x, count);
        self.apply_each(&mut x, rng);
        let y = match &set.y {
            Targets::Classes(labels) => Targets::Classes(labels.repeat(count)),
            Targets::Values(values) => Targets::Values(repeated(values, count)),
        };
        Set::new(x, y)
    }
}

/// An array `count` times along its first axis.
fn repeated(x: &ArrayD<f32>, count: usize) -> ArrayD<f32> {
    let mut shape = x.shape().to_vec();
    shape[0] *= count;
    let values: Vec<f32> = x.iter().copied().collect();
    ArrayD::from_shape_vec(shape, values.repeat(count)).expect("made for this shape")
}

/// Cuts the picture of the same size at `corner` out of the picture with `padding` zeros on each side.
fn crop(image: &mut [f32], [h, w, c]: [usize; 3], padding: usize, corner: [usize; 2]) {
    if corner == [padding; 2] {
        return;
    }
    let original = image.to_vec();
    let source = |at: usize, shift: usize, side: usize| {
        (at + shift).checked_sub(padding).filter(|&place| place < side)
    };
    for (place, pixel) in image.chunks_exact_mut(c).enumerate() {
        match source(place / w, corner[0], h).zip(source(place % w, corner[1], w)) {
            Some((y, x)) => pixel.copy_from_slice(&original[(y * w + x) * c..][..c]),
            None => pixel.fill(0.0),
        }
    }
}

/// Mirrors a picture, left to right.
fn mirror(image: &mut [f32], [w, c]: [usize; 2]) {
    for row in image.chunks_exact_mut(w * c) {
        // all values turned round, and then those of each pixel
        row.reverse();
        row.chunks_exact_mut(c).for_each(<[f32]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream;
    use std::collections::HashSet;

    fn rng(index: u64) -> ChaCha8Rng {
        stream(1, Purpose::Train, index)
    }

    /// A picture without two equal values.
    fn picture([h, w, c]: [usize; 3]) -> Vec<f32> {
        let count = h * w * c;
        (0..count).map(|i| (i + 1) as f32 / (count + 1) as f32).collect()
    }

    #[test]
    fn crops_move_the_picture_over_zeros() {
        let moved = |corner| {
            let mut image: Vec<f32> = (1..=6).map(|v| v as f32).collect();
            crop(&mut image, [2, 3, 1], 2, corner);
            image
        };
        assert_eq!(moved([2, 2]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(moved([1, 2]), [0.0, 0.0, 0.0, 1.0, 2.0, 3.0], "one row down");
        assert_eq!(moved([2, 4]), [3.0, 0.0, 0.0, 6.0, 0.0, 0.0], "two columns left");
        assert_eq!(moved([0, 0]), [0.0; 6]);
        let mut colours = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        crop(&mut colours, [1, 2, 3], 1, [1, 0]);
        assert_eq!(colours, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn every_place_of_a_crop_is_as_likely() {
        let augmentation = Augmentation { crop_padding: 1, ..Augmentation::NONE };
        let mut counts = [[0i32; 3]; 3];
        for i in 0..9000 {
            let [y, x] = augmentation.draw(&mut rng(i)).corner;
            counts[y][x] += 1;
        }
        // five standard deviations: 5 sqrt(9000 * 8 / 81)
        assert!(counts.iter().flatten().all(|n| (n - 1000).abs() < 150), "{counts:?}");
    }

    #[test]
    fn half_of_the_pictures_are_mirrored_and_twice_is_none() {
        let shape @ [_, w, c] = [3, 4, 3];
        let plain = picture(shape);
        let mut mirrored = plain.clone();
        mirror(&mut mirrored, [w, c]);
        assert_eq!(mirrored[..3], plain[9..12], "the last pixel of the row, its channels in order");
        let mut twice = mirrored.clone();
        mirror(&mut twice, [w, c]);
        assert_eq!(twice, plain);
        let flips = Augmentation { flip: true, ..Augmentation::NONE };
        let mut count = 0;
        for i in 0..2000 {
            let mut image = plain.clone();
            flips.apply(&mut image, shape, &mut rng(i));
            assert!(image == plain || image == mirrored);
            count += i32::from(image == mirrored);
        }
        assert!((count - 1000).abs() < 112, "{count} of 2000");
    }

    #[test]
    fn orders_and_factors_are_drawn_in_their_bounds() {
        let jitter = Some(Jitter { brightness: 0.4, contrast: 1.5, saturation: 0.0 });
        let augmentation = Augmentation { jitter, ..Augmentation::NONE };
        let draws: Vec<Draw> = (0..2000).map(|i| augmentation.draw(&mut rng(i))).collect();
        let orders: HashSet<[usize; 3]> = draws.iter().map(|draw| draw.order).collect();
        assert_eq!(orders.len(), 6);
        for (k, low, high) in [(0, 0.6, 1.4), (1, 0.0, 2.5), (2, 1.0, 1.0)] {
            let factors = || draws.iter().map(|draw| draw.factors[k]);
            let (least, most) = (factors().fold(9.0, f32::min), factors().fold(0.0, f32::max));
            let reach = 0.01 * (high - low);
            assert!(low <= least && least <= low + reach && most <= high && high - reach <= most, "{k}");
        }
    }

    #[test]
    fn values_stay_in_range_and_parts_do_not_depend_on_each_other() {
        let (shape, strong) = ([6, 5, 3], Jitter { brightness: 2.0, contrast: 2.0, saturation: 2.0 });
        let all = Augmentation { crop_padding: 2, flip: true, jitter: Some(strong) };
        for i in 0..200 {
            let applied = |augmentation: Augmentation| {
                let mut image = picture(shape);
                augmentation.apply(&mut image, shape, &mut rng(i));
                image
            };
            assert!(applied(all).iter().all(|value| (0.0..=1.0).contains(value)));
            assert_eq!(applied(all), applied(all));
            let mut straight = applied(Augmentation { flip: false, ..all });
            if all.draw(&mut rng(i)).flip {
                mirror(&mut straight, [5, 3]);
            }
            assert_eq!(applied(all), straight);
            assert_eq!(applied(Augmentation::NONE), picture(shape));
            let still = Augmentation { jitter: Some(Jitter::NONE), ..Augmentation::NONE };
            assert_eq!(applied(still), picture(shape));
        }
    }

    #[test]
    #[should_panic(expected = "jitter changes pictures of 1 or 3 channels, not of 2")]
    fn other_channels_have_no_colours() {
        Augmentation::cifar().apply(&mut [0.0; 8], [2, 2, 2], &mut rng(0));
    }
}

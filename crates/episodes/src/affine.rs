//! Random affine distortions of images.

use crate::{ChaCha8Rng, RngExt};

/// Pixels a side of the drawings that shifts are measured in.
const DRAWING: f64 = 105.0;

/// How strongly images are distorted, each part drawn uniformly and independently
/// (Koch, Zemel and Salakhutdinov 2015, section 3.2).
///
/// ```
/// use fewshot_episodes::{Affine, Distortion, Purpose, stream};
/// let never = Distortion { probability: 0.0, ..Distortion::default() };
/// assert_eq!(never.draw(&mut stream(1, Purpose::Train, 0), [28, 28]), Affine::IDENTITY);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distortion {
    /// How likely each of rotation, two shears, two scales and two shifts is to be drawn at all.
    pub probability: f64,
    /// Largest rotation either way, in degrees.
    pub rotation: f64,
    /// Largest shear either way.
    pub shear: f64,
    /// Largest deviation of a scale from 1.
    pub scale: f64,
    /// Largest shift either way, in pixels of an image of 105 a side; others are shifted in proportion.
    pub shift: f64,
}

impl Default for Distortion {
    /// The paper's: one half, 10 degrees, 0.3, 0.8 to 1.2, 2 pixels of 105.
    fn default() -> Self {
        Distortion { probability: 0.5, rotation: 10.0, shear: 0.3, scale: 0.2, shift: 2.0 }
    }
}

impl Distortion {
    /// A distortion of an image of `[height, width]`. It takes 14 numbers of the stream, whatever they are.
    pub fn draw(&self, rng: &mut ChaCha8Rng, [height, width]: [usize; 2]) -> Affine {
        let mut part = |most: f64| {
            let taken = rng.unit() < self.probability;
            let value = rng.uniform(-most, most);
            if taken { value } else { 0.0 }
        };
        let angle = part(self.rotation).to_radians();
        let shear = [part(self.shear), part(self.shear)];
        let scale = [1.0 + part(self.scale), 1.0 + part(self.scale)];
        let shift = [part(self.shift) * height as f64 / DRAWING, part(self.shift) * width as f64 / DRAWING];
        let (sin, cos) = (libm::sin(angle), libm::cos(angle));
        let stretched = [[scale[0], shear[0] * scale[1]], [shear[1] * scale[0], scale[1]]];
        let row = |a: f64, b: f64| [0, 1].map(|k| a * stretched[0][k] + b * stretched[1][k]);
        Affine { matrix: [row(cos, -sin), row(sin, cos)], shift }
    }
}

/// An affine map of the plane about the centre of an image, in pixels: `p` goes to `matrix p + shift`, rows before columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The linear part.
    pub matrix: [[f64; 2]; 2],
    /// Where the centre goes.
    pub shift: [f64; 2],
}

impl Affine {
    /// Leaves every image as it is.
    pub const IDENTITY: Affine = Affine { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0, 0.0] };

    /// Maps `image`, `[height, width, channels]` row-major, into `out`: every pixel is interpolated between the four
    /// that lie around the place it comes from; outside of the image all is 0.
    ///
    /// # Panics
    /// When the lengths are not those of the shape, or the map has no inverse.
    #[track_caller]
    pub fn apply(&self, image: &[f32], shape: [usize; 3], out: &mut [f32]) {
        let [height, width, channels] = shape;
        assert!(
            image.len() == height * width * channels && out.len() == image.len(),
            "affine: {} and {} values for shape {shape:?}",
            image.len(),
            out.len()
        );
        if *self == Affine::IDENTITY {
            return out.copy_from_slice(image);
        }
        let [[a, b], [c, d]] = self.matrix;
        let determinant = a * d - b * c;
        assert!(determinant != 0.0, "affine: {:?} has no inverse", self.matrix);
        let centre = [height, width].map(|side| (side as f64 - 1.0) / 2.0);
        let pixels = Pixels { image, shape };
        for (place, out) in out.chunks_exact_mut(channels).enumerate() {
            let y = (place / width) as f64 - centre[0] - self.shift[0];
            let x = (place % width) as f64 - centre[1] - self.shift[1];
            let row = (d * y - b * x) / determinant + centre[0];
            let column = (a * x - c * y) / determinant + centre[1];
            pixels.interpolate(row, column, out);
        }
    }
}

struct Pixels<'a> {
    image: &'a [f32],
    shape: [usize; 3],
}

impl Pixels<'_> {
    fn interpolate(&self, row: f64, column: f64, out: &mut [f32]) {
        let (top, left) = (row.floor(), column.floor());
        let (down, right) = ((row - top) as f32, (column - left) as f32);
        out.fill(0.0);
        for (y, x, weight) in [
            (0.0, 0.0, (1.0 - down) * (1.0 - right)),
            (0.0, 1.0, (1.0 - down) * right),
            (1.0, 0.0, down * (1.0 - right)),
            (1.0, 1.0, down * right),
        ] {
            let pixel = self.pixel(top + y, left + x);
            out.iter_mut().zip(pixel).for_each(|(out, pixel)| *out += weight * pixel);
        }
    }

    /// The channels at a whole place; none outside.
    fn pixel(&self, row: f64, column: f64) -> &[f32] {
        let [height, width, channels] = self.shape;
        if row < 0.0 || column < 0.0 || row >= height as f64 || column >= width as f64 {
            return &[];
        }
        let first = (row as usize * width + column as usize) * channels;
        &self.image[first..first + channels]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, stream};

    fn applied(map: Affine, image: &[f32], shape: [usize; 3]) -> Vec<f32> {
        let mut out = vec![9.0; image.len()];
        map.apply(image, shape, &mut out);
        out
    }

    #[test]
    fn moves_turns_and_stretches_as_its_matrix_says() {
        let image: Vec<f32> = (1..=9).map(|v| v as f32).collect();
        let of = |matrix, shift| applied(Affine { matrix, shift }, &image, [3, 3, 1]);
        let unit = Affine::IDENTITY.matrix;
        assert_eq!(of(unit, [0.0, 0.0]), image);
        assert_eq!(of(unit, [1.0, 0.0]), [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "one row down");
        assert_eq!(of(unit, [0.0, -1.0]), [2.0, 3.0, 0.0, 5.0, 6.0, 0.0, 8.0, 9.0, 0.0], "one column left");
        assert_eq!(of(unit, [0.0, 0.5])[..3], [0.5, 1.5, 2.5], "between two pixels");
        let turned = of([[0.0, 1.0], [-1.0, 0.0]], [0.0, 0.0]);
        assert_eq!(turned, [7.0, 4.0, 1.0, 8.0, 5.0, 2.0, 9.0, 6.0, 3.0]);
        let flat = of([[1.0, 0.0], [0.0, 2.0]], [0.0, 0.0]);
        assert_eq!(flat[..3], [1.5, 2.0, 2.5], "twice as wide");
        let colours = applied(Affine { shift: [0.0, 1.0], ..Affine::IDENTITY }, &image[..6], [1, 3, 2]);
        assert_eq!(colours, [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn draws_stay_in_the_papers_bounds_and_reach_for_them() {
        let mut rng = stream(1, Purpose::Train, 0);
        let only = |part: fn(&mut Distortion)| {
            let mut one = Distortion { probability: 0.5, rotation: 0.0, shear: 0.0, scale: 0.0, shift: 0.0 };
            part(&mut one);
            one
        };
        let mut largest = |one: Distortion, measure: fn(Affine) -> f64| {
            let all: Vec<f64> = (0..2000).map(|_| measure(one.draw(&mut rng, [105, 210])).abs()).collect();
            let left = all.iter().filter(|v| **v == 0.0).count();
            assert!((900..1100).contains(&left), "{left} of 2000 left alone");
            all.into_iter().fold(0.0, f64::max)
        };
        let angle = largest(only(|d| d.rotation = 10.0), |m| m.matrix[1][0].asin().to_degrees());
        let shear = largest(only(|d| d.shear = 0.3), |m| m.matrix[0][1]);
        let scale = largest(only(|d| d.scale = 0.2), |m| m.matrix[1][1] - 1.0);
        let [down, right] = [0, 1].map(|k| match k {
            0 => largest(only(|d| d.shift = 2.0), |m| m.shift[0]),
            _ => largest(only(|d| d.shift = 2.0), |m| m.shift[1]),
        });
        for (found, bound) in [(angle, 10.0), (shear, 0.3), (scale, 0.2), (down, 2.0), (right, 4.0)] {
            assert!(found <= bound + 1e-9 && found > 0.98 * bound, "{found} of {bound}");
        }
    }
}

//! Images at another size.

use std::f64::consts::PI;

/// Lobes of the filter on each side.
const LOBES: f64 = 3.0;

/// Resamples square images with the Lanczos filter,
/// `sinc(x) sinc(x / 3)` for `|x| < 3`, stretched by the scale where the image
/// gets smaller.
///
/// Both passes are sums in `f32` in a fixed order and nothing is cut off in
/// between: the same bits on every machine, and turning an image before or after
/// gives the same up to rounding.
#[cfg(any(feature = "archives", test))]
pub(crate) struct Resample {
    from: usize,
    rows: Vec<Taps>,
}

/// The old rows that a new row is made of.
pub(crate) struct Taps {
    pub(crate) first: usize,
    pub(crate) weights: Vec<f32>,
}

#[cfg(feature = "images")]
impl Taps {
    /// The row after the last.
    pub(crate) fn end(&self) -> usize {
        self.first + self.weights.len()
    }
}

#[cfg(any(feature = "archives", test))]
impl Resample {
    /// From `from` x `from` to `to` x `to` pixels.
    pub(crate) fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        Self { from, rows: (0..to).map(|row| taps(from, scale, row)).collect() }
    }

    /// Appends a resampled image to `pixels`, rounded to the nearest and cut off
    /// to `0..=255`.
    pub(crate) fn append(&self, image: &[u8], pixels: &mut Vec<u8>) {
        assert_eq!(image.len(), self.from * self.from, "resample: an image of another size");
        if self.rows.len() == self.from {
            return pixels.extend_from_slice(image);
        }
        let by_columns = self.pass(image);
        let by_rows = self.pass(&by_columns);
        pixels.extend(by_rows.into_iter().map(byte));
    }

    /// Resamples along axis 0, and transposes: `[from, n]` to `[n, to]`.
    pub(crate) fn pass<T: Copy>(&self, image: &[T]) -> Vec<f32>
    where
        f32: From<T>,
    {
        let (n, to) = (image.len() / self.from, self.rows.len());
        let mut out = vec![0.0; n * to];
        let mut sum = vec![0.0; n];
        for (row, taps) in self.rows.iter().enumerate() {
            sum.fill(0.0);
            for (weight, old) in taps.weights.iter().zip(image[taps.first * n..].chunks_exact(n)) {
                for (sum, &value) in sum.iter_mut().zip(old) {
                    *sum += weight * f32::from(value);
                }
            }
            for (column, &sum) in sum.iter().enumerate() {
                out[column * to + row] = sum;
            }
        }
        out
    }
}

/// Rounded to the nearest, and cut off.
pub(crate) fn byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// The first old row that a new row is made of.
pub(crate) fn first(scale: f64, row: usize) -> usize {
    let center = (row as f64 + 0.5) * scale;
    (center - LOBES * scale.max(1.0)).max(0.0) as usize
}

/// The old rows of a new row and their weights.
pub(crate) fn taps(from: usize, scale: f64, row: usize) -> Taps {
    let stretch = scale.max(1.0);
    let center = (row as f64 + 0.5) * scale;
    let first = first(scale, row);
    let last = ((center + LOBES * stretch).ceil() as usize).min(from);
    let raw: Vec<f64> = (first..last).map(|k| lanczos((k as f64 + 0.5 - center) / stretch)).collect();
    let sum: f64 = raw.iter().sum();
    Taps { first, weights: raw.into_iter().map(|w| (w / sum) as f32).collect() }
}

fn lanczos(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else if x.abs() < LOBES {
        LOBES * libm::sin(PI * x) * libm::sin(PI * x / LOBES) / (PI * x).powi(2)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One new pixel as the plain double sum over all old ones.
    fn pixel(image: &[u8], side: usize, size: usize, row: usize, column: usize) -> f64 {
        let scale = (side as f64 / size as f64).max(1.0);
        let sinc = |x: f64| {
            if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
        };
        let weight = |new: usize, old: usize| {
            let at = (new as f64 + 0.5) * side as f64 / size as f64;
            let x = (old as f64 + 0.5 - at) / scale;
            if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
        };
        let (mut sum, mut total) = (0.0, 0.0);
        for (k, &value) in image.iter().enumerate() {
            let w = weight(row, k / side) * weight(column, k % side);
            sum += w * f64::from(value);
            total += w;
        }
        (sum / total).clamp(0.0, 255.0)
    }

    #[test]
    fn agrees_with_the_formula() {
        let stroke = |i: usize, side: usize| (3 * (i / side) + 2 * (i % side)) % 41 < 7;
        for (side, size) in [(105, 28), (105, 20), (30, 29), (12, 19), (9, 1)] {
            let image: Vec<u8> = (0..side * side).map(|i| 255 * u8::from(stroke(i, side))).collect();
            let mut got = Vec::new();
            Resample::new(side, size).append(&image, &mut got);
            assert_eq!(got.len(), size * size);
            for (i, &got) in got.iter().enumerate() {
                let exact = pixel(&image, side, size, i / size, i % size);
                let off = (f64::from(got) - exact).abs();
                assert!(off < 0.501, "{side} to {size}, pixel {i}: {got}, exactly {exact}");
            }
        }
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let image: Vec<u8> = (0..49).map(|i| i * 5).collect();
        let mut got = vec![1];
        Resample::new(7, 7).append(&image, &mut got);
        assert_eq!((got[0], &got[1..]), (1, &image[..]));
    }
}

//! Random changes of a picture's colours.

use crate::{ChaCha8Rng, Error, RngExt};

/// How strongly colours are changed: a strength `s` draws a factor uniformly from `max(0, 1 - s)` to `1 + s`; 0 leaves pictures as
/// they are.
///
/// The three changes are done one after another in random order, with values cut to `0..=1` after each, as `ColorJitter` of torchvision
/// does. The grey of a pixel is `0.299 red + 0.587 green + 0.114 blue`. Grey pictures, of one channel, have no saturation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter {
    /// Strength of the brightness: a factor of all values.
    pub brightness: f64,
    /// Strength of the contrast: a factor of the distance from the mean grey of the picture.
    pub contrast: f64,
    /// Strength of the saturation: a factor of the distance from the grey of the pixel.
    pub saturation: f64,
}

impl Jitter {
    pub(crate) const NONE: Jitter = Jitter { brightness: 0.0, contrast: 0.0, saturation: 0.0 };

    /// Checks that strengths make ranges, and that pictures of `channels` channels have colours.
    pub(crate) fn check(self, channels: usize) -> Result<(), Error> {
        let Jitter { brightness, contrast, saturation } = self;
        for (name, strength) in
            [("brightness", brightness), ("contrast", contrast), ("saturation", saturation)]
        {
            if !(strength.is_finite() && strength >= 0.0) {
                return Err(Error::JitterStrength { name, strength });
            }
        }
        if channels == 1 || channels == 3 { Ok(()) } else { Err(Error::JitterChannels { channels }) }
    }

    /// Factors of brightness, contrast and saturation.
    pub(crate) fn factors(self, rng: &mut ChaCha8Rng) -> [f32; 3] {
        let Jitter { brightness, contrast, saturation } = self;
        [brightness, contrast, saturation].map(|s| rng.uniform((1.0 - s).max(0.0), 1.0 + s) as f32)
    }
}

/// Changes brightness (0), contrast (1) or saturation (2) by a factor.
pub(crate) fn adjust(image: &mut [f32], channels: usize, change: usize, factor: f32) {
    let blended = |value: f32, other: f32| (factor * value + (1.0 - factor) * other).clamp(0.0, 1.0);
    match change {
        0 => image.iter_mut().for_each(|value| *value = blended(*value, 0.0)),
        1 => {
            let mean = image.chunks_exact(channels).map(|pixel| f64::from(grey(pixel))).sum::<f64>()
                / (image.len() / channels).max(1) as f64;
            image.iter_mut().for_each(|value| *value = blended(*value, mean as f32));
        }
        _ if channels == 1 => {}
        _ => image.chunks_exact_mut(channels).for_each(|pixel| {
            let grey = grey(pixel);
            pixel.iter_mut().for_each(|value| *value = blended(*value, grey));
        }),
    }
}

/// The grey of a pixel (ITU-R BT.601).
fn grey(pixel: &[f32]) -> f32 {
    match *pixel {
        [red, green, blue] => 0.299 * red + 0.587 * green + 0.114 * blue,
        _ => pixel[0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f32], expected: &[f32]) {
        let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near && found.len() == expected.len(), "{found:?} {expected:?}");
    }

    #[test]
    fn colours_change_as_their_formulas_say() {
        let image = [0.8, 0.4, 0.2, 0.0, 1.0, 0.5];
        let changed = |change, factor| {
            let mut image = image.to_vec();
            adjust(&mut image, 3, change, factor);
            image
        };
        close(&changed(0, 1.5), &[1.0, 0.6, 0.3, 0.0, 1.0, 0.75]);
        let greys = [0.299 * 0.8 + 0.587 * 0.4 + 0.114 * 0.2, 0.587 + 0.114 * 0.5];
        let mean = (greys[0] + greys[1]) / 2.0;
        close(&changed(1, 0.5), &image.map(|v| (v + mean) / 2.0));
        close(&changed(1, 0.0), &[mean; 6]);
        close(&changed(2, 0.0), &[greys[0], greys[0], greys[0], greys[1], greys[1], greys[1]]);
        let more = [0.8, 0.4, 0.2].map(|v: f32| (1.4 * v - 0.4 * greys[0]).clamp(0.0, 1.0));
        close(&changed(2, 1.4)[..3], &more);
        for change in 0..3 {
            assert_eq!(changed(change, 1.0), image);
        }
        let mut drawing = vec![0.1, 0.7];
        adjust(&mut drawing, 1, 2, 0.3);
        assert_eq!(drawing, [0.1, 0.7], "grey has no saturation");
        adjust(&mut drawing, 1, 1, 0.5);
        close(&drawing, &[0.25, 0.55]);
    }
}

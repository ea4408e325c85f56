//! Rows of decoded pixels: upright, without transparency, and with the channels asked for.

use super::Colour;
use crate::row_resample::RowResample;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageBuffer, RgbImage};
use std::borrow::Cow;

/// A decoded picture as its file has it.
pub(super) struct Raster {
    /// Width and height.
    pub size: [usize; 2],
    /// What a pixel is.
    pub color: ColorType,
    /// How the camera was held.
    pub orientation: Orientation,
    /// Rows from the top; numbers of several bytes are in the order of this machine.
    pub bytes: Vec<u8>,
}

impl Raster {
    /// The picture upright at another height and width, with the channels asked for.
    pub(super) fn resampled(&self, to: [usize; 2], colour: Colour) -> Vec<u8> {
        let [width, height] = upright(self.size, self.orientation);
        let mut rows = RowResample::new([height, width, colour.channels()], to);
        let mut turned = Vec::new();
        for row in 0..height {
            rows.push(&converted(self.row(row, &mut turned), self.color, colour));
        }
        rows.finish()
    }

    /// A row of the upright picture, which may be a column of the file's.
    fn row<'a>(&'a self, row: usize, turned: &'a mut Vec<u8>) -> &'a [u8] {
        use Orientation::*;
        let ([width, height], bytes) = (self.size, usize::from(self.color.bytes_per_pixel()));
        let (last_row, last) = ((height - 1) * width, width - 1);
        let (first, step, length) = match self.orientation {
            NoTransforms => return &self.bytes[row * width * bytes..][..width * bytes],
            FlipHorizontal => (row * width + last, -1, width),
            FlipVertical => (last_row - row * width, 1, width),
            Rotate180 => (last_row - row * width + last, -1, width),
            Rotate90 => (last_row + row, -(width as isize), height),
            Rotate270 => (last - row, width as isize, height),
            Rotate90FlipH => (row, width as isize, height),
            Rotate270FlipH => (last_row + last - row, -(width as isize), height),
        };
        turned.clear();
        for k in 0..length as isize {
            let pixel = first.wrapping_add_signed(k * step);
            turned.extend_from_slice(&self.bytes[pixel * bytes..][..bytes]);
        }
        turned
    }
}

/// Width and height of the upright picture.
pub(super) fn upright([width, height]: [usize; 2], orientation: Orientation) -> [usize; 2] {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    match orientation {
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => [height, width],
        _ => [width, height],
    }
}

/// A row with the channels asked for, on white where it is transparent.
pub(super) fn converted(row: &[u8], color: ColorType, colour: Colour) -> Cow<'_, [u8]> {
    match (color, colour) {
        (ColorType::L8, Colour::Grey) | (ColorType::Rgb8, Colour::Rgb) => return Cow::Borrowed(row),
        _ => {}
    }
    let picture = picture(row, color);
    let picture = if color.has_alpha() { on_white(picture) } else { picture };
    Cow::Owned(match colour {
        Colour::Grey => picture.into_luma8().into_raw(),
        Colour::Rgb => picture.into_rgb8().into_raw(),
    })
}

/// A row as a picture of its own.
fn picture(row: &[u8], color: ColorType) -> DynamicImage {
    let width = (row.len() / usize::from(color.bytes_per_pixel())) as u32;
    let wide = || row.as_chunks().0.iter().map(|&pair| u16::from_ne_bytes(pair)).collect();
    let float = || row.as_chunks().0.iter().map(|&four| f32::from_ne_bytes(four)).collect();
    let picture = match color {
        ColorType::L8 => ImageBuffer::from_raw(width, 1, row.to_vec()).map(DynamicImage::ImageLuma8),
        ColorType::La8 => ImageBuffer::from_raw(width, 1, row.to_vec()).map(DynamicImage::ImageLumaA8),
        ColorType::Rgb8 => ImageBuffer::from_raw(width, 1, row.to_vec()).map(DynamicImage::ImageRgb8),
        ColorType::Rgba8 => ImageBuffer::from_raw(width, 1, row.to_vec()).map(DynamicImage::ImageRgba8),
        ColorType::L16 => ImageBuffer::from_raw(width, 1, wide()).map(DynamicImage::ImageLuma16),
        ColorType::La16 => ImageBuffer::from_raw(width, 1, wide()).map(DynamicImage::ImageLumaA16),
        ColorType::Rgb16 => ImageBuffer::from_raw(width, 1, wide()).map(DynamicImage::ImageRgb16),
        ColorType::Rgba16 => ImageBuffer::from_raw(width, 1, wide()).map(DynamicImage::ImageRgba16),
        ColorType::Rgb32F => ImageBuffer::from_raw(width, 1, float()).map(DynamicImage::ImageRgb32F),
        ColorType::Rgba32F => ImageBuffer::from_raw(width, 1, float()).map(DynamicImage::ImageRgba32F),
        other => unreachable!("no decoder gives pixels of {other:?}"),
    };
    picture.expect("a row of whole pixels")
}

/// A picture that is transparent in places, on white paper.
fn on_white(picture: DynamicImage) -> DynamicImage {
    let picture = picture.into_rgba8();
    let blended = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let paper = RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, alpha] = picture.get_pixel(x, y).0;
        image::Rgb([r, g, b].map(|value| blended(value, alpha)))
    });
    DynamicImage::ImageRgb8(paper)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a picture turned as a whole.
    #[test]
    fn every_orientation_is_that_of_the_whole_picture() {
        let picture = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap();
            let mut whole = DynamicImage::ImageRgb8(picture.clone());
            whole.apply_orientation(orientation);
            let bytes = picture.as_raw().clone();
            let raster = Raster { size: [5, 3], color: ColorType::Rgb8, orientation, bytes };
            let to = [whole.height() as usize, whole.width() as usize];
            assert_eq!(raster.resampled(to, Colour::Rgb), whole.into_rgb8().into_raw(), "{orientation:?}");
        }
    }

    /// Every kind of pixel, row by row as a whole picture at once.
    #[test]
    fn every_kind_of_pixel_is_converted_as_a_whole_picture() {
        let noise = RgbImage::from_fn(4, 3, |x, y| {
            let k = 12 * y + 3 * x;
            image::Rgb([k, k + 1, k + 2].map(|k| (k * k * 37 % 256) as u8))
        });
        let mut rgba = DynamicImage::ImageRgb8(noise).into_rgba16();
        rgba.pixels_mut().enumerate().for_each(|(k, pixel)| {
            pixel.0[0] += k as u16;
            pixel.0[3] = (k * 5957) as u16;
        });
        let rgba = DynamicImage::ImageRgba16(rgba);
        for whole in [
            DynamicImage::ImageLuma8(rgba.to_luma8()),
            DynamicImage::ImageLumaA8(rgba.to_luma_alpha8()),
            DynamicImage::ImageRgb8(rgba.to_rgb8()),
            DynamicImage::ImageRgba8(rgba.to_rgba8()),
            DynamicImage::ImageLuma16(rgba.to_luma16()),
            DynamicImage::ImageLumaA16(rgba.to_luma_alpha16()),
            DynamicImage::ImageRgb16(rgba.to_rgb16()),
            DynamicImage::ImageRgb32F(rgba.to_rgb32f()),
            DynamicImage::ImageRgba32F(rgba.to_rgba32f()),
            rgba,
        ] {
            let color = whole.color();
            let raster = Raster {
                size: [4, 3],
                color,
                orientation: Orientation::NoTransforms,
                bytes: whole.as_bytes().to_vec(),
            };
            let paper = if color.has_alpha() { on_white(whole) } else { whole };
            assert_eq!(raster.resampled([3, 4], Colour::Grey), paper.to_luma8().into_raw(), "{color:?}");
            assert_eq!(raster.resampled([3, 4], Colour::Rgb), paper.to_rgb8().into_raw(), "{color:?}");
        }
    }
}

//! One picture: from a PNG or JPEG file to pixels.

use super::{Colour, FolderConfig, Tones};
use crate::Error;
use crate::resample::resampled;
use crate::source::{bounded, unreadable};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};
use ndarray::ArrayD;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

/// Most bytes of a picture file.
const MAX_FILE: u64 = 1 << 28;
/// Most pixels of a picture; the largest of telephones have two hundred million.
const MAX_PIXELS: u64 = 1 << 28;

/// Reads one picture as [`load`](super::load) reads those of a folder: `[height, width, channels]`, values `0..=1`.
///
/// # Errors
/// When it cannot be read, is damaged or too large, or is neither PNG nor JPEG, and when a side of the
/// size is not in `1..=1024`.
pub fn picture(path: impl AsRef<Path>, config: &FolderConfig) -> Result<ArrayD<f32>, Error> {
    config.check()?;
    let pixels = pixels(path.as_ref(), config)?;
    let x = pixels.into_iter().map(|v| f32::from(v) / 255.0).collect();
    Ok(ArrayD::from_shape_vec(config.shape().to_vec(), x).expect("resampled to this shape"))
}

/// The pixels of a picture at the size and with the channels asked for.
pub(super) fn pixels(path: &Path, config: &FolderConfig) -> Result<Vec<u8>, Error> {
    let bad = |cause: String| Error::BadPicture { path: path.into(), cause };
    if path.is_dir() {
        return Err(bad("it is a folder; name the pictures in it one by one".into()));
    }
    let bytes = File::open(path)
        .and_then(|file| bounded(file, MAX_FILE))
        .map_err(|error| unreadable(path, error))?
        .ok_or_else(|| bad(format!("it has more than {MAX_FILE} bytes; make it smaller")))?;
    let whole =
        |cause: String| bad(format!("{cause}; replace it with a whole PNG or JPEG file, or remove it"));
    let picture = decoded(&bytes).map_err(whole)?;
    let [height, width] = [picture.height(), picture.width()].map(|side| side as usize);
    let channels = config.colour.channels();
    let raw = match config.colour {
        Colour::Grey => picture.into_luma8().into_raw(),
        Colour::Rgb => picture.into_rgb8().into_raw(),
    };
    let mut pixels = resampled(&raw, [height, width, channels], config.size);
    if config.tones == Tones::Inverted {
        pixels.iter_mut().for_each(|value| *value = 255 - *value);
    }
    Ok(pixels)
}

/// The picture in a file, upright and without transparency, or what is wrong with it.
fn decoded(bytes: &[u8]) -> Result<DynamicImage, String> {
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => format,
        Ok(other) => return Err(format!("it is {other:?}, neither PNG nor JPEG")),
        Err(_) if bytes.is_empty() => return Err("the file is empty".into()),
        Err(_) => return Err("it is neither PNG nor JPEG".into()),
    };
    if format == ImageFormat::Jpeg && !has_end(bytes) {
        return Err("it breaks off in the middle".into());
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    // the sizes are checked below, before anything is decoded
    reader.no_limits();
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!("it has {width}x{height} pixels, more than {MAX_PIXELS} in all"));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    picture.apply_orientation(orientation);
    Ok(if picture.color().has_alpha() { on_white(picture) } else { picture })
}

/// Whether the end of a JPEG is there: its decoder paints what is missing grey.
fn has_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    // segments up to the scan, lest the end of an embedded thumbnail be taken for it
    while let Some(&[0xff, kind, high, low]) = bytes.get(at..at + 4) {
        at += if kind == 0xff { 1 } else { 2 + usize::from(u16::from_be_bytes([high, low])) };
        if kind == 0xda {
            break;
        }
    }
    bytes.get(at..).is_some_and(|scan| scan.windows(2).any(|pair| pair == [0xff, 0xd9]))
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

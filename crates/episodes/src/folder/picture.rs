//! One picture: from a file to pixels.

use super::format::{Kind, head};
use super::raster::Raster;
use super::{FolderConfig, Tones, budget, jpeg, png_rows, pnm, webp};
use crate::Error;
use crate::row_resample::RowResample;
use crate::source::{bounded, open_regular, too_large, unreadable};
use image::codecs::jpeg::JpegDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader, Limits};
use ndarray::ArrayD;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

/// Most bytes of a picture file.
const MAX_FILE: u64 = 1 << 28;
/// Most pixels of a picture; the largest of telephones have two hundred million.
const MAX_PIXELS: u64 = 1 << 28;

/// Why a file gives no pixels.
pub(super) enum Wrong {
    /// It is not what it should be.
    Damaged(String),
    /// Something else, with a way out.
    Other(String),
}

/// Reads one picture as [`load`](super::load) reads those of a folder: `[height, width, channels]`, values `0..=1`.
///
/// # Errors
/// When it cannot be read, is damaged or too large, or has none of the formats that are read, and when a side of the
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
    let (file, length) = open_regular(path)?;
    if length > MAX_FILE {
        return Err(too_large(path.display(), MAX_FILE));
    }
    let mut file = BufReader::new(file);
    let head = head(&mut file).map_err(|error| unreadable(path, error))?;
    file.rewind().map_err(|error| unreadable(path, error))?;
    let read = match Kind::of(path, &head) {
        Kind::Read(ImageFormat::Png) => png_rows::pixels(file, config),
        Kind::Read(ImageFormat::Jpeg) => of_jpeg(file, length, config),
        Kind::Read(format) => of_other(file, length, format, config),
        Kind::NotRead(name) => Err(Wrong::Other(format!(
            "it is {name}, which is not read; save it as PNG or JPEG, or remove it"
        ))),
        Kind::Other if head.is_empty() => Err(Wrong::Damaged("the file is empty".into())),
        Kind::Other => {
            Err(Wrong::Damaged("it is no PNG, JPEG, WebP, GIF, BMP, TIFF or PNM, whatever its name".into()))
        }
    };
    let mut pixels = read.map_err(|wrong| match wrong {
        Wrong::Damaged(cause) => {
            bad(format!("{cause}; replace it with a whole PNG or JPEG file, or remove it"))
        }
        Wrong::Other(cause) => bad(cause),
    })?;
    if config.tones == Tones::Inverted {
        pixels.iter_mut().for_each(|value| *value = 255 - *value);
    }
    Ok(pixels)
}

/// Refuses more pixels than pictures have.
pub(super) fn check_pixels([width, height]: [u32; 2]) -> Result<(), Wrong> {
    match u64::from(width) * u64::from(height) {
        0 => Err(Wrong::Damaged(format!("it has {width}x{height} pixels, that is none"))),
        pixels if pixels > MAX_PIXELS => Err(Wrong::Other(format!(
            "it has {width}x{height} pixels, more than {MAX_PIXELS} in all; make it smaller or remove it"
        ))),
        _ => Ok(()),
    }
}

/// Refuses what takes more memory than there is for pictures.
pub(super) fn fits([width, height]: [u32; 2], bytes: u64, way_out: &str) -> Result<(), Wrong> {
    if bytes <= budget::BYTES {
        return Ok(());
    }
    Err(Wrong::Other(format!(
        "to decode its {width}x{height} pixels takes {} million bytes, {} at most are given; {way_out}",
        bytes.div_ceil(1_000_000),
        budget::BYTES / 1_000_000
    )))
}

/// The way out for pictures that are held as a whole.
const ROW_BY_ROW: &str = "make it smaller, or save it as PNG, which is read row by row";

fn of_jpeg(mut file: BufReader<File>, length: u64, config: &FolderConfig) -> Result<Vec<u8>, Wrong> {
    let header = jpeg::Header::read(&mut file).map_err(Wrong::Damaged)?;
    let size = header.size.map(u32::from);
    check_pixels(size)?;
    // the file, and the decoder's own copy of it
    let bytes = header.bytes() + 2 * length + turned(size, config);
    fits(size, bytes, ROW_BY_ROW)?;
    let _share = budget::share(bytes);
    let damaged = |error: &dyn std::error::Error| Wrong::Damaged(error.to_string());
    file.rewind().map_err(|error| damaged(&error))?;
    let bytes = bounded(file, length).map_err(|error| damaged(&error))?.unwrap_or_default();
    if !jpeg::has_end(&bytes, header.scan) {
        return Err(Wrong::Damaged("it breaks off in the middle".into()));
    }
    let decoder = JpegDecoder::new(Cursor::new(&bytes)).map_err(|error| damaged(&error))?;
    let raster = raster(decoder, size)?;
    drop(bytes);
    Ok(raster.resampled(config.size, config.colour))
}

fn of_other(
    mut file: BufReader<File>,
    length: u64,
    format: ImageFormat,
    config: &FolderConfig,
) -> Result<Vec<u8>, Wrong> {
    let damaged = |error: image::ImageError| Wrong::Damaged(error.to_string());
    let mut start = Vec::new();
    let torn = |error: std::io::Error| Wrong::Damaged(error.to_string());
    if format == ImageFormat::Pnm {
        file.by_ref().take(pnm::MOST as u64).read_to_end(&mut start).map_err(torn)?;
        if !pnm::has_header(&start) {
            return Err(Wrong::Damaged(format!("its header does not end within {} bytes", pnm::MOST)));
        }
    }
    let webp = match format {
        ImageFormat::WebP => Some(webp::Content::read(&mut file, length).map_err(Wrong::Damaged)?),
        _ => None,
    };
    file.rewind().map_err(torn)?;
    let mut reader = ImageReader::with_format(file, format);
    reader.limits(limits(budget::BYTES));
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check_pixels([width, height])?;
    let decoding = match webp {
        Some(content) => content.bytes([width, height]).map_err(Wrong::Damaged)?,
        None => beside(format, decoder.total_bytes()),
    };
    let bytes = decoder.total_bytes() + decoding + turned([width, height], config);
    fits([width, height], bytes, ROW_BY_ROW)?;
    let _share = budget::share(bytes);
    decoder.set_limits(limits(decoding)).map_err(damaged)?;
    Ok(raster(decoder, [width, height])?.resampled(config.size, config.colour))
}

fn limits(bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

/// Most bytes that a decoder takes beside the pixels it gives.
fn beside(format: ImageFormat, pixels: u64) -> u64 {
    let some = 1 << 20;
    match format {
        // another buffer of pixels, and strips
        ImageFormat::Tiff => pixels + pixels / 4 + 16 * some,
        // a frame that is no larger than the picture
        ImageFormat::Gif => pixels + some,
        _ => pixels / 4 + some,
    }
}

/// Most bytes that a decoded picture takes on its way to the size asked for.
fn turned([width, height]: [u32; 2], config: &FolderConfig) -> u64 {
    let [width, height] = [width, height].map(|side| side as usize);
    let side = width.max(height);
    RowResample::bytes([side, side, config.colour.channels()], config.size) + 32 * side as u64
}

/// Decodes a picture of a size that was reckoned with.
fn raster(mut decoder: impl ImageDecoder, size: [u32; 2]) -> Result<Raster, Wrong> {
    if decoder.dimensions() != size.into() {
        return Err(Wrong::Damaged("it has two sizes".into()));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let color = decoder.color_type();
    let mut bytes = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut bytes).map_err(|error| Wrong::Damaged(error.to_string()))?;
    Ok(Raster { size: size.map(|side| side as usize), color, orientation, bytes })
}

//! PNG: row by row where the file allows it, so that a large picture takes no more memory than some of its rows.

use super::picture::{Wrong, check_pixels, fits};
use super::raster::{Raster, converted};
use super::{FolderConfig, budget};
use crate::row_resample::RowResample;
use image::ColorType;
use image::metadata::Orientation;
use png::{BitDepth, Decoder, Limits, Reader, Transformations};
use std::fs::File;
use std::io::BufReader;

/// Most bytes of other chunks than those of pixels.
const CHUNKS: u64 = 1 << 20;

/// The pixels of a picture at the size and with the channels asked for.
pub(super) fn pixels(file: BufReader<File>, config: &FolderConfig) -> Result<Vec<u8>, Wrong> {
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: CHUNKS as usize });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let info = decoder.read_header_info().map_err(damaged)?;
    let (size, bits) = ([info.width, info.height], info.bits_per_pixel() as u64);
    check_pixels(size)?;
    // an opaque pixel may become one of 64 bits, and a row is copied for each step of its conversion
    let [width, height] = size.map(u64::from);
    let row = width * (bits.div_ceil(8) * 8 + 4 * bits.div_ceil(8).max(4));
    let sides = size.map(|side| side as usize);
    let channels = config.colour.channels();
    let rows = CHUNKS + row + RowResample::bytes([sides[1], sides[0], channels], config.size);
    fits(size, rows, "make it smaller")?;
    decoder.set_limits(Limits { bytes: (CHUNKS + row) as usize });
    let reader = decoder.read_info().map_err(damaged)?;
    let color = color_of(&reader)?;
    let orientation = reader.info().exif_metadata.as_deref().and_then(Orientation::from_exif_chunk);
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    if orientation == Orientation::NoTransforms && !reader.info().interlaced {
        let _share = budget::share(rows);
        return by_rows(reader, color, sides, config);
    }
    let whole = rows + width * height * u64::from(color.bytes_per_pixel());
    fits(
        size,
        whole,
        "make it smaller, or save it upright and without interlacing, which is read row by row",
    )?;
    let _share = budget::share(whole);
    as_whole(reader, color, orientation, config)
}

fn by_rows(
    mut reader: Reader<BufReader<File>>,
    color: ColorType,
    [width, height]: [usize; 2],
    config: &FolderConfig,
) -> Result<Vec<u8>, Wrong> {
    let mut resample = RowResample::new([height, width, config.colour.channels()], config.size);
    let length = width * usize::from(color.bytes_per_pixel());
    let mut row = vec![0; length];
    for _ in 0..height {
        match reader.read_row(&mut row).map_err(damaged)? {
            Some(_) => {}
            None => return Err(Wrong::Damaged("it has fewer rows than it says".into())),
        }
        native(&mut row, color);
        resample.push(&converted(&row, color, config.colour));
    }
    // what follows the pixels is checked, too
    reader.read_row(&mut row).map_err(damaged)?;
    Ok(resample.finish())
}

fn as_whole(
    mut reader: Reader<BufReader<File>>,
    color: ColorType,
    orientation: Orientation,
    config: &FolderConfig,
) -> Result<Vec<u8>, Wrong> {
    let size = [reader.info().width, reader.info().height].map(|side| side as usize);
    let mut bytes = vec![0; size[0] * size[1] * usize::from(color.bytes_per_pixel())];
    reader.next_frame(&mut bytes).map_err(damaged)?;
    native(&mut bytes, color);
    Ok(Raster { size, color, orientation, bytes }.resampled(config.size, config.colour))
}

/// Numbers of two bytes have the higher one first in the file.
fn native(bytes: &mut [u8], color: ColorType) {
    if color.bytes_per_pixel() / color.channel_count() == 2 {
        bytes.as_chunks_mut().0.iter_mut().for_each(|pair| *pair = u16::from_be_bytes(*pair).to_ne_bytes());
    }
}

fn color_of(reader: &Reader<BufReader<File>>) -> Result<ColorType, Wrong> {
    use png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
    Ok(match reader.output_color_type() {
        (Grayscale, BitDepth::Eight) => ColorType::L8,
        (Grayscale, BitDepth::Sixteen) => ColorType::L16,
        (GrayscaleAlpha, BitDepth::Eight) => ColorType::La8,
        (GrayscaleAlpha, BitDepth::Sixteen) => ColorType::La16,
        (Rgb, BitDepth::Eight) => ColorType::Rgb8,
        (Rgb, BitDepth::Sixteen) => ColorType::Rgb16,
        (Rgba, BitDepth::Eight) => ColorType::Rgba8,
        (Rgba, BitDepth::Sixteen) => ColorType::Rgba16,
        (color, depth) => return Err(Wrong::Damaged(format!("its pixels are {color:?} of {depth:?}"))),
    })
}

fn damaged(error: png::DecodingError) -> Wrong {
    Wrong::Damaged(error.to_string())
}

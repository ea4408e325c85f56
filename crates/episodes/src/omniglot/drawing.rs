//! One drawing: from PNG bytes to ink.

use crate::Error;
use crate::resample::Resample;
use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use std::io::Cursor;

/// Rows and columns of every drawing of the data set.
pub(super) const SIDE: usize = 105;
/// Most bytes of one PNG file; the drawings have a few hundred.
pub(super) const MAX_PNG: u64 = 1 << 16;
/// Most memory the PNG decoder may take.
const MAX_DECODER: usize = 1 << 20;

/// Decodes drawings and resamples them.
pub(super) struct Decode {
    resample: Resample,
}

impl Decode {
    /// For drawings of `size` x `size`.
    ///
    /// # Errors
    /// When `size` is 0 or larger than the drawings are.
    pub(super) fn to_size(size: usize) -> Result<Self, Error> {
        if size == 0 || size > SIDE {
            return Err(Error::DrawingSize { size, largest: SIDE });
        }
        Ok(Self { resample: Resample::new(SIDE, size) })
    }

    /// The ink of a PNG file, 255 where it is full, appended to `pixels`.
    /// `name` is for messages.
    pub(super) fn append(
        &self,
        png: &[u8],
        name: impl Fn() -> String,
        pixels: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.resample.append(&ink(png, name)?, pixels);
        Ok(())
    }
}

/// The ink of a drawing, SIDE x SIDE: 255 minus the grey value.
fn ink(png: &[u8], name: impl Fn() -> String) -> Result<Vec<u8>, Error> {
    let broken = |cause: String| Error::BadImage { name: name(), cause };
    let mut decoder = Decoder::new_with_limits(Cursor::new(png), Limits { bytes: MAX_DECODER });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(|e| broken(e.to_string()))?;
    let (width, height) = (reader.info().width, reader.info().height);
    if [width, height] != [SIDE as u32; 2] {
        return Err(Error::ImageSize { name: name(), width, height, side: SIDE });
    }
    if reader.output_color_type() != (ColorType::Grayscale, BitDepth::Eight) {
        return Err(broken("it is not 1-bit or 8-bit greyscale".into()));
    }
    let mut grey = vec![0; SIDE * SIDE];
    reader.next_frame(&mut grey).map_err(|e| broken(e.to_string()))?;
    for value in &mut grey {
        *value = 255 - *value;
    }
    Ok(grey)
}

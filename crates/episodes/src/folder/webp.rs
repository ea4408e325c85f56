//! What a WebP file holds, before it is decoded.

use std::io::{self, Read, Seek, SeekFrom};

/// Most chunks that are looked at; a film of an hour has fewer frames.
const MOST: usize = 100_000;
/// Most bytes of what a camera says of a picture.
const MAX_EXIF: u64 = 1 << 20;
/// Bytes of a chunk's name and length, and of what stands before the picture in a frame of an animation.
const HEADER: u64 = 8;
const FRAME: u64 = 16;

/// What is in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    is_animated: bool,
    has_alpha: bool,
    is_lossless: bool,
    /// The largest width and height of what is compressed with loss.
    lossy: [u32; 2],
}

impl Content {
    /// Looks at the chunks of a file of `length` bytes; what is wrong with them.
    pub(super) fn read(file: &mut (impl Read + Seek), length: u64) -> Result<Self, String> {
        let torn = |_: io::Error| "it breaks off in the middle".to_owned();
        let (mut content, mut at) = (Self::default(), 12);
        for _ in 0..MOST {
            if at + HEADER > length {
                return Ok(content);
            }
            file.seek(SeekFrom::Start(at)).map_err(torn)?;
            let mut header = [0; HEADER as usize];
            file.read_exact(&mut header).map_err(torn)?;
            let [a, b, c, d, size @ ..] = header;
            let size = u64::from(u32::from_le_bytes(size));
            at += HEADER;
            if &[a, b, c, d] == b"ANMF" {
                content.is_animated = true;
                at += FRAME;
                continue;
            }
            content.note(&[a, b, c, d], size, file)?;
            at = at.saturating_add(size.next_multiple_of(2));
        }
        Err(format!("it has more than {MOST} parts"))
    }

    fn note(&mut self, kind: &[u8; 4], size: u64, file: &mut impl Read) -> Result<(), String> {
        match kind {
            b"ALPH" => self.has_alpha = true,
            b"VP8L" => self.is_lossless = true,
            b"EXIF" if size > MAX_EXIF => return Err(format!("what its camera says of it has {size} bytes")),
            b"VP8 " => {
                let mut start = [0; 10];
                // a torn one is told by the decoder
                if file.read_exact(&mut start).is_ok() {
                    let side = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
                    let sides = [side(start[6], start[7]), side(start[8], start[9])];
                    self.lossy = [0, 1].map(|side| self.lossy[side].max(sides[side]));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Most bytes that decoding takes beside the pixels it gives, for a picture of this size; what is wrong with it.
    pub(super) fn bytes(&self, [width, height]: [u32; 2]) -> Result<u64, String> {
        if self.lossy[0] > width || self.lossy[1] > height {
            let [inner, lower] = self.lossy;
            return Err(format!("a picture of {inner}x{lower} is in one of {width}x{height}"));
        }
        // planes of brightness and colour; red, green, blue and alpha; those twice more with what was there before
        let each = match self {
            Content { is_animated: true, .. } => 15,
            Content { has_alpha: true, .. } => 8,
            Content { is_lossless: true, .. } => 6,
            _ => 2,
        };
        let blocks = [width, height].map(|side| u64::from(side).next_multiple_of(16));
        Ok(each * blocks[0] * blocks[1] + 4 * MAX_EXIF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let padding = vec![0; content.len() % 2];
        [&kind[..], &(content.len() as u32).to_le_bytes(), content, &padding].concat()
    }

    fn content(chunks: &[Vec<u8>]) -> Result<Content, String> {
        let file = [b"RIFF\0\0\0\0WEBP".to_vec(), chunks.concat()].concat();
        Content::read(&mut Cursor::new(&file), file.len() as u64)
    }

    #[test]
    fn a_picture_is_no_larger_than_its_file_says() {
        let lossy = chunk(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 0x10, 0x27, 0x20, 0x4e, 7]);
        let found = content(&[chunk(b"VP8X", &[0; 10]), lossy.clone()]).unwrap();
        assert_eq!(found, Content { lossy: [10_000, 20_000 & 0x3fff], ..Content::default() });
        assert!(found.bytes([16, 16]).unwrap_err().contains("10000x"));
        assert!(found.bytes([10_000, 20_000]).is_ok());
        let frame = chunk(b"ANMF", &[&[0; 16], &lossy[..]].concat());
        let found = content(&[frame]).unwrap();
        assert!(found.is_animated && found.bytes([16, 16]).is_err());
        let mut exif = chunk(b"EXIF", &[]);
        exif[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(content(&[exif]).unwrap_err().contains("camera"));
    }
}

//! What a JPEG file says of itself before it is decoded.

use std::io::{self, Read, Seek};

/// What the frame header and the place of the first scan tell.
pub(super) struct Header {
    /// Width and height.
    pub size: [u16; 2],
    /// Components, of which three become red, green and blue as four do.
    components: u64,
    /// Whether all coefficients are held until the last scan.
    in_scans: bool,
    /// Coefficients a pixel, in quarters of one.
    quarters: u64,
    /// Where the first scan begins.
    pub scan: u64,
}

impl Header {
    /// Reads the segments before the first scan; what is wrong with them where there is no picture.
    pub(super) fn read(file: &mut (impl Read + Seek)) -> Result<Self, String> {
        let torn = |_: io::Error| "it breaks off in the middle".to_owned();
        let (mut header, mut at) = (None, 2);
        file.seek(io::SeekFrom::Start(at)).map_err(torn)?;
        loop {
            let kind = marker(file).map_err(torn)?;
            let [high, low] = bytes(file).map_err(torn)?;
            let length = u64::from(u16::from_be_bytes([high, low])).max(2);
            at = file.stream_position().map_err(torn)? + length - 2;
            match kind {
                0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&kind) && header.is_none() => {
                    header = Some(Self::frame(kind, file).map_err(torn)?);
                }
                0xda => break,
                _ => {}
            }
            file.seek(io::SeekFrom::Start(at)).map_err(torn)?;
        }
        let header: Self = header.ok_or("it has no picture before its data")?;
        let scanned = bytes::<1>(&mut *file).map_err(torn)?[0];
        // several scans, be they of a component each or of finer and finer coefficients
        let in_scans = header.in_scans || u64::from(scanned) < header.components;
        Ok(Self { scan: at, in_scans, ..header })
    }

    fn frame(kind: u8, file: &mut impl Read) -> io::Result<Self> {
        let [_, h1, h0, w1, w0, components] = bytes(file)?;
        let (mut all, mut most) = (0, [1, 1]);
        for _ in 0..components {
            let [_, sampling, _] = bytes(file)?;
            let [across, down] = [sampling >> 4, sampling & 15].map(|n| u64::from(n.clamp(1, 4)));
            all += across * down;
            most = [most[0].max(across), most[1].max(down)];
        }
        // a single component is whole whatever its sampling says
        let quarters = if components == 1 { 4 } else { (4 * all).div_ceil(most[0] * most[1]) };
        let size = [[w1, w0], [h1, h0]].map(u16::from_be_bytes);
        let in_scans = !matches!(kind, 0xc0 | 0xc1);
        Ok(Self { size, components: components.into(), in_scans, quarters, scan: 0 })
    }

    /// Most bytes that decoding takes beside the file.
    pub(super) fn bytes(&self) -> u64 {
        // whole blocks of at most four by four
        let [width, height] = self.size.map(|side| u64::from(side).next_multiple_of(32));
        let pixels =
            u64::from(self.size[0]) * u64::from(self.size[1]) * if self.components == 1 { 1 } else { 3 };
        let coefficients = if self.in_scans { width * height * self.quarters / 2 } else { 0 };
        // a row of blocks of each component, and what it is made larger to
        pixels + coefficients + 600 * width + (1 << 16)
    }
}

/// The next marker that has a length behind it; what lies between segments is skipped.
fn marker(file: &mut impl Read) -> io::Result<u8> {
    let mut last = 0;
    loop {
        let [byte] = bytes(file)?;
        match (last, byte) {
            (0xff, 0x02..=0xcf | 0xda..=0xfe) => return Ok(byte),
            _ => last = byte,
        }
    }
}

fn bytes<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Whether the end of a JPEG is there: its decoder paints what is missing grey. What comes before the scan may hold a thumbnail's.
pub(super) fn has_end(file: &[u8], scan: u64) -> bool {
    let scan = usize::try_from(scan).ok().and_then(|scan| file.get(scan..));
    scan.is_some_and(|scan| scan.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A header of a frame of these samplings, and a scan of `scanned` components.
    fn file(kind: u8, samplings: &[u8], scanned: u8) -> Vec<u8> {
        let mut bytes =
            vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, 0xff, kind, 0, 8 + 3 * samplings.len() as u8, 8];
        bytes.extend([0, 100, 1, 44, samplings.len() as u8]);
        samplings.iter().for_each(|sampling| bytes.extend([1, *sampling, 0]));
        bytes.extend([0xff, 0xda, 0, 3, scanned, 1, 2, 0xff, 0xd9]);
        bytes
    }

    #[test]
    fn headers_say_what_decoding_takes() {
        let of = |kind, samplings: &[u8], scanned| {
            let bytes = file(kind, samplings, scanned);
            let header = Header::read(&mut Cursor::new(&bytes)).unwrap();
            assert_eq!((header.size, has_end(&bytes, header.scan)), ([300, 100], true));
            assert!(!has_end(&bytes[..bytes.len() - 1], header.scan), "the thumbnail's end does not count");
            header.bytes()
        };
        let pixels = 3 * 300 * 100 + 600 * 320 + (1 << 16);
        assert_eq!(of(0xc0, &[0x22, 0x11, 0x11], 3), pixels);
        // one and a half coefficients of two bytes a pixel, of whole blocks
        assert_eq!(of(0xc2, &[0x22, 0x11, 0x11], 3), pixels + 320 * 128 * 3);
        assert_eq!(of(0xc0, &[0x11, 0x11, 0x11], 1), pixels + 320 * 128 * 6);
        assert_eq!(of(0xc0, &[0x22], 1), pixels - 2 * 300 * 100);
    }

    #[test]
    fn no_frame_is_no_picture() {
        assert!(Header::read(&mut Cursor::new(&file(0xe1, &[0x11], 1))).is_err());
        assert!(Header::read(&mut Cursor::new(b"\xff\xd8\xff\xe0")).is_err());
    }
}

//! Picture files that are damaged or that say they are huge: an error or pixels, never a panic, and no more memory than is given.

#[path = "data/common/mod.rs"]
mod common;

use common::{has, peak};
use fewshot_episodes::folder::{self, FolderConfig};
use fewshot_episodes::{Purpose, RngExt, stream};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use std::io::Cursor;
use std::path::Path;

/// A file with loss, which no encoder here makes: one grey pixel.
const LOSSY: &[u8] = b"RIFF\x22\0\0\0WEBPVP8 \x16\0\0\0\x30\x01\0\x9d\x01\x2a\x01\0\x01\0\x0e\xc0\xfe\x25\xa4\0\x03\x70\0\0\0\0";

fn encoded(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("into memory");
    bytes.into_inner()
}

/// A small file of each format.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let rgb = RgbImage::from_fn(19, 11, |x, y| Rgb([13 * x as u8, 23 * y as u8, (x * y) as u8]));
    let rgba = RgbaImage::from_fn(19, 11, |x, y| Rgba([13 * x as u8, 23 * y as u8, 9, (x * y) as u8]));
    let (rgb, rgba) = (DynamicImage::ImageRgb8(rgb), DynamicImage::ImageRgba8(rgba));
    let grey = DynamicImage::ImageLuma16(rgb.to_luma16());
    let mut seeds = vec![
        ("png", encoded(rgba.clone(), ImageFormat::Png)),
        ("deep.png", encoded(grey.clone(), ImageFormat::Png)),
        ("jpg", encoded(rgb.clone(), ImageFormat::Jpeg)),
        ("gif", encoded(rgba.clone(), ImageFormat::Gif)),
        ("bmp", encoded(rgb.clone(), ImageFormat::Bmp)),
        ("tif", encoded(rgb.clone(), ImageFormat::Tiff)),
        ("deep.tif", encoded(grey, ImageFormat::Tiff)),
        ("webp", encoded(rgba, ImageFormat::WebP)),
        ("lossy.webp", LOSSY.to_vec()),
        ("pnm", encoded(rgb, ImageFormat::Pnm)),
        ("text.pnm", b"P2 3 2 255\n1 2 3\n4 5 255\n".to_vec()),
        ("bits.pnm", b"P4 9 2\n\x40\x80\x55\xaa".to_vec()),
    ];
    let mut progressive = seeds[2].1.clone();
    let frame = progressive.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    progressive[frame + 1] = 0xc2;
    seeds.push(("progressive.jpg", progressive));
    seeds
}

/// Reads a file of these bytes.
fn read(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).unwrap();
    let picture = folder::picture(path, &FolderConfig::default());
    picture.map(drop).map_err(|error| error.to_string())
}

#[test]
fn damaged_pictures_do_not_panic_and_take_no_more_than_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    for (number, (name, seed)) in seeds().into_iter().enumerate() {
        let path = path.with_extension(name);
        assert!(name.starts_with("progressive") || read(&path, &seed).is_ok(), "{name}");
        let mut rng = stream(1, Purpose::Data, number as u64);
        for _ in 0..200 {
            let mut bytes = seed.clone();
            for _ in 0..1 + rng.below(3) {
                let near = 1 + rng.below(200);
                let at = rng.below(bytes.len().min(near));
                match rng.below(4) {
                    0 => bytes[at] ^= 1 << rng.below(8),
                    1 => bytes[at] = [0, 0xff, 0x7f, 0x80][rng.below(4)],
                    2 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
                    _ => bytes.truncate(at + 1),
                }
            }
            let _ = read(&path, &bytes);
        }
    }
    for (name, bytes) in huge() {
        let message = read(&folder.path().join(name), &bytes).expect_err(name);
        has(&message, &[name]);
    }
    assert!(peak() < 400 << 20, "{} MiB", peak() >> 20);
}

/// Small files that say they are far larger.
fn huge() -> Vec<(&'static str, Vec<u8>)> {
    let [wide, large, square] = [[1 << 28, 1], [16_000_000, 16_000_000], [30_000, 30_000]];
    let mut files = Vec::new();
    for (name, size) in [("wide.png", wide), ("large.png", large), ("square.png", square)] {
        files.push((name, png(size, false)));
    }
    files.push(("interlaced.png", png([16_384, 16_384], true)));
    let seeds = seeds();
    let seed = |name: &str| seeds.iter().find(|(seed, _)| *seed == name).unwrap().1.clone();
    let mut jpeg = seed("jpg");
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    files.push(("a.jpg", jpeg.clone()));
    jpeg[frame + 1] = 0xc2;
    files.push(("progressive.jpg", jpeg));
    let mut gif = seed("gif");
    gif[6..10].copy_from_slice(&[0xff; 4]);
    files.push(("a.gif", gif));
    let mut bmp = seed("bmp");
    bmp[18..26].copy_from_slice(&[0xff, 0x7f, 0, 0, 0xff, 0x1f, 0, 0]);
    files.push(("a.bmp", bmp));
    let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xff\xff\xff\x0f\0\0\0\0\0\0\0\0\0";
    files.push(("a.webp", webp.to_vec()));
    let mut lossy = LOSSY.to_vec();
    lossy[26..30].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    files.push(("lossy.webp", lossy));
    for (name, text) in [
        ("a.pnm", &b"P5 300000 300000 255\n"[..]),
        ("b.pnm", b"P6 16384 16384 65535\n"),
        ("c.pnm", b"P1 4294967295 4294967295\n"),
    ] {
        files.push((name, text.to_vec()));
    }
    files.push(("a.tif", tiff(60_000)));
    files
}

/// A PNG of this size with next to no data.
fn png([width, height]: [u32; 2], interlaced: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, width, height).write_header().expect("into memory");
    writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c]).expect("into memory");
    drop(writer);
    // the method of interlacing, and the check sum of the header
    bytes[28] = u8::from(interlaced);
    let crc = bytes[12..29].iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
    });
    bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
    bytes
}

/// A grey TIFF of one strip, this large a side, without its pixels.
fn tiff(side: u32) -> Vec<u8> {
    let entries = [
        (256, 4, side),
        (257, 4, side),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, side),
        (279, 4, side.wrapping_mul(side)),
    ];
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        bytes.extend([tag as u16, kind].map(u16::to_le_bytes).concat());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

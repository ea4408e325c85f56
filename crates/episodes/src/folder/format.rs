//! What a file is, by its first bytes.

use image::ImageFormat;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How many of the first bytes are looked at.
pub(super) const HEAD: usize = 64;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A picture that is read.
    Read(ImageFormat),
    /// A picture that is not, by the name of its format.
    NotRead(&'static str),
    /// Something else.
    Other,
}

/// Endings of pictures: a file that has one of them and is none is not passed over.
const PICTURES: [&str; 42] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff", "pnm", "pbm",
    "pgm", "ppm", "pam", "heic", "heif", "avif", "jxl", "jp2", "j2k", "jpf", "jpx", "jxr", "psd", "svg",
    "tga", "exr", "qoi", "xcf", "dng", "cr2", "cr3", "nef", "arw", "orf", "rw2", "raf", "pef", "srw",
];
/// Endings of raw files that cameras write in the form of TIFF; its first picture is a thumbnail.
const RAW: [&str; 13] =
    ["dng", "cr2", "nef", "nrw", "arw", "sr2", "srf", "pef", "srw", "3fr", "iiq", "erf", "kdc"];
/// What a raw file of a camera is called.
const RAW_NAME: &str = "a raw file of a camera";

/// The first bytes of formats.
const STARTS: [(&[u8], Kind); 20] = [
    (b"\x89PNG\r\n\x1a\n", Kind::Read(ImageFormat::Png)),
    (b"\xff\xd8\xff", Kind::Read(ImageFormat::Jpeg)),
    (b"GIF87a", Kind::Read(ImageFormat::Gif)),
    (b"GIF89a", Kind::Read(ImageFormat::Gif)),
    (b"II*\0", Kind::Read(ImageFormat::Tiff)),
    (b"MM\0*", Kind::Read(ImageFormat::Tiff)),
    (b"II+\0", Kind::Read(ImageFormat::Tiff)),
    (b"MM\0+", Kind::Read(ImageFormat::Tiff)),
    (b"FUJIFILMCCD-RAW", Kind::NotRead(RAW_NAME)),
    (b"IIRO", Kind::NotRead(RAW_NAME)),
    (b"IIRS", Kind::NotRead(RAW_NAME)),
    (b"IIU\0", Kind::NotRead(RAW_NAME)),
    (b"\xff\x0a", Kind::NotRead("JPEG XL")),
    (b"\0\0\0\x0cJXL ", Kind::NotRead("JPEG XL")),
    (b"\0\0\0\x0cjP  ", Kind::NotRead("JPEG 2000")),
    (b"\xff\x4f\xff\x51", Kind::NotRead("JPEG 2000")),
    (b"8BPS", Kind::NotRead("a Photoshop file")),
    (b"gimp xcf", Kind::NotRead("a GIMP file")),
    (b"<svg", Kind::NotRead("SVG")),
    (b"\x76\x2f\x31\x01", Kind::NotRead("OpenEXR")),
];

impl Kind {
    /// Of a file that begins with `head`.
    pub(super) fn of(path: &Path, head: &[u8]) -> Kind {
        let started = STARTS.iter().find(|(start, _)| head.starts_with(start)).map(|(_, kind)| *kind);
        match started {
            Some(Kind::Read(ImageFormat::Tiff)) if has_ending(path, &RAW) => Kind::NotRead(RAW_NAME),
            Some(kind) => kind,
            None if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => {
                Kind::Read(ImageFormat::WebP)
            }
            None if is_bmp(head) => Kind::Read(ImageFormat::Bmp),
            None if is_pnm(head) => Kind::Read(ImageFormat::Pnm),
            None => head.get(4..12).map_or(Kind::Other, of_container),
        }
    }

    /// Whether the file of an open reader is a picture, or should be by its name.
    pub(super) fn is_picture(self, path: &Path) -> bool {
        self != Kind::Other || has_ending(path, &PICTURES)
    }

    /// Looks at the file of a path. One that cannot be opened is none but by its name.
    pub(super) fn look(path: &Path) -> io::Result<Kind> {
        if !std::fs::metadata(path)?.is_file() {
            return Ok(Kind::Other);
        }
        Ok(Kind::of(path, &head(&mut File::open(path)?)?))
    }
}

/// The first bytes of a reader.
pub(super) fn head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The header of a bitmap has one of few lengths: a text may begin with its two letters.
fn is_bmp(head: &[u8]) -> bool {
    head.starts_with(b"BM")
        && head.get(6..10) == Some(&[0; 4])
        && matches!(head.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// `P1` to `P6`, space, and a number or a comment; or `P7` on a line of its own.
fn is_pnm(head: &[u8]) -> bool {
    if head.starts_with(b"P7\n") {
        return true;
    }
    let [b'P', b'1'..=b'6', rest @ ..] = head else { return false };
    let after = rest.trim_ascii_start();
    after.len() < rest.len() && after.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'#')
}

/// Of the box `ftyp` and the brand behind it, as films have them and some pictures.
fn of_container(boxed: &[u8]) -> Kind {
    match boxed.strip_prefix(b"ftyp") {
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1") => Kind::NotRead("HEIC"),
        Some(b"avif" | b"avis") => Kind::NotRead("AVIF"),
        Some(b"crx ") => Kind::NotRead(RAW_NAME),
        _ => Kind::Other,
    }
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        let of = |name: &str, head: &[u8]| Kind::of(Path::new(name), head);
        let bmp = |size: u8| [b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0".to_vec(), vec![size, 0, 0, 0]].concat();
        for (name, head, kind) in [
            ("a.txt", &b"\x89PNG\r\n\x1a\n..."[..], Kind::Read(ImageFormat::Png)),
            ("a", b"P5 24 24 255\n", Kind::Read(ImageFormat::Pnm)),
            ("a", b"P6\n# by hand\n1 1 255\n", Kind::Read(ImageFormat::Pnm)),
            ("a", b"P5 is a seminar", Kind::Other),
            ("a", b"P51", Kind::Other),
            ("a", b"BMW and others, a list of cars", Kind::Other),
            ("a", &bmp(40), Kind::Read(ImageFormat::Bmp)),
            ("a", &bmp(41), Kind::Other),
            ("a", b"RIFF\x10\0\0\0WEBPVP8 ", Kind::Read(ImageFormat::WebP)),
            ("a.wav", b"RIFF\x10\0\0\0WAVEfmt ", Kind::Other),
            ("a.tif", b"II*\0\x08\0\0\0", Kind::Read(ImageFormat::Tiff)),
            ("a.NEF", b"II*\0\x08\0\0\0", Kind::NotRead(RAW_NAME)),
            ("a.jpg", b"\0\0\0\x18ftypheic", Kind::NotRead("HEIC")),
            ("a", b"\0\0\0\x20ftypavif", Kind::NotRead("AVIF")),
            ("a.mp4", b"\0\0\0\x20ftypisom", Kind::Other),
            ("a.jpg", b"", Kind::Other),
        ] {
            assert_eq!(of(name, head), kind, "{name} {head:?}");
        }
        assert!(Kind::Other.is_picture(Path::new("torn.JPG")) && !Kind::Other.is_picture(Path::new("a.txt")));
    }
}

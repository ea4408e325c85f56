//! Large photographs and drawings are read, and many at a time take no more memory than one.

#[path = "data/common/mod.rs"]
mod common;

use common::{has, peak, write};
use fewshot_episodes::folder::{self, FolderConfig};
use image::codecs::jpeg::JpegEncoder;
use image::{GenericImageView, Rgb};
use std::io::Write;

/// A photograph that is made where it is looked at, so that the test takes no memory for it.
struct Made([u32; 2]);

impl GenericImageView for Made {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.0.into()
    }

    fn get_pixel(&self, x: u32, _: u32) -> Rgb<u8> {
        Rgb([if 2 * x < self.0[0] { 200 } else { 20 }; 3])
    }
}

fn jpeg(size: [u32; 2]) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 50).encode_image(&Made(size)).expect("into memory");
    bytes
}

/// A drawing in black and white, whose left half is white.
fn png([width, height]: [u32; 2]) -> Vec<u8> {
    let half = width.div_ceil(16) as usize;
    let row = [vec![0xff; half], vec![0; width.div_ceil(8) as usize - half]].concat();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_compression(png::Compression::Fast);
    let mut header = encoder.write_header().expect("into memory");
    let mut rows = header.stream_writer().expect("into memory");
    (0..height).for_each(|_| rows.write_all(&row).expect("into memory"));
    rows.finish().expect("into memory");
    header.finish().expect("into memory");
    bytes
}

#[test]
fn large_pictures_are_read_within_one_budget() {
    let folder = tempfile::tempdir().unwrap();
    let (photograph, drawing) = (jpeg([8000, 6000]), png([16_384, 16_384]));
    for number in 0..3 {
        write(folder.path(), &format!("photographs/{number}.jpg"), &photograph);
    }
    write(folder.path(), "drawings/0.png", &drawing);
    let config = FolderConfig { size: [4, 4], ..FolderConfig::default() };
    let threads = rayon::ThreadPoolBuilder::new().num_threads(6).build().unwrap();
    let images = threads.install(|| folder::load(folder.path(), &config)).unwrap().images;
    for (class, number, [left, right]) in [(0, 0, [255, 0]), (1, 2, [200, 20])] {
        let image = images.image(class, number);
        assert!(image[0].abs_diff(left) < 12 && image[3].abs_diff(right) < 12, "{image:?}");
    }
    assert!(peak() < (256 + 80) << 20, "{} MiB", peak() >> 20);
    let path = write(folder.path(), "too-large.jpg", &jpeg([12_000, 9000]));
    let message = folder::picture(path, &config).unwrap_err().to_string();
    has(&message, &["12000x9000", "million bytes", "save it as PNG"]);
}

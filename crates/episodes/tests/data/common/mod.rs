//! Made drawings and archives for the tests.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod divided;

use fewshot_episodes::{ClassId, ImageSet};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::write::SimpleFileOptions;

/// A 1-bit PNG of the given size, with ink where `ink` says so.
pub fn png(width: usize, height: usize, ink: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let row_bytes = width.div_ceil(8);
    let mut bits = vec![0xff; row_bytes * height];
    for row in 0..height {
        for column in 0..width {
            if ink(row, column) {
                bits[row * row_bytes + column / 8] &= !(0x80 >> (column % 8));
            }
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().expect("into memory");
    writer.write_image_data(&bits).expect("into memory");
    writer.finish().expect("into memory");
    bytes
}

/// A drawing of the right size: a block of ink whose place depends on `seed`.
pub fn drawing(seed: usize) -> Vec<u8> {
    png(105, 105, move |row, column| row / 21 == seed % 5 && column / 21 == seed / 5 % 5)
}

/// Names and contents of a small whole data set: `characters` of one alphabet.
pub fn small_part(part: &str, alphabet: &str, characters: usize) -> Vec<(String, Vec<u8>)> {
    let files = (1..=characters).flat_map(|character| (1..=20).map(move |drawer| (character, drawer)));
    files
        .map(|(character, drawer)| {
            let file = format!("character{character:02}/{character:04}_{drawer:02}.png");
            (format!("{part}/{alphabet}/{file}"), drawing(character))
        })
        .collect()
}

/// A zip archive of these files.
pub fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name, SimpleFileOptions::default()).expect("into memory");
        writer.write_all(bytes).expect("into memory");
    }
    writer.finish().expect("into memory").into_inner()
}

/// Writes a file, with the folders above it.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("temporary folder");
    std::fs::write(&path, bytes).expect("temporary folder");
    path
}

/// Checks that a message has these parts.
pub fn has(message: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in: {message}");
}

/// 2x2 images that say what they are: the corner holds 255, and the others,
/// counter-clockwise from it, the class and twice the number of the image.
pub fn images(classes: usize, per_class: usize) -> Arc<ImageSet> {
    let image = |class: usize, k: usize| [255, 2 * k as u8, class as u8, 0];
    let class = |class| {
        let pixels = (0..per_class).flat_map(|k| image(class, k)).collect();
        (format!("class{class}"), pixels)
    };
    Arc::new(ImageSet::new([2, 2, 1], (0..classes).map(class).collect()))
}

/// All classes as they are.
pub fn plain(classes: usize) -> Vec<ClassId> {
    (0..classes).map(ClassId::from).collect()
}

/// Most bytes this process has had, where the system tells.
pub fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .map_or(0, |kilobytes: u64| kilobytes << 10)
}

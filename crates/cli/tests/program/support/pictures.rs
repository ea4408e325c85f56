//! Folders of pictures to learn from.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// Dark strokes on light paper, larger than the networks see them: each class its own two strokes, each picture its own place.
pub fn drawing(class: u32, number: u32) -> RgbImage {
    let (dx, dy) = (number % 3, number / 3 % 3);
    RgbImage::from_fn(56, 48, |x, y| {
        let (x, y) = (x.saturating_sub(dx), y.saturating_sub(dy));
        let level = y.abs_diff(8 + 6 * (class % 6)) < 3 && (8..46).contains(&x);
        let upright = x.abs_diff(10 + 8 * (class / 2 % 5)) < 3 && (6..42).contains(&y);
        Rgb([if level || upright { 20 } else { 235 }; 3])
    })
}

/// One tone all over, nearly.
pub fn tinted(colour: [u8; 3], number: u32) -> RgbImage {
    RgbImage::from_fn(30, 30, |x, y| Rgb(colour.map(|c| c.saturating_add(((x * y + number) % 9) as u8))))
}

pub fn write(path: &Path, picture: &RgbImage) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// Folders `class0`, `class1`, ... with so many drawings each, numbered from `first`.
pub fn drawings(counts: &[u32], first: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, &count) in (0..).zip(counts) {
        for number in first..first + count {
            write(&folder.path().join(format!("class{class}/{number}.png")), &drawing(class, number));
        }
    }
    folder
}

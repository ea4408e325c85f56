//! Folders of pictures: what is read, in which order, and as which pixels.

use crate::common::{has, write};
use fewshot_episodes::folder::{self, Colour, Folder, FolderConfig, Tones};
use fewshot_episodes::{ImageTasks, Protocol, Purpose, Rotations, Tasks};
use image::codecs::jpeg::JpegEncoder;
use image::{
    DynamicImage, ExtendedColorType, GrayImage, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
};
use proptest::prelude::*;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).expect("into memory");
    bytes.into_inner()
}

/// A grey PNG of 2x2 pixels.
fn grey(pixels: [u8; 4]) -> Vec<u8> {
    encoded(GrayImage::from_raw(2, 2, pixels.to_vec()).unwrap(), ImageFormat::Png)
}

/// A PNG of one tone.
fn plain(tone: u8) -> Vec<u8> {
    grey([tone; 4])
}

fn small() -> FolderConfig {
    FolderConfig { size: [2, 2], ..FolderConfig::default() }
}

fn colour() -> FolderConfig {
    FolderConfig { colour: Colour::Rgb, ..small() }
}

/// A folder of these files.
fn files<N: AsRef<str>>(files: &[(N, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        write(folder.path(), name.as_ref(), bytes);
    }
    folder
}

fn load(folder: &Path) -> Folder {
    folder::load(folder, &small()).unwrap()
}

fn refused(folder: &Path) -> String {
    folder::load(folder, &small()).unwrap_err().to_string()
}

fn names(folder: &Folder) -> Vec<&str> {
    (0..folder.images.classes()).map(|class| folder.images.name(class)).collect()
}

#[test]
fn classes_are_folders_and_may_differ_in_size() {
    let folder = files(&[
        ("wolf/b.PNG", plain(2)),
        ("wolf/a.png", plain(1)),
        ("birds/wren/1.png", plain(3)),
        ("birds/crow/1.png", plain(4)),
        ("notes.txt", b"not a picture".to_vec()),
        ("wolf/.hidden.png", b"not read".to_vec()),
        (".trash/old.png", b"not read".to_vec()),
    ]);
    let loaded = load(folder.path());
    assert_eq!(names(&loaded), ["birds/crow", "birds/wren", "wolf"]);
    assert_eq!(loaded.split, None);
    let images = loaded.images;
    assert_eq!((images.shape(), images.images(0), images.images(2)), ([2, 2, 1], 1, 2));
    assert_eq!((images.image(2, 0), images.image(2, 1)), (&[1; 4][..], &[2; 4][..]));
}

#[test]
fn tones_are_kept_unless_drawings_are_dark_on_light() {
    let folder = files(&[("a/1.png", grey([0, 100, 200, 255])), ("b/1.png", plain(0))]);
    assert_eq!(load(folder.path()).images.image(0, 0), [0, 100, 200, 255]);
    let config = FolderConfig { tones: Tones::Inverted, ..small() };
    let inverted = folder::load(folder.path(), &config).unwrap().images;
    assert_eq!((inverted.image(0, 0), inverted.image(1, 0)), (&[255, 155, 55, 0][..], &[255; 4][..]));
    let picture = folder::picture(folder.path().join("a/1.png"), &config).unwrap();
    assert_eq!(picture.shape(), [2, 2, 1]);
    assert_eq!(picture.as_slice().unwrap(), &inverted.to_set().x.as_slice().unwrap()[..4]);
}

#[test]
fn grey_becomes_colour_and_colour_grey() {
    let red = encoded(RgbImage::from_pixel(2, 2, Rgb([255, 0, 0])), ImageFormat::Png);
    let folder = files(&[("a/1.png", plain(7)), ("b/1.png", red)]);
    let in_colour = folder::load(folder.path(), &colour()).unwrap().images;
    assert_eq!(in_colour.shape(), [2, 2, 3]);
    assert_eq!(
        (in_colour.image(0, 0), &in_colour.image(1, 0)[..6]),
        (&[7; 12][..], &[255, 0, 0, 255, 0, 0][..])
    );
    let in_grey = load(folder.path()).images;
    // the share of red in brightness (Rec. 709): 0.2126
    assert_eq!((in_grey.image(0, 0), in_grey.image(1, 0)), (&[7; 4][..], &[54; 4][..]));
}

#[test]
fn jpeg_reads_whatever_its_name() {
    let picture = RgbImage::from_pixel(40, 30, Rgb([200, 40, 90]));
    let jpeg = encoded(picture, ImageFormat::Jpeg);
    let folder = files(&[("a/1.jpg", jpeg.clone()), ("a/2.JPEG", jpeg.clone()), ("b/misnamed.png", jpeg)]);
    let images = folder::load(folder.path(), &colour()).unwrap().images;
    assert_eq!((images.images(0), images.images(1)), (2, 1));
    for (value, exact) in images.image(1, 0).iter().zip([200, 40, 90].iter().cycle()) {
        assert!(value.abs_diff(*exact) <= 3, "{value} instead of {exact}");
    }
}

#[test]
fn photographs_stand_as_the_camera_was_held() {
    // orientation 6: the picture is to be turned by 90 degrees clockwise
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let left_is_white: Vec<u8> = (0..64 * 64).map(|i| if i % 64 < 32 { 255 } else { 0 }).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(&left_is_white, 64, 64, ExtendedColorType::L8).unwrap();
    let folder = files(&[("a/1.jpg", bytes)]);
    let picture = folder::picture(folder.path().join("a/1.jpg"), &small()).unwrap();
    let at = |row: usize, column: usize| picture[[row, column, 0]];
    assert!(at(0, 0) > 0.9 && at(0, 1) > 0.9 && at(1, 0) < 0.1 && at(1, 1) < 0.1, "{picture}");
}

#[test]
fn what_is_transparent_is_paper() {
    let ink = |alpha| Rgba([0, 0, 0, alpha]);
    let picture = RgbaImage::from_fn(2, 2, |x, y| ink([0, 255, 51, 0][(2 * y + x) as usize]));
    let folder = files(&[("a/1.png", encoded(picture, ImageFormat::Png)), ("b/1.png", plain(0))]);
    assert_eq!(load(folder.path()).images.image(0, 0), [255, 0, 204, 255]);
}

#[test]
fn other_sizes_and_proportions_are_brought_to_the_one_asked_for() {
    let halves = GrayImage::from_fn(90, 30, |x, _| image::Luma([if x < 45 { 0 } else { 200 }]));
    let folder = files(&[("a/1.png", encoded(halves, ImageFormat::Png)), ("b/1.png", plain(9))]);
    let config = FolderConfig { size: [3, 6], ..FolderConfig::default() };
    let images = folder::load(folder.path(), &config).unwrap().images;
    assert_eq!((images.shape(), images.image(1, 0)), ([3, 6, 1], &[9; 18][..]));
    for row in images.image(0, 0).chunks(6) {
        assert!(
            row[0] < 20 && row[1] < 20 && row[4].abs_diff(200) < 20 && row[5].abs_diff(200) < 20,
            "{row:?}"
        );
    }
}

#[test]
fn episodes_are_drawn_from_pictures_as_from_drawings() {
    let pictures: Vec<(String, Vec<u8>)> =
        (0..12u8).map(|i| (format!("class{}/{i:02}.png", i / 3), plain(20 * i))).collect();
    let folder = files(&pictures);
    let loaded = load(folder.path());
    let split = folder::random_split(&loaded.images, 1).unwrap();
    assert_eq!((split.train().len(), split.test().len()), (2, 2));
    let protocol = Protocol { ways: 2, shots: 1, queries: 2, rotations: Rotations::None };
    let tasks = ImageTasks::new(Arc::new(loaded.images), split.test(), protocol, 1, Purpose::Test).unwrap();
    let episode = tasks.episode(0);
    assert_eq!(episode.support.x.shape(), [2, 2, 2, 1]);
    let tones = episode.support.x.iter().chain(&episode.query.x);
    assert!(tones.clone().all(|v| (v * 255.0 / 20.0).fract().abs() < 1e-4));
    let distinct: std::collections::BTreeSet<u32> = tones.map(|v| v.to_bits()).collect();
    assert_eq!(distinct.len(), 6, "six pictures, each once");
}

/// Some bytes that say they are 65536x65536 pixels.
fn huge_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, 1 << 16, 1 << 16).write_header().expect("into memory");
    writer.write_chunk(png::chunk::IDAT, &[]).expect("into memory");
    drop(writer);
    bytes
}

#[test]
fn drawings_read_as_those_of_omniglot_do() {
    let part = crate::common::small_part("images_background", "Greek", 3);
    let folder = files(&part);
    let omniglot = fewshot_episodes::omniglot::load(folder.path(), 28).unwrap();
    let config = FolderConfig { tones: Tones::Inverted, ..FolderConfig::default() };
    let images = folder::load(folder.path().join("images_background"), &config).unwrap().images;
    assert_eq!((images.classes(), images.shape()), (3, omniglot.shape()));
    for class in 0..3 {
        assert_eq!((images.name(class), images.images(class)), (omniglot.name(class), 20));
        for (ours, theirs) in images.image(class, 7).iter().zip(omniglot.image(class, 7)) {
            // ink is turned before or after resampling: they round apart at most
            assert!(ours.abs_diff(*theirs) <= 1, "{ours} instead of {theirs}");
        }
        assert!(images.image(class, 7).iter().any(|&ink| ink > 200));
    }
}

#[test]
fn every_picture_that_cannot_be_read_is_told() {
    let whole = encoded(GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * y) as u8])), ImageFormat::Jpeg);
    let png = encoded(GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * y) as u8])), ImageFormat::Png);
    let bomb = huge_png();
    for (bytes, cause) in [
        (b"hello".to_vec(), "no PNG, JPEG"),
        (Vec::new(), "empty"),
        (b"GIF89a\x01\0\x01\0".to_vec(), "Gif"),
        (png[..png.len() / 2].to_vec(), "2.png"),
        (whole[..whole.len() / 2].to_vec(), "breaks off"),
        (whole[..whole.len() - 2].to_vec(), "breaks off"),
        (bomb, "65536x65536"),
    ] {
        let folder = files(&[("a/1.png", plain(1)), ("a/2.png", bytes), ("b/1.png", plain(1))]);
        has(&refused(folder.path()), &["2.png", cause]);
        let file = folder.path().join("a/2.png");
        has(&folder::picture(&file, &small()).unwrap_err().to_string(), &["2.png", cause]);
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(load(folder.path()).images.len(), 3);
    }
    let folder = files(&[("a/1.png", b"x".to_vec()), ("b/2.png", b"x".to_vec()), ("c/3.png", b"x".to_vec())]);
    has(&refused(folder.path()), &["1.png", "2 more"]);
    has(&folder::picture(folder.path(), &small()).unwrap_err().to_string(), &["is a folder"]);
    has(&folder::picture("/no/such.png", &small()).unwrap_err().to_string(), &["/no/such.png"]);
}

#[test]
fn an_embedded_thumbnail_is_not_the_end_of_a_photograph() {
    let thumbnail = encoded(GrayImage::new(8, 8), ImageFormat::Jpeg);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(thumbnail).unwrap();
    encoder.write_image(&[7; 64 * 64], 64, 64, ExtendedColorType::L8).unwrap();
    let folder = files(&[("a/1.jpg", bytes[..bytes.len() - 2].to_vec()), ("a/2.jpg", bytes)]);
    let read = |name: &str| folder::picture(folder.path().join(name), &small());
    has(&read("a/1.jpg").unwrap_err().to_string(), &["breaks off"]);
    assert!(read("a/2.jpg").is_ok());
}

#[test]
fn folders_that_are_no_data_set() {
    for (names, said) in [
        (&["a/1.png", "loose.jpg"][..], &["loose.jpg", "no class folder"][..]),
        (&["a/1.png", "b/notes.txt"], &["b", "holds no picture"]),
        (&["a/1.png", "a/more/2.png"], &["1.png", "more", "either"]),
        (&["readme.txt"], &["holds no class folders"]),
        (&["a/1.png", "a/photo.HEIC"], &["photo.HEIC", "whatever its name", "remove it"]),
        (&["1/2/3/4/5/6/7/8/9/1.png"], &["8 folders deep"]),
    ] {
        let is_picture = |name: &str| name.ends_with("png") || name.ends_with("jpg");
        let content = |name: &str| if is_picture(name) { plain(1) } else { b"text".to_vec() };
        let folder = files(&names.iter().map(|name| (*name, content(name))).collect::<Vec<_>>());
        has(&refused(folder.path()), said);
    }
    has(&refused(Path::new("/no/such/place")), &["/no/such/place"]);
    for size in [[0, 2], [2, 5000]] {
        let config = FolderConfig { size, ..FolderConfig::default() };
        has(&folder::load("/no/such", &config).unwrap_err().to_string(), &["image size", "1 to 1024"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The result does not depend on the order in which files come into being.
    #[test]
    fn order_of_the_file_system_does_not_matter(
        tones in prop::collection::vec(0u8..255, 6..14),
        order in Just((0..14usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let all: Vec<(String, Vec<u8>)> = tones
            .iter()
            .enumerate()
            .map(|(i, tone)| (format!("class{}/{}.png", i % 4, (i * 5) % 14), plain(*tone)))
            .collect();
        let shuffled: Vec<_> = order.iter().filter_map(|&i| all.get(i).cloned()).collect();
        let (one, other) = (files(&all), files(&shuffled));
        let loaded = load(one.path());
        prop_assert_eq!(&loaded, &load(other.path()));
        prop_assert_eq!(loaded.images.len(), tones.len());
    }

    /// The parts of a random split share no class, leave none out, and each has two at least.
    #[test]
    fn a_random_split_is_a_division(classes in 4u8..200, seed: u64) {
        let class = |i: u8| (format!("class{i}"), vec![i]);
        let images = fewshot_episodes::ImageSet::new([1, 1, 1], (0..classes).map(class).collect());
        let split = folder::random_split(&images, seed).unwrap();
        let mut all: Vec<usize> =
            [split.train(), split.validation(), split.test()].concat().iter().map(|id| id.class).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..usize::from(classes)).collect::<Vec<_>>());
        prop_assert!(split.train().len() >= 2 && split.test().len() >= 2);
        prop_assert!(split.train().len() >= split.test().len());
        prop_assert_eq!(split, folder::random_split(&images, seed).unwrap());
    }
}

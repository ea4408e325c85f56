//! Archives and drawings that are damaged, hostile or not what they
//! should be: one clear error each, and never a panic.

use crate::common::{archive, drawing, has, png, small_part, write};
use fewshot_episodes::omniglot;
use std::io::Cursor;
use tempfile::{TempDir, tempdir};
use zip::write::SimpleFileOptions;

const BACKGROUND: &str = "images_background";

/// A folder with `images_background.zip` of these bytes.
fn folder(zip: &[u8]) -> TempDir {
    let folder = tempdir().unwrap();
    write(folder.path(), "images_background.zip", zip);
    folder
}

/// The message of loading an archive of these files.
fn refused(files: &[(String, Vec<u8>)]) -> String {
    omniglot::load(folder(&archive(files)).path(), 28).unwrap_err().to_string()
}

#[test]
fn archives_folders_and_both_give_the_same() {
    let files = small_part(BACKGROUND, "Greek", 3);
    let zipped = folder(&archive(&files));
    let from_archive = omniglot::load(zipped.path(), 28).unwrap();
    assert_eq!((from_archive.classes(), from_archive.len()), (3, 60));
    assert_eq!(from_archive.name(2), "Greek/character03");
    assert!(from_archive.image(0, 0).contains(&255), "ink is 255");
    assert_eq!(from_archive.image(0, 0)[27], 0, "paper is 0");

    let unpacked = tempdir().unwrap();
    for (name, bytes) in &files {
        write(unpacked.path(), name, bytes);
    }
    let part = unpacked.path().join(BACKGROUND);
    for path in [unpacked.path(), &part, &zipped.path().join("images_background.zip")] {
        assert_eq!(omniglot::load(path, 28).unwrap(), from_archive, "{}", path.display());
    }
    // beside an archive with the other part
    let more = archive(&small_part("images_evaluation", "Angelic", 2));
    write(unpacked.path(), "images_evaluation.zip", &more);
    let both = omniglot::load(unpacked.path(), 28).unwrap();
    assert_eq!((both.classes(), both.name(0), both.name(2)), (5, "Angelic/character01", "Greek/character01"));
}

#[test]
fn files_that_are_no_drawings_are_ignored() {
    let mut files = small_part(BACKGROUND, "Greek", 2);
    for name in [
        "__MACOSX/images_background/Greek/character01/._0001_01.png",
        "images_background/Greek/character01/._0001_01.png",
        "images_background/Greek/character01/Thumbs.db",
        "images_background/Greek/character1/0001_01.png",
        "images_background/Greek/character01/0001_01.jpg",
        "images_background/Greek/character01/more/0001_01.png",
        "images_background/.DS_Store",
        "README",
    ] {
        files.push((name.into(), b"nothing to see".to_vec()));
    }
    let set = omniglot::load(folder(&archive(&files)).path(), 28).unwrap();
    assert_eq!((set.classes(), set.len()), (2, 40));
}

#[test]
fn missing_paths_and_foreign_data() {
    let empty = tempdir().unwrap();
    let missing = empty.path().join("nowhere");
    let message = omniglot::load(&missing, 28).unwrap_err().to_string();
    has(&message, &["cannot read", "nowhere", "check the path"]);
    let message = omniglot::load(empty.path(), 28).unwrap_err().to_string();
    has(&message, &["holds no drawing", "images_background.zip"]);
    let runs = write(empty.path(), "all_runs.zip", &archive(&[("run01/x".into(), vec![])]));
    has(&omniglot::load(&runs, 28).unwrap_err().to_string(), &["all_runs.zip holds no drawing"]);
    let text = write(empty.path(), "text.zip", b"this is no archive");
    let message = omniglot::load(&text, 28).unwrap_err().to_string();
    has(&message, &["text.zip cannot be read as a zip archive", "download it again"]);
    let message = omniglot::runs(&text, 28).unwrap_err().to_string();
    has(&message, &["text.zip cannot be read as a zip archive"]);
}

#[test]
fn image_sizes_out_of_range() {
    let good = folder(&archive(&small_part(BACKGROUND, "Greek", 1)));
    for size in [0, 106, usize::MAX] {
        let message = omniglot::load(good.path(), size).unwrap_err().to_string();
        assert_eq!(message, format!("image size {size} is not possible: choose 1 to 105"));
    }
    for size in [1, 2, 104, 105] {
        assert_eq!(omniglot::load(good.path(), size).unwrap().shape(), [size, size, 1]);
    }
}

#[test]
fn truncated_archives() {
    let whole = archive(&small_part(BACKGROUND, "Greek", 1));
    for cut in (0..whole.len()).step_by(97) {
        let damaged = folder(&whole[..cut]);
        let message = omniglot::load(damaged.path(), 28).unwrap_err().to_string();
        has(&message, &["images_background.zip", "download it again"]);
    }
}

#[test]
fn damaged_archives_do_not_panic() {
    let whole = archive(&small_part(BACKGROUND, "Greek", 1));
    let good = omniglot::load(folder(&whole).path(), 28).unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(13) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        match omniglot::load(folder(&damaged).path(), 28) {
            // bytes such as dates are not checked: then the drawings are right
            Ok(set) => assert_eq!(set.image(0, 3), good.image(0, 3)),
            Err(error) => {
                assert!(error.to_string().contains("images_background.zip"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > whole.len() / 13 / 2, "only {refused} refused");
}

#[test]
fn entries_that_lead_outside() {
    for name in ["../../etc/evil", "/etc/passwd", "images_background/../../x.png", "C:/x", "..\\x"] {
        let mut files = small_part(BACKGROUND, "Greek", 1);
        files.push((name.into(), drawing(1)));
        let zip = folder(&archive(&files));
        let error = omniglot::load(zip.path(), 28).unwrap_err();
        let written = name.escape_debug().to_string();
        has(&error.to_string(), &["images_background.zip", &written, "leads outside"]);
        let beside: Vec<_> = std::fs::read_dir(zip.path()).unwrap().collect();
        assert_eq!(beside.len(), 1, "nothing is written");
    }
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let name = "images_background/Greek/character01/0001_01.png";
    writer.add_symlink(name, "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let zip = folder(&writer.finish().unwrap().into_inner());
    has(&omniglot::load(zip.path(), 28).unwrap_err().to_string(), &[name, "leads outside"]);
}

#[test]
fn entries_that_unpack_without_end() {
    let mut files = small_part(BACKGROUND, "Greek", 1);
    files[4].1 = vec![0; 50_000_000];
    let zip = archive(&files);
    assert!(zip.len() < 200_000, "50 MB of zeros are packed small");
    let message = omniglot::load(folder(&zip).path(), 28).unwrap_err().to_string();
    has(&message, &["0001_05.png", "more than 65536 bytes"]);
}

#[test]
fn archives_with_too_many_entries() {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..100_001 {
        writer.start_file(number.to_string(), SimpleFileOptions::default()).unwrap();
    }
    let zip = folder(&writer.finish().unwrap().into_inner());
    let message = omniglot::load(zip.path(), 28).unwrap_err().to_string();
    has(&message, &["images_background.zip", "more than 100000 files"]);
}

/// A PNG of this header without image data.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(8, 8, |_, _| true);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 }
    };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |c, _| step(c)))
}

fn colour_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 105, 105);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[9; 3 * 105 * 105]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn drawings_that_are_none() {
    let cut = drawing(1);
    for (bytes, parts) in [
        (b"no picture at all".to_vec(), &["not a readable PNG", "download"][..]),
        (Vec::new(), &["not a readable PNG"][..]),
        (cut[..cut.len() / 2].to_vec(), &["not a readable PNG"][..]),
        (png(28, 28, |_, _| true), &["is 28x28", "are 105x105", "original data"][..]),
        (png_header(60_000, 60_000), &["is 60000x60000"][..]),
        (png_header(105, 105), &["not a readable PNG"][..]),
        (colour_png(), &["greyscale"][..]),
    ] {
        let mut files = small_part(BACKGROUND, "Greek", 2);
        files[26].1 = bytes;
        let message = refused(&files);
        has(&message, &["images_background.zip", "Greek/character02/0002_07.png"]);
        has(&message, parts);
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn the_first_bad_drawing_is_named_whatever_the_threads() {
    let mut files = small_part(BACKGROUND, "Greek", 20);
    for number in [45, 61, 250, 399] {
        files[number].1 = Vec::new();
    }
    let zip = folder(&archive(&files));
    for _ in 0..5 {
        let message = omniglot::load(zip.path(), 28).unwrap_err().to_string();
        has(&message, &["character03/0003_06.png"]);
    }
}

#[test]
fn characters_with_missing_or_doubled_drawings() {
    let mut files = small_part(BACKGROUND, "Greek", 2);
    files.truncate(39);
    has(&refused(&files), &["Greek/character02 has 19 drawings instead of 20", "again"]);
    let folder = folder(&archive(&small_part(BACKGROUND, "Greek", 1)));
    let again = archive(&small_part(BACKGROUND, "Greek", 1));
    write(folder.path(), "images_evaluation.zip", &again);
    let message = omniglot::load(folder.path(), 28).unwrap_err().to_string();
    has(&message, &["Greek/character01 has 40 drawings instead of 20"]);
}

//! Folders with more in them than pictures: what is read, what is refused, and what is counted.

use crate::common::{has, write};
use fewshot_episodes::folder::{self, Colour, Folder, FolderConfig};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::path::Path;
use tempfile::TempDir;

fn picture() -> RgbImage {
    RgbImage::from_fn(4, 3, |x, y| Rgb([60 * x as u8, 80 * y as u8, 40]))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture()).write_to(&mut bytes, format).expect("into memory");
    bytes.into_inner()
}

fn png() -> Vec<u8> {
    encoded(ImageFormat::Png)
}

fn config() -> FolderConfig {
    FolderConfig { size: [3, 4], colour: Colour::Rgb, ..FolderConfig::default() }
}

fn files(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        write(folder.path(), name, bytes);
    }
    folder
}

fn load(folder: &Path) -> Folder {
    folder::load(folder, &config()).unwrap()
}

fn refused(folder: &Path) -> String {
    let message = folder::load(folder, &config()).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn the_content_decides_and_not_the_name() {
    let lossless =
        [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Pnm];
    for (format, name) in lossless
        .into_iter()
        .flat_map(|format| ["a/1.png", "a/1.jpg_large", "a/1", "a/1.txt"].map(|name| (format, name)))
    {
        let folder = files(&[(name, encoded(format)), ("b/1.png", png())]);
        let loaded = load(folder.path());
        assert_eq!(loaded.images.image(0, 0), picture().as_raw(), "{format:?} as {name}");
        assert!(loaded.passed_over.is_empty());
    }
    // of 256 colours, as its format has no more
    let gif = load(files(&[("a/1", encoded(ImageFormat::Gif)), ("b/1.png", png())]).path());
    let apart = |(a, b): (&u8, &u8)| a.abs_diff(*b) < 3;
    assert!(gif.images.image(0, 0).iter().zip(picture().as_raw()).all(apart), "{:?}", gif.images.image(0, 0));
}

#[test]
fn drawings_of_every_kind_of_pnm_are_read() {
    for bytes in [
        &b"P1 # by hand\n2 2\n0 1\n1 0\n"[..],
        b"P2 2 2 255\n255 0\n0 255\n",
        b"P4 2 2\n\x40\x80",
        b"P5\n2 2\n255\n\xff\0\0\xff",
        b"P6 2 2 255\n\xff\xff\xff\0\0\0\0\0\0\xff\xff\xff",
    ] {
        let folder = files(&[("a/1.pnm", bytes.to_vec())]);
        let config = FolderConfig { size: [2, 2], ..FolderConfig::default() };
        let picture = folder::picture(folder.path().join("a/1.pnm"), &config).unwrap();
        assert_eq!(picture.as_slice(), Some(&[1.0, 0.0, 0.0, 1.0][..]), "{}", bytes.escape_ascii());
    }
}

#[test]
fn pictures_that_are_not_read_are_refused_by_name() {
    for (name, head, said) in [
        ("a/2.heic", &b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "it is HEIC, which is not read"),
        ("a/2.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it is HEIC"),
        ("a/2", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "it is AVIF"),
        ("a/2.bin", b"\xff\x0a\xfa\x7f", "it is JPEG XL"),
        ("a/2.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "it is JPEG 2000"),
        ("a/2.NEF", b"MM\0*\0\0\0\x08", "it is a raw file of a camera"),
        ("a/2.psd", b"8BPS\0\x01", "it is a Photoshop file"),
        ("a/2.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "it is SVG"),
        ("a/2.tga", b"\0\0\x02\0\0\0\0\0", "whatever its name"),
        ("a/2.jpg", b"<html>not found</html>", "whatever its name"),
        ("a/2.webp", b"", "the file is empty"),
    ] {
        let folder = files(&[("a/1.png", png()), (name, head.to_vec()), ("b/1.png", png())]);
        has(&refused(folder.path()), &[name, said, "remove it"]);
    }
    let many: Vec<(String, Vec<u8>)> =
        (0..30).map(|k| (format!("a/{k:02}.heic"), b"\0\0\0\x18ftypheic".to_vec())).collect();
    let many: Vec<(&str, Vec<u8>)> =
        many.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    has(&refused(files(&many).path()), &["a/00.heic", "so it is with 29 more"]);
}

#[test]
fn what_is_no_picture_is_counted() {
    let text = || b"nothing to see".to_vec();
    let folder = files(&[
        ("a/1.png", png()),
        ("a/1.txt", text()),
        ("a/2.TXT", text()),
        ("a/Thumbs.db", text()),
        ("a/.DS_Store", text()),
        ("a/film.mp4", b"\0\0\0\x20ftypisom".to_vec()),
        ("b/README", text()),
        ("b/1.png", png()),
        ("labels.csv", text()),
    ]);
    let Folder { images, passed_over, .. } = load(folder.path());
    assert_eq!((images.len(), passed_over.files()), (2, 7));
    let said = passed_over.to_string();
    has(&said, &["7 files passed over: 2 x .txt, ", "1 x .db", "1 x hidden", "1 x .mp4", "1 without ending"]);
    assert_eq!(said.lines().count(), 1);
    let folder = files(&[("a/1.png", png()), ("b/1.png", png())]);
    assert_eq!(load(folder.path()).passed_over.to_string(), "");
}

#[test]
fn folders_of_the_system_are_not_entered() {
    let names = [
        "@eaDir",
        "lost+found",
        "__MACOSX",
        "#recycle",
        "$RECYCLE.BIN",
        "System Volume Information",
        ".thumbnails",
    ];
    let folder = files(&[("a/1.png", png()), ("b/1.png", png())]);
    for name in names {
        write(folder.path(), &format!("{name}/1.png"), &png());
        write(folder.path(), &format!("a/{name}/1.png/SYNOFILE_THUMB_M.png"), &png());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let shut = folder.path().join("lost+found");
        std::fs::set_permissions(shut, PermissionsExt::from_mode(0o000)).unwrap();
    }
    let loaded = load(folder.path());
    assert_eq!((loaded.images.classes(), loaded.images.len()), (2, 2));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let shut = folder.path().join("lost+found");
        std::fs::set_permissions(shut, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

/// The order of rows and columns, turned by a camera and cut into strips, is the same as of the whole picture.
#[test]
fn turned_and_interlaced_pictures_are_as_whole_ones() {
    let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([5 * x as u8, 8 * y as u8, (x * y) as u8]));
    for orientation in 1..=8u8 {
        let exif =
            [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0, 0, 0, 0, 0]]
                .concat();
        let mut jpeg = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
        encoder.set_exif_metadata(exif.clone()).unwrap();
        encoder.write_image(&picture, 40, 30, ExtendedColorType::Rgb8).unwrap();
        let mut turned = image::load_from_memory(&jpeg).unwrap();
        turned.apply_orientation(image::metadata::Orientation::from_exif(orientation).unwrap());
        let mut plain = Cursor::new(Vec::new());
        turned.write_to(&mut plain, ImageFormat::Png).unwrap();
        let mut png = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif).unwrap();
        let sideways = image::load_from_memory(&jpeg).unwrap();
        sideways.write_with_encoder(encoder).unwrap();
        let folder = files(&[("a/1.jpg", jpeg), ("a/2.png", png), ("a/3.png", plain.into_inner())]);
        let images = load(folder.path()).images;
        assert_eq!(images.image(0, 0), images.image(0, 2), "JPEG of orientation {orientation}");
        assert_eq!(images.image(0, 1), images.image(0, 2), "PNG of orientation {orientation}");
    }
}

#[cfg(unix)]
mod links_and_pipes {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    fn pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo is there").success());
    }

    #[test]
    fn pipes_and_devices_are_not_waited_for() {
        let folder = files(&[("a/1.png", png()), ("b/1.png", png())]);
        pipe(&folder.path().join("a/queue"));
        assert_eq!(load(folder.path()).passed_over.to_string(), "1 file passed over: 1 without ending");
        pipe(&folder.path().join("a/2.png"));
        symlink("/dev/zero", folder.path().join("b/2.jpg")).unwrap();
        has(&refused(folder.path()), &["a/2.png", "is a named pipe", "1 more"]);
        for (path, said) in [("a/2.png", "a named pipe"), ("b/2.jpg", "a device")] {
            has(
                &folder::picture(folder.path().join(path), &config()).unwrap_err().to_string(),
                &[path, said],
            );
        }
        let features = folder.path().join("features.safetensors");
        pipe(&features);
        let read = |path: &Path| fewshot_episodes::FeatureParts::read(path).unwrap_err().to_string();
        has(&read(&features), &["a named pipe"]);
        has(&read(Path::new("/dev/zero")), &["/dev/zero is a device"]);
        has(&read(folder.path()), &["is a folder"]);
        pipe(&folder.path().join("train.txt"));
        let images = load(files(&[("a/1.png", png())]).path()).images;
        let split = fewshot_episodes::ClassSplit::read(&images, folder.path()).unwrap_err();
        has(&split.to_string(), &["train.txt", "a named pipe"]);
        let archive = folder.path().join("images_background.zip");
        pipe(&archive);
        let omniglot = |path: &Path| fewshot_episodes::omniglot::load(path, 28).unwrap_err().to_string();
        has(&omniglot(&archive), &["a named pipe"]);
    }

    #[test]
    fn links_are_followed_once() {
        let folder = files(&[("elsewhere.png", png()), ("data/b/1.png", png()), ("data/z/1.png", png())]);
        let data = folder.path().join("data");
        symlink(folder.path().join("elsewhere.png"), data.join("b/2.png")).unwrap();
        assert_eq!(load(&data).images.images(0), 2, "a link to a file elsewhere is a picture");
        // a link that comes first by name does not take the name of the folder
        symlink("b", data.join("a")).unwrap();
        symlink(".", data.join("again")).unwrap();
        let Folder { images, passed_over, .. } = load(&data);
        assert_eq!((images.classes(), images.name(0), images.len()), (2, "b", 3));
        assert_eq!(*passed_over.folders(), [data.join("a"), data.join("again")]);
        has(&passed_over.to_string(), &["2 folders passed over", "data/a"]);
        // a folder of links alone is a data set as any other
        let links = folder.path().join("links");
        std::fs::create_dir(&links).unwrap();
        for name in ["b", "z"] {
            symlink(data.join(name), links.join(format!("class-{name}"))).unwrap();
        }
        let images = load(&links).images;
        assert_eq!((images.name(0), images.name(1), images.len()), ("class-b", "class-z", 3));
    }

    #[test]
    fn links_that_lead_back_are_passed_over() {
        let folder = files(&[("data/a/1.png", png()), ("data/g/b/1.png", png()), ("else/1/1.png", png())]);
        let data = folder.path().join("data");
        // to the parent, to itself, to the folder around all, and to a class before and behind
        for (link, target) in [
            ("a/up", ".."),
            ("a/self", "."),
            ("g/b/out", "../../.."),
            ("g/b/first", "../../a"),
            ("a/behind", "../g/b"),
        ] {
            symlink(target, data.join(link)).unwrap();
        }
        symlink("/", data.join("g/all")).unwrap();
        let Folder { images, passed_over, .. } = load(&data);
        assert_eq!((images.classes(), images.name(0), images.name(1), images.len()), (2, "a", "g/b", 2));
        assert_eq!(passed_over.folders().len(), 6, "{:?}", passed_over.folders());
        has(&passed_over.to_string(), &["6 folders passed over, as links lead there from elsewhere"]);
        // one that leads to pictures that are met nowhere else is a folder among pictures
        symlink("../../else", data.join("a/else")).unwrap();
        has(&refused(&data), &["picture", "a/1.png lies beside folder", "a/else"]);
    }

    #[test]
    fn a_thicket_of_links_is_left_at_once() {
        let folder = files(&[("0/1/2/3/4/5/class/1.png", png())]);
        let mut path = folder.path().to_path_buf();
        for level in 0..6 {
            for link in 0..40 {
                symlink(level.to_string(), path.join(format!("link{link}"))).unwrap();
            }
            path.push(level.to_string());
        }
        let loaded = load(folder.path());
        assert_eq!((loaded.images.classes(), loaded.passed_over.folders().len()), (1, 240));
        let message = fewshot_episodes::omniglot::load(folder.path(), 28).unwrap_err().to_string();
        has(&message, &["holds no drawing"]);
    }
}

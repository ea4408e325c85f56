//! Omniglot as people have it: packed again, copied, renamed or in parts.

use crate::common::{archive, has, small_part, write};
use fewshot_episodes::{ImageSet, omniglot};
use tempfile::{TempDir, tempdir};

const BACKGROUND: &str = "images_background";

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, bytes) in files {
        write(folder.path(), name, bytes);
    }
    folder
}

fn renamed(name: impl Fn(String) -> String) -> Vec<u8> {
    let files = small_part(BACKGROUND, "Greek", 2);
    archive(&files.into_iter().map(|(file, bytes)| (name(file), bytes)).collect::<Vec<_>>())
}

fn expected() -> ImageSet {
    omniglot::load(folder(&[("images_background.zip", renamed(|name| name))]).path(), 28).unwrap()
}

#[test]
fn archives_packed_again_are_read() {
    for (what, zip) in [
        ("backslashes", renamed(|name| name.replace('/', "\\"))),
        ("one folder more", renamed(|name| format!("omniglot/python/{name}"))),
        ("one folder less", renamed(|name| name.replace("images_background/", ""))),
        ("capitals", renamed(|name| name.replace(".png", ".PNG"))),
        ("another name above", renamed(|name| name.replace(BACKGROUND, "background"))),
    ] {
        let data = folder(&[("images_background.zip", zip)]);
        assert_eq!(omniglot::load(data.path(), 28).unwrap(), expected(), "{what}");
        let archive = data.path().join("images_background.zip");
        assert_eq!(omniglot::load(archive, 28).unwrap(), expected(), "{what}");
    }
}

#[test]
fn copies_and_folders_above_are_found() {
    let zip = || renamed(|name| name);
    for name in [
        "images_background (1).zip",
        "images_background(2).ZIP",
        "images_background - Copy.zip",
        "Images_Background.zip",
        "omniglot-master/python/images_background.zip",
        "omniglot-py/images_background (3).zip",
    ] {
        let data = folder(&[(name, zip()), ("omniglot-py/readme.txt", b"text".to_vec())]);
        assert_eq!(omniglot::load(data.path(), 28).unwrap(), expected(), "{name}");
    }
    // the name itself comes before its copies
    let data = folder(&[("images_background (1).zip", b"torn".to_vec()), ("images_background.zip", zip())]);
    assert_eq!(omniglot::load(data.path(), 28).unwrap(), expected());
    for names in [
        ["images_background (1).zip", "images_background (2).zip"],
        ["one/images_background.zip", "two/images_background.zip"],
    ] {
        let data = folder(&names.map(|name| (name, zip())));
        let message = omniglot::load(data.path(), 28).unwrap_err().to_string();
        let [one, other] = names.map(|name| name.split('/').next().unwrap());
        has(&message, &[one, other, "give one of them"]);
    }
}

#[test]
fn the_small_parts_stand_for_the_large_one() {
    let part = |name: &str, alphabets: &[&str]| {
        let files = alphabets.iter().flat_map(|alphabet| small_part(name, alphabet, 1));
        archive(&files.collect::<Vec<_>>())
    };
    let first = || part("images_background_small1", &["Greek", "Latin"]);
    let second = || part("images_background_small2", &["Korean", "Latin"]);
    let data = folder(&[("images_background_small1.zip", first())]);
    for path in [data.path(), &data.path().join("images_background_small1.zip")] {
        assert_eq!(omniglot::load(path, 28).unwrap().classes(), 2);
    }
    write(data.path(), "images_background_small2.zip", &second());
    write(data.path(), "images_evaluation.zip", &part("images_evaluation", &["Angelic"]));
    let images = omniglot::load(data.path(), 28).unwrap();
    let names: Vec<&str> = (0..images.classes()).map(|class| images.name(class)).collect();
    let alphabets = ["Angelic", "Greek", "Korean", "Latin"].map(|name| format!("{name}/character01"));
    assert_eq!(names, alphabets, "what both hold counts once");
    // beside the large part they are copies of some of it
    write(data.path(), "images_background.zip", &part(BACKGROUND, &["Greek", "Latin", "Korean"]));
    assert_eq!(omniglot::load(data.path(), 28).unwrap(), images);
}

#[test]
fn what_was_found_instead_is_said() {
    let strokes =
        archive(&[("strokes/Greek/character01/0001_01.txt".into(), vec![]), ("more".into(), vec![])]);
    let data = folder(&[("strokes_background.zip", strokes)]);
    let message = |path: &std::path::Path| omniglot::load(path, 28).unwrap_err().to_string();
    has(
        &message(data.path()),
        &["holds no drawing", "but 'strokes_background.zip'", "images_background.zip"],
    );
    let archive = data.path().join("strokes_background.zip");
    has(&message(&archive), &["'strokes/Greek/character01/0001_01.txt' and 1 more"]);
    has(&message(tempdir().unwrap().path()), &["no file at all"]);
}

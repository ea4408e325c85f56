//! Names in lists: any that a file system allows, in every form that lists are saved in.

use crate::common::divided::{folder, loaded, names, parts, picture, ravi, refused};
use crate::common::{has, write};
use fewshot_episodes::{ClassSplit, ImageSet};
use tempfile::TempDir;

/// 고양이 with letters apart, as macOS stores it, and as keyboards give it.
const DECOMPOSED: &str = "\u{1100}\u{1169}\u{110b}\u{1163}\u{11bc}\u{110b}\u{1175}";
const COMPOSED: &str = "고양이";

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(order).collect()
}

/// A list of training classes beside one of a test class, over six pictures.
fn listed(train: &[u8]) -> TempDir {
    ravi([train, b"", b"filename,label\n5.png,test\n"], 6)
}

#[test]
fn names_with_commas_quotes_and_line_breaks_stay_apart() {
    // as Python's csv writes them
    let list = "filename,label\r\n0.png,\"crane, bird\"\r\n1.png,\"crane, machine\"\r\n2.png,\"a \"\"crane\"\"\"\r\n\
                3.png,\"two\nlines\"\r\n\"1,0.png\",\" blanks \"\r\n4.png, blanks \r\n";
    let folder = listed(list.as_bytes());
    write(folder.path(), "images/1,0.png", &picture(7));
    let loaded = loaded(folder.path()).unwrap();
    let expected = [" blanks ", "a \"crane\"", "blanks", "crane, bird", "crane, machine", "two\nlines"];
    assert_eq!(parts(&loaded), [&expected[..], &[], &["test"]]);
    assert_eq!(loaded.images.image(0, 0), [0, 0, 0, 0, 0, 0, 0, 255], "of the file with the comma");
}

#[test]
fn lines_that_are_no_csv_are_refused() {
    for (list, said) in [
        ("filename,label\n0.png,crane, bird\n", &["line 2", "3 fields", "double quotes"][..]),
        ("filename,label\n0.png,a\n1.png,\"b\n2.png,c\n", &["line 3", "quotes do not match"]),
        ("filename,label\n0.png,\"a\"b\n", &["line 2", "quotes do not match"]),
        ("filename,label\n\n0.png,\"x\ny\"\n\n1.png\n", &["line 6", "1.png", "no picture and class"]),
        ("filename,label\n0.png,a\n1.png, a\n", &["line 3", "other blanks", "line 2"]),
        ("filename,label\n0.png,caf\u{e9}\n1.png,cafe\u{301}\n", &["line 3", "Unicode form", "line 2"]),
    ] {
        has(&refused(listed(list.as_bytes()).path()), &[&["train.csv"][..], said].concat());
    }
}

#[test]
fn separators_of_all_spreadsheets_are_read() {
    for separator in [",", ";", "\t"] {
        let list = ["filename|label", "0.png|a,b;c", " 1.png | d "].join("\n").replace('|', separator);
        let list = list.replace("a,b;c", "\"a,b;c\"");
        let loaded = loaded(listed(list.as_bytes()).path()).unwrap();
        assert_eq!(parts(&loaded)[0], ["a,b;c", "d"], "{separator:?}");
    }
    for (header, said) in [("filename|label", "'|'"), ("Filename label", "' '"), ("label:filename", "':'")] {
        has(
            &refused(listed(format!("{header}\n0.png\n").as_bytes()).path()),
            &["train.csv line 1", "separated by", said],
        );
    }
    has(&refused(listed(b"0.png,a\n").path()), &["train.csv line 1", "filename,label", "'0.png,a'"]);
}

#[test]
fn lists_in_other_encodings_are_read_or_refused_with_their_line() {
    let list = "filename,label\n0.png,개\n1.png,새\n";
    let marked = format!("\u{feff}{list}");
    for bytes in
        [list.as_bytes(), marked.as_bytes(), &utf16(list, u16::to_le_bytes), &utf16(list, u16::to_be_bytes)]
    {
        assert_eq!(parts(&loaded(listed(bytes).path()).unwrap())[0], ["개", "새"]);
    }
    // the two names in code page 949 have the same length, and were taken for one
    let korean = b"filename,label\n0.png,\xb0\xb3\n1.png,\xbb\xf5\n";
    has(&refused(listed(korean).path()), &["train.csv line 2", "not UTF-8", "save the file as UTF-8"]);
    has(
        &refused(listed(&utf16(list, u16::to_le_bytes)[2..]).path()),
        &["train.csv line", "save the file as UTF-8"],
    );
}

#[test]
fn lists_of_classes_are_read_in_the_same_forms() {
    let classes: Vec<String> = ["개", "새", "곰"].map(String::from).into();
    let images = ImageSet::new([1, 1, 1], classes.into_iter().map(|name| (name, vec![0])).collect());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "val.txt", b"");
    write(folder.path(), "test.txt", "\u{feff}새\r\n".as_bytes());
    for bytes in [
        "\u{feff}개\r\n곰".as_bytes(),
        &utf16("개\n곰\n", u16::to_le_bytes),
        &utf16("개\r\n곰", u16::to_be_bytes),
    ] {
        write(folder.path(), "train.txt", bytes);
        let split = ClassSplit::read(&images, folder.path()).unwrap();
        assert_eq!((split.train(), split.test()), (&[0.into(), 2.into()][..], &[1.into()][..]));
    }
    write(folder.path(), "train.txt", b"\n\xb0\xb3\n");
    let message = ClassSplit::read(&images, folder.path()).unwrap_err().to_string();
    has(&message, &["train.txt line 2", "not UTF-8", "save the file as UTF-8"]);
}

#[test]
fn classes_and_pictures_are_found_in_every_unicode_form() {
    let files = [&format!("{DECOMPOSED}/1.png"), &format!("새/{DECOMPOSED}.png"), "b/1.png"]
        .map(|name| name.to_string());
    let folder = folder(&files.each_ref().map(String::as_str));
    write(folder.path(), "train.txt", format!("{COMPOSED}\nb").as_bytes());
    write(folder.path(), "test.txt", "새".as_bytes());
    let loaded = loaded(folder.path()).unwrap();
    assert_eq!(parts(&loaded), [vec![DECOMPOSED, "b"], vec![], vec!["새"]]);
    assert_eq!(loaded.images.find(COMPOSED), loaded.images.find(DECOMPOSED));

    let pictures = listed(format!("filename,label\n{COMPOSED}/{COMPOSED}.png,{COMPOSED}\n").as_bytes());
    write(pictures.path(), &format!("images/{DECOMPOSED}/{DECOMPOSED}.png"), &picture(3));
    let loaded = self::loaded(pictures.path()).unwrap();
    assert_eq!((parts(&loaded)[0].as_slice(), loaded.images.images(1)), (&[COMPOSED][..], 1));
    // the same picture under two names
    let twice = format!("filename,label\n{COMPOSED}.png,a\n{DECOMPOSED}.png,b\n");
    let pictures = listed(twice.as_bytes());
    write(pictures.path(), &format!("images/{DECOMPOSED}.png"), &picture(3));
    has(&refused(pictures.path()), &["train.csv line 3", "listed", "line 2 already"]);
}

#[test]
fn folders_that_differ_only_in_form_are_two_classes() {
    let folder = folder(&[&format!("{COMPOSED}/1.png"), &format!("{DECOMPOSED}/1.png"), "새/1.png"]);
    assert_eq!(names(&loaded(folder.path()).unwrap()), [DECOMPOSED, COMPOSED, "새"]);
    write(folder.path(), "train.txt", COMPOSED.as_bytes());
    write(folder.path(), "test.txt", DECOMPOSED.as_bytes());
    assert_eq!(parts(&loaded(folder.path()).unwrap()), [vec![COMPOSED], vec![], vec![DECOMPOSED]]);
    // the first syllable alone composed
    let mixed = format!("고{}", &DECOMPOSED[6..]);
    write(folder.path(), "train.txt", mixed.as_bytes());
    has(&refused(folder.path()), &["train.txt line 1", "any of 2 names", "rename"]);
}

#[test]
fn lists_need_no_validation() {
    for validation in [None, Some(""), Some("\u{feff}\n\n"), Some("filename,label\n")] {
        let folder = listed(b"filename,label\n0.png,a\n");
        match validation {
            None => std::fs::remove_file(folder.path().join("val.csv")).unwrap(),
            Some(text) => drop(write(folder.path(), "val.csv", text.as_bytes())),
        }
        assert_eq!(parts(&loaded(folder.path()).unwrap()), [vec!["a"], vec![], vec!["test"]]);
    }
    let classes = folder(&["a/1.png", "b/1.png"]);
    write(classes.path(), "train.txt", b"a");
    write(classes.path(), "test.txt", b"b");
    assert_eq!(parts(&loaded(classes.path()).unwrap()), [vec!["a"], vec![], vec!["b"]]);
    write(classes.path(), "val.txt", b"\n \n");
    assert_eq!(parts(&loaded(classes.path()).unwrap()), [vec!["a"], vec![], vec!["b"]]);
}

#[test]
fn blanks_around_a_name_belong_to_it_where_a_class_is_called_so() {
    let classes = folder(&["a/1.png", " a/1.png", "b c/1.png"]);
    write(classes.path(), "train.txt", b"a\n a\n");
    write(classes.path(), "test.txt", b"\tb c \n");
    assert_eq!(parts(&loaded(classes.path()).unwrap()), [vec!["a", " a"], vec![], vec!["b c"]]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_unicode_stay_two() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = folder(&["새/1.png"]);
    for name in [&b"caf\xe9"[..], b"caf\xe8", br"caf\xE9", b"red\x1b[31m"] {
        let class = folder.path().join(OsStr::from_bytes(name));
        std::fs::create_dir(&class).unwrap();
        std::fs::write(class.join("1.png"), picture(1)).unwrap();
    }
    let named = [r"caf\\xE9", r"caf\xE8", r"caf\xE9", "red\u{1b}[31m", "새"];
    assert_eq!(names(&loaded(folder.path()).unwrap()), named);
    write(folder.path(), "train.txt", named[1..].join("\n").as_bytes());
    write(folder.path(), "test.txt", named[0].as_bytes());
    let loaded = self::loaded(folder.path()).unwrap();
    assert_eq!(parts(&loaded)[2], [named[0]]);
    write(folder.path(), "test.txt", b"\x1b[31mred");
    let message = refused(folder.path());
    assert!(message.contains(r"'\u{1b}[31mred'") && !message.contains('\u{1b}'), "{message}");
}

//! Folders for training, validation and testing: how they are known, and what they make of classes that they share.

use crate::common::divided::{folder, loaded, names, parts, ravi, refused};
use crate::common::{has, write};

#[test]
fn folders_of_parts_divide() {
    let unpacked = folder(&["train/wolf/1.png", "train/ant/1.png", "val/crow/1.png", "test/bee/1.png"]);
    let loaded = loaded(unpacked.path()).unwrap();
    assert_eq!(parts(&loaded), [vec!["ant", "wolf"], vec!["crow"], vec!["bee"]]);
    assert_eq!(loaded.layout, None, "as usual");
    let grouped = folder(&["train/a/x/1.png", "validation/a/y/1.png", "test/b/x/1.png"]);
    assert_eq!(parts(&self::loaded(grouped.path()).unwrap()), [["a/x"], ["a/y"], ["b/x"]]);
    let without = folder(&["train/a/1.png", "test/b/1.png"]);
    assert_eq!(parts(&self::loaded(without.path()).unwrap()), [vec!["a"], vec![], vec!["b"]]);
}

#[test]
fn parts_are_known_by_their_usual_names() {
    for [train, val, test] in [
        ["Train", "VAL", "Test"],
        ["training", "validation", "testing"],
        ["meta-train", "meta-val", "meta-test"],
        ["training_set", "valid", "eval"],
        ["train", "dev", "Evaluation"],
        ["photos/train", "photos/val", "photos/test"],
    ] {
        let folder =
            folder(&[&format!("{train}/a/1.png"), &format!("{val}/b/1.png"), &format!("{test}/c/1.png")]);
        let loaded = loaded(folder.path()).unwrap();
        let name =
            |class: &str| train.split_once('/').map_or(class.into(), |(above, _)| format!("{above}/{class}"));
        assert_eq!(parts(&loaded), [[name("a")], [name("b")], [name("c")]], "{train}");
    }
    let lists: [&[u8]; 3] =
        [b"filename,label\n0.png,a\n", b"filename,label\n1.png,b\n", b"filename,label\n2.png,c\n"];
    let folder = ravi(lists, 3);
    for (from, to) in [("train", "Training"), ("val", "validation"), ("test", "test")] {
        let [from, to] = [from, to].map(|name| folder.path().join(format!("{name}.csv")));
        std::fs::rename(from, to).unwrap();
    }
    assert_eq!(parts(&loaded(folder.path()).unwrap()), [["a"], ["b"], ["c"]]);
    std::fs::write(folder.path().join("valid.csv"), lists[1]).unwrap();
    has(&refused(folder.path()), &["valid.csv", "validation.csv", "both lists for val", "val.csv"]);
    std::fs::rename(folder.path().join("valid.csv"), folder.path().join("val.csv")).unwrap();
    assert_eq!(parts(&loaded(folder.path()).unwrap())[1], ["b"], "the very name comes first");
}

#[test]
fn parts_of_the_same_classes_are_pooled() {
    let names_of = |part: &str, first: u8| -> Vec<String> {
        (0..6)
            .flat_map(|class| (first..first + 2).map(move |k| format!("{class}/{k}")))
            .map(|name| format!("{part}/c{name}.png"))
            .collect()
    };
    // the pictures of the parts may have the same names
    for (second, first) in [("val", 2), ("test", 0), ("val", 0)] {
        let files = [names_of("train", 0), names_of(second, first)].concat();
        let folder = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let loaded = loaded(folder.path()).unwrap();
        assert_eq!(names(&loaded), ["c0", "c1", "c2", "c3", "c4", "c5"], "a class counts once");
        assert_eq!((0..6).map(|class| loaded.images.images(class)).collect::<Vec<_>>(), [4; 6]);
        assert_eq!(loaded.split, None, "the classes are divided, not their pictures");
        has(&loaded.layout.unwrap(), &["train/", &format!("{second}/"), "6 of 6 classes", "pooled"]);
    }
}

#[test]
fn a_part_of_some_classes_of_another_is_pooled_with_it() {
    let thin = folder(&[
        "train/ant/1.png",
        "train/wolf/1.png",
        "test/wolf/1.png",
        "val/ant/1.png",
        "train/bee/1.png",
    ]);
    let loaded = loaded(thin.path()).unwrap();
    assert_eq!((names(&loaded), &loaded.split), (vec!["ant", "bee", "wolf"], &None));
    assert_eq!([0, 1, 2].map(|class| loaded.images.images(class)), [2, 1, 2]);
    has(&loaded.layout.unwrap(), &["train/, val/ and test/", "2 of 3 classes"]);
    // classes above the parts
    let above = folder(&["ant/train/1.png", "ant/test/1.png", "bee/train/1.png", "bee/test/1.png"]);
    let loaded = self::loaded(above.path()).unwrap();
    assert_eq!((names(&loaded), loaded.images.images(0)), (vec!["ant", "bee"], 2));
    // test classes of their own stay for testing
    let own = folder(&["train/a/1.png", "train/b/1.png", "val/b/1.png", "test/c/1.png"]);
    let loaded = self::loaded(own.path()).unwrap();
    assert_eq!(parts(&loaded), [vec!["a", "b"], vec![], vec!["c"]]);
    has(&loaded.layout.unwrap(), &["train/ and val/", "none is for validation"]);
}

#[test]
fn parts_that_share_some_classes_and_have_others_are_refused() {
    let shared = folder(&["train/wolf/1.png", "train/ant/1.png", "test/wolf/2.png", "test/bee/1.png"]);
    has(&refused(shared.path()), &["wolf", "both train and test", "side by side"]);
    let beside = folder(&["train/wolf/1.png", "test/bee/1.png", "extra/1.png"]);
    has(&refused(beside.path()), &["extra", "train, val and test"]);
    let beside = folder(&["train/wolf/1.png", "val/wolf/1.png", "unlabelled/bee/1.png"]);
    has(&refused(beside.path()), &["unlabelled", "train, val and test"]);
    let lists: [&[u8]; 3] = [b"filename,label\n0.png,a\n1.png,b\n", b"", b"filename,label\n2.png,b\n3.png,c"];
    has(
        &refused(ravi(lists, 4).path()),
        &["class b is in both train and test (1 in all)", "both train and test"],
    );
}

#[test]
fn classes_in_no_list_are_named() {
    let data = folder(&["a/0.png", "b/0.png", "c/0.png", "d\n/0.png", "e/0.png"]);
    write(data.path(), "train.txt", b"a\nb\n");
    write(data.path(), "test.txt", b"c\n");
    let loaded = loaded(data.path()).unwrap();
    assert_eq!(parts(&loaded), [&["a", "b"][..], &[], &["c"]]);
    has(&loaded.layout.unwrap(), &["2 classes are in no list", r"'d\u{a}', 'e'"]);
}

#[test]
fn parts_alone_and_without_a_test() {
    let two = folder(&["train/a/1.png", "train/b/1.png", "val/c/1.png"]);
    let loaded = loaded(two.path()).unwrap();
    assert_eq!(parts(&loaded), [vec!["a", "b"], vec![], vec!["c"]]);
    has(&loaded.layout.unwrap(), &["train/", "val/ alone", "for testing"]);
    let alone = folder(&["train/a/1.png", "train/b/1.png"]);
    let loaded = self::loaded(alone.path()).unwrap();
    assert_eq!((names(&loaded), &loaded.split), (vec!["a", "b"], &None));
    has(&loaded.layout.unwrap(), &["train/", "divided"]);
}

#[test]
fn classes_may_be_called_train_and_test() {
    for files in [
        &["train/1.png", "bus/1.png", "test/1.png"][..],
        &["car/1.png", "eval/1.png", "test/1.png", "val/1.png"],
        &["bus/1.png", "vehicles/test/1.png", "vehicles/train/1.png"],
        &["a/bus/1.png", "test/x/1.png", "test/y/1.png"],
    ] {
        let loaded = loaded(folder(files).path()).unwrap();
        let mut expected: Vec<&str> = files.iter().map(|file| file.strip_suffix("/1.png").unwrap()).collect();
        expected.sort_unstable();
        assert_eq!((names(&loaded), &loaded.split, &loaded.layout), (expected, &None, &None));
    }
}

#[test]
fn a_class_in_two_unicode_forms_is_one_across_parts_and_two_within_one() {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    let across = folder(&[
        &format!("train/{composed}/1.png"),
        "train/tea/1.png",
        &format!("test/{decomposed}/1.png"),
        "test/tea/1.png",
    ]);
    let loaded = loaded(across.path()).unwrap();
    assert_eq!((names(&loaded), &loaded.split), (vec![composed, "tea"], &None));
    assert_eq!(loaded.images.images(0), 2);
    let within = folder(&[
        &format!("train/{composed}/1.png"),
        &format!("train/{decomposed}/1.png"),
        "test/tea/1.png",
        "test/milk/1.png",
    ]);
    let loaded = self::loaded(within.path()).unwrap();
    assert_eq!(parts(&loaded), [vec![decomposed, composed], vec![], vec!["milk", "tea"]]);
}

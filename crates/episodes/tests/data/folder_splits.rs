//! The divisions that folders of pictures bring with them.

use crate::common::divided::{folder, loaded, parts, picture, ravi, refused};
use crate::common::{has, write};
use fewshot_episodes::{ClassId, ImageSet, folder, glyphs};

const LISTS: [&str; 3] = [
    "filename,label\n3.png,wolf\n0.png,wolf\n1.png,ant\n",
    "filename,label\r\n2.png,crow\r\n",
    "\u{feff}label,filename\n\nbee,4.png\n",
];

#[test]
fn lists_of_pictures_divide_as_in_mini_image_net() {
    let folder = ravi(LISTS.map(str::as_bytes), 6);
    let loaded = loaded(folder.path()).unwrap();
    assert_eq!(parts(&loaded), [vec!["ant", "wolf"], vec!["crow"], vec!["bee"]]);
    let images = &loaded.images;
    assert_eq!((images.len(), images.images(3)), (5, 2), "picture 5 is in no list");
    assert_eq!(images.image(images.find("wolf").unwrap(), 1)[..4], [0, 0, 0, 255], "in order of file names");
    std::fs::remove_file(folder.path().join("val.csv")).unwrap();
    assert_eq!(parts(&self::loaded(folder.path()).unwrap()), [vec!["ant", "wolf"], vec![], vec!["bee"]]);
}

#[test]
fn pictures_that_no_list_names_are_told() {
    let folder = ravi(LISTS.map(str::as_bytes), 5);
    let said = |folder: &tempfile::TempDir| {
        let loaded = loaded(folder.path()).unwrap();
        assert_eq!(loaded.images.len(), 5);
        (loaded.layout.unwrap_or_default(), loaded.passed_over.to_string())
    };
    assert_eq!(said(&folder), Default::default());
    write(folder.path(), "images/more/5", &picture(1));
    let one = "picture 'images/more/5' is in no list and is left out";
    assert_eq!(said(&folder), (one.into(), String::new()));
    for name in ["z.jpg", "a\u{1b}.png", "more/x.png", "notes.txt", ".DS_Store", ".thumbnails/0.png"] {
        write(folder.path(), &format!("images/{name}"), b"");
    }
    let (pictures, others) = said(&folder);
    let named = r"'images/a\u{1b}.png', 'images/more/5', 'images/more/x.png' and 1 more";
    assert_eq!(pictures, format!("4 pictures are in no list and are left out: {named}"));
    has(&others, &["2 files passed over", "1 x .txt", "1 x hidden"]);
    // beside parts that share classes
    let folder = ravi(
        [
            b"filename,label\n0.png,a\n1.png,b\n2.png,c\n3.png,d\n",
            b"filename,label\n4.png,a\n",
            b"filename,label\n",
        ],
        6,
    );
    std::fs::remove_file(folder.path().join("test.csv")).unwrap();
    std::fs::rename(folder.path().join("val.csv"), folder.path().join("test.csv")).unwrap();
    has(&said(&folder).0, &["pooled", "; picture 'images/5.png' is in no list"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        let folder = ravi(LISTS.map(str::as_bytes), 4);
        let (images, elsewhere) = (folder.path().join("images"), folder.path().join("elsewhere"));
        write(&elsewhere, "4.png", &picture(4));
        write(&elsewhere, "5.png", &picture(5));
        // a picture under two names, a folder that a list names pictures of, and links that lead back
        symlink("3.png", images.join("same.png")).unwrap();
        symlink("..", images.join("up")).unwrap();
        symlink("../elsewhere", images.join("linked")).unwrap();
        write(folder.path(), "test.csv", b"filename,label\nlinked/4.png,bee\n");
        let (pictures, others) = said(&folder);
        assert_eq!(pictures, "picture 'images/linked/5.png' is in no list and is left out");
        has(&others, &["1 folder passed over", "images/up"]);
    }
}

#[test]
fn lists_that_make_no_sense() {
    let [train, val, test] = LISTS;
    for (lists, said) in [
        (["", val, test], &["train.csv line 1", "filename,label"][..]),
        (["file,class\n0.png,wolf\n", val, test], &["train.csv line 1", "filename,label"]),
        (["filename,label\n", val, test], &["train.csv line 1", "lists no picture"]),
        ([train, val, "filename,label\n4.png\n"], &["test.csv line 2", "4.png"]),
        ([train, val, "filename,label\n9.png,bee\n"], &["test.csv line 2", "9.png", "no picture"]),
        ([train, val, "filename,label\n4.png,bee\n\n4.png,bee\n"], &["test.csv line 4", "line 2", "remove"]),
        ([train, val, "filename,label\n0.png,bee\n"], &["test.csv line 2", "train.csv line 3"]),
        ([train, val, "filename,label\n4.png,wolf\n"], &["wolf", "both train and test"]),
        ([train, val, "filename,label\n../train.csv,bee\n"], &["test.csv line 2", "no plain path"]),
        ([train, val, "filename,label\n./0.png,bee\n"], &["test.csv line 2", "no plain path"]),
        ([train, val, "filename,label\n/etc/hostname,bee\n"], &["test.csv line 2", "no plain path"]),
    ] {
        has(&refused(ravi(lists.map(str::as_bytes), 6).path()), said);
    }
    let folder = ravi(LISTS.map(str::as_bytes), 6);
    std::fs::remove_file(folder.path().join("test.csv")).unwrap();
    has(&refused(folder.path()), &["test.csv"]);
}

#[test]
fn class_lists_divide() {
    let folder = folder(&["a/1.png", "b/1.png", "c/1.png"]);
    for (part, class) in [("train", "c"), ("val", "a"), ("test", "b")] {
        write(folder.path(), &format!("{part}.txt"), class.as_bytes());
    }
    assert_eq!(parts(&loaded(folder.path()).unwrap()), [["c"], ["a"], ["b"]]);
    write(folder.path(), "test.txt", b"dragon");
    has(&refused(folder.path()), &["test.txt", "dragon"]);
}

#[test]
fn groups_are_held_out_whole() {
    let names: Vec<String> = (0..8)
        .flat_map(|group| (0..3).map(move |class| format!("group{group}/class{class}/1.png")))
        .collect();
    let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let images = loaded(folder.path()).unwrap().images;
    let split = glyphs::split(&images);
    let groups = |ids: &[ClassId]| -> std::collections::BTreeSet<String> {
        ids.iter().map(|id| images.name(id.class).split('/').next().unwrap().to_owned()).collect()
    };
    let (train, test) = (groups(split.train()), groups(split.test()));
    assert_eq!((train.len(), test.len()), (6, 2));
    assert!(train.is_disjoint(&test));
}

#[test]
fn too_few_classes_are_not_divided() {
    let classes = |n: u8| ImageSet::new([1, 1, 1], (0..n).map(|i| (format!("class{i}"), vec![i])).collect());
    for few in 0..4 {
        has(&folder::random_split(&classes(few), 1).unwrap_err().to_string(), &["at least 4"]);
    }
    assert!(folder::random_split(&classes(4), 1).is_ok());
}

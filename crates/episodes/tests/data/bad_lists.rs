//! Label files and split files that are damaged or not what they should be: one
//! clear error each.

use crate::common::{archive, drawing, has, write};
use fewshot_episodes::nearest::{Distance, accuracy};
use fewshot_episodes::{ClassSplit, Episode, Error, ImageSet, omniglot};
use std::path::Path;
use tempfile::tempdir;

/// The files of 20 runs of which all queries are right for nearest neighbour.
fn runs() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for run in (1..=20).map(|n| format!("run{n:02}")) {
        let mut labels = String::new();
        for k in 1..=20 {
            let class = 21 - k;
            files.push((format!("{run}/training/class{k:02}.png"), drawing(k)));
            files.push((format!("{run}/test/item{k:02}.png"), drawing(class)));
            labels += &format!("{run}/test/item{k:02}.png {run}/training/class{class:02}.png\n");
        }
        files.push((format!("{run}/class_labels.txt"), labels.into_bytes()));
    }
    files
}

fn load_runs(files: &[(String, Vec<u8>)]) -> Result<Vec<Episode>, Error> {
    let folder = tempdir().unwrap();
    omniglot::runs(write(folder.path(), "all_runs.zip", &archive(files)), 105)
}

#[test]
fn official_runs_whole_and_broken() {
    let good = load_runs(&runs()).unwrap();
    assert!(good.iter().all(|run| accuracy(run, Distance::Euclid) == 1.0));
    let labels_of_run_2 = 2 * 41 - 1;
    let with_labels = |change: &dyn Fn(&str) -> String| {
        let mut files = runs();
        let labels = &mut files[labels_of_run_2].1;
        *labels = change(std::str::from_utf8(labels).unwrap()).into_bytes();
        load_runs(&files).unwrap_err().to_string()
    };
    for (message, cause) in [
        (with_labels(&|s| s.replace("item07", "item99")), "is not of the form"),
        (with_labels(&|s| s.replace("class07", "class00")), "is not of the form"),
        (with_labels(&|s| s.replace("run02/test", "run03/test")), "is not of the form"),
        (with_labels(&|s| s.replace("item07", "item08")), "item08 has two labels"),
        (with_labels(&|s| s.lines().skip(1).collect::<Vec<_>>().join("\n")), "item01 has no label"),
        (with_labels(&|_| "\u{0}\n".into()), "without a byte order mark"),
        (with_labels(&|_| String::new()), "item01 has no label"),
    ] {
        has(&message, &["all_runs.zip", "run02/class_labels.txt", cause, "again"]);
    }
    let mut files = runs();
    files.remove(5);
    has(&load_runs(&files).unwrap_err().to_string(), &["holds no run01/test/item03.png"]);
    files = runs();
    files[4].1 = b"x".to_vec();
    has(&load_runs(&files).unwrap_err().to_string(), &["class03.png is not a readable PNG"]);
}

fn split(train: &str, val: &str, test: &str) -> Result<ClassSplit, Error> {
    let class = |n| (format!("Greek/character{n:02}"), vec![0]);
    let images = ImageSet::new([1, 1, 1], (1..=4).map(class).collect());
    let folder = tempdir().unwrap();
    for (name, text) in [("train", train), ("val", val), ("test", test)] {
        write(folder.path(), &format!("{name}.txt"), text.as_bytes());
    }
    ClassSplit::read(&images, folder.path())
}

#[test]
fn split_files_right_and_wrong() {
    let (one, two, three) = (
        "Greek/character01/rot000\r\nGreek/character01/rot270\r\n",
        "\n Greek/character02 \n",
        "Greek/character03/rot90",
    );
    let good = split(one, two, three).unwrap();
    assert_eq!((good.train().len(), good.train()[1].turn.degrees()), (2, 270));
    assert_eq!((good.validation()[0].class, good.test()[0].turn.degrees()), (1, 90));
    assert_eq!(split(one, "\n \n", three).unwrap().validation(), []);
    for (result, parts) in [
        (
            split(one, two, "Greek/character03\nLatin/character01"),
            &["test.txt line 2", "'Latin/character01'", "not in the data"][..],
        ),
        (split("Greek/character01/rot045", two, three), &["train.txt line 1", "rot045"][..]),
        (split("Greek/character01/rot", two, three), &["train.txt line 1"][..]),
        (split(one, &format!("{two}\n{two}"), three), &["val.txt line 5", "already on line 2"][..]),
        (split("\n \n", two, three), &["train.txt lists no class"][..]),
        (split(one, two, ""), &["test.txt lists no class"][..]),
        (split(one, two, "Greek/character01/rot180"), &["Greek/character01", "both train and test"][..]),
        (split("\u{1b}[31m\u{0}", two, three), &["train.txt line 1", "\\u{1b}"][..]),
    ] {
        has(&result.unwrap_err().to_string(), parts);
    }
    let images = ImageSet::new([1, 1, 1], vec![]);
    let message = ClassSplit::read(&images, Path::new("nowhere")).unwrap_err().to_string();
    has(&message, &["cannot read", "train.txt"]);
    let folder = tempdir().unwrap();
    write(folder.path(), "train.txt", &vec![b'x'; (1 << 24) + 1]);
    let message = ClassSplit::read(&images, folder.path()).unwrap_err().to_string();
    has(&message, &["train.txt", "more than 16777216 bytes"]);
}

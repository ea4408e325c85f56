//! Networks that are trained to classify, and classifiers of their frozen features: what is printed, what follows from the data, teachers.

use std::fs;
use std::path::Path;

use crate::support::pictures::drawings;
use crate::support::{evaluate, fails, fewshot, last, train};
use tempfile::TempDir;

const SHORT: &str = "--ways 2 --batch 8 --filters 4 --episodes 4";

fn on(algorithm: &str, data: &TempDir, options: &str) -> String {
    format!("{algorithm} --data folder:{} {SHORT} {options}", data.path().display())
}

fn refused(arguments: &str, named: &str) {
    fails(fewshot().arg("train").args(arguments.split(' ')), 2, named);
}

#[test]
fn iterations_follow_from_epochs_and_pictures() {
    let data = drawings(&[5; 8], 0);
    let run = |options: &str| {
        let run = tempfile::tempdir().unwrap();
        (train(run.path(), &on("rfs", &data, options)), run)
    };
    // 4 training classes of 5 pictures
    let (said, dir) = run("--epochs 3");
    assert!(
        said.contains("fitted      --iterations 8 instead of 60000: 3 epochs of 20 pictures in batches of 8"),
        "{said}"
    );
    assert!(said.contains("trained     8 iterations"), "{said}");
    assert!(
        said.contains(
            "SGD 0.05 with momentum 0.9, a tenth after 60 % and again after 80 %, weight decay 0.0005"
        ),
        "{said}"
    );
    assert_eq!(last(&evaluate(dir.path(), &[])), last(&said));
    let any = evaluate(dir.path(), &["--ways", "3"]);
    assert!(last(&any).contains("3-way"), "its head is made anew for each support: {any}");
    let (said, _dir) = run("--epochs 3 --iterations 2");
    assert!(said.contains("trained     2 iterations"), "{said}");
}

#[test]
fn heads_networks_and_changes_of_pictures_are_as_asked() {
    let data = drawings(&[5; 8], 0);
    for (algorithm, options, said) in [
        (
            "rfs",
            "--head cosine --augment cifar --copies 3",
            "cosine to the class means on frozen features of length one from 3 changed copies",
        ),
        ("rfs", "--head ridge --colour rgb", "ridge regression"),
        ("rfs", "--augment mini", "in training batches of 8 pictures of all 4 classes, changed at random"),
        ("simpleshot", "--outer adam --outer-schedule constant", "Adam 0.05, weight decay 0.0005"),
    ] {
        let run = tempfile::tempdir().unwrap();
        let printed = train(run.path(), &on(algorithm, &data, &format!("{options} --iterations 2")));
        assert!(printed.contains(said), "{said:?} expected: {printed}");
        assert_eq!(last(&evaluate(run.path(), &[])), last(&printed), "{options}");
    }
    let place = format!("--data folder:{}", data.path().display());
    refused(
        &format!("rfs {place} --copies 3"),
        "--copies of rfs: copies of support pictures are changed as --augment says",
    );
    refused(&format!("rfs {place} --backbone resnet12 --filters 8"), "it is of --backbone conv4");
    refused(&format!("rfs {place} --queries 3"), "pictures are trained on in batches of all classes");
    refused("rfs --split cifar-fs", "it divides the classes of CIFAR-100");
    refused(
        &format!("rfs {place} --split fc100"),
        "FC100: 100 of its 100 classes are not in the data: 'apple'",
    );
    refused("--preset rfs-cifar-fs-5w1s", "add --data folder:PATH");
}

#[test]
fn a_run_teaches_another_one() {
    let data = drawings(&[5; 8], 0);
    let [teacher, student, plain] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    train(teacher.path(), &on("rfs", &data, "--iterations 3 --seed 2"));
    let asked = on("rfs", &data, "--iterations 4");
    let taught = format!("{asked} --teacher {}", teacher.path().display());
    let said = train(student.path(), &taught);
    assert!(said.contains("taught by another run"), "{said}");
    train(plain.path(), &asked);
    let metrics = |run: &Path| fs::read_to_string(run.join("metrics.csv")).unwrap();
    assert_ne!(metrics(student.path()), metrics(plain.path()));

    // the model knows no teacher, and no path of it: it is measured without
    let model = fs::read(student.path().join("model.safetensors")).unwrap();
    let path = teacher.path().display().to_string();
    assert!(!model.windows(path.len()).any(|part| part == path.as_bytes()));
    let config = student.path().join("config.toml").display().to_string();
    let again = tempfile::tempdir().unwrap();
    train(again.path(), &format!("--config {config}"));
    assert_eq!(metrics(again.path()), metrics(student.path()));
    let resumed = fewshot()
        .arg("train")
        .arg("--resume")
        .arg(student.path())
        .args(["--iterations", "6"])
        .output()
        .unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));

    refused(&format!("{asked} --image-size 32 --teacher {path}"), "was trained on pictures of 28x28x1");
    refused(&format!("{asked} --teacher {}", data.path().display()), "has no config.toml");
    let other = drawings(&[5; 12], 0);
    let others = on("rfs", &other, &format!("--iterations 2 --teacher {path}"));
    refused(&others, "was trained on other training classes");
    let protonet = tempfile::tempdir().unwrap();
    let episodes = format!(
        "protonet --data folder:{} --ways 2 --iterations 1 --episodes 2 --filters 4",
        data.path().display()
    );
    train(protonet.path(), &episodes);
    refused(
        &format!("{asked} --teacher {}", protonet.path().display()),
        "is of protonet, which tells no training classes apart",
    );
    drop(teacher);
    evaluate(student.path(), &[]);
}

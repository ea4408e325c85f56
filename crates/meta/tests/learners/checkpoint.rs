//! Files of learners: what is saved comes back, what is of another learner is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{Blobs, Net};
use fewshot_autodiff::{Array, Float};
use fewshot_meta::{
    Checkpoint, Error, Learner, Meta, ProtoNet, Reptile, Trainer, Training, save, save_progress,
};
use fewshot_nn::{Adam, NormAffine, Sgd};

pub fn learner() -> ProtoNet<Net> {
    ProtoNet::new(Net::normed())
}

pub fn metadata() -> BTreeMap<String, String> {
    let entries = [
        ("protocol", "5-way 1-shot"),
        ("quoted \"key\"", "line\nbreak, tab\t, \\ and é"),
        ("policy", "batch"),
    ];
    entries.map(|(key, value)| (key.to_string(), value.to_string())).into()
}

pub fn meta<F: Float>() -> Meta<Array<F>> {
    let mut meta = Learner::<F>::init(&learner(), 7);
    meta.statistics = meta.statistics.map(|x| x.map(|x| x + F::of(0.125)));
    meta
}

pub fn load<F: Float>(path: &Path, learner: &dyn Learner<F>) -> Result<Meta<Array<F>>, Error> {
    Checkpoint::read(path)?.meta(learner)
}

#[test]
fn what_lanes_carry_and_the_iteration_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let learner = Reptile { lanes: 2, ..Reptile::new(Net::normed()) };
    let mut meta = Learner::<f32>::init(&learner, 7);
    meta.lanes[1] = meta.lanes[1].map(|x| x.map(|x| x + 0.5));
    meta.iteration = 12;
    save(&path, &meta, &BTreeMap::new()).unwrap();
    let back: Meta<Array<f32>> = load(&path, &learner).unwrap();
    assert!(back.lanes == meta.lanes && back.theta == meta.theta && back.iteration == 12);
    let fewer = Reptile { lanes: 1, ..learner.clone() };
    let error = load::<f32>(&path, &fewer).expect_err("refused").to_string();
    assert!(error.contains("it holds lane1."), "{error}");
}

#[test]
fn progress_comes_back_and_is_checked_against_the_optimiser() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("progress.safetensors");
    let (learner, tasks) = (Reptile { lanes: 2, ..Reptile::new(Net::normed()) }, Blobs::new(1));
    let training = || Training { meta_batch: 2, seed: 3, ..Training::default() };
    let trainer = || Trainer::new(&learner, &tasks, Adam::default(), training());
    let mut unbroken = trainer();
    unbroken.step().unwrap();
    save_progress(&path, &unbroken.progress(), &BTreeMap::new()).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    let mut resumed = trainer().resume(read.progress(&learner, &Adam::default()).unwrap());
    unbroken.step().unwrap();
    resumed.step().unwrap();
    assert!(resumed.meta().theta == unbroken.meta().theta && resumed.meta().lanes == unbroken.meta().lanes);
    let error = read.progress::<f32>(&learner, &Sgd::default()).expect_err("refused").to_string();
    assert!(error.contains("it holds optimizer.first."), "{error}");
    let error = load::<f32>(&path, &learner).expect_err("refused").to_string();
    assert!(error.contains("it holds optimizer."), "{error}");
}

#[test]
fn round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&path, &meta::<f32>(), &metadata()).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    let mut expected = metadata();
    expected.insert("iteration".into(), "0".into());
    assert_eq!(*read.metadata(), expected);
    let back: Meta<Array<f32>> = read.meta(&learner()).unwrap();
    assert!(back.theta == meta().theta && back.statistics == meta().statistics);
    let wide: Meta<Array<f64>> = read.meta(&learner()).unwrap();
    assert!(wide.theta == meta::<f32>().theta.cast());

    save(&path, &meta::<f64>(), &BTreeMap::new()).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    assert_eq!(read.metadata().len(), 1, "the iteration alone");
    assert!(read.meta::<f64>(&learner()).unwrap().theta == meta().theta);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no other file is left behind");
}

#[test]
fn equal_content_gives_equal_bytes_that_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    for path in [&a, &b] {
        save(path, &meta::<f32>(), &metadata()).unwrap();
    }
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&a).unwrap().permissions()) & 0o777,
        0o644
    );
}

#[test]
fn another_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    save(&path, &meta::<f32>(), &metadata()).unwrap();
    let refused = |net: Net, word: &str| {
        let error = load::<f32>(&path, &ProtoNet::new(net)).expect_err("refused");
        assert!(matches!(error, Error::OtherModel { .. }) && error.to_string().contains(word), "{error}");
    };
    refused(
        Net::new(crate::common::FEATURES, 4, Some(NormAffine::ScaleShift)),
        "head.weight has shape [16, 3], the model needs [16, 4]",
    );
    refused(Net::plain(), "holds statistics.hidden.norm.mean, which the model has not");
    refused(
        Net::new(crate::common::FEATURES, 3, Some(NormAffine::Shift)),
        "theta.hidden.norm.scale, which the model has not",
    );
    save(&path, &Learner::<f32>::init(&ProtoNet::new(Net::plain()), 0), &metadata()).unwrap();
    refused(Net::normed(), "does not hold theta.hidden.norm.scale");
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let mut bad = meta::<f32>();
    bad.theta = bad.theta.map(|x| x.map(|_| f32::NAN));
    save(&path, &bad, &metadata()).unwrap();
    let message = load::<f32>(&path, &learner()).err().unwrap().to_string();
    assert!(message.contains("not finite"), "{message}");
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "kept").unwrap();
    let message = save(&path, &meta::<f32>(), &metadata()).unwrap_err().to_string();
    assert!(message.contains("taken") && message.contains("not saved"), "{message}");
    assert_eq!(fs::read(path.join("inside")).unwrap(), b"kept");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left behind");
    let message =
        save(&folder.path().join("no/folder"), &meta::<f32>(), &metadata()).unwrap_err().to_string();
    assert!(message.contains("check the folder"), "{message}");
}

//! Files of learners that are damaged, cut short or of another kind: refused, and told why.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::checkpoint::{learner, load, meta, metadata};
use crate::common::{Blobs, FEATURES, Net};
use fewshot_autodiff::Array;
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Checkpoint, Error, Learner, Meta, Progress, ProtoNet, Task, save, save_predictor, save_progress,
};
use fewshot_nn::{NormAffine, Optimizer, Sgd};

#[test]
fn a_file_cut_short_or_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    save(&path, &meta::<f32>(), &metadata()).unwrap();
    let whole = fs::read(&path).unwrap();
    for len in (0..whole.len()).step_by(13) {
        fs::write(&path, &whole[..len]).unwrap();
        let error =
            load::<f32>(&path, &learner()).err().unwrap_or_else(|| panic!("{len} of {} bytes", whole.len()));
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
    fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
    assert!(matches!(load::<f32>(&path, &learner()), Err(Error::Damaged { .. })));
}

/// A bit of each byte of the file is turned around in turn: `read` gives what was saved, or an error.
fn flip_bits<T>(
    path: &Path,
    read: impl Fn(Checkpoint) -> Result<T, Error>,
    is_as_saved: impl Fn(&T) -> bool,
) {
    let whole = fs::read(path).unwrap();
    assert!(is_as_saved(&Checkpoint::read(path).and_then(&read).unwrap()));
    let tensors = 8 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    for byte in 0..whole.len() {
        let bit = 1 << (byte * 5 % 8);
        let mut bytes = whole.clone();
        bytes[byte] ^= bit;
        fs::write(path, &bytes).unwrap();
        match Checkpoint::read(path).and_then(&read) {
            // such as in the name under which the checksum stands
            Ok(read) => {
                assert!(byte < tensors && is_as_saved(&read), "bit {bit} of byte {byte} of {}", whole.len())
            }
            Err(error) => {
                let said = error.to_string();
                let by_checksum = said.contains("damaged since it was written (its checksum is ");
                assert!(byte < tensors || by_checksum, "bit {bit} of byte {byte}: {said}");
                assert!(!said.contains('\n'), "{said}");
            }
        }
    }
    fs::write(path, whole).unwrap();
}

#[test]
fn a_flipped_bit_changes_nothing_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let [model, progress, predictor] =
        ["model", "progress", "predictor"].map(|name| folder.path().join(name));
    let learner = ProtoNet::new(Net::new(FEATURES, 2, Some(NormAffine::Shift)));
    let meta = Meta { iteration: 10, ..Learner::<f32>::init(&learner, 7) };
    let same =
        |a: &Meta<Array<f32>>| a.theta == meta.theta && a.statistics == meta.statistics && a.iteration == 10;
    save(&model, &meta, &metadata()).unwrap();
    flip_bits(
        &model,
        |file| Ok((file.meta(&learner)?, file.metadata()["protocol"].clone())),
        |(meta, protocol)| same(meta) && protocol == "5-way 1-shot",
    );
    let optimizer = Sgd::default();
    let at = Progress { meta: meta.clone(), optimizer: optimizer.state_like(&meta.theta) };
    save_progress(&progress, &at, &BTreeMap::new()).unwrap();
    flip_bits(&progress, |file| file.progress(&learner, &optimizer), |at| same(&at.meta));
    let support = Task::from(Blobs::new(1).episode(0)).support;
    let learned = learner.adapt(&meta, &support);
    save_predictor(&predictor, &*learned, &BTreeMap::new()).unwrap();
    let x: Array<f32> = support.x.clone();
    flip_bits(
        &predictor,
        |file| file.predictor::<f32>(&learner),
        |again| again.predict(&x) == learned.predict(&x),
    );
}

/// As it was saved before there were checksums.
#[test]
fn a_file_without_a_checksum_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    save(&path, &meta::<f32>(), &metadata()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let key = b"\"fewshot.crc32\":\"01234567\",";
    let start = bytes.windows(15).position(|text| text == &key[..15]).expect("there is a checksum");
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    let mut old = (length - key.len() as u64).to_le_bytes().to_vec();
    old.extend([&bytes[8..start], &bytes[start + key.len()..]].concat());
    fs::write(&path, &old).unwrap();
    assert!(load::<f32>(&path, &learner()).unwrap().theta == meta().theta);
}

#[test]
fn foreign_files_are_named_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let message = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        load::<f32>(&path, &learner()).expect_err("refused").to_string()
    };
    let huge_header = u64::MAX.to_le_bytes();
    for bytes in [&b""[..], b"not a model", b"{\"a\": 1}", &huge_header, &[0xff; 64]] {
        let message = message(bytes);
        assert!(
            message.contains("model.safetensors") && message.contains("use a file saved by fewshot"),
            "{message}"
        );
        assert!(!message.contains('\n'));
    }
    let missing = load::<f32>(&folder.path().join("nothing"), &learner()).err().unwrap().to_string();
    assert!(missing.contains("nothing") && missing.contains("not read"), "{missing}");
    let directory = load::<f32>(folder.path(), &learner()).err().unwrap().to_string();
    assert!(directory.contains("not read"), "{directory}");
}

#[test]
fn a_file_is_looked_at_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    let message = || Checkpoint::read(&path).err().expect("refused").to_string();
    let file = fs::File::create(&path).unwrap();
    // gigabytes of nothing, of which none is read
    file.set_len(3 << 30).unwrap();
    assert!(message().contains("more than the 1073741824 of the largest model"), "{}", message());
    file.set_len(1 << 30).unwrap();
    let start = std::time::Instant::now();
    assert!(message().contains("no safetensors file"), "{}", message());
    // a header that tells of another size
    save(&path, &meta::<f32>(), &metadata()).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
    assert!(message().contains("another number of bytes"), "{}", message());
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "they were read");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo is there").success());
    for path in [path.as_path(), Path::new("/dev/zero")] {
        let message = Checkpoint::read(path).err().expect("refused").to_string();
        assert!(message.contains("it is no file"), "{message}");
    }
}

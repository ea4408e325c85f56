//! Files of feature vectors.

use crate::source::{open_regular, read_regular, unreadable};
use crate::split::PARTS;
use crate::tensor_file::{sealed, unseal};
use crate::{Error, FeatureSet};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

/// Most bytes of a file; the 640 features of the 160,000 pictures that tieredImageNet trains on have 410 million.
const MAX_FILE: u64 = 4 << 30;
/// Most bytes of its header, which names six tensors.
const MAX_HEADER: u64 = 1 << 20;
/// What the tensors of a part are called after its name.
const FEATURES: &str = "features";
const LABELS: &str = "labels";
/// Key of the metadata that hold the names of classes: an object of JSON with a list for each part, in the order of labels.
const NAMES: &str = "fewshot-classes";
/// How to make a file that can be read.
const WAY_OUT: &str =
    "write PART.features (float32 [n, d]) and PART.labels (int64 [n]) for the parts train, val and test";

/// Feature vectors in the parts of a class split: for training, validation and testing.
///
/// In a file ([safetensors](https://github.com/huggingface/safetensors)) each part has two tensors, `PART.features`, float32 of shape `[n, d]`,
/// and `PART.labels`, int64 of shape `[n]`, with `PART` one of `train`, `val` and `test`; a part may be absent. Equal labels within a
/// part are a class; labels of different parts have nothing to do with each other. Names of classes may stand in the metadata, under
/// `fewshot-classes` as an object of JSON such as `{"train": ["crow", "wren"]}`, the name of label 0 first. In Python:
///
/// ```python
/// safetensors.numpy.save_file({"train.features": x, "train.labels": y, "test.features": u, "test.labels": v}, "features.safetensors")
/// ```
///
/// ```
/// use fewshot_episodes::{FeatureParts, FeatureSet};
/// let class = |i: u8| (i.to_string(), vec![f32::from(i); 6]);
/// let set = |range: std::ops::Range<u8>| FeatureSet::new(3, range.map(class).collect()).into();
/// let parts = FeatureParts { train: set(0..4), validation: set(0..0), test: set(0..2) };
/// let path = std::env::temp_dir().join(format!("features-{}", std::process::id()));
/// std::fs::write(&path, parts.to_bytes())?;
/// assert_eq!(FeatureParts::read(&path)?, parts);
/// std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureParts {
    /// Classes to train on.
    pub train: Arc<FeatureSet>,
    /// Classes to choose a model by.
    pub validation: Arc<FeatureSet>,
    /// Classes to report on.
    pub test: Arc<FeatureSet>,
}

impl FeatureParts {
    /// Reads a file. A class is named by its label where the file has no names; classes are in the order of their labels, vectors in
    /// that of the file.
    ///
    /// # Errors
    /// When the file cannot be read or is larger than 4 GiB, is no safetensors file, was damaged since [`FeatureParts::to_bytes`] made it (a
    /// checksum is compared where there is one) or holds other tensors, when shapes or types are
    /// others, vectors of two parts are of different lengths, a number is not finite, there is no vector, or names are given and a label
    /// has none.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        check_start(path)?;
        let bytes = read_regular(path, MAX_FILE)?;
        parts(&bytes).map_err(|cause| Error::BadFeatures { path: path.into(), cause })
    }

    /// The bytes of a file of these parts; equal parts give equal bytes. Empty parts are left out. Labels are numbers from 0; the
    /// names of classes stand in the metadata, unless they are these numbers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let filled: Vec<(&str, &FeatureSet)> =
            PARTS.into_iter().zip(self.all()).filter(|(_, set)| !set.is_empty()).collect();
        let data: Vec<[Vec<u8>; 2]> = filled.iter().map(|(_, set)| [vectors(set), labels(set)]).collect();
        let views = filled.iter().zip(&data).flat_map(|((part, set), [vectors, labels])| {
            let view = |dtype, shape, data| {
                TensorView::new(dtype, shape, data).expect("as many bytes as the shape has")
            };
            [
                (format!("{part}.{FEATURES}"), view(Dtype::F32, vec![set.len(), set.width()], vectors)),
                (format!("{part}.{LABELS}"), view(Dtype::I64, vec![set.len()], labels)),
            ]
        });
        let bytes = safetensors::serialize(views, None).expect("names that differ and whole tensors");
        let metadata = names(&filled).map(|names| (NAMES.to_owned(), names));
        sealed(&bytes, &metadata.into_iter().collect())
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.train.width()
    }

    fn all(&self) -> [&FeatureSet; 3] {
        [&self.train, &self.validation, &self.test]
    }
}

fn vectors(set: &FeatureSet) -> Vec<u8> {
    let all = (0..set.classes()).flat_map(|class| (0..set.vectors(class)).map(move |k| (class, k)));
    all.flat_map(|(class, k)| set.vector(class, k)).flat_map(|x| x.to_le_bytes()).collect()
}

/// The names of the classes of all parts; nothing where each is the number of its class.
fn names(parts: &[(&str, &FeatureSet)]) -> Option<String> {
    let numbered = |set: &FeatureSet| (0..set.classes()).all(|class| set.name(class) == class.to_string());
    if parts.iter().all(|(_, set)| numbered(set)) {
        return None;
    }
    let of = |set: &FeatureSet| (0..set.classes()).map(|class| set.name(class).to_owned()).collect();
    let names: BTreeMap<&str, Vec<String>> = parts.iter().map(|(part, set)| (*part, of(set))).collect();
    Some(serde_json::to_string(&names).expect("names have a form in JSON"))
}

fn labels(set: &FeatureSet) -> Vec<u8> {
    let each = |class: usize| (class as i64).to_le_bytes().repeat(set.vectors(class));
    (0..set.classes()).flat_map(each).collect()
}

/// Refuses a file that does not begin as one of features, before it is read as a whole.
fn check_start(path: &Path) -> Result<(), Error> {
    let (mut file, length) = open_regular(path)?;
    let mut size = [0; 8];
    file.read_exact(&mut size).or_else(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Ok(()),
        _ => Err(unreadable(path, error)),
    })?;
    let header = u64::from_le_bytes(size);
    if (1..=MAX_HEADER).contains(&header) && header <= length {
        return Ok(());
    }
    let cause = format!("it is no safetensors file (its header would have {header} bytes); {WAY_OUT}");
    Err(Error::BadFeatures { path: path.into(), cause })
}

/// The parts of a file, or what is wrong with it and the way out.
fn parts(bytes: &[u8]) -> Result<FeatureParts, String> {
    let wrong = |cause: String| format!("{cause}; {WAY_OUT}");
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| wrong(format!("it is no safetensors file ({error})")))?;
    let known = |name: &str| {
        name.split_once('.')
            .is_some_and(|(part, what)| PARTS.contains(&part) && [FEATURES, LABELS].contains(&what))
    };
    if let Some(other) = file.names().into_iter().filter(|name| !known(name)).min() {
        return Err(wrong(format!("its tensor '{}' is of no part", other.escape_debug())));
    }
    let names = named(bytes)?;
    let mut read = Vec::new();
    for part in PARTS {
        read.push(classes(&file, part, names.get(part)).map_err(wrong)?);
    }
    let widths: Vec<usize> = read.iter().flatten().map(|(width, _)| *width).collect();
    let Some(&width) = widths.first() else { return Err(wrong("it holds no vector".into())) };
    if let Some(other) = widths.iter().find(|other| **other != width) {
        return Err(wrong(format!("its parts have vectors of {width} and of {other} numbers")));
    }
    let mut sets = read.into_iter().map(|part| {
        let classes = part.map_or_else(Vec::new, |(_, classes)| classes);
        Arc::new(FeatureSet::new(width, classes))
    });
    let mut next = || sets.next().expect("there are three parts");
    Ok(FeatureParts { train: next(), validation: next(), test: next() })
}

/// The names of the classes of each part, as far as the file has them; or that they, or the vectors, are not what was written.
fn named(bytes: &[u8]) -> Result<BTreeMap<String, Vec<String>>, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).expect("the tensors were found by it");
    let mut metadata =
        header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    unseal(bytes, &mut metadata).map_err(|cause| format!("{cause}; copy it again, or write it again"))?;
    match metadata.get(NAMES) {
        None => Ok(BTreeMap::new()),
        Some(names) => serde_json::from_str(names)
            .map_err(|error| format!("its {NAMES} are no lists of names ({error}); {WAY_OUT}")),
    }
}

type Classes = Vec<(String, Vec<f32>)>;

/// The length of a part's vectors, and its classes; nothing where the part is absent or empty.
fn classes(
    file: &SafeTensors<'_>,
    part: &str,
    names: Option<&Vec<String>>,
) -> Result<Option<(usize, Classes)>, String> {
    let tensor = |what: &str| file.tensor(&format!("{part}.{what}")).ok();
    let (vectors, labels) = match (tensor(FEATURES), tensor(LABELS)) {
        (None, None) => return Ok(None),
        (Some(vectors), Some(labels)) => (vectors, labels),
        (Some(_), None) => return Err(format!("it has {part}.{FEATURES} and no {part}.{LABELS}")),
        (None, Some(_)) => return Err(format!("it has {part}.{LABELS} and no {part}.{FEATURES}")),
    };
    let (n, width) = match (vectors.dtype(), vectors.shape()) {
        (Dtype::F32, &[n, width]) if width > 0 => (n, width),
        (dtype, shape) => return Err(format!("{part}.{FEATURES} is {dtype:?} {shape:?}")),
    };
    if (labels.dtype(), labels.shape()) != (Dtype::I64, &[n][..]) {
        let (dtype, shape) = (labels.dtype(), labels.shape());
        return Err(format!("{part}.{LABELS} is {dtype:?} {shape:?} beside {n} vectors"));
    }
    let mut by_label: BTreeMap<i64, Vec<f32>> = BTreeMap::new();
    let rows = vectors.data().chunks_exact(4 * width);
    for (row, (values, label)) in rows.zip(labels.data().as_chunks().0).enumerate() {
        let values = values.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        let class = by_label.entry(i64::from_le_bytes(*label)).or_default();
        class.extend(values);
        if class[class.len() - width..].iter().any(|x| !x.is_finite()) {
            return Err(format!("{part}.{FEATURES} has a number in row {row} that is not finite"));
        }
    }
    let mut classes = Vec::with_capacity(by_label.len());
    for (label, values) in by_label {
        let name = match names {
            None => label.to_string(),
            Some(names) => {
                usize::try_from(label).ok().and_then(|label| names.get(label).cloned()).ok_or_else(|| {
                    format!("{part}.{LABELS} has {label}, for which there is no name in its {NAMES}")
                })?
            }
        };
        classes.push((name, values));
    }
    Ok((n > 0).then_some((width, classes)))
}

//! What was learned, written to a file: safetensors, whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Params, Signature};

use crate::engine::trainer::Progress;
use crate::error::Error;
use crate::io::atomic::write_atomically;
use crate::io::order::{numbers, order};
use crate::io::tensors::{LARGEST, serialize};
use crate::meta::Meta;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;

const THETA: &str = "theta";
pub(crate) const STATISTICS: &str = "statistics";
pub(crate) const OPTIMIZER: &str = "optimizer";
pub(crate) const WEIGHTS: &str = "weights";
pub(crate) const MEMORY: &str = "memory";
/// Followed by the number of the lane.
const LANE: &str = "lane";
/// Key of the metadata under which the outer updates stand.
pub(crate) const ITERATION: &str = "iteration";
/// What the names of metadata of the library's own begin with.
pub(crate) const OWN: &str = "fewshot.";
/// Followed by the name of an entry of the signature.
pub(crate) const SIGNATURE: &str = "fewshot.signature.";
/// The places of a predictor's arrays, in the order in which they were saved, among their sorted names.
pub(crate) const ORDER: &str = "fewshot.order";
/// The shape of one example.
pub(crate) const INPUT: &str = "fewshot.input";

/// Saves theta, statistics and what lanes carry with their names, and metadata beside them; the number of updates is added to
/// these as `iteration`, and what distinguishes the learner ([`Meta::signature`]) as entries that [`Checkpoint::meta`](crate::Checkpoint::meta) compares.
///
/// The file is written under another name in the same folder and moved into place: at any moment the old or the new one is
/// there, whole. Equal content gives equal bytes. A checksum stands in the file, so that [`Checkpoint::read`](crate::Checkpoint::read) finds out a damaged one.
///
/// ```
/// use fewshot_meta::{Checkpoint, Learner, ProtoNet, save};
/// use fewshot_nn::Mlp;
/// let learner = ProtoNet::new(Mlp::new(&[784, 64]));
/// let meta = Learner::<f32>::init(&learner, 1);
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.safetensors");
/// save(&path, &meta, &[("protocol".to_string(), "5-way 1-shot".to_string())].into())?;
///
/// let checkpoint = Checkpoint::read(&path)?;
/// assert_eq!(checkpoint.metadata()["protocol"], "5-way 1-shot");
/// let back = checkpoint.meta::<f32>(&learner)?;
/// assert!(back.theta == meta.theta);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be written, or a name of the metadata begins with `fewshot.`, which is the library's own.
pub fn save<F: Float>(
    path: &Path,
    meta: &Meta<Array<F>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    write(path, &groups(meta), metadata, &own(meta))
}

/// Saves where a training stands, as [`save`] does, with the state of the outer optimiser: [`Checkpoint::progress`](crate::Checkpoint::progress) reads it.
///
/// # Errors
/// When the file cannot be written.
pub fn save_progress<F: Float>(
    path: &Path,
    progress: &Progress<F>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let mut all = groups(&progress.meta);
    all.push((OPTIMIZER.to_owned(), &progress.optimizer));
    write(path, &all, metadata, &own(&progress.meta))
}

/// The library's own metadata of what was learned.
fn own<F: Float>(meta: &Meta<Array<F>>) -> BTreeMap<String, String> {
    let mut own = signed(&meta.signature);
    own.insert(ITERATION.to_owned(), meta.iteration.to_string());
    own
}

fn signed(signature: &Signature) -> BTreeMap<String, String> {
    signature.iter().map(|(name, value)| (format!("{SIGNATURE}{name}"), value.to_owned())).collect()
}

/// Saves what a predictor holds, with metadata beside it, as [`save`] does: [`Checkpoint::predictor`](crate::Checkpoint::predictor) makes the predictor of it again,
/// with the same bits.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Checkpoint, Examples, Labels, Learner, ProtoNet, save_predictor};
/// use fewshot_nn::Mlp;
/// let learner = ProtoNet::new(Mlp::new(&[2, 16]));
/// let support = Examples::new(Array::new(&[2, 2], vec![0.0, 1.0, 5.0, -3.0]), Labels::Classes(vec![0, 1]));
/// let predictor = learner.adapt(&learner.init(1), &support);
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("predictor.safetensors");
/// save_predictor(&path, &*predictor, &[("classes".to_string(), "alpha, beta".to_string())].into())?;
///
/// let again = Checkpoint::read(&path)?.predictor::<f32>(&learner)?;
/// assert_eq!(again.probabilities(&support.x), predictor.probabilities(&support.x));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the predictor does not say what it holds, or the file cannot be written.
pub fn save_predictor<F: Float>(
    path: &Path,
    predictor: &dyn Predictor<F>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let unknown =
        || Error::Save { path: path.to_owned(), cause: "the predictor does not say what it holds".into() };
    let PredictorState { weights, statistics, memory, signature, input } =
        predictor.state().ok_or_else(unknown)?;
    let groups = [(WEIGHTS, &weights), (STATISTICS, &statistics), (MEMORY, &memory)];
    let groups = groups.map(|(group, params)| (group.to_owned(), params));
    let mut own = signed(&signature);
    own.insert(ORDER.to_owned(), numbers(&order(&groups)));
    if let Some(shape) = input {
        own.insert(INPUT.to_owned(), numbers(&shape));
    }
    write(path, &groups, metadata, &own)
}

fn write<F: Float>(
    path: &Path,
    groups: &[(String, &Params<Array<F>>)],
    metadata: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let wrong = |cause: String| Error::Save { path: path.to_owned(), cause };
    if let Some(taken) = metadata.keys().find(|name| name.starts_with(OWN)) {
        return Err(wrong(format!(
            "the metadata has {taken:?}, and names that begin with {OWN:?} are the library's own"
        )));
    }
    let metadata = metadata.iter().chain(own).map(|(name, value)| (name.clone(), value.clone())).collect();
    let arrays: Vec<(String, Array<F>)> = groups
        .iter()
        .flat_map(|(group, params)| {
            params.iter().map(move |(name, array)| (format!("{group}.{name}"), array.clone()))
        })
        .collect();
    let bytes = serialize(&arrays, &metadata).map_err(wrong)?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(format!(
            "it would have {} bytes, more than the {LARGEST} that are read again",
            bytes.len()
        )));
    }
    write_atomically(path, &bytes).map_err(|error| wrong(error.to_string()))
}

/// The lists of arrays in a file, by the first part of their names.
pub(crate) fn groups<F: Float>(meta: &Meta<Array<F>>) -> Vec<(String, &Params<Array<F>>)> {
    let mut groups = vec![(THETA.to_owned(), &meta.theta), (STATISTICS.to_owned(), &meta.statistics)];
    groups.extend(meta.lanes.iter().enumerate().map(|(i, lane)| (format!("{LANE}{i}"), lane)));
    groups
}

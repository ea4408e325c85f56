//! What was learned, as a file: safetensors, written whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Optimizer, Params, Signature};
use safetensors::SafeTensors;

use crate::atomic::write_atomically;
use crate::error::Error;
use crate::learned::{Learned, difference};
use crate::learner::{Learner, Meta, Predictor};
use crate::order::{in_order, numbers, order, read_numbers};
use crate::tensors::{LARGEST, array_of, read_bounded, serialize};
use crate::trainer::Progress;

const THETA: &str = "theta";
const STATISTICS: &str = "statistics";
const OPTIMIZER: &str = "optimizer";
const WEIGHTS: &str = "weights";
const MEMORY: &str = "memory";
/// Followed by the number of the lane.
const LANE: &str = "lane";
/// Key of the metadata under which the outer updates stand.
const ITERATION: &str = "iteration";
/// What the names of metadata of the library's own begin with.
const OWN: &str = "fewshot.";
/// Followed by the name of an entry of the signature.
const SIGNATURE: &str = "fewshot.signature.";
/// The places of a predictor's arrays, in the order in which they were saved, among their sorted names.
const ORDER: &str = "fewshot.order";
/// The shape of one example.
const INPUT: &str = "fewshot.input";

/// Saves theta, statistics and what lanes carry with their names, and metadata beside them; the number of updates is added to
/// these as `iteration`, and what distinguishes the learner ([`Meta::signature`]) as entries that [`Checkpoint::meta`] compares.
///
/// The file is written under another name in the same folder and moved into place: at any moment the old or the new one is
/// there, whole. Equal content gives equal bytes.
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
pub fn save<F: Float>(path: &Path, meta: &Meta<F>, metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    write(path, &groups(meta), metadata, &own(meta))
}

/// Saves where a training stands, as [`save`] does, with the state of the outer optimiser: [`Checkpoint::progress`] reads it.
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
fn own<F: Float>(meta: &Meta<F>) -> BTreeMap<String, String> {
    let mut own = signed(&meta.signature);
    own.insert(ITERATION.to_owned(), meta.iteration.to_string());
    own
}

fn signed(signature: &Signature) -> BTreeMap<String, String> {
    signature.iter().map(|(name, value)| (format!("{SIGNATURE}{name}"), value.to_owned())).collect()
}

/// Saves what a predictor holds, with metadata beside it, as [`save`] does: [`Checkpoint::predictor`] makes the predictor of it again,
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
    let Learned { weights, statistics, memory, signature, input } =
        predictor.learned().ok_or_else(unknown)?;
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
fn groups<F: Float>(meta: &Meta<F>) -> Vec<(String, &Params<Array<F>>)> {
    let mut groups = vec![(THETA.to_owned(), &meta.theta), (STATISTICS.to_owned(), &meta.statistics)];
    groups.extend(meta.lanes.iter().enumerate().map(|(i, lane)| (format!("{LANE}{i}"), lane)));
    groups
}

/// A checkpoint read from a file, not yet given to a model.
pub struct Checkpoint {
    path: PathBuf,
    bytes: Vec<u8>,
    metadata: BTreeMap<String, String>,
    /// The library's own.
    own: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Reads a file and checks that it is whole. Its size and header are looked at first, so that a pipe, a device or a large file of another
    /// kind is refused before it is read.
    ///
    /// # Errors
    /// When it cannot be read, has more than 1 GiB, or is no safetensors file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(path)?;
        let damaged = |cause: String| Error::Damaged { path: path.to_owned(), cause };
        let (_, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| damaged(format!("damaged, cut short or no safetensors file ({error})")))?;
        let all = header.metadata().clone().unwrap_or_default().into_iter();
        let (own, metadata) = all.partition(|(name, _)| name.starts_with(OWN));
        Ok(Checkpoint { path: path.to_owned(), bytes, metadata, own })
    }

    /// The metadata it was saved with.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// What was learned, for a learner, whose names and shapes it must have exactly.
    ///
    /// # Errors
    /// When an array is missing, has another shape, is not finite, or is one the learner does not know; or when an entry of the learner's
    /// signature ([`Spec::signature`](fewshot_nn::Spec::signature)) is another than when it was saved. A file of before there were
    /// signatures is not compared by them.
    pub fn meta<F: Float>(&self, learner: &dyn Learner<F>) -> Result<Meta<F>, Error> {
        let fresh = learner.init(0);
        self.assembled(&fresh, self.lists(&groups(&fresh))?)
    }

    /// Theta, statistics and lanes in this order, for a learner that begins like this.
    fn assembled<F: Float>(&self, fresh: &Meta<F>, lists: Vec<Params<Array<F>>>) -> Result<Meta<F>, Error> {
        if let Some(cause) = difference(&self.signature(), &fresh.signature) {
            return Err(Error::OtherModel { path: self.path.clone(), cause });
        }
        let mut lists = lists.into_iter();
        let mut next = || lists.next().expect("theta and statistics come first");
        let (theta, statistics) = (next(), next());
        let iteration = self.metadata.get(ITERATION).and_then(|text| text.parse().ok()).unwrap_or(0);
        let signature = fresh.signature.clone();
        Ok(Meta { theta, statistics, lanes: lists.collect(), iteration, signature })
    }

    /// What distinguishes the learner that was saved; empty where that was not saved.
    fn signature(&self) -> Signature {
        let entries =
            self.own.iter().filter_map(|(name, value)| Some((name.strip_prefix(SIGNATURE)?, value)));
        entries.fold(Signature::default(), |signature, (name, value)| signature.with(name, value))
    }

    /// Where a training stood, from a file of [`save_progress`], for a learner and its outer optimiser.
    ///
    /// # Errors
    /// As [`Checkpoint::meta`], and when the optimiser's state is not that of one for this learner.
    pub fn progress<F: Float>(
        &self,
        learner: &dyn Learner<F>,
        optimizer: &dyn Optimizer<F>,
    ) -> Result<Progress<F>, Error> {
        let fresh = learner.init(0);
        let like = optimizer.state_like(&fresh.theta);
        let mut all = groups(&fresh);
        all.push((OPTIMIZER.to_owned(), &like));
        let mut lists = self.lists(&all)?;
        let optimizer = lists.pop().expect("the optimiser comes last");
        Ok(Progress { meta: self.assembled(&fresh, lists)?, optimizer })
    }

    /// The predictor of a file of [`save_predictor`], for the learner that learned it. [`Learner::restore`] gets the arrays in the order in
    /// which they were saved; those of a file of before this was kept, sorted by name.
    ///
    /// # Errors
    /// When an array is missing, has another shape, is not finite, or is one the learner does not know.
    pub fn predictor<F: Float>(&self, learner: &dyn Learner<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let other = |cause: String| Error::OtherModel { path: self.path.clone(), cause };
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| Error::Damaged { path: self.path.clone(), cause: error.to_string() })?;
        let damaged =
            |what: &str| Error::Damaged { path: self.path.clone(), cause: format!("its {what} is damaged") };
        let mut tensors = tensors.tensors();
        tensors.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if let Some(order) = self.own.get(ORDER) {
            let order = read_numbers(order).ok_or_else(|| damaged(ORDER))?;
            tensors = in_order(tensors, &order).ok_or_else(|| damaged(ORDER))?;
        }
        let input =
            self.own.get(INPUT).map(|text| read_numbers(text).ok_or_else(|| damaged(INPUT))).transpose()?;
        let mut groups = [WEIGHTS, STATISTICS, MEMORY].map(|group| (group, Vec::new()));
        for (name, tensor) in tensors {
            let known = name.split_once('.').and_then(|(group, rest)| {
                Some((&mut groups.iter_mut().find(|(known, _)| *known == group)?.1, rest))
            });
            let Some((list, rest)) = known else {
                return Err(other(format!("it holds {name}, which no predictor has")));
            };
            let array =
                array_of(&tensor, tensor.shape()).map_err(|cause| other(format!("{name} {cause}")))?;
            list.push((rest.to_owned(), array));
        }
        let [weights, statistics, memory] = groups.map(|(_, list)| Params::new(list));
        let learned = Learned { weights, statistics, memory, signature: self.signature(), input };
        learner.restore(&learned).map_err(|error| match error {
            Error::OtherLearner { cause } => other(cause),
            error => error,
        })
    }

    /// The arrays of these lists, and of no others.
    fn lists<F: Float>(
        &self,
        expected: &[(String, &Params<Array<F>>)],
    ) -> Result<Vec<Params<Array<F>>>, Error> {
        let other = |cause: String| Error::OtherModel { path: self.path.clone(), cause };
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| Error::Damaged { path: self.path.clone(), cause: error.to_string() })?;
        let known = |name: &str| {
            name.split_once('.').is_some_and(|(group, name)| {
                expected.iter().any(|(g, params)| g == group && params.get(name).is_some())
            })
        };
        if let Some(unknown) = tensors.names().into_iter().filter(|name| !known(name)).min() {
            return Err(other(format!("it holds {unknown}, which the model has not")));
        }
        let read = |group: &str, params: &Params<Array<F>>| -> Result<Params<Array<F>>, Error> {
            let one = |(name, like): (&str, &Array<F>)| {
                let name = format!("{group}.{name}");
                let tensor = tensors.tensor(&name).map_err(|_| other(format!("it does not hold {name}")))?;
                array_of(&tensor, like.shape()).map_err(|cause| other(format!("{name} {cause}")))
            };
            Ok(params.with_values(params.iter().map(one).collect::<Result<_, _>>()?))
        };
        expected.iter().map(|(group, like)| read(group, like)).collect()
    }
}

//! What was learned, as a file: safetensors, written whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{Optimizer, Params};
use safetensors::SafeTensors;

use crate::atomic::write_atomically;
use crate::error::Error;
use crate::learned::Learned;
use crate::learner::{Learner, Meta, Predictor};
use crate::tensors::{array_of, read_bounded, serialize};
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
/// Saves theta, statistics and what lanes carry with their names, and metadata beside them; the number of updates is added to
/// these as `iteration`.
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
/// When the file cannot be written.
pub fn save<F: Float>(path: &Path, meta: &Meta<F>, metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    write(path, &groups(meta), &with_iteration(metadata, meta.iteration))
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
    write(path, &all, &with_iteration(metadata, progress.meta.iteration))
}

fn with_iteration(metadata: &BTreeMap<String, String>, iteration: u64) -> BTreeMap<String, String> {
    let mut metadata = metadata.clone();
    metadata.insert(ITERATION.to_owned(), iteration.to_string());
    metadata
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
    let Learned { weights, statistics, memory } = predictor.learned().ok_or_else(unknown)?;
    let groups = [(WEIGHTS, &weights), (STATISTICS, &statistics), (MEMORY, &memory)];
    write(path, &groups.map(|(group, params)| (group.to_owned(), params)), metadata)
}

fn write<F: Float>(
    path: &Path,
    groups: &[(String, &Params<Array<F>>)],
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let wrong = |cause: String| Error::Save { path: path.to_owned(), cause };
    let arrays: Vec<(String, Array<F>)> = groups
        .iter()
        .flat_map(|(group, params)| {
            params.iter().map(move |(name, array)| (format!("{group}.{name}"), array.clone()))
        })
        .collect();
    let bytes = serialize(&arrays, metadata).map_err(wrong)?;
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
}

impl Checkpoint {
    /// Reads a file and checks that it is whole.
    ///
    /// # Errors
    /// When it cannot be read, or is no safetensors file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let damaged = |cause: String| Error::Damaged { path: path.to_owned(), cause };
        let (_, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| damaged(format!("damaged, cut short or no safetensors file ({error})")))?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Checkpoint { path: path.to_owned(), bytes, metadata })
    }

    /// The metadata it was saved with.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// What was learned, for a learner, whose names and shapes it must have exactly.
    ///
    /// # Errors
    /// When an array is missing, has another shape, is not finite, or is one the learner does not know.
    pub fn meta<F: Float>(&self, learner: &dyn Learner<F>) -> Result<Meta<F>, Error> {
        let fresh = learner.init(0);
        Ok(self.assembled(self.lists(&groups(&fresh))?))
    }

    /// Theta, statistics and lanes in this order.
    fn assembled<F: Float>(&self, lists: Vec<Params<Array<F>>>) -> Meta<F> {
        let mut lists = lists.into_iter();
        let mut next = || lists.next().expect("theta and statistics come first");
        let (theta, statistics) = (next(), next());
        let iteration = self.metadata.get(ITERATION).and_then(|text| text.parse().ok()).unwrap_or(0);
        Meta { theta, statistics, lanes: lists.collect(), iteration }
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
        Ok(Progress { meta: self.assembled(lists), optimizer })
    }

    /// The predictor of a file of [`save_predictor`], for the learner that learned it.
    ///
    /// # Errors
    /// When an array is missing, has another shape, is not finite, or is one the learner does not know.
    pub fn predictor<F: Float>(&self, learner: &dyn Learner<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let other = |cause: String| Error::OtherModel { path: self.path.clone(), cause };
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| Error::Damaged { path: self.path.clone(), cause: error.to_string() })?;
        let mut groups = [WEIGHTS, STATISTICS, MEMORY].map(|group| (group, Vec::new()));
        for (name, tensor) in tensors.tensors() {
            let (group, rest) = name.split_once('.').unwrap_or((&name, ""));
            let Some((_, list)) = groups.iter_mut().find(|(known, _)| *known == group) else {
                return Err(other(format!("it holds {name}, which no predictor has")));
            };
            let array =
                array_of(&tensor, tensor.shape()).map_err(|cause| other(format!("{name} {cause}")))?;
            list.push((rest.to_owned(), array));
        }
        let [weights, statistics, memory] = groups.map(|(_, list)| Params::new(list));
        learner.restore(&Learned { weights, statistics, memory }).map_err(|error| match error {
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

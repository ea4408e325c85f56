//! What was learned, read from a file of [`save`](fn@crate::save) and its like.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::tensor_file::unseal;
use fewshot_nn::{Optimizer, Params, Signature};
use safetensors::SafeTensors;

use crate::engine::trainer::Progress;
use crate::error::Error;
use crate::io::order::{in_order, read_numbers};
use crate::io::save::{
    INPUT, ITERATION, MEMORY, OPTIMIZER, ORDER, OWN, SIGNATURE, STATISTICS, WEIGHTS, groups,
};
use crate::io::tensors::{array_of, read_bounded};
use crate::learner::Learner;
use crate::meta::Meta;
use crate::predictor::Predictor;
use crate::predictor::state::{PredictorState, difference};

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
    /// When it cannot be read, has more than 1 GiB, is no safetensors file, or has a checksum that is not that of its content. A file of
    /// before there were checksums is not compared.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read_bounded(path)?;
        let damaged = |cause: String| Error::Damaged { path: path.to_owned(), cause };
        let (_, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| damaged(format!("damaged, cut short or no safetensors file ({error})")))?;
        let mut all: BTreeMap<_, _> = header.metadata().clone().unwrap_or_default().into_iter().collect();
        unseal(&bytes, &mut all).map_err(damaged)?;
        let (own, metadata) = all.into_iter().partition(|(name, _)| name.starts_with(OWN));
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
    /// signature ([`ParamSpec::signature`](fewshot_nn::ParamSpec::signature)) is another than when it was saved. A file of before there were
    /// signatures is not compared by them.
    pub fn meta<F: Float>(&self, learner: &dyn Learner<F>) -> Result<Meta<Array<F>>, Error> {
        let fresh = learner.init(0);
        self.assembled(&fresh, self.lists(&groups(&fresh))?)
    }

    /// Theta, statistics and lanes in this order, for a learner that begins like this.
    fn assembled<F: Float>(
        &self,
        fresh: &Meta<Array<F>>,
        lists: Vec<Params<Array<F>>>,
    ) -> Result<Meta<Array<F>>, Error> {
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

    /// Where a training stood, from a file of [`save_progress`](crate::save_progress), for a learner and its outer optimiser.
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

    /// The predictor of a file of [`save_predictor`](crate::save_predictor), for the learner that learned it. [`Learner::restore`] gets the arrays in the order in
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
        let state = PredictorState { weights, statistics, memory, signature: self.signature(), input };
        learner.restore(&state).map_err(|error| match error {
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

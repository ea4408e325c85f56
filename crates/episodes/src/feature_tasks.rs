//! Episodes of classification of feature vectors.

use crate::{
    ClassId, Episode, Error, FeatureSet, Outputs, Protocol, Purpose, RngExt, Rotations, Set, Targets, Tasks,
    stream,
};
use ndarray::ArrayD;
use std::ops::Range;
use std::sync::Arc;

/// Few-shot classification tasks over the classes of a set of feature vectors (Rusu et al. 2019, section 4.2.1).
///
/// Episode `i` draws `ways` classes in random order, which gives them their labels
/// `0..ways`, and per class `shots + queries` distinct vectors: the first are support, the
/// rest query. Examples are `[n, width]`, those of label 0 first.
///
/// ```
/// use fewshot_episodes::{FeatureSet, FeatureTasks, Protocol, Purpose, Rotations, Tasks};
/// use std::sync::Arc;
/// let class = |i: u8| (format!("class{i}"), vec![f32::from(i); 8]);
/// let features = Arc::new(FeatureSet::new(2, (1..=3).map(class).collect()));
/// let protocol = Protocol { ways: 2, shots: 1, queries: 3, rotations: Rotations::None };
/// let tasks = FeatureTasks::new(features, protocol, 1, Purpose::Train)?;
/// let episode = tasks.episode(7);
/// assert_eq!(episode.support.x.shape(), [2, 2]);
/// assert_eq!(episode.query.y.classes(), Some(&[0, 0, 0, 1, 1, 1][..]));
/// assert_eq!(episode, tasks.episode(7));
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeatureTasks {
    features: Arc<FeatureSet>,
    protocol: Protocol,
    seed: u64,
    purpose: Purpose,
}

impl FeatureTasks {
    /// Tasks over all classes of a set.
    ///
    /// # Errors
    /// When the protocol asks for nothing, for more classes or vectors than there are, or for rotations.
    pub fn new(
        features: Arc<FeatureSet>,
        protocol: Protocol,
        seed: u64,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        protocol.check()?;
        let Protocol { ways, shots, queries, rotations } = protocol;
        if rotations != Rotations::None {
            return Err(Error::TurnedFeatures { rotations });
        }
        if ways > features.classes() {
            return Err(Error::TooFewClasses { ways, classes: features.classes() });
        }
        for class in 0..features.classes() {
            let held = features.vectors(class);
            if shots.checked_add(queries).is_none_or(|needed| needed > held) {
                let class = features.name(class).to_string();
                return Err(Error::TooFewVectors { class, vectors: held, shots, queries });
            }
        }
        Ok(Self { features, protocol, seed, purpose })
    }

    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Class and vectors of each label of episode `i`.
    fn draw(&self, i: u64) -> Vec<(usize, Vec<usize>)> {
        let Protocol { ways, shots, queries, .. } = self.protocol;
        let mut rng = stream(self.seed, self.purpose, i);
        let classes = rng.choose(self.features.classes(), ways);
        let vectors = |class| (class, rng.choose(self.features.vectors(class), shots + queries));
        classes.into_iter().map(vectors).collect()
    }

    /// The set of the vectors `range` of each drawn class.
    fn set(&self, drawn: &[(usize, Vec<usize>)], range: Range<usize>) -> Set {
        let of_class = |(class, vectors): &(usize, Vec<usize>)| {
            let chosen = vectors[range.clone()].iter();
            chosen.flat_map(|&k| self.features.vector(*class, k)).copied().collect::<Vec<f32>>()
        };
        let x = drawn.iter().flat_map(of_class).collect();
        let y: Vec<usize> = (0..drawn.len()).flat_map(|label| vec![label; range.len()]).collect();
        let x = ArrayD::from_shape_vec(vec![y.len(), self.features.width()], x).expect("whole vectors");
        Set::new(x, Targets::Classes(y))
    }
}

impl Tasks for FeatureTasks {
    fn episode(&self, i: u64) -> Episode {
        let Protocol { ways, shots, queries, .. } = self.protocol;
        let drawn = self.draw(i);
        Episode {
            support: self.set(&drawn, 0..shots),
            query: self.set(&drawn, shots..shots + queries),
            ways: Some(ways),
        }
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![self.features.width()]
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(self.protocol.ways)
    }

    fn query_classes(&self, i: u64) -> Option<Vec<ClassId>> {
        let of_class = |(class, _): (usize, _)| vec![ClassId::from(class); self.protocol.queries];
        Some(self.draw(i).into_iter().flat_map(of_class).collect())
    }
}

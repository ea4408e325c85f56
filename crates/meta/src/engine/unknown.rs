//! How well a learner tells queries of its classes from those of others (Snell, Zemel 2021: "Bayesian Few-Shot Classification with One-vs-Each
//! Pólya-Gamma Augmented Gaussian Processes", out-of-episode detection).

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::Tasks;
use rayon::prelude::*;

use crate::calibration::detection::{auroc, false_positive_rate};
use crate::calibration::scores::KnownScore;
use crate::engine::evaluate::steady;
use crate::error::Error;
use crate::fit::{self, of_episode};
use crate::labels::Labels;
use crate::learner::Learner;
use crate::meta::Meta;
use crate::task::{Examples, Task};

/// The scores of an episode's queries for being of one of its classes, and how many of the known ones were named rightly.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownScores {
    /// Of the queries of the classes that were learned.
    pub known: Vec<f64>,
    /// Of the queries of other classes.
    pub unknown: Vec<f64>,
    /// Share of the known queries that are named rightly when none is refused.
    pub accuracy: f64,
}

impl UnknownScores {
    /// The area under the receiver operating characteristic, as [`auroc`].
    pub fn auroc(&self) -> f64 {
        auroc(&self.known, &self.unknown)
    }

    /// The share of unknown queries taken for known where the share `kept` of the known is kept, as [`false_positive_rate`].
    ///
    /// # Panics
    /// When `kept` is not above 0 and at most 1.
    #[track_caller]
    pub fn false_positive_rate(&self, kept: f64) -> f64 {
        false_positive_rate(&self.known, &self.unknown, kept)
    }
}

/// Scores the queries of each of the episodes `0..episodes`, of which the learner is given the classes `0..ways` alone: the queries of the
/// further classes are unknown to it.
///
/// `tasks` gives episodes of more than `ways` classes, for the published protocol of twice as many, with as many queries of each. All queries of an episode are
/// answered together, which matters to learners that normalise by the batch. Episodes run in parallel on the ambient rayon pool; scores come in
/// episode order, equal for any number of threads. Scores of different episodes need not be on one scale: AUROC belongs to an episode, and is averaged.
///
/// # Errors
/// When the meta-parameters are not the learner's, an episode does not fit it, holds no query of a further class, or predictions are not finite.
/// When the predictor of the first episode gives other answers to the same queries when it is asked again ([`Error::Unsteady`]).
///
/// # Panics
/// When there are no episodes or no ways, or the temperature of an energy is not above 0.
#[track_caller]
#[inline(never)]
pub fn evaluate_unknown<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    ways: usize,
    episodes: u64,
    score: KnownScore,
) -> Result<Vec<UnknownScores>, Error> {
    assert!(episodes > 0 && ways > 0, "evaluate_unknown: {episodes} episodes of {ways} ways");
    learner.check_meta(meta)?;
    let scored = |episode| {
        let Divided { task, unknown } =
            divided(tasks, episode, ways).map_err(|error| of_episode(episode, error))?;
        let fits = learner.check_support(&task.support);
        fits.and_then(|()| fit::query(&task, learner.answers_with()))
            .map_err(|error| of_episode(episode, error))?;
        let count = task.query.y.len();
        let queries = joined(&task.query.x, &unknown);
        let predictor = learner.adapt(meta, &task.support);
        let logits = predictor.predict(&queries);
        if episode == 0 {
            steady(&*predictor, &queries, &logits)?;
        }
        if !logits.all_finite() {
            return Err(Error::Predictions { episode });
        }
        let all = score.of(&logits);
        let (known, unknown) = all.split_at(count);
        let accuracy = task.query.y.score(&picked(&logits, &(0..count).collect::<Vec<_>>()));
        Ok(UnknownScores { known: known.to_vec(), unknown: unknown.to_vec(), accuracy })
    };
    // all of them, then the first error: which it is must not depend on threads
    let scores: Vec<Result<UnknownScores, Error>> = (0..episodes).into_par_iter().map(scored).collect();
    scores.into_iter().collect()
}

/// An episode of which some classes are known.
struct Divided<F: Float> {
    /// Of the known classes alone.
    task: Task<Array<F>>,
    /// The queries of the others, examples along axis 0.
    unknown: Array<F>,
}

fn divided<F: Float>(tasks: &dyn Tasks, episode: u64, ways: usize) -> Result<Divided<F>, Error> {
    let Task { support, query } = Task::from(tasks.episode(episode));
    let of_known = |examples: &Examples<Array<F>>, known: bool| -> Result<(Array<F>, Vec<usize>), Error> {
        let Labels::Classes(classes) = &examples.y else {
            return Err(Error::Unfit { cause: "it has real targets, of which none is unknown".into() });
        };
        let places: Vec<usize> = (0..classes.len()).filter(|&i| (classes[i] < ways) == known).collect();
        Ok((picked(&examples.x, &places), places.iter().map(|&i| classes[i]).collect()))
    };
    let set =
        |examples| of_known(examples, true).map(|(x, classes)| Examples::new(x, Labels::Classes(classes)));
    let task = Task { support: set(&support)?, query: set(&query)? };
    let (unknown, classes) = of_known(&query, false)?;
    if classes.is_empty() {
        let cause = format!("it has no query of a class beyond the {ways} that are known");
        return Err(Error::Unfit { cause });
    }
    Ok(Divided { task, unknown })
}

/// The examples at these places of axis 0.
fn picked<F: Float>(x: &Array<F>, places: &[usize]) -> Array<F> {
    let size: usize = x.shape()[1..].iter().product();
    let data = places.iter().flat_map(|&i| x.data()[i * size..][..size].iter().copied()).collect();
    Array::new(&[&[places.len()], &x.shape()[1..]].concat(), data)
}

/// Examples one after the other.
fn joined<F: Float>(first: &Array<F>, second: &Array<F>) -> Array<F> {
    let shape = [&[first.shape()[0] + second.shape()[0]], &first.shape()[1..]].concat();
    Array::new(&shape, [first.data(), second.data()].concat())
}

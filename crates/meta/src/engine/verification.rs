//! Verification (Koch, Zemel, Salakhutdinov 2015, section 4.2): do two images show one class?

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::Tasks;
use rayon::prelude::*;

use crate::error::Error;
use crate::fit::{self, Answers, of_episode};
use crate::labels::Labels;
use crate::learner::Learner;
use crate::meta::Meta;
use crate::task::{Examples, Task};

/// How well scores tell pairs of one class from pairs of two.
///
/// ```
/// use fewshot_meta::Verification;
/// let pairs = vec![(2.0, true), (0.5, false), (1.0, true), (1.5, false)];
/// let found = Verification::new(pairs); // three of four are right with 1 and more, as with 2
/// assert_eq!((found.accuracy, found.threshold, found.pairs), (0.75, 2.0, 4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verification {
    /// Share of the pairs that are right at the best threshold.
    pub accuracy: f64,
    /// The best threshold: pairs of this score and above count as the same. Of several as good, the highest.
    pub threshold: f64,
    /// How many pairs there were.
    pub pairs: usize,
}

impl Verification {
    /// The best threshold for scores of pairs, each with whether the pair is of one class.
    ///
    /// # Panics
    /// When there are none.
    #[track_caller]
    pub fn new(mut scores: Vec<(f64, bool)>) -> Self {
        assert!(!scores.is_empty(), "Verification::new: no pair");
        scores.sort_by(|a, b| b.0.total_cmp(&a.0));
        let pairs = scores.len();
        let mut right = scores.iter().filter(|(_, same)| !same).count();
        let mut best = (right, f64::INFINITY);
        for tied in scores.chunk_by(|a, b| a.0 == b.0) {
            let same = tied.iter().filter(|(_, same)| *same).count();
            right = right + same - (tied.len() - same);
            if right > best.0 {
                best = (right, tied[0].0);
            }
        }
        Verification { accuracy: best.0 as f64 / pairs as f64, threshold: best.1, pairs }
    }
}

/// Lets a learner that compares with its support score the pairs of the batches `0..batches`, which are as
/// [`Pairs`](fewshot_episodes::Pairs) gives them: the first image of a pair is the one example of its class, the second asks for it.
///
/// # Errors
/// When the meta-parameters are not the learner's, a batch is none of pairs, or scores are not finite.
///
/// # Panics
/// When there are no batches.
#[track_caller]
pub fn verify<F: Float>(
    learner: &dyn Learner<F>,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    batches: u64,
) -> Result<Verification, Error> {
    learner.check_meta(meta)?;
    let of_batch = |i: u64| {
        let task = Task::<Array<F>>::from(tasks.episode(i));
        let count = task.support.y.len();
        let first = Examples { x: task.support.x.clone(), y: Labels::Classes((0..count).collect()) };
        let fits = pairs(&task).and_then(|()| learner.check_support(&first));
        fits.map_err(|error| of_episode(i, error))?;
        let Task { support, query } = task;
        let same = support.y.class_list("verify");
        let scores = learner.adapt(meta, &first).predict(&query.x);
        if !scores.all_finite() {
            return Err(Error::Predictions { episode: i });
        }
        let own = scores.data().iter().step_by(count + 1);
        Ok(own.zip(same).map(|(score, same)| (score.as_f64(), *same == 1)).collect())
    };
    let scores: Vec<Result<Vec<(f64, bool)>, Error>> = (0..batches).into_par_iter().map(of_batch).collect();
    let scores: Vec<Vec<(f64, bool)>> = scores.into_iter().collect::<Result<_, _>>()?;
    Ok(Verification::new(scores.concat()))
}

/// A task is a batch of pairs.
fn pairs<F: Float>(task: &Task<Array<F>>) -> Result<(), Error> {
    let Task { support, query } = task;
    fit::counted("support", support)?;
    fit::counted("query", query)?;
    fit::labels("support", &support.y, Answers::SupportClasses)?;
    let (a, b) = (support.x.shape(), query.x.shape());
    let cause = || format!("images {a:?} beside {b:?} are no pairs");
    if a == b { Ok(()) } else { Err(Error::Unfit { cause: cause() }) }
}

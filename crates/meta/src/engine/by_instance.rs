//! Accuracy at the first, second, third time a class is seen.

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::{ALPHABET, Tasks};
use fewshot_nn::answer;
use rayon::prelude::*;

use crate::engine::evaluate::Evaluation;
use crate::error::Error;
use crate::fit::of_episode;
use crate::labels::{Labels, Metric};
use crate::learner::Learner;
use crate::memory::mann::Mann;
use crate::memory::mann::label_code::LabelCode;
use crate::meta::Meta;
use crate::task::Examples;

/// Accuracy at the `k`-th instance of a class, element `k - 1`, over the sequences of the episodes `0..episodes` (Santoro et al. 2016,
/// table 1): one value, 0 or 1, for every class of every sequence that has `k` instances. String labels count only as a
/// whole.
///
/// Episodes run in parallel on the ambient rayon pool; values come in episode order, equal for any number of threads.
///
/// # Errors
/// When the meta-parameters are not the learner's, an episode is no batch of sequences for it, or predictions are not finite.
///
/// # Panics
/// When there are no episodes.
#[track_caller]
pub fn by_instance<F: Float>(
    learner: &Mann,
    meta: &Meta<Array<F>>,
    tasks: &dyn Tasks,
    episodes: u64,
) -> Result<Vec<Evaluation>, Error> {
    assert!(episodes > 0, "by_instance: no episodes");
    learner.check_meta(meta)?;
    let one = |episode: u64| {
        let sequences = Examples::from(tasks.episode(episode).query);
        learner.check_sequences(&sequences).map_err(|error| of_episode(episode, error))?;
        let answers = learner.answers(meta, &sequences);
        if !answers.all_finite() {
            return Err(Error::Predictions { episode });
        }
        let answered = names(&answers, learner.labels);
        let names = match &sequences.y {
            Labels::Classes(classes) => classes.clone(),
            Labels::Values(letters) => names(letters, learner.labels),
        };
        Ok((0..learner.batch).flat_map(|k| seen(&names, &answered, k, learner.batch)).collect())
    };
    let all: Vec<Result<Vec<(usize, bool)>, Error>> = (0..episodes).into_par_iter().map(one).collect();
    let all: Result<Vec<Vec<(usize, bool)>>, Error> = all.into_iter().collect();
    let mut values: Vec<Vec<f64>> = Vec::new();
    for (instance, right) in all?.into_iter().flatten() {
        if values.len() <= instance {
            values.resize_with(instance + 1, Vec::new);
        }
        values[instance].push(f64::from(u8::from(right)));
    }
    Ok(values.into_iter().map(|values| Evaluation::new(Metric::Accuracy, values)).collect())
}

/// For each step of sequence `k`, how often its class was there before, and whether the answer is right.
fn seen(names: &[usize], answered: &[usize], k: usize, batch: usize) -> Vec<(usize, bool)> {
    let steps: Vec<usize> = (k..names.len()).step_by(batch).collect();
    let before = |at: usize| steps[..at].iter().filter(|&&row| names[row] == names[steps[at]]).count();
    (0..steps.len()).map(|at| (before(at), answered[steps[at]] == names[steps[at]])).collect()
}

/// The most likely name of each row as one number.
fn names<F: Float>(rows: &Array<F>, labels: LabelCode) -> Vec<usize> {
    let width = labels.width();
    let letters = match labels {
        LabelCode::OneHot(_) => width,
        LabelCode::Strings => ALPHABET,
    };
    let letter = |part: &[F]| answer(part).expect("the numbers of a letter are finite");
    let number =
        |row: &[F]| row.chunks_exact(letters).rev().fold(0, |name, part| name * letters + letter(part));
    rows.data().chunks_exact(width).map(number).collect()
}

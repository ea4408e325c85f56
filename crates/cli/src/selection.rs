//! Model selection: the weights that are kept are those that did best on episodes of validation classes.

use std::io::ErrorKind;
use std::path::Path;

use fewshot_episodes::Tasks;
use fewshot_meta::{Checkpoint, Evaluation, Learner, Meta, Metric, evaluate};

use crate::args::Part;
use crate::config;
use crate::data::{Source, TestEpisodes};
use crate::error::Error;
use crate::files;
use crate::official;
use crate::run_files::{LARGEST_TEXT, MODEL, VALIDATION};
use crate::sequences;
use crate::settings::Settings;

/// Episodes of validation classes by which weights are chosen (F).
const EPISODES: u64 = 200;
/// First line of the file.
const HEADER: &str = "iteration,score,interval";

/// What was seen on validation classes, and the best weights so far.
pub struct Selection {
    every: u64,
    last: u64,
    settings: Settings,
    tasks: Box<dyn Tasks>,
    episodes: u64,
    /// What these are, in words.
    words: String,
    learner: Box<dyn Learner>,
    best: Option<Best>,
    /// A line for each look.
    lines: Vec<String>,
}

struct Best {
    meta: Meta,
    score: f64,
}

impl Selection {
    /// As the settings ask; nothing where they ask for none.
    pub fn new(settings: &Settings, source: &Source) -> Result<Option<Selection>, Error> {
        let Some(every) = settings.validate_every else {
            return Ok(None);
        };
        let (tasks, episodes, words) = tasks(settings, source)?;
        Ok(Some(Selection {
            every,
            last: settings.iterations,
            settings: settings.clone(),
            tasks,
            episodes,
            words,
            learner: settings.algorithm.build(settings),
            best: None,
            lines: Vec::new(),
        }))
    }

    /// Goes on from the folder of a run that stands after `iteration`, for the learner that is trained.
    pub fn resume(&mut self, dir: &Path, trained: &dyn Learner, iteration: u64) -> Result<(), Error> {
        let path = dir.join(VALIDATION);
        let text = match files::read(&path, LARGEST_TEXT) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read.map_err(|error| damaged(dir, &error.to_string()))?,
        };
        let earlier = |line: &&str| number(line).is_some_and(|number| number <= iteration);
        self.lines = text.lines().skip(1).filter(earlier).map(str::to_owned).collect();
        let wrong = |error: fewshot_meta::Error| Error::Model(error.to_string());
        let checkpoint = Checkpoint::read(&dir.join(MODEL)).map_err(wrong)?;
        if let Some(score) = config::validation(checkpoint.metadata()) {
            let meta: Meta = checkpoint.meta(trained).map_err(wrong)?;
            let seen = |line: &String| number(line) == Some(meta.iteration);
            if meta.iteration <= iteration && !self.lines.iter().any(seen) {
                return Err(damaged(dir, &format!("does not hold iteration {}, the best", meta.iteration)));
            }
            self.best = Some(Best { meta, score });
        }
        Ok(())
    }

    /// Measures the weights if it is time to, and keeps them if they are better than all before; says whether it looked. Weights
    /// whose predictions are not finite are never better.
    pub fn look(&mut self, meta: &Meta) -> Result<bool, Error> {
        if !meta.iteration.is_multiple_of(self.every) && meta.iteration != self.last {
            return Ok(false);
        }
        let start = self.settings.algorithm.start(&self.settings, meta.clone());
        let (seen, beside) = match self.seen(&start) {
            Ok(seen) => seen,
            Err(fewshot_meta::Error::Predictions { .. }) => return Ok(false),
            Err(error) => {
                let cause = format!("{}: {error}", self.words);
                return Err(Error::Training { cause, saved: String::new() });
            }
        };
        self.lines.push(format!("{},{},{}{beside}", meta.iteration, seen.mean, seen.interval));
        let better = |best: &Best| match seen.metric {
            Metric::Accuracy => seen.mean > best.score,
            Metric::Mse => seen.mean < best.score,
        };
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(Best { meta: meta.clone(), score: seen.mean });
        }
        Ok(true)
    }

    /// The score of weights, and of sequences the accuracy at each instance to stand beside it.
    fn seen(&self, meta: &Meta) -> Result<(Evaluation, String), fewshot_meta::Error> {
        if self.settings.algorithm.sequences(&self.settings).is_none() {
            let seen = evaluate(&*self.learner, meta, &*self.tasks, self.episodes)?;
            return Ok((seen, String::new()));
        }
        let (scores, _) = sequences::scores(&self.settings, meta, &*self.tasks, self.episodes)?;
        let each: Vec<String> = scores.iter().map(|score| score.mean.to_string()).collect();
        Ok((sequences::known(&scores), format!(",{}", each.join(" "))))
    }

    /// Whether so many looks since the best were no better that training ends.
    pub fn has_waited(&self) -> bool {
        let (Some(patience), Some(best)) = (self.settings.patience, &self.best) else { return false };
        let since = self.lines.iter().filter(|line| number(line).is_some_and(|n| n > best.meta.iteration));
        since.count() as u64 >= patience
    }

    /// What was seen, as a file.
    pub fn text(&self) -> String {
        let beside =
            if self.settings.algorithm.sequences(&self.settings).is_some() { ",instances" } else { "" };
        format!("{HEADER}{beside}\n{}\n", self.lines.join("\n"))
    }

    /// The best weights so far and their score.
    pub fn best(&self) -> Option<(&Meta, f64)> {
        self.best.as_ref().map(|best| (&best.meta, best.score))
    }

    /// Which weights were chosen, in words.
    pub fn describe(&self) -> Option<String> {
        let best = self.best.as_ref()?;
        let score = match self.settings.classes {
            Some(_) => format!("accuracy {:.2} %", 100.0 * best.score),
            None => format!("error {:.4}", best.score),
        };
        Some(format!("iteration {}, {score} on {}", best.meta.iteration, self.words))
    }
}

/// What weights are measured on, how many episodes, and what they are in words: of a Siamese network one-shot trials within
/// alphabets, where some are large enough.
fn tasks(settings: &Settings, source: &Source) -> Result<(Box<dyn Tasks>, u64, String), Error> {
    if settings.algorithm.verifies()
        && let Some(trials) = source.trials(settings)
    {
        return Ok((Box::new(trials), official::VALIDATION_RUNS, official::validation_words(settings)));
    }
    let episodes = TestEpisodes { part: Part::Validation, ..TestEpisodes::of(settings) };
    let count = EPISODES;
    let what = match settings.algorithm.sequences(settings) {
        Some(_) => "sequences, from the second instance on",
        None => "episodes",
    };
    Ok((source.test(settings, &episodes)?, count, format!("{count} validation {what}")))
}

/// Patience counts what was seen: without it the run would be another one.
fn damaged(dir: &Path, cause: &str) -> Error {
    let cause =
        format!("{VALIDATION}: {cause}; put the files of one run together, or begin anew with --config");
    Error::Run { path: dir.to_owned(), cause }
}

/// The iteration of a line.
fn number(line: &str) -> Option<u64> {
    line.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use fewshot_autodiff::Array;

    use super::*;
    use crate::options::Options;

    fn settings(text: &str) -> Settings {
        Settings::resolve(&Options(text.parse().unwrap())).unwrap()
    }

    #[test]
    fn only_predictions_that_are_not_finite_are_passed_over() {
        let waves = settings("data = 'sinusoid'\nvalidate-every = 1");
        let mut selection = Selection::new(&waves, &Source::Sinusoid).unwrap().unwrap();
        let meta = selection.learner.init(1);
        assert!(selection.look(&meta).unwrap());
        let huge = |weights: &Array| Array::new(weights.shape(), vec![1e30; weights.data().len()]);
        let diverged = Meta { theta: meta.theta.map(huge), ..meta.clone() };
        assert!(!selection.look(&diverged).unwrap(), "predictions are not finite");
        // drawings do not fit a learner of waves
        let drawings = settings("queries = 1\neval-queries = 1\nvalidate-every = 1");
        let source = Source::load(&drawings).unwrap();
        selection.tasks = source.test(&drawings, &TestEpisodes::of(&drawings)).unwrap();
        let said = selection.look(&meta).unwrap_err().to_string();
        assert!(said.starts_with("training stopped: 200 validation episodes: episode 0: "), "{said}");
    }
}

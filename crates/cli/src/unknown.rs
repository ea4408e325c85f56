//! `fewshot evaluate --unknown`: whether queries of other classes are told from those of the episode's (Snell, Zemel 2021).

use fewshot_meta::{Evaluation, KnownScore, Metric, UnknownScores, evaluate_unknown};
use serde::Serialize;

use crate::args::{EvaluateArgs, Part, Score};
use crate::data::{Source, TestEpisodes};
use crate::error::Error;
use crate::measure::{Head, Subject, learner, learner_name, watched};
use crate::norm;
use crate::trained::Trained;

/// Share of the known queries that are kept where unknown ones taken for known are counted.
const KEPT: f64 = 0.95;

/// How well queries of other classes are told from those of the episodes'.
pub struct Unknown {
    learner: String,
    score: Score,
    /// Shares, episode by episode.
    auroc: Evaluation,
    false_positives: Evaluation,
    accuracy: Evaluation,
    episodes: TestEpisodes,
    norm: Option<&'static str>,
    iterations: u64,
}

/// A share in per cent.
#[derive(Serialize)]
struct Share {
    value: f64,
    interval: f64,
}

/// What `--json` prints; shares in per cent.
#[derive(Serialize)]
struct Json<'a> {
    learner: &'a str,
    metric: &'static str,
    value: f64,
    interval: f64,
    unit: &'static str,
    score: &'static str,
    false_positive_rate: Share,
    known_kept: f64,
    accuracy: Share,
    episodes: usize,
    ways: usize,
    unknown_ways: usize,
    shots: usize,
    queries: usize,
    classes: &'static str,
    norm: Option<&'static str>,
    seed: u64,
    iterations: u64,
}

/// Lets the model learn half of the classes of each episode, and scores the queries of all.
pub fn measure(args: &EvaluateArgs, subject: &Subject<'_>, run: Trained) -> Result<Unknown, Error> {
    let settings = subject.settings;
    let source = run.source(settings)?;
    let episodes = TestEpisodes { part: args.classes, ..TestEpisodes::of(settings) };
    let any = subject.head == Head::LeftAway || settings.algorithm.takes_any_ways(settings);
    enough_classes(subject, &source, &episodes, any)?;
    let all = TestEpisodes { ways: 2 * episodes.ways, ..episodes.clone() };
    let tasks = source.test(settings, &all)?;
    let score = args.score.unwrap_or(Score::MaxLogit);
    let (learner, count) = (learner(subject), settings.episodes);
    let scored = watched(&*tasks, count, |tasks| {
        evaluate_unknown(&*learner, subject.meta, tasks, episodes.ways, count as u64, known(score))
    });
    let scored = scored.map_err(|error| Error::Evaluation(error.to_string()))?;
    let share = |of: &dyn Fn(&UnknownScores) -> f64| {
        Evaluation::new(Metric::Accuracy, scored.iter().map(of).collect())
    };
    let norm = settings.classes.as_ref().filter(|_| !subject.meta.statistics.is_empty());
    Ok(Unknown {
        learner: learner_name(subject),
        score,
        auroc: share(&UnknownScores::auroc),
        false_positives: share(&|scores| scores.false_positive_rate(KEPT)),
        accuracy: share(&|scores| scores.accuracy),
        norm: norm.map(|classes| norm::name(classes.norm)),
        episodes,
        iterations: subject.iterations,
    })
}

fn known(score: Score) -> KnownScore {
    match score {
        Score::MaxLogit => KnownScore::MaxLogit,
        Score::MaxProbability => KnownScore::MaxProbability,
        Score::Energy => KnownScore::Energy { temperature: 1.0 },
    }
}

/// Refuses where classes are too few to have as many others.
fn enough_classes(
    subject: &Subject<'_>,
    source: &Source,
    episodes: &TestEpisodes,
    any: bool,
) -> Result<(), Error> {
    let TestEpisodes { part, ways, .. } = *episodes;
    let held = source.ways_of(part, subject.settings);
    if held >= 2 * ways {
        return Ok(());
    }
    let (words, fewer) = (part.words(), held / 2);
    let fewer = if any && fewer > 1 { format!("give --ways {fewer}, ") } else { String::new() };
    let other = if part == Part::Train { "" } else { " or --classes train" };
    Err(Error::Combination(format!(
        "--unknown: an episode has {ways} {words} classes and queries of {ways} others, and there are {held}; {fewer}give data of {} {words} \
         classes{other}, or leave it out",
        2 * ways
    )))
}

impl Unknown {
    /// The result in lines, the last of which counts.
    pub fn lines(&self) -> Vec<String> {
        let TestEpisodes { part, ways, shots, queries, .. } = self.episodes;
        let (words, count, each) = (part.words(), self.auroc.values.len(), ways * queries);
        let norm = self.norm.map_or("no batch norm".into(), |norm| format!("batch norm {norm}"));
        vec![
            format!(
                "unknown     queries of {ways} other {words} classes in each episode, told by {}",
                name(self.score)
            ),
            format!("accuracy {} of the known queries, none refused", self.accuracy),
            format!(
                "false positive rate {} of the unknown queries, where {:.0} % of the known are kept",
                self.false_positives,
                100.0 * KEPT
            ),
            format!(
                "AUROC {} ({count} episodes, {ways}-way {shots}-shot, {each} known and {each} unknown queries, {words} classes, {norm})",
                self.auroc
            ),
        ]
    }

    /// Everything as one JSON object on one line.
    pub fn json(&self) -> String {
        let TestEpisodes { part, ways, shots, queries, seed } = self.episodes;
        let [auroc, false_positive_rate, accuracy] = [&self.auroc, &self.false_positives, &self.accuracy]
            .map(|share| Share { value: 100.0 * share.mean, interval: 100.0 * share.interval });
        let json = Json {
            learner: &self.learner,
            metric: "auroc",
            value: auroc.value,
            interval: auroc.interval,
            unit: "%",
            score: name(self.score),
            false_positive_rate,
            known_kept: 100.0 * KEPT,
            accuracy,
            episodes: self.auroc.values.len(),
            ways,
            unknown_ways: ways,
            shots,
            queries,
            classes: part.words(),
            norm: self.norm,
            seed,
            iterations: self.iterations,
        };
        serde_json::to_string(&json).expect("a struct of numbers and names has a form in JSON")
    }
}

/// The name of a score as the option has it.
fn name(score: Score) -> &'static str {
    match score {
        Score::MaxLogit => "max-logit",
        Score::MaxProbability => "max-probability",
        Score::Energy => "energy",
    }
}

//! The answers of `fewshot predict` in words and as JSON.

use std::collections::BTreeMap;

use fewshot_episodes::names::shown;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::adapted::{Adapted, Class};
use crate::error::Error;
use crate::norm;
use crate::terminal::padded;

/// Classes named beside the likeliest.
const RUNNERS_UP: usize = 2;

/// What became of one picture.
pub struct Answer {
    /// The file, as it was given; bytes that are no text are written `\xNN`.
    pub image: String,
    /// Probability of each class; or why it could not be read.
    pub probabilities: Result<Vec<f64>, String>,
}

/// All answers, and what they rest on.
pub struct Answers<'a> {
    /// The run, or the file of a predictor.
    pub model: String,
    /// What answered.
    pub adapted: &'a Adapted,
    /// In the order of the pictures.
    pub answers: Vec<Answer>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    model: &'a str,
    learner: String,
    iterations: u64,
    image_size: usize,
    colour: &'static str,
    invert: bool,
    norm: String,
    classes: &'a [Class],
    answers: Vec<JsonAnswer<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonAnswer<'a> {
    Read { image: &'a str, class: &'a str, probability: f64, probabilities: BTreeMap<&'a str, f64> },
    Unread { image: &'a str, error: &'a str },
}

impl Answers<'_> {
    /// What answers: the model and the support.
    pub fn about(&self) -> [String; 2] {
        let Answers { model, adapted, .. } = self;
        let Adapted { settings, iterations, classes: known, .. } = adapted;
        let (algorithm, data) = (settings.name(), settings.data.name());
        let classes = settings.classes.as_ref().expect("it classifies");
        [
            format!(
                "model       {}, {algorithm} trained on {data} for {iterations} iterations",
                shown(model)
            ),
            format!(
                "support     {} of {} classes, {}, batch norm {}",
                plural(known.iter().map(|class| class.shots).sum(), "picture"),
                known.len(),
                classes.pictures.words(),
                norm::name(classes.norm)
            ),
        ]
    }

    /// One line each.
    pub fn lines(&self) -> Vec<String> {
        let answers = &self.answers;
        let images: Vec<String> = answers.iter().map(|answer| shown(&answer.image).to_string()).collect();
        let width = images.iter().map(|image| image.width()).max().unwrap_or(0);
        let line = |(image, answer): (&String, &Answer)| match &answer.probabilities {
            Ok(probabilities) => format!("{}  {}", padded(image, width), self.words(probabilities)),
            Err(_) => format!("{}  not read", padded(image, width)),
        };
        images.iter().zip(answers).map(line).collect()
    }

    /// The likeliest class and some others.
    fn words(&self, probabilities: &[f64]) -> String {
        let share =
            |class: usize| format!("{} {:.1} %", shown(self.name(class)), 100.0 * probabilities[class]);
        let order = by_size(probabilities);
        let others: Vec<String> = order[1..].iter().take(RUNNERS_UP).map(|class| share(*class)).collect();
        format!("{}  ({})", share(order[0]), others.join(", "))
    }

    /// One JSON object.
    pub fn json(&self) -> String {
        let Answers { model, adapted, answers } = self;
        let Adapted { settings, iterations, classes: known, .. } = adapted;
        let classes = settings.classes.as_ref().expect("it classifies");
        let pictures = classes.pictures;
        let json = Json {
            model,
            learner: settings.name().into(),
            iterations: *iterations,
            image_size: pictures.size,
            colour: pictures.colour_name(),
            invert: pictures.invert,
            norm: norm::name(classes.norm).into(),
            classes: known,
            answers: answers.iter().map(|answer| self.json_answer(answer)).collect(),
        };
        serde_json::to_string(&json).expect("names and numbers have a form in JSON")
    }

    fn json_answer<'b>(&'b self, Answer { image, probabilities }: &'b Answer) -> JsonAnswer<'b> {
        match probabilities {
            Err(error) => JsonAnswer::Unread { image, error },
            Ok(probabilities) => {
                let best = by_size(probabilities)[0];
                JsonAnswer::Read {
                    image,
                    class: self.name(best),
                    probability: probabilities[best],
                    probabilities: (0..probabilities.len())
                        .map(|class| (self.name(class), probabilities[class]))
                        .collect(),
                }
            }
        }
    }

    fn name(&self, class: usize) -> &str {
        &self.adapted.classes[class].name
    }

    /// An error unless every picture was read.
    pub fn complete(&self) -> Result<(), Error> {
        let failed: Vec<&str> = self
            .answers
            .iter()
            .filter_map(|answer| answer.probabilities.as_ref().err())
            .map(String::as_str)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        let of = plural(self.answers.len(), "picture");
        Err(Error::Pictures(format!("{} of {of} not answered: {}", failed.len(), failed.join("; "))))
    }
}

/// Classes by falling probability, of equal ones the first in front.
fn by_size(probabilities: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    order
}

/// A number of things, in words.
pub fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

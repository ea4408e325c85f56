//! The answers of `fewshot predict` in words, as JSON and as CSV.

use std::collections::BTreeMap;
use std::path::Path;

use fewshot_episodes::names::shown;
use serde::Serialize;
use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use crate::adapted::Class;
use crate::confusion::Confusion;
use crate::error::Error;
use crate::terminal::padded;

/// Classes named beside the likeliest.
const RUNNERS_UP: usize = 2;
/// What is said instead of a class.
pub const NONE: &str = "none of these";

/// What became of one picture.
pub struct Answer {
    /// The file, as it was given; bytes that are no text are written `\xNN`.
    pub image: String,
    /// What is answered; or why it could not be read.
    pub named: Result<Named, String>,
}

/// What is answered about a picture.
pub struct Named {
    /// Of each class.
    pub probabilities: Vec<f64>,
    /// The picture of the support that is most like it, where that is known.
    pub nearest: Option<String>,
    /// Whether it seems to be of none of the classes.
    pub refused: bool,
}

/// All answers, and what they rest on.
pub struct Answers<'a> {
    /// What answers and what it learned from, in words.
    pub about: Vec<String>,
    /// The same as JSON.
    pub header: Map<String, Value>,
    /// In the order of the probabilities.
    pub classes: &'a [Class],
    /// In the order of the pictures.
    pub answers: Vec<Answer>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonAnswer<'a> {
    Read {
        image: &'a str,
        class: Option<&'a str>,
        probability: f64,
        probabilities: BTreeMap<&'a str, f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nearest: Option<&'a str>,
    },
    Unread {
        image: &'a str,
        error: &'a str,
    },
}

impl Named {
    /// Probabilities, and nothing beside.
    pub fn of(probabilities: Vec<f64>) -> Named {
        Named { probabilities, nearest: None, refused: false }
    }
}

impl Answers<'_> {
    /// One line each.
    pub fn lines(&self) -> Vec<String> {
        let answers = &self.answers;
        let images: Vec<String> = answers.iter().map(|answer| shown(&answer.image).to_string()).collect();
        let width = images.iter().map(|image| image.width()).max().unwrap_or(0);
        let line = |(image, answer): (&String, &Answer)| match &answer.named {
            Ok(named) => format!("{}  {}", padded(image, width), self.words(named)),
            Err(_) => format!("{}  not read", padded(image, width)),
        };
        images.iter().zip(answers).map(line).collect()
    }

    /// The likeliest class and some others, and the picture that is most like it.
    fn words(&self, named: &Named) -> String {
        let share =
            |class: usize| format!("{} {:.1} %", shown(self.name(class)), 100.0 * named.probabilities[class]);
        let order = by_size(&named.probabilities);
        let (first, beside) = if named.refused { (NONE.to_owned(), 0) } else { (share(order[0]), 1) };
        let others = order.iter().skip(beside).take(RUNNERS_UP).map(|class| share(*class));
        let nearest = named.nearest.as_ref().map(|file| format!("like {}", shown(file)));
        format!("{first}  ({})", others.chain(nearest).collect::<Vec<_>>().join(", "))
    }

    /// One JSON object.
    pub fn json(&self) -> String {
        let value = |value: serde_json::Result<Value>| value.expect("names and numbers have a form in JSON");
        let answers: Vec<JsonAnswer> = self.answers.iter().map(|answer| self.json_answer(answer)).collect();
        let mut all = self.header.clone();
        all.insert("classes".into(), value(serde_json::to_value(self.classes)));
        all.insert("answers".into(), value(serde_json::to_value(answers)));
        Value::Object(all).to_string()
    }

    fn json_answer<'b>(&'b self, Answer { image, named }: &'b Answer) -> JsonAnswer<'b> {
        match named {
            Err(error) => JsonAnswer::Unread { image, error },
            Ok(Named { probabilities, nearest, refused }) => {
                let best = by_size(probabilities)[0];
                JsonAnswer::Read {
                    image,
                    class: (!refused).then(|| self.name(best)),
                    probability: probabilities[best],
                    probabilities: (0..probabilities.len())
                        .map(|class| (self.name(class), probabilities[class]))
                        .collect(),
                    nearest: nearest.as_deref(),
                }
            }
        }
    }

    /// A line for each picture: file, class, probability, most like picture; nothing for a class that was refused or could not be read.
    pub fn csv(&self) -> String {
        let line = |Answer { image, named }: &Answer| {
            let fields = match named {
                Err(error) => [field(image), String::new(), String::new(), String::new(), field(error)],
                Ok(Named { probabilities, nearest, refused }) => {
                    let best = by_size(probabilities)[0];
                    let class = if *refused { String::new() } else { field(self.name(best)) };
                    let nearest = nearest.as_deref().map(field).unwrap_or_default();
                    [field(image), class, format!("{:.6}", probabilities[best]), nearest, String::new()]
                }
            };
            fields.join(",")
        };
        let lines = self.answers.iter().map(line);
        std::iter::once("image,class,probability,nearest,error".to_owned())
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// How right the answers are, where pictures of two classes or more lie in folders that are called as these are.
    pub fn compared(&self) -> Vec<String> {
        let pairs =
            self.answers.iter().filter_map(|answer| Some((self.truth(&answer.image)?, self.answer(answer)?)));
        let confusion = Confusion::of(self.classes.len(), pairs);
        let (all, true_classes) = (confusion.all(), confusion.true_classes());
        if true_classes < 2 {
            return Vec::new();
        }
        let share = 100.0 * confusion.right() as f64 / all as f64;
        let others = match self.answers.len() - all {
            0 => String::new(),
            others => format!("; {} in other folders, refused or not read", plural(others, "picture")),
        };
        let right = confusion.right();
        let mut lines = vec![
            format!("right       {right} of {all} in folders of their classes: {share:.1} %{others}"),
            format!("by class    {}", confusion.by_class(self.classes, "none")),
        ];
        lines.extend(confusion.matrix(self.classes));
        lines
    }

    /// The class after which the folder of a picture is called.
    pub fn truth(&self, image: &str) -> Option<usize> {
        let folder = Path::new(image).parent()?;
        self.classes.iter().position(|class| folder.ends_with(&class.name))
    }

    /// The class that is answered; nothing for a picture that was refused or could not be read.
    pub fn answer(&self, answer: &Answer) -> Option<usize> {
        let named = answer.named.as_ref().ok().filter(|named| !named.refused)?;
        Some(by_size(&named.probabilities)[0])
    }

    /// The name of a class.
    pub fn name(&self, class: usize) -> &str {
        &self.classes[class].name
    }

    /// An error unless every picture was read.
    pub fn complete(&self) -> Result<(), Error> {
        let failed: Vec<&str> = self
            .answers
            .iter()
            .filter_map(|answer| answer.named.as_ref().err())
            .map(String::as_str)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        let of = plural(self.answers.len(), "picture");
        Err(Error::Pictures(format!("{} of {of} not answered: {}", failed.len(), failed.join("; "))))
    }
}

/// A field of CSV, in quotes where it needs them.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
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

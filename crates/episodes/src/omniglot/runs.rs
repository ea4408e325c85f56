//! The official within-alphabet one-shot benchmark.

use super::drawing::{Decode, MAX_PNG};
use super::parts;
use super::source::Source;
use crate::source::is_hidden;
use crate::{Episode, Error, Set, Targets, text};
use ndarray::ArrayD;
use std::collections::HashMap;
use std::path::Path;

const RUNS: usize = 20;
/// Characters of a run.
const WAYS: usize = 20;
/// Most bytes of a label file; the official ones have 980.
const MAX_LABELS: u64 = 1 << 16;

/// Reads the 20 official runs of `all_runs.zip` as episodes at `size` x `size`
/// pixels (Lake et al. 2015): 20-way, one support drawing per character of one
/// alphabet by one drawer, and one query drawing of each by another.
///
/// `path` is `all_runs.zip`, the folder unpacked from it, or a folder that holds
/// one of them. Pixel nearest neighbour at 105 x 105 gets 87 of the 400 queries
/// right by cosine and 76 by Euclidean distance.
///
/// ```no_run
/// use fewshot_episodes::{nearest, omniglot};
/// let runs = omniglot::runs("data/omniglot/all_runs.zip", 105)?;
/// let right: f64 = runs.iter().map(|r| 20.0 * nearest::accuracy(r, nearest::Distance::Cosine)).sum();
/// assert_eq!(right.round(), 87.0);
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
///
/// # Errors
/// When the path cannot be read or is a damaged archive, when a run lacks a
/// drawing or its `class_labels.txt` does not give each query one support
/// drawing, when a drawing is no 105 x 105 greyscale PNG, or when `size` is not
/// in `1..=105`.
pub fn runs(path: impl AsRef<Path>, size: usize) -> Result<Vec<Episode>, Error> {
    let path = path.as_ref();
    let mut sources = parts::open(path, &parts::find(path, &["all_runs"])?)?;
    let source = &mut sources[0];
    let files: HashMap<String, usize> = source
        .names()
        .iter()
        .enumerate()
        .filter_map(|(number, name)| Some((within_runs(name)?, number)))
        .collect();
    let mut reader = Reader { source, files, decode: Decode::to_size(size)?, size };
    (1..=RUNS).map(|number| reader.run(&format!("run{number:02}"))).collect()
}

/// The part of a name from the folder of a run on, with its ending in small letters.
fn within_runs(name: &str) -> Option<String> {
    let steps: Vec<&str> = name.split('/').collect();
    let is_run = |step: &&str| {
        step.strip_prefix("run").is_some_and(|n| n.len() == 2 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let run = steps.iter().position(is_run)?;
    let name = steps[run..].join("/");
    let lower = |(stem, ending): (&str, &str)| format!("{stem}.{}", ending.to_ascii_lowercase());
    (!steps.iter().any(|step| is_hidden(step))).then(|| name.rsplit_once('.').map(lower).unwrap_or(name))
}

/// Reads the files of the runs by name.
struct Reader<'a> {
    source: &'a mut Source,
    files: HashMap<String, usize>,
    decode: Decode,
    size: usize,
}

impl Reader<'_> {
    fn run(&mut self, run: &str) -> Result<Episode, Error> {
        let labels = self.labels(run)?;
        let support = self.images(|k| format!("{run}/training/class{k:02}.png"))?;
        let query = self.images(|k| format!("{run}/test/item{k:02}.png"))?;
        Ok(Episode {
            support: Set::new(support, Targets::Classes((0..WAYS).collect())),
            query: Set::new(query, Targets::Classes(labels)),
            ways: Some(WAYS),
        })
    }

    /// The 20 drawings of which `name` gives the file of number `1..=20`.
    fn images(&mut self, name: impl Fn(usize) -> String) -> Result<ArrayD<f32>, Error> {
        let mut pixels = Vec::with_capacity(WAYS * self.size * self.size);
        for k in 1..=WAYS {
            let file = self.file(&name(k))?;
            let png = self.source.read(file, MAX_PNG)?;
            self.decode.append(&png, || self.source.describe(file), &mut pixels)?;
        }
        let x = pixels.into_iter().map(|v| f32::from(v) / 255.0).collect();
        Ok(ArrayD::from_shape_vec(vec![WAYS, self.size, self.size, 1], x)
            .expect("each of the drawings has size x size pixels"))
    }

    /// For each query the number of the support drawing of its character.
    fn labels(&mut self, run: &str) -> Result<Vec<usize>, Error> {
        let file = self.file(&format!("{run}/class_labels.txt"))?;
        let bytes = self.source.read(file, MAX_LABELS)?;
        let bad = |cause: String| Error::BadLabels { name: self.source.describe(file), cause };
        let text = text::decoded(&bytes).map_err(|(line, cause)| bad(format!("line {line}: {cause}")))?;
        let mut labels = [None; WAYS];
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (item, class) = label_line(line, run).ok_or_else(|| {
                bad(format!(
                    "line '{}' is not of the form '{run}/test/itemNN.png {run}/training/classMM.png'",
                    line.escape_debug()
                ))
            })?;
            if labels[item].replace(class).is_some() {
                return Err(bad(format!("item{:02} has two labels", item + 1)));
            }
        }
        let missing = |item: usize| bad(format!("item{:02} has no label", item + 1));
        labels.iter().enumerate().map(|(item, label)| label.ok_or_else(|| missing(item))).collect()
    }

    fn file(&self, name: &str) -> Result<usize, Error> {
        self.files.get(name).copied().ok_or_else(|| Error::IncompleteRuns {
            path: self.source.path().into(),
            missing: name.to_string(),
        })
    }
}

/// Item and class of `RUN/test/itemNN.png RUN/training/classMM.png`, from 0.
fn label_line(line: &str, run: &str) -> Option<(usize, usize)> {
    let (item, class) = line.trim().split_once(char::is_whitespace)?;
    let number = |text: &str, kind: &str| {
        let rest = text.trim().strip_prefix(run)?.strip_prefix(kind)?;
        let number: usize = rest.strip_suffix(".png")?.parse().ok()?;
        (1..=WAYS).contains(&number).then(|| number - 1)
    };
    Some((number(item, "/test/item")?, number(class, "/training/class")?))
}

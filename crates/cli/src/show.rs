//! A look at one test episode: the drawings learned from, a new drawing of each class, and the answers.

use fewshot_episodes::{Set, Tasks};
use fewshot_meta::{Labels, Learner, Meta, Task};

use crate::drawings::{Drawing, gallery};

/// Most classes shown: five drawings of 28 pixels fill a terminal of 80 columns.
const MOST: usize = 5;

/// The first test episode as text; nothing where examples are no drawings.
pub fn first_episode(learner: &dyn Learner, meta: &Meta, tasks: &dyn Tasks) -> Option<String> {
    let &[_, width, 1] = tasks.input_shape().as_slice() else {
        return None;
    };
    let episode = tasks.episode(0);
    let task = Task::from(&episode);
    let Labels::Classes(truth) = &task.query.y else {
        return None;
    };
    let answers = learner.adapt(meta, &task.support).predict(&task.query.x);
    let ways = episode.ways?;
    let mut drawn = (Vec::new(), Vec::new());
    let mut asked = (Vec::new(), Vec::new());
    for class in 0..ways.min(MOST) {
        let query = truth.iter().position(|&label| label == class)?;
        let support = episode
            .support
            .y
            .classes()?
            .iter()
            .position(|&label| label == class)?;
        let answer = largest(&answers.data()[query * ways..(query + 1) * ways]);
        drawn.0.push(Drawing {
            pixels: pixels(&episode.support, support)?,
            width,
        });
        drawn.1.push(name(class));
        asked.0.push(Drawing {
            pixels: pixels(&episode.query, query)?,
            width,
        });
        asked.1.push(format!(
            "{} {}",
            name(answer),
            if answer == class { "right" } else { "wrong" }
        ));
    }
    let shots = episode.support.len() / ways;
    let seen = if shots == 1 {
        "one drawing".into()
    } else {
        format!("{shots} drawings (the first shown)")
    };
    Some(format!(
        "Learned from {seen} of each unseen character:\n{}Then shown new drawings of them, it answers:\n{}",
        gallery(&drawn.0, &drawn.1),
        gallery(&asked.0, &asked.1)
    ))
}

fn pixels(set: &Set, example: usize) -> Option<&[f32]> {
    let pixels = set.x.as_slice()?;
    let size = pixels.len() / set.len();
    pixels.get(example * size..(example + 1) * size)
}

/// The first of the largest scores.
fn largest(scores: &[f32]) -> usize {
    (0..scores.len())
        .rev()
        .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
        .unwrap_or(0)
}

/// A, B, C and so on; numbers where letters end.
fn name(class: usize) -> String {
    match u8::try_from(class) {
        Ok(class) if class < 26 => char::from(b'A' + class).to_string(),
        _ => (class + 1).to_string(),
    }
}

//! A look at one test episode: the drawings learned from, a new drawing of each class, and the answers.

use fewshot_episodes::{Set, Tasks};
use fewshot_meta::{Learner, Meta, Task};

use crate::drawings::{Drawing, gallery};

/// Most classes shown.
const MOST: usize = 5;
/// Columns of a terminal: five drawings of 28 pixels fill it.
const COLUMNS: usize = 80;

/// The first test episode as text; nothing where examples are no drawings, or too wide.
pub fn first_episode(learner: &dyn Learner, meta: &Meta, tasks: &dyn Tasks) -> Option<String> {
    let &[_, width, 1] = tasks.input_shape().as_slice() else {
        return None;
    };
    let most = MOST.min(COLUMNS / (width.div_ceil(2) + 2));
    if most == 0 {
        return None;
    }
    let episode = tasks.episode(0);
    let ways = episode.ways?;
    let task = Task::from(&episode);
    let answers = learner.adapt(meta, &task.support).predict(&task.query.x);
    let (mut learned, mut names, mut asked, mut said) = (vec![], vec![], vec![], vec![]);
    for class in 0..ways.min(most) {
        let query = first_of(&episode.query, class)?;
        let answer = largest(&answers.data()[query * ways..(query + 1) * ways]);
        let verdict = if answer == class { "right" } else { "wrong" };
        learned.push(drawing(&episode.support, first_of(&episode.support, class)?, width)?);
        names.push(name(class));
        asked.push(drawing(&episode.query, query, width)?);
        said.push(format!("{} {verdict}", name(answer)));
    }
    let seen = match episode.support.len() / ways {
        1 => "one drawing".to_owned(),
        shots => format!("{shots} drawings (the first shown)"),
    };
    Some(format!(
        "Learned from {seen} of each unseen character:\n{}Then shown new drawings of them, it answers:\n{}",
        gallery(&learned, &names),
        gallery(&asked, &said)
    ))
}

/// The first example of a class.
fn first_of(set: &Set, class: usize) -> Option<usize> {
    set.y.classes()?.iter().position(|&label| label == class)
}

fn drawing(set: &Set, example: usize, width: usize) -> Option<Drawing<'_>> {
    let pixels = set.x.as_slice()?;
    let size = pixels.len() / set.len();
    let pixels = pixels.get(example * size..(example + 1) * size)?;
    Some(Drawing { pixels, width })
}

/// The first of the largest scores.
pub fn largest(scores: &[f32]) -> usize {
    (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0)
}

/// A, B, C and so on; numbers where letters end.
pub fn name(class: usize) -> String {
    match u8::try_from(class) {
        Ok(class) if class < 26 => char::from(b'A' + class).to_string(),
        _ => (class + 1).to_string(),
    }
}

//! A look at one test episode: the drawings learned from, a new drawing of each class, and the answers.

use fewshot_episodes::{Set, Tasks};
use fewshot_meta::{Learner, Meta, Task};

use crate::data::Source;
use crate::drawings::{Drawing, columns, gallery};
use crate::names;
use crate::settings::Settings;
use crate::terminal;

/// Columns of ` right` and ` wrong`.
const VERDICT: usize = 6;
/// Most classes shown.
const MOST: usize = 5;
/// Columns of a page: five drawings of 28 pixels fill it.
const COLUMNS: usize = 80;

/// The first test episode as text; nothing where examples are no drawings, or too wide.
pub fn first_episode(
    settings: &Settings,
    source: &Source,
    learner: &dyn Learner,
    meta: &Meta,
    tasks: &dyn Tasks,
) -> Option<String> {
    let &[_, width, 1] = tasks.input_shape().as_slice() else {
        return None;
    };
    let most = MOST.min(COLUMNS / columns(width));
    if most == 0 {
        return None;
    }
    let in_a_row = terminal::of_results().map_or(most, |screen| screen / columns(width));
    if in_a_row == 0 {
        return Some(format!("Drawings left out: one takes {} columns.", columns(width)));
    }
    let episode = tasks.episode(0);
    let ways = episode.ways?;
    let task = Task::from(&episode);
    let answers = learner.adapt(meta, &task.support).predict(&task.query.x);
    let names = names::of_classes(settings, source, tasks, 0, &episode);
    // an answer stands below its drawing, with a verdict behind it
    let room = (width.div_ceil(2)).saturating_sub(VERDICT) as f64;
    let names = names::fitted(&names, room, names::columns);
    let (mut learned, mut asked, mut said) = (vec![], vec![], vec![]);
    for class in 0..ways.min(most) {
        let query = first_of(&episode.query, class)?;
        let answer = largest(&answers.data()[query * ways..(query + 1) * ways]);
        let verdict = if answer == class { "right" } else { "wrong" };
        learned.push(drawing(&episode.support, first_of(&episode.support, class)?, width)?);
        asked.push(drawing(&episode.query, query, width)?);
        said.push(format!("{} {verdict}", names[answer]));
    }
    let seen = match episode.support.len() / ways {
        1 => "one drawing".to_owned(),
        shots => format!("{shots} drawings (the first shown)"),
    };
    Some(format!(
        "Learned from {seen} of each unseen character:\n{}Then shown new drawings of them, it answers:\n{}",
        gallery(&learned, &names[..learned.len()], in_a_row),
        gallery(&asked, &said, in_a_row)
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

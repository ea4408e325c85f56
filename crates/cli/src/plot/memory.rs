//! A memory at work: where it is read at each step of a sequence, and how instances are learned during training.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fewshot_autodiff::Array;
use fewshot_episodes::Episode;
use fewshot_meta::{Examples, Labels, Mann, Meta};

use super::chart::{Chart, Series};
use super::episode::png;
use super::marks::Mark;
use super::svg::{self, Anchor, FONT, text};
use crate::names;

/// Width of a step and height of a slot in the picture.
const STEP: f64 = 12.0;
const SLOT: f64 = 2.0;
/// Space left of the steps, above the first head, above each head, and at the other sides.
const LEFT: f64 = 64.0;
const TOP: f64 = 60.0;
const HEAD: f64 = 26.0;
const MARGIN: f64 = 16.0;
/// Most space for the name of a class below a step.
const NAME: f64 = 110.0;
/// Above the first head.
const TITLE: &str = "Read weights over the steps of a test sequence";
const LEGEND: &str = "dark: read; below each step its class";
/// Instances drawn over the training.
const INSTANCES: [usize; 5] = [1, 2, 3, 5, 10];
/// Most steps whose class is written below.
const MOST_NAMED: usize = 60;

/// Accuracy by instance on validation classes against training, from the text of `validation.csv`; nothing when it has none.
pub fn instances(validation: &str) -> Option<Chart> {
    let rows: Vec<(f64, Vec<f64>)> = validation
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split(',');
            let iteration = fields.next()?.parse().ok()?;
            let each =
                fields.nth(2)?.split(' ').map(|text| text.parse().ok()).collect::<Option<Vec<f64>>>()?;
            Some((iteration, each))
        })
        .collect();
    let most = rows.iter().map(|(_, each)| each.len()).max()?;
    let series = INSTANCES.into_iter().filter(|&instance| instance <= most).map(|instance| {
        let at = |(iteration, each): &(f64, Vec<f64>)| Some((*iteration, 100.0 * each.get(instance - 1)?));
        Series::new(&format!("instance {instance}"), Mark::Joined, rows.iter().filter_map(at).collect())
    });
    Some(Chart {
        title: "Accuracy at the k-th instance of a class, validation classes".into(),
        x: "iteration".into(),
        y: "accuracy, %".into(),
        series: series.collect(),
    })
}

/// The read weights of each head over the steps of the first sequence, dark where it reads; nothing without a memory. `names` are
/// those of the classes of all rows of the episode.
pub fn read_weights(network: &Mann, meta: &Meta, episode: &Episode, names: &[String]) -> Option<String> {
    let sequence = first_sequence(&Examples::from(episode.query.clone()), network.batch);
    let steps = network.read_weights(meta, &sequence)?;
    let (heads, slots) = (steps[0].shape()[0], steps[0].shape()[1]);
    let (across, down) = (STEP * steps.len() as f64, SLOT * slots as f64);
    let of_steps: Vec<String> = names.iter().step_by(network.batch).cloned().collect();
    let of_steps = if steps.len() <= MOST_NAMED { of_steps } else { Vec::new() };
    let size = |name: &str| svg::width(name, FONT);
    let of_steps = names::fitted(&of_steps, NAME, size);
    let below = of_steps.iter().map(|name| size(name)).fold(0.0, f64::max);
    let words = size(TITLE) * 1.1 + 2.0 * MARGIN;
    let height = TOP + heads as f64 * (HEAD + down) + below + 2.0 * MARGIN;
    let width = (LEFT + across + MARGIN).max(words).ceil();
    let mut out = String::new();
    text(&mut out, [MARGIN, 24.0], Anchor::Start, "font-weight=\"bold\"", TITLE);
    let legend = if of_steps.is_empty() { LEGEND.split(';').next().unwrap_or(LEGEND) } else { LEGEND };
    text(&mut out, [MARGIN, 44.0], Anchor::Start, "", legend);
    for head in 0..heads {
        draw_head(&mut out, &steps, head, TOP + head as f64 * (HEAD + down) + HEAD);
    }
    let bottom = TOP + heads as f64 * (HEAD + down);
    for (step, name) in of_steps.iter().enumerate() {
        // written upwards, as wide as a step
        let (x, y) = (LEFT + STEP * (step as f64 + 0.5) + 4.0, bottom + 6.0);
        let turned = format!("transform=\"rotate(-90 {x:.1} {y:.1})\"");
        text(&mut out, [x, y], Anchor::End, &turned, name);
    }
    Some(svg::document([width, height.ceil()], 1.0, &out))
}

/// One head from a line on downwards.
fn draw_head(out: &mut String, steps: &[Array], head: usize, top: f64) {
    let slots = steps[0].shape()[1];
    let (across, down) = (STEP * steps.len() as f64, SLOT * slots as f64);
    text(out, [LEFT, top - 8.0], Anchor::Start, "font-weight=\"bold\"", &format!("head {}", head + 1));
    text(out, [LEFT - 8.0, top + 10.0], Anchor::End, "", "slot 1");
    text(out, [LEFT - 8.0, top + down], Anchor::End, "", &slots.to_string());
    let png = BASE64_STANDARD.encode(png(&map(steps, head), 0, true));
    let _ = writeln!(
        out,
        "<image x=\"{LEFT}\" y=\"{top}\" width=\"{across}\" height=\"{down}\" preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{png}\"/>\n<rect x=\"{LEFT}\" y=\"{top}\" width=\"{across}\" height=\"{down}\" fill=\"none\" stroke=\"#808080\"/>"
    );
}

/// Sequence 0 of several side by side.
fn first_sequence(all: &Examples, batch: usize) -> Examples {
    let steps = all.y.len() / batch;
    let row = |values: &Array| {
        let size = values.data().len() / values.shape()[0];
        let mut shape = values.shape().to_vec();
        shape[0] = steps;
        let picked = (0..steps).flat_map(|step| values.data()[step * batch * size..][..size].to_vec());
        Array::new(&shape, picked.collect())
    };
    let y = match &all.y {
        Labels::Classes(classes) => Labels::Classes(classes.iter().copied().step_by(batch).collect()),
        Labels::Values(values) => Labels::Values(row(values)),
    };
    Examples::new(row(&all.x), y)
}

/// The weights of one head as an image `[1, slots, steps, 1]`, the largest as 1.
fn map(steps: &[Array], head: usize) -> Array {
    let slots = steps[0].shape()[1];
    let largest = steps
        .iter()
        .flat_map(|step| step.data()[head * slots..][..slots].iter())
        .fold(0.0, |m: f32, &w| m.max(w));
    let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
    Array::from_fn(&[1, slots, steps.len(), 1], |i| {
        scale * steps[i % steps.len()].data()[head * slots + i / steps.len()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_drawn_as_far_as_there_are_some() {
        let text = "iteration,score,interval,instances\n500,0.5,0.1,0.3 0.5 0.6\n1000,0.7,0.1,0.4 0.7 0.8\n";
        let chart = instances(text).unwrap();
        let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["instance 1", "instance 2", "instance 3"]);
        assert_eq!(chart.series[1].points, [(500.0, 50.0), (1000.0, 70.0)]);
        assert!(instances("iteration,score,interval\n500,0.5,0.1\n").is_none() && instances("").is_none());
    }
}

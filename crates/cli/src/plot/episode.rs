//! A picture of one episode: what was learned from, and what was answered.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fewshot_autodiff::Array;
use fewshot_episodes::Episode;
use fewshot_meta::{Labels, Learner, Meta, Predictor, Task};

use super::svg::{self, Anchor, FONT, RIGHT, WRONG, text};
use crate::names;
use crate::pictures::Pictures;
use crate::show::largest;

/// Side of an image in the picture.
const CELL: f64 = 56.0;
/// Space between images, and of the frame around an answer.
const GAP: f64 = 8.0;
/// Space for the class that was taken for the right one, below an image.
const ANSWER: f64 = 14.0;
/// Space above the images, between support and query, at the edges, and for a line of the legend below.
const HEAD: f64 = 62.0;
const APART: f64 = 24.0;
const MARGIN: f64 = 12.0;
const LINE: f64 = 20.0;
/// Most space for the name of a class before its row.
const NAME: f64 = 160.0;
/// Height of the letters of an answer.
const SMALL: f64 = 11.0;
/// Most support examples and queries of a class that are shown.
const MOST: [usize; 2] = [5, 10];
/// What the frames say.
const LEGEND: [(&str, &str); 2] = [(RIGHT, "right"), (WRONG, "wrong: taken for the class named below it")];

/// An episode with what was answered.
pub struct Shown {
    /// Examples and labels.
    pub task: Task,
    /// What was learned from the support.
    pub predictor: Box<dyn Predictor>,
    /// Names of the classes, by label.
    pub names: Vec<String>,
    answers: Vec<usize>,
    /// Whether ink is to be shown black on white.
    inverted: bool,
}

impl Shown {
    /// Lets the learner adapt to the episode, whose classes have these names, and answer its queries.
    pub fn new(
        learner: &dyn Learner,
        meta: &Meta,
        episode: Episode,
        names: Vec<String>,
        pictures: &Pictures,
    ) -> Self {
        let task = Task::from(episode);
        let predictor = learner.adapt(meta, &task.support);
        let logits = predictor.predict(&task.query.x);
        let answers = logits.data().chunks(logits.shape()[1]).map(largest).collect();
        Shown { task, predictor, names, answers, inverted: pictures.are_drawings() }
    }

    /// A row for each class: support, then queries, framed by whether the answer is right; below a wrong one the class that was
    /// taken for the right one.
    pub fn svg(&self) -> String {
        let ways = self.names.len();
        let shown = |y: &Labels, most| (0..ways).map(|class| places(y, class).len().min(most)).max();
        let support = shown(&self.task.support.y, MOST[0]).unwrap_or(0);
        let query = shown(&self.task.query.y, MOST[1]).unwrap_or(0);
        let (normal, small) = (|name: &str| svg::width(name, FONT), |name: &str| svg::width(name, SMALL));
        let names = names::told_apart(&self.names, CELL, small);
        let rows: Vec<String> = names.iter().map(|name| names::fit(name, NAME, normal)).collect();
        let answers: Vec<String> = names.iter().map(|name| names::fit(name, CELL, small)).collect();
        let left = MARGIN + rows.iter().map(|name| normal(name)).fold(0.0, f64::max) + GAP;
        let (step, row) = (CELL + GAP, CELL + ANSWER + GAP);
        let middle = left + support as f64 * step + APART;
        let bottom = HEAD + ways as f64 * row;
        let words = LEGEND.iter().map(|(_, words)| normal(words)).fold(0.0, f64::max);
        let width = (middle + query as f64 * step).max(MARGIN + LINE + words + MARGIN).ceil();
        let mut out = String::new();
        let bold = "font-weight=\"bold\"";
        text(&mut out, [MARGIN, 22.0], Anchor::Start, bold, "A test episode");
        text(&mut out, [left, HEAD - 12.0], Anchor::Start, bold, "support");
        text(&mut out, [middle, HEAD - 12.0], Anchor::Start, bold, "queries");
        for class in 0..ways {
            let top = HEAD + class as f64 * row;
            text(&mut out, [left - GAP, top + CELL / 2.0 + 4.0], Anchor::End, "", &rows[class]);
            for (column, &place) in places(&self.task.support.y, class).iter().take(MOST[0]).enumerate() {
                self.image(&mut out, &self.task.support.x, place, [left + column as f64 * step, top]);
            }
            for (column, &place) in places(&self.task.query.y, class).iter().take(MOST[1]).enumerate() {
                let at = [middle + column as f64 * step, top];
                self.image(&mut out, &self.task.query.x, place, at);
                let answer = self.answers[place];
                framed(&mut out, at, (answer != class).then(|| answers[answer].as_str()));
            }
        }
        for (line, (colour, words)) in LEGEND.iter().enumerate() {
            let y = bottom + LINE * line as f64 + MARGIN;
            frame(&mut out, [MARGIN, y - 10.0], 11.0, colour);
            text(&mut out, [MARGIN + LINE, y], Anchor::Start, "", words);
        }
        svg::document([width, bottom + LINE * LEGEND.len() as f64 + MARGIN], 1.0, &out)
    }

    fn image(&self, out: &mut String, x: &Array<f32>, place: usize, [left, top]: [f64; 2]) {
        let png = BASE64_STANDARD.encode(png(x, place, self.inverted));
        let _ = writeln!(
            out,
            "<image x=\"{left:.1}\" y=\"{top:.1}\" width=\"{CELL}\" height=\"{CELL}\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{png}\"/>"
        );
    }
}

/// The frame of an answer, and the class that was wrongly said.
fn framed(out: &mut String, [x, y]: [f64; 2], wrong: Option<&str>) {
    frame(out, [x - 1.5, y - 1.5], CELL + 3.0, if wrong.is_some() { WRONG } else { RIGHT });
    if let Some(answer) = wrong {
        let style = format!("font-size=\"{SMALL}\" fill=\"{WRONG}\"");
        text(out, [x + CELL / 2.0, y + CELL + ANSWER], Anchor::Middle, &style, answer);
    }
}

fn frame(out: &mut String, [x, y]: [f64; 2], side: f64, colour: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side}\" height=\"{side}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"3\"/>"
    );
}

/// One of the images `[n, height, width, channels]` as a PNG file, grey or in colour.
pub(super) fn png(x: &Array<f32>, place: usize, inverted: bool) -> Vec<u8> {
    let &[_, height, width, channels] = x.shape() else {
        panic!("png: examples {:?} are no images", x.shape());
    };
    let size = height * width * channels;
    let byte = |&v: &f32| {
        let v = if inverted { 1.0 - v } else { v };
        (v.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    let bytes: Vec<u8> = x.data()[place * size..(place + 1) * size].iter().map(byte).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(if channels == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale });
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes));
    written.expect("writing into memory does not fail, and the bytes are those of the size");
    file
}

/// Where the examples of a class are.
pub fn places(y: &Labels, class: usize) -> Vec<usize> {
    match y {
        Labels::Classes(classes) => (0..classes.len()).filter(|&i| classes[i] == class).collect(),
        Labels::Values(_) => Vec::new(),
    }
}

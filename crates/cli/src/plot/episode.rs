//! A picture of one episode: what was learned from, and what was answered.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fewshot_autodiff::Array;
use fewshot_episodes::Episode;
use fewshot_meta::{Labels, Learner, Meta, Predictor, Task};

use super::chart::text;
use crate::pictures::Pictures;
use crate::show::{largest, name};

/// Side of an image in the picture.
const CELL: f64 = 56.0;
/// Space between images, and of the frame around an answer.
const GAP: f64 = 8.0;
/// Space above the images, and between support and query.
const HEAD: f64 = 44.0;
const APART: f64 = 24.0;
/// Most support examples and queries of a class that are shown.
const MOST: [usize; 2] = [5, 10];
/// Right and wrong, apart for colour-blind readers, too.
const RIGHT: &str = "#0072b2";
const WRONG: &str = "#d55e00";

/// An episode with what was answered.
pub struct Shown {
    /// Examples and labels.
    pub task: Task,
    /// What was learned from the support.
    pub predictor: Box<dyn Predictor>,
    /// Number of classes.
    pub ways: usize,
    answers: Vec<usize>,
    /// Whether ink is to be shown black on white.
    inverted: bool,
}

impl Shown {
    /// Lets the learner adapt to the episode and answer its queries.
    pub fn new(learner: &dyn Learner, meta: &Meta, episode: Episode, pictures: &Pictures) -> Self {
        let task = Task::from(episode);
        let predictor = learner.adapt(meta, &task.support);
        let logits = predictor.predict(&task.query.x);
        let ways = logits.shape()[1];
        let answers = logits.data().chunks(ways).map(largest).collect();
        Shown { task, predictor, ways, answers, inverted: pictures.are_drawings() }
    }

    /// A row for each class: support, then queries, framed by whether the answer is right; beside a wrong one the class that was
    /// taken for the right one.
    pub fn svg(&self) -> String {
        let shown = |y: &Labels, most| (0..self.ways).map(|class| places(y, class).len().min(most)).max();
        let support = shown(&self.task.support.y, MOST[0]).unwrap_or(0);
        let query = shown(&self.task.query.y, MOST[1]).unwrap_or(0);
        let step = CELL + GAP;
        let middle = 40.0 + support as f64 * step + APART;
        let (width, height) = (middle + query as f64 * step + GAP, HEAD + self.ways as f64 * step + GAP);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
        );
        text(&mut out, 40.0, 24.0, "start", "font-weight=\"bold\"", "learned from");
        text(
            &mut out,
            middle,
            24.0,
            "start",
            "font-weight=\"bold\"",
            "asked (blue right, orange wrong, with the answer)",
        );
        for class in 0..self.ways {
            let top = HEAD + class as f64 * step;
            text(&mut out, 20.0, top + CELL / 2.0, "middle", "", &name(class));
            for (column, &place) in places(&self.task.support.y, class).iter().take(MOST[0]).enumerate() {
                self.image(&mut out, &self.task.support.x, place, [40.0 + column as f64 * step, top]);
            }
            for (column, &place) in places(&self.task.query.y, class).iter().take(MOST[1]).enumerate() {
                let at = [middle + column as f64 * step, top];
                self.image(&mut out, &self.task.query.x, place, at);
                self.answer(&mut out, class, self.answers[place], at);
            }
        }
        out.push_str("</svg>\n");
        out
    }

    fn answer(&self, out: &mut String, class: usize, answer: usize, [x, y]: [f64; 2]) {
        let colour = if answer == class { RIGHT } else { WRONG };
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{side}\" height=\"{side}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"3\"/>",
            x - 1.5,
            y - 1.5,
            side = CELL + 3.0,
        );
        if answer != class {
            let style = format!(
                "fill=\"{colour}\" font-weight=\"bold\" stroke=\"white\" stroke-width=\"3\" paint-order=\"stroke\""
            );
            text(out, x + CELL - 4.0, y + CELL - 4.0, "end", &style, &name(answer));
        }
    }

    fn image(&self, out: &mut String, x: &Array<f32>, place: usize, [left, top]: [f64; 2]) {
        let png = BASE64_STANDARD.encode(png(x, place, self.inverted));
        let _ = writeln!(
            out,
            "<image x=\"{left:.1}\" y=\"{top:.1}\" width=\"{CELL}\" height=\"{CELL}\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{png}\"/>"
        );
    }
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

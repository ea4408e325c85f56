//! A page of thumbnails to look through: by class, and within a class the most doubtful answers first.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fewshot_episodes::folder::{self, Colour, FolderConfig};
use rayon::prelude::*;

use crate::predict::answers::{Answer, Answers, NONE};

/// Pixels a side of a thumbnail.
const SIDE: usize = 96;
const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2em;color-scheme:light dark}h2{margin:1.5em 0 .5em}\
    section{display:flex;flex-wrap:wrap;gap:12px}figure{margin:0;width:120px}img{width:120px;height:120px;border-radius:4px}\
    figcaption{font-size:12px;overflow-wrap:anywhere}.wrong img{outline:3px solid #d33}small{opacity:.7}";

/// A page that needs no other file.
pub fn page(answers: &Answers, images: &[PathBuf]) -> String {
    let thumbnails: Vec<Option<String>> = images.par_iter().map(thumbnail).collect();
    let mut all: Vec<(&Answer, &Option<String>)> = answers.answers.iter().zip(&thumbnails).collect();
    all.sort_by(|(a, _), (b, _)| sureness(a).total_cmp(&sureness(b)));
    let classes = (0..answers.classes.len()).map(Some);
    let groups =
        [None].into_iter().chain(classes).map(|class| group(answers, class, &all)).collect::<String>();
    let about: String = answers.about.iter().map(|line| format!("{}<br>", escaped(line))).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{} pictures named</title><style>{STYLE}</style></head>\n\
         <body><h1>{} pictures named</h1><p>{about}<small>The most doubtful of each class come first; a red frame marks an answer that is not \
         the name of the picture's folder.</small></p>\n{groups}</body></html>\n",
        all.len(),
        all.len()
    )
}

/// The pictures with one answer; `None` for those with none.
fn group(answers: &Answers, class: Option<usize>, all: &[(&Answer, &Option<String>)]) -> String {
    let of_class: Vec<_> = all.iter().filter(|(answer, _)| answers.answer(answer) == class).collect();
    if of_class.is_empty() {
        return String::new();
    }
    let name = class.map_or(NONE, |class| answers.name(class));
    let figures: String =
        of_class.iter().map(|(answer, thumbnail)| figure(answers, answer, thumbnail)).collect();
    format!("<h2>{} <small>{}</small></h2>\n<section>{figures}</section>\n", escaped(name), of_class.len())
}

fn figure(answers: &Answers, answer: &Answer, thumbnail: &Option<String>) -> String {
    let truth = answers.truth(&answer.image);
    let wrong = truth.is_some() && answers.answer(answer).is_some_and(|class| Some(class) != truth);
    let picture = thumbnail.as_ref().map_or(String::new(), |data| {
        format!("<img alt=\"{}\" src=\"data:image/png;base64,{data}\">", escaped(&answer.image))
    });
    let words = match &answer.named {
        Err(error) => escaped(error),
        Ok(named) => {
            let most = named.probabilities.iter().copied().fold(0.0, f64::max);
            let nearest = named.nearest.as_ref().map(|file| format!("<br>like {}", escaped(file)));
            format!(
                "{:.1} %<br>{}<small>{}</small>",
                100.0 * most,
                escaped(&answer.image),
                nearest.unwrap_or_default()
            )
        }
    };
    let kind = if wrong { " class=\"wrong\"" } else { "" };
    format!("<figure{kind}>{picture}<figcaption>{words}</figcaption></figure>\n")
}

/// The largest probability; below all for a picture that could not be read.
fn sureness(answer: &Answer) -> f64 {
    answer.named.as_ref().map_or(-1.0, |named| named.probabilities.iter().copied().fold(0.0, f64::max))
}

/// A small picture as PNG in base64; nothing for one that cannot be read.
fn thumbnail(path: &PathBuf) -> Option<String> {
    let config = FolderConfig { size: [SIDE; 2], colour: Colour::Rgb, ..FolderConfig::default() };
    let picture = folder::picture(path, &config).ok()?;
    let bytes: Vec<u8> = picture.iter().map(|value| (255.0 * value).round() as u8).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE as u32, SIDE as u32);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&bytes).ok()?;
    writer.finish().ok()?;
    Some(BASE64_STANDARD.encode(file))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! What the classes of an episode are called where they are shown.

use std::collections::{HashMap, HashSet};

use fewshot_episodes::names::shown;
use fewshot_episodes::{ClassId, Episode, ImageSet, Tasks, Turn};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::data::Source;
use crate::places::Data;
use crate::settings::Settings;

/// Stands for letters that are left out.
const ELLIPSIS: &str = "…";

/// A name for each label of episode `i`: that of the class in the data, or a letter where names say nothing.
pub fn of_classes(
    settings: &Settings,
    source: &Source,
    tasks: &dyn Tasks,
    i: u64,
    episode: &Episode,
) -> Vec<String> {
    let mut names: Vec<String> = (0..episode.ways.unwrap_or(0)).map(letter).collect();
    let labels = episode.query.y.classes().unwrap_or_default();
    for (&label, name) in labels.iter().zip(of_queries(settings, source, tasks, i, episode)) {
        names[label] = name;
    }
    names
}

/// The name of the class of each query of episode `i`, as [`of_classes`] has it; none where there are neither names nor labels.
pub fn of_queries(
    settings: &Settings,
    source: &Source,
    tasks: &dyn Tasks,
    i: u64,
    episode: &Episode,
) -> Vec<String> {
    // those of the built-in alphabets say nothing
    let images = match source {
        Source::Drawings { images, .. } if settings.data != Data::Glyphs => Some(images),
        _ => None,
    };
    let (Some(images), Some(classes)) = (images, tasks.query_classes(i)) else {
        return episode.query.y.classes().unwrap_or_default().iter().copied().map(letter).collect();
    };
    let short = last_parts_differ(images);
    let name = |id: ClassId| {
        let name = images.name(id.class);
        let name = shown(if short { last_part(name) } else { name }).to_string();
        if id.turn == Turn::None { name } else { format!("{name} ({}°)", id.turn.degrees()) }
    };
    classes.into_iter().map(name).collect()
}

/// A, B, C and so on; numbers where letters end.
pub fn letter(class: usize) -> String {
    match u8::try_from(class) {
        Ok(class) if class < 26 => char::from(b'A' + class).to_string(),
        _ => (class + 1).to_string(),
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether classes are told apart by the last parts of their names.
fn last_parts_differ(images: &ImageSet) -> bool {
    let mut seen = HashSet::new();
    (0..images.classes()).all(|class| seen.insert(last_part(images.name(class))))
}

/// Names of at most some width each, shortened in the middle where they are longer, so that two names stay two.
pub fn fitted(names: &[String], limit: f64, width: impl Fn(&str) -> f64) -> Vec<String> {
    told_apart(names, limit, &width).iter().map(|name| fit(name, limit, &width)).collect()
}

/// The names, numbered if shortening to some width would make one of two.
pub fn told_apart(names: &[String], limit: f64, width: impl Fn(&str) -> f64) -> Vec<String> {
    let mut numbers: HashMap<&String, usize> = HashMap::new();
    for name in names {
        let next = numbers.len() + 1;
        numbers.entry(name).or_insert(next);
    }
    let short: HashSet<String> = numbers.keys().map(|name| fit(name, limit, &width)).collect();
    if short.len() == numbers.len() {
        return names.to_vec();
    }
    names.iter().map(|name| format!("{} {name}", numbers[name])).collect()
}

/// How many columns of a terminal a name takes.
pub fn columns(text: &str) -> f64 {
    text.width() as f64
}

/// A text of at most some width, shortened in the middle if it is longer.
pub fn fit(text: &str, limit: f64, width: impl Fn(&str) -> f64) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let letters = letters(text);
    let left = |kept: usize| {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        [&letters[..head], &[ELLIPSIS], &letters[letters.len() - tail..]].concat().concat()
    };
    (0..letters.len()).rev().map(left).find(|short| width(short) <= limit).unwrap_or(ELLIPSIS.into())
}

/// Characters with what is written on top of them.
fn letters(text: &str) -> Vec<&str> {
    let starts = text.char_indices().filter(|&(at, c)| at == 0 || c.width() != Some(0)).map(|(at, _)| at);
    let starts: Vec<usize> = starts.chain([text.len()]).collect();
    starts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends() {
        let fit = |text| fit(text, 9.0, columns);
        assert_eq!(fit("character"), "character");
        assert_eq!(fit("character07"), "char…er07");
        assert_eq!(fit("고양이와강아지들"), "고양…지들");
        // a letter is not cut from what stands on it
        assert_eq!(fit("e\u{301}abcdefghe\u{301}"), "e\u{301}abc…fghe\u{301}");
        assert_eq!(super::fit("long", 1.0, columns), "…");
    }

    #[test]
    fn two_names_never_become_one() {
        let names: Vec<String> = ["abcdefXghijkl", "abcdefYghijkl", "c"].map(String::from).into();
        assert_eq!(fitted(&names, 7.0, columns), ["1 a…jkl", "2 a…jkl", "3 c"]);
        assert_eq!(fitted(&names, 13.0, columns), names);
        let twice = [&names[..], &names[..2]].concat();
        assert_eq!(
            fitted(&twice, 7.0, columns)[2..],
            ["3 c", "1 a…jkl", "2 a…jkl"],
            "a name keeps its number"
        );
    }

    #[test]
    fn letters_of_classes() {
        assert_eq!([0, 25, 26].map(letter), ["A", "Z", "27"]);
    }

    #[test]
    fn names_are_as_long_as_it_takes_to_tell_them_apart() {
        let set = |names: &[&str]| {
            ImageSet::new([1, 1, 1], names.iter().map(|&name| (name.into(), vec![0])).collect())
        };
        assert!(last_parts_differ(&set(&["cats/tabby", "dogs/pug"])));
        assert!(!last_parts_differ(&set(&["Greek/character01", "Latin/character01"])));
    }
}

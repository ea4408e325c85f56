//! All drawings, from archives or folders.

use super::drawing::{Decode, MAX_PNG};
use super::parts;
use super::source::Source;
use crate::source::is_hidden;
use crate::{Error, ImageSet};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Drawings of every character.
const DRAWINGS: usize = 20;
const PARTS: [&str; 2] = ["images_background", "images_evaluation"];
/// Two parts of `images_background`, which some take instead of it.
const SMALL: [&str; 2] = ["images_background_small1", "images_background_small2"];

/// Where one drawing is.
struct Place {
    source: usize,
    file: usize,
}

/// Reads Omniglot at `size` x `size` pixels, ink = 255, one channel.
///
/// `path` is a folder that holds `images_background` and `images_evaluation`,
/// each as the official zip archive or unpacked, or one of the four by itself; or
/// a folder above it. Without `images_background` its parts
/// `images_background_small1` and `images_background_small2` are taken. Archives
/// may be packed again, with other folders above the alphabets.
/// Archives are read in place. Classes are the characters found, in order of
/// their names `ALPHABET/characterNN`, with drawings in order of the drawers.
/// The drawings, 105 x 105, are resampled with the Lanczos filter (`a` = 3);
/// 28 is the size in most papers, 20 that of Santoro et al. 2016.
///
/// Archive entries and files other than `ALPHABET/characterNN/CCCC_DD.png` are
/// ignored. Decoding runs on all threads; the result does not depend on them.
///
/// # Errors
/// When the path holds no drawing, cannot be read or is a damaged archive, when
/// an archive entry leads outside or a file is far too large, when a drawing
/// is no 105 x 105 greyscale PNG, when a character does not have its 20 drawings,
/// or when `size` is not in `1..=105`.
pub fn load(path: impl AsRef<Path>, size: usize) -> Result<ImageSet, Error> {
    let path = path.as_ref();
    let decode = Decode::to_size(size)?;
    let sources = open(path)?;
    let characters = find(&sources);
    if characters.is_empty() {
        return Err(Error::NoDrawings { path: path.into(), found: what(&sources) });
    }
    if let Some((class, places)) = characters.iter().find(|(_, p)| p.len() != DRAWINGS) {
        let path = sources[places[0].source].path().into();
        let class = class.clone();
        return Err(Error::DrawingCount { class, path, found: places.len(), expected: DRAWINGS });
    }
    let classes: Vec<Result<(String, Vec<u8>), Error>> = characters
        .into_par_iter()
        .map_init(
            || sources.clone(),
            |sources, (name, places)| Ok((name, pixels(sources, &places, &decode)?)),
        )
        .collect();
    let classes: Result<Vec<_>, Error> = classes.into_iter().collect();
    Ok(ImageSet::new([size, size, 1], classes?))
}

/// The two parts, or what there is of them.
fn open(path: &Path) -> Result<Vec<Source>, Error> {
    let is_background = |part: &PathBuf| parts::part_name(part).is_some_and(|name| name == PARTS[0]);
    let mut found = parts::find(path, &PARTS)?;
    if !found.iter().any(is_background) {
        found = parts::find(path, &[SMALL[0], SMALL[1], PARTS[1]])?;
    }
    parts::open(path, &found)
}

/// The files of places without a drawing, in words.
fn what(sources: &[Source]) -> String {
    let mut files = sources.iter().flat_map(|source| source.names()).filter(|name| !name.ends_with('/'));
    match (files.next(), files.count()) {
        (None, _) => "no file at all".into(),
        (Some(first), 0) => format!("'{}'", first.escape_debug()),
        (Some(first), others) => format!("'{}' and {others} more", first.escape_debug()),
    }
}

/// The drawings of each character, in order of their names. What both small parts hold counts once.
fn find(sources: &[Source]) -> BTreeMap<String, Vec<Place>> {
    let of_name = |source: &Source| parts::part_name(source.path()).unwrap_or_default();
    let are_small: Vec<bool> = sources.iter().map(|s| SMALL.contains(&of_name(s).as_str())).collect();
    let mut characters: BTreeMap<String, BTreeMap<&str, Vec<Place>>> = BTreeMap::new();
    for (source, from) in sources.iter().enumerate() {
        for (file, name) in from.names().iter().enumerate() {
            if let Some((class, drawing)) = drawing_name(name) {
                let places = characters.entry(class).or_default().entry(drawing).or_default();
                let again = places.iter().any(|place| place.source != source && are_small[place.source]);
                if !(again && are_small[source]) {
                    places.push(Place { source, file });
                }
            }
        }
    }
    let flat =
        |(class, drawings): (String, BTreeMap<_, _>)| (class, drawings.into_values().flatten().collect());
    characters.into_iter().map(flat).collect()
}

/// The class and the number of the drawing in `[...]ALPHABET/characterNN/CCCC_DD.png`.
fn drawing_name(name: &str) -> Option<(String, &str)> {
    let steps: Vec<&str> = name.split('/').collect();
    let [above @ .., alphabet, character, file] = &steps[..] else {
        return None;
    };
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    let (drawing, ending) = file.split_once('.')?;
    let (number, drawer) = drawing.split_once('_')?;
    let named = ending.eq_ignore_ascii_case("png")
        && !alphabet.is_empty()
        && !is_hidden(alphabet)
        && !above.iter().any(|step| is_hidden(step))
        && digits(character.strip_prefix("character")?, 2)
        && digits(number, 4)
        && digits(drawer, 2);
    named.then(|| (format!("{alphabet}/{character}"), drawing))
}

/// The pixels of some drawings, one behind the other.
fn pixels(sources: &mut [Source], places: &[Place], decode: &Decode) -> Result<Vec<u8>, Error> {
    let mut pixels = Vec::new();
    for &Place { source, file } in places {
        let source = &mut sources[source];
        let png = source.read(file, MAX_PNG)?;
        decode.append(&png, || source.describe(file), &mut pixels)?;
    }
    pixels.shrink_to_fit();
    Ok(pixels)
}

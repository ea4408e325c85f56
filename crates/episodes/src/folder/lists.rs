//! The split files of Ravi and Larochelle 2017: pictures and their classes, a list for each part.

use super::{Class, Listing};
use crate::Error;
use crate::source::{climbs, read_regular};
use crate::split::PARTS;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Most bytes of a list; the largest of miniImageNet has 1.2 million.
const MAX_FILE: u64 = 1 << 26;
/// Where the pictures lie, beside the lists.
const IMAGES: &str = "images";

fn list(root: &Path, part: usize) -> PathBuf {
    root.join(format!("{}.csv", PARTS[part]))
}

/// Whether a folder has such lists.
pub(super) fn are_in(root: &Path) -> bool {
    list(root, 0).is_file()
}

/// The classes that the lists name, in order of their names, with their pictures in order of theirs.
pub(super) fn read(root: &Path) -> Result<Listing, Error> {
    let mut classes: BTreeMap<String, (usize, Vec<PathBuf>)> = BTreeMap::new();
    let mut listed: HashMap<String, (PathBuf, usize)> = HashMap::new();
    for part in 0..PARTS.len() {
        let file = list(root, part);
        if part == 1 && !file.is_file() {
            continue;
        }
        for Entry { line, picture, class } in entries(&file)? {
            let bad = |cause: String| Error::BadList { file: file.clone(), line, cause };
            if let Some((other, first)) = listed.insert(picture.clone(), (file.clone(), line)) {
                return Err(bad(format!(
                    "picture '{picture}' is listed in {} line {first} already: remove one",
                    other.display()
                )));
            }
            let path = root.join(IMAGES).join(&picture);
            if !path.is_file() {
                return Err(bad(format!(
                    "there is no picture {}: put it there or remove the line",
                    path.display()
                )));
            }
            let (owner, files) = classes.entry(class.clone()).or_insert((part, Vec::new()));
            if *owner != part {
                return Err(Error::PartsOverlap { class, first: PARTS[*owner], second: PARTS[part] });
            }
            files.push(path);
        }
    }
    let (mut found, mut parts) = (Vec::new(), Vec::new());
    for (name, (part, mut files)) in classes {
        files.sort_unstable();
        found.push(Class { name, files });
        parts.push(part);
    }
    Ok(Listing { classes: found, parts: Some(parts) })
}

/// A line of a list.
struct Entry {
    line: usize,
    picture: String,
    class: String,
}

fn entries(file: &Path) -> Result<Vec<Entry>, Error> {
    let bytes = read_regular(file, MAX_FILE)?;
    let text = String::from_utf8_lossy(&bytes);
    let bad = |line: usize, cause: String| Error::BadList { file: file.into(), line, cause };
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let header: Vec<&str> = lines.next().map(|(_, line)| fields(line)).unwrap_or_default();
    let column = |name: &str| header.iter().position(|field| field.eq_ignore_ascii_case(name));
    let (Some(picture), Some(class)) = (column("filename"), column("label")) else {
        return Err(bad(1, "the first line must be 'filename,label': add it".into()));
    };
    let mut entries = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        let fields = fields(text);
        let field = |at: usize| fields.get(at).filter(|field| !field.is_empty()).map(ToString::to_string);
        let (Some(picture), Some(class)) = (field(picture), field(class)) else {
            let shown: String = text.chars().take(80).collect();
            return Err(bad(line, format!("'{}' has no picture and class: give both", shown.escape_debug())));
        };
        // one name for each picture, or it could be listed twice
        let roundabout = picture.split('/').any(|step| step.is_empty() || step == ".");
        if climbs(&picture) || roundabout {
            return Err(bad(
                line,
                format!("picture '{picture}' is no plain path inside {IMAGES}/: give one such as 'a.jpg'"),
            ));
        }
        entries.push(Entry { line, picture, class });
    }
    if entries.is_empty() {
        return Err(bad(1, "it lists no picture: give one a line".into()));
    }
    Ok(entries)
}

fn fields(line: &str) -> Vec<&str> {
    line.split(',').map(|field| field.trim().trim_matches('"')).collect()
}

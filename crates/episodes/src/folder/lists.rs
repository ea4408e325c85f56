//! The split files of Ravi and Larochelle 2017: pictures and their classes, a list for each part.

use super::csv_list::{self, Entry};
use super::division::{Found, Parts, are_divided};
use super::unlisted::{self, Unlisted};
use super::{Class, Listing, PassedOver, and, left_out};
use crate::Error;
use crate::names::{NameError, NameIndex, canonical, from_os, shown, shown_path};
use crate::parts::lists;
use crate::split::PARTS;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// What the lists end in.
const ENDING: &str = "csv";
/// Where the pictures lie, beside the lists.
const IMAGES: &str = "images";

/// The classes that the lists of a folder name, in order of their names, with their pictures in order of theirs; nothing where
/// there are no lists. What else lies there is told.
pub(super) fn read(root: &Path) -> Result<Option<(Listing, PassedOver)>, Error> {
    let files = lists(root, ENDING)?;
    if !are_divided(&files) {
        return Ok(None);
    }
    let mut found = Vec::new();
    let (mut pictures, mut seen) = (Pictures::below(root.join(IMAGES)), HashMap::new());
    for (part, file) in files.iter().enumerate() {
        let file = match (part, file) {
            (1, None) => continue,
            (_, Some(file)) => file.clone(),
            (_, None) => root.join(format!("{}.{ENDING}", PARTS[part])),
        };
        let entries = csv_list::read(&file)?;
        if entries.is_empty() && part != 1 {
            let cause = "it lists no picture: give the first line 'filename,label' and one picture a line";
            return Err(Error::BadList { file, line: 1, cause: cause.into() });
        }
        let classes = classes(&file, entries, &mut pictures, &mut seen)?;
        found.extend(classes.into_iter().map(|class| Found { part, class }));
    }
    let names = files.map(|file| file.iter().filter_map(|file| file.file_name()).map(from_os).collect());
    let mut listing = Parts::of(root, found, names).listing()?;
    let listed: HashSet<&Path> = seen.keys().map(PathBuf::as_path).collect();
    let Unlisted { pictures, others } = unlisted::find(&root.join(IMAGES), &listed)?;
    let name = |file: &PathBuf| shown_path(file.strip_prefix(root).unwrap_or(file)).to_string();
    listing.layout = and(listing.layout, left_out("picture", "pictures", pictures.iter().map(name)));
    Ok(Some((listing, others)))
}

/// Where pictures were listed: the list and the line.
type Seen = HashMap<PathBuf, (PathBuf, usize)>;

/// The classes of one list.
fn classes(
    file: &Path,
    entries: Vec<Entry>,
    pictures: &mut Pictures,
    seen: &mut Seen,
) -> Result<Vec<Class>, Error> {
    let mut classes: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut forms: HashMap<String, (String, usize)> = HashMap::new();
    for Entry { line, picture, class } in entries {
        let bad = |cause: String| Error::BadList { file: file.into(), line, cause };
        let path = pictures.find(&picture).map_err(bad)?;
        if let Some((other, first)) = seen.insert(path.clone(), (file.into(), line)) {
            let (picture, other) = (shown(&picture), shown_path(&other));
            return Err(bad(format!(
                "picture '{picture}' is listed in {other} line {first} already: remove one"
            )));
        }
        let (form, first) = forms.entry(canonical(&class)).or_insert_with(|| (class.clone(), line));
        if *form != class {
            return Err(bad(format!(
                "class '{}' is written in another Unicode form than on line {first}: write it in one form",
                shown(&class)
            )));
        }
        classes.entry(class).or_default().push(path);
    }
    let class = |(name, mut files): (String, Vec<PathBuf>)| {
        files.sort_unstable();
        Class { name, files }
    };
    Ok(classes.into_iter().map(class).collect())
}

/// The pictures below a folder, by the names that lists give them.
struct Pictures {
    root: PathBuf,
    /// What the folders hold that were looked into.
    held: HashMap<PathBuf, Held>,
}

struct Held {
    files: Vec<PathBuf>,
    names: NameIndex<'static>,
}

impl Pictures {
    fn below(root: PathBuf) -> Self {
        Pictures { root, held: HashMap::new() }
    }

    /// The file of a picture, by its very name or the only one that is canonically equivalent; or the cause and the way out.
    fn find(&mut self, picture: &str) -> Result<PathBuf, String> {
        // one name for each picture, or it could be listed twice
        let roundabout = picture.split('/').any(|step| step.is_empty() || step == ".");
        let inside = Path::new(picture).components().all(|step| matches!(step, Component::Normal(_)));
        if roundabout || !inside || picture.contains('\0') {
            return Err(format!(
                "picture '{}' is no plain path inside {IMAGES}/: give one such as 'a.jpg'",
                shown(picture)
            ));
        }
        let mut path = self.root.clone();
        for step in picture.split('/') {
            path = match self.step(&path, step) {
                Ok(found) => found,
                // as where the file system does not tell small letters from capitals
                Err(NameError::Unknown { .. }) => path.join(step),
                Err(ambiguous) => return Err(ambiguous.to_string()),
            };
        }
        if path.is_file() {
            return Ok(path);
        }
        let path = self.root.join(picture);
        Err(format!("there is no picture {}: put it there or remove the line", shown_path(&path)))
    }

    fn step(&mut self, folder: &Path, name: &str) -> Result<PathBuf, NameError> {
        if !self.held.contains_key(folder) {
            self.held.insert(folder.into(), Held::of(folder));
        }
        let held = &self.held[folder];
        held.names.find(name).map(|place| held.files[place].clone())
    }
}

impl Held {
    /// What a folder holds; nothing where it cannot be read, so that its pictures are missing.
    fn of(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort_unstable();
        let names: Vec<String> = files.iter().filter_map(|file| file.file_name()).map(from_os).collect();
        Held { files, names: NameIndex::new(names) }
    }
}

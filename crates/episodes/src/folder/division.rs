//! Which classes of a folder are for training, for validation and for testing.

use super::{Class, Listing};
use crate::names::{canonical, shown};
use crate::parts::part_of;
use crate::split::PARTS;
use crate::{ClassId, ClassSplit, Error, ImageSet};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Fewest classes that are divided: two to learn to tell apart, two to test on.
const FEWEST: usize = 4;
/// Fewest classes of which some are for validation.
const MANY: usize = 20;
/// The parts.
const TRAIN: usize = 0;
const VALIDATION: usize = 1;
const TEST: usize = 2;

/// A random split of the classes of a folder.
///
/// Of 20 classes or more a tenth are for validation, a quarter for testing and the rest for training; fewer are
/// halved, into training and testing. The same classes and seed give the same split, whatever is asked of it.
///
/// ```
/// use fewshot_episodes::{folder, ImageSet};
/// let classes = |n| ImageSet::new([1, 1, 1], (0..n).map(|i| (format!("class{i}"), vec![i])).collect());
/// let sizes = |n| {
///     let split = folder::random_split(&classes(n), 1).unwrap();
///     [split.train().len(), split.validation().len(), split.test().len()]
/// };
/// assert_eq!(sizes(10), [5, 0, 5]);
/// assert_eq!(sizes(40), [26, 4, 10]);
/// ```
///
/// # Errors
/// When there are fewer than 4 classes.
pub fn random_split(images: &ImageSet, seed: u64) -> Result<ClassSplit, Error> {
    let classes = images.classes();
    if classes < FEWEST {
        return Err(Error::TooFewToDivide { classes, fewest: FEWEST });
    }
    let (validation, test) = if classes < MANY { (0, classes / 2) } else { (classes / 10, classes / 4) };
    ClassSplit::random(images, classes - validation - test, validation, seed)
}

/// The split that gives each class its part.
pub(super) fn of_parts(images: &ImageSet, parts: &[usize]) -> Result<ClassSplit, Error> {
    let of = |wanted: usize| -> Vec<ClassId> {
        (0..parts.len()).filter(|class| parts[*class] == wanted).map(ClassId::from).collect()
    };
    ClassSplit::new(images, of(TRAIN), of(VALIDATION), of(TEST))
}

/// Takes `train/`, `val/` and `test/` in the paths of class folders as the division, not as parts of their names.
pub(super) fn by_folders(root: &Path, classes: Vec<Class>) -> Result<Listing, Error> {
    let Some(level) = level_of_parts(root, &classes)? else {
        return Ok(Listing { classes, parts: None, layout: None });
    };
    let mut names: [BTreeSet<String>; 3] = Default::default();
    let mut found = Vec::with_capacity(classes.len());
    for Class { name, files } in classes {
        let mut steps: Vec<&str> = name.split('/').collect();
        let folder = steps.remove(level);
        let part = part_of(folder).expect("every path has a part at this level");
        names[part].insert(format!("{folder}/"));
        found.push(Found { part, class: Class { name: steps.join("/"), files } });
    }
    Parts::of(root, found, names.map(|folders| folders.into_iter().collect())).listing()
}

/// At which step of the paths the parts stand, if they are divided so: `train/crow` at the first, `birds/train/crow` or
/// `crow/train` at another.
fn level_of_parts(root: &Path, classes: &[Class]) -> Result<Option<usize>, Error> {
    let paths: Vec<Vec<&str>> = classes.iter().map(|class| class.name.split('/').collect()).collect();
    for level in 0..paths.iter().map(Vec::len).min().unwrap_or(0) {
        // a class of its own may be called `train`, and then nothing else is in its path
        let part = |path: &Vec<&str>| part_of(path[level]).filter(|_| path.len() > 1);
        let parts: Vec<Option<usize>> = paths.iter().map(part).collect();
        let others = parts.iter().flatten().any(|part| *part != TRAIN);
        let differ = parts.contains(&Some(TRAIN)) && others;
        match parts.iter().position(Option::is_none) {
            None if differ || level == 0 => return Ok(Some(level)),
            Some(beside) if differ && paths.iter().all(|path| path[..level] == paths[0][..level]) => {
                return Err(Error::BesideParts { path: root.join(&classes[beside].name) });
            }
            _ => {}
        }
    }
    Ok(None)
}

/// A class as one part has it.
pub(super) struct Found {
    pub part: usize,
    pub class: Class,
}

/// Parts and the classes they hold. Each class counts once: where parts share classes, as in the layout of ordinary
/// classification, the pictures of a class are pooled.
pub(super) struct Parts {
    root: PathBuf,
    /// What each part is called.
    names: [Vec<String>; 3],
    /// For each class its pictures in each part.
    classes: BTreeMap<String, [Vec<PathBuf>; 3]>,
}

impl Parts {
    pub(super) fn of(root: &Path, found: Vec<Found>, names: [Vec<String>; 3]) -> Self {
        let forms = forms(&found);
        let mut classes: BTreeMap<String, [Vec<PathBuf>; 3]> = BTreeMap::new();
        for Found { part, class: Class { name, files } } in found {
            let name = forms.get(&canonical(&name)).cloned().unwrap_or(name);
            classes.entry(name).or_default()[part].extend(files);
        }
        Parts { root: root.into(), names, classes }
    }

    /// Classes that all of some parts hold.
    fn shared(&self, parts: &[usize]) -> usize {
        self.classes.values().filter(|files| parts.iter().all(|part| !files[*part].is_empty())).count()
    }

    fn named(&self, parts: &[usize]) -> String {
        let names: Vec<String> = parts.iter().flat_map(|part| &self.names[*part]).cloned().collect();
        joined(&names)
    }

    /// What the parts make of their classes.
    pub(super) fn listing(self) -> Result<Listing, Error> {
        let pairs = [[TRAIN, TEST], [VALIDATION, TEST], [TRAIN, VALIDATION]];
        match pairs.into_iter().find(|pair| self.shared(pair) > 0) {
            None => Ok(self.apart()),
            Some(pair) => self.overlapping(pair),
        }
    }

    /// Of parts that share no class.
    fn apart(self) -> Listing {
        let [train, validation, test] = [TRAIN, VALIDATION, TEST].map(|part| self.shared(&[part]) > 0);
        match (train, validation, test) {
            (true, _, true) => self.owned(Some([TRAIN, VALIDATION, TEST]), None),
            (true, true, false) => {
                let (train, validation) = (self.named(&[TRAIN]), self.named(&[VALIDATION]));
                let note = format!(
                    "beside {train} there is {validation} alone: its classes are for testing, none is for validation"
                );
                self.owned(Some([TRAIN, TEST, TEST]), Some(note))
            }
            _ => {
                let what = if train { "there is no other part" } else { "there is no part for training" };
                let note = format!(
                    "beside {} {what}: the classes are divided",
                    self.named(&[TRAIN, VALIDATION, TEST])
                );
                self.owned(None, Some(note))
            }
        }
    }

    /// Of parts of which two share classes.
    fn overlapping(self, pair: [usize; 2]) -> Result<Listing, Error> {
        let all = [TRAIN, VALIDATION, TEST];
        let [train, validation, test] = all.map(|part| self.shared(&[part]));
        let seen = self.shared(&[TRAIN, VALIDATION]);
        if pair == [TRAIN, VALIDATION] && test > 0 && seen == train.min(validation) {
            let note = format!(
                "{} share {seen} classes, whose pictures are pooled: those classes are for training, and none is for \
                 validation",
                self.named(&pair)
            );
            return Ok(self.owned(Some([TRAIN, TRAIN, TEST]), Some(note)));
        }
        if [train, validation, test].contains(&self.classes.len()) {
            let twice =
                |files: &&[Vec<PathBuf>; 3]| files.iter().filter(|files| !files.is_empty()).count() > 1;
            let note = format!(
                "{} share {} of {} classes, as in ordinary classification: each class has its pooled pictures, and the \
                 classes are divided",
                self.named(&all),
                self.classes.values().filter(twice).count(),
                self.classes.len()
            );
            return Ok(self.owned(None, Some(note)));
        }
        let both = |files: &[Vec<PathBuf>; 3]| pair.iter().all(|part| !files[*part].is_empty());
        let class = self.classes.iter().find(|(_, files)| both(files)).map(|(name, _)| name.clone());
        let [first, second] = pair.map(|part| PARTS[part]);
        let (path, shared) = (self.root.clone(), self.shared(&pair));
        Err(Error::SomeShared { path, class: class.unwrap_or_default(), first, second, shared })
    }

    /// The classes with all their pictures; each belongs where `owners` puts the first part that holds it, if they say.
    fn owned(self, owners: Option<[usize; 3]>, layout: Option<String>) -> Listing {
        let (mut classes, mut parts) = (Vec::new(), Vec::new());
        for (name, files) in self.classes {
            let part = files.iter().position(|files| !files.is_empty()).expect("a class has pictures");
            parts.extend(owners.map(|owners| owners[part]));
            classes.push(Class { name, files: files.concat() });
        }
        Listing { classes, parts: owners.map(|_| parts), layout }
    }
}

/// The name under which classes count that parts write in different Unicode forms, by their canonical form. Where one part alone
/// has several forms, these are classes of their own.
fn forms(found: &[Found]) -> HashMap<String, String> {
    let mut forms: HashMap<String, [BTreeSet<&str>; 3]> = HashMap::new();
    for Found { part, class } in found {
        forms.entry(canonical(&class.name)).or_default()[*part].insert(&class.name);
    }
    forms.retain(|_, by_part| by_part.iter().all(|names| names.len() < 2));
    let first =
        |by_part: [BTreeSet<&str>; 3]| by_part.into_iter().flatten().next().unwrap_or_default().to_owned();
    forms.into_iter().map(|(canonical, by_part)| (canonical, first(by_part))).collect()
}

/// Whether there are lists: one for training by its very name, or lists for training and test by other names.
pub(super) fn are_divided([train, _, test]: &[Option<PathBuf>; 3]) -> bool {
    let plain = |file: &PathBuf| file.file_stem().is_some_and(|stem| stem == PARTS[0]);
    train.as_ref().is_some_and(|file| plain(file) || test.is_some())
}

/// Names of folders or lists as they are shown: `train/` and `val/`.
pub(super) fn joined(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().map(|name| shown(name).to_string()).collect();
    match shown.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        other => other.concat(),
    }
}

//! Class folders and the pictures in them.

use super::format::Kind;
use super::{Class, PassedOver};
use crate::names::from_os;
use crate::source::{is_hidden, unreadable};
use crate::split_files::ENDING;
use crate::{Error, parts};
use rayon::prelude::*;
use std::collections::{HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// Most pictures of a folder; miniImageNet has 60,000.
const MAX_PICTURES: usize = 1_000_000;
/// Most files and folders, pictures or not.
const MAX_ENTRIES: usize = 4_000_000;
/// Most folders within folders.
const MAX_DEPTH: usize = 8;

/// The classes below a folder, in order of their names, and what lies between them.
pub(super) fn find(root: &Path) -> Result<(Vec<Class>, PassedOver), Error> {
    let mut walk = Walk::new(root)?;
    let content = walk.content(root)?;
    if !content.pictures.is_empty() {
        return Err(Error::OutsideClasses { picture: content.pictures[0].clone() });
    }
    walk.enter_all(content.folders, None, MAX_DEPTH)?;
    // a folder keeps its own name: links are followed when all folders are known
    while let Some(Folder { path, name, depth }) = walk.links.pop_front() {
        walk.enter(&path, &name, depth)?;
    }
    walk.pass_over_beside()?;
    let Walk { mut classes, passed_over, .. } = walk;
    if classes.is_empty() {
        return Err(Error::NoClassFolders { path: root.into() });
    }
    classes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((classes, passed_over))
}

/// The pictures in a folder and in those below it, in order of their paths, whatever classes they are of. Folders of the system are not
/// entered, and none is entered twice.
///
/// # Errors
/// When a folder cannot be read, or there is no picture.
pub fn pictures(root: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
    let root = root.as_ref();
    let mut walk = Walk::new(root)?;
    let (mut found, mut waiting) = (Vec::new(), VecDeque::from([root.to_owned()]));
    while let Some(folder) = waiting.pop_front() {
        let Content { folders, pictures } = walk.content(&folder)?;
        found.extend(pictures);
        for Below { path, .. } in folders {
            if walk.is_new(&path)? {
                waiting.push_back(path);
            }
        }
    }
    found.sort_unstable();
    if found.is_empty() { Err(Error::NoPictures { path: root.into() }) } else { Ok(found) }
}

/// What a folder holds, each in order of names.
struct Content {
    folders: Vec<Below>,
    pictures: Vec<PathBuf>,
}

/// A folder or a link to one.
struct Below {
    path: PathBuf,
    is_link: bool,
}

/// A folder that is still to be entered.
struct Folder {
    path: PathBuf,
    name: String,
    depth: usize,
}

/// A walk through folders of classes.
struct Walk<'a> {
    root: &'a Path,
    /// Folders that were entered, by their true paths.
    met: HashSet<PathBuf>,
    links: VecDeque<Folder>,
    /// Links to folders that lie among pictures, each with the first of these.
    beside: Vec<(PathBuf, PathBuf)>,
    classes: Vec<Class>,
    passed_over: PassedOver,
    entries: usize,
    pictures: usize,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path) -> Result<Self, Error> {
        let mut walk = Walk {
            root,
            met: HashSet::new(),
            links: VecDeque::new(),
            beside: Vec::new(),
            classes: Vec::new(),
            passed_over: PassedOver::default(),
            entries: 0,
            pictures: 0,
        };
        // those around it too: whoever enters one of them comes back
        let place = true_path(root)?;
        walk.met.extend(place.ancestors().map(Path::to_path_buf));
        Ok(walk)
    }

    /// Whether a folder is met for the first time.
    fn is_new(&mut self, folder: &Path) -> Result<bool, Error> {
        Ok(self.met.insert(true_path(folder)?))
    }

    /// Adds the classes that folders are, or those below them; links wait.
    fn enter_all(&mut self, folders: Vec<Below>, group: Option<&str>, depth: usize) -> Result<(), Error> {
        for Below { path, is_link } in folders {
            let name = match group {
                Some(group) => format!("{group}/{}", name_of(&path)),
                None => name_of(&path),
            };
            if is_link {
                self.links.push_back(Folder { path, name, depth });
            } else {
                self.enter(&path, &name, depth)?;
            }
        }
        Ok(())
    }

    /// Adds the class that a folder is, or those below it.
    fn enter(&mut self, folder: &Path, name: &str, depth: usize) -> Result<(), Error> {
        if depth == 0 {
            return Err(Error::TooDeep { path: folder.into(), limit: MAX_DEPTH });
        }
        if !self.is_new(folder)? {
            self.passed_over.add_folder(folder);
            return Ok(());
        }
        let Content { folders, pictures } = self.content(folder)?;
        let Some(picture) = pictures.first().cloned() else {
            return match folders.is_empty() {
                true => Err(Error::EmptyClass { path: folder.into() }),
                false => self.enter_all(folders, Some(name), depth - 1),
            };
        };
        if let Some(folder) = folders.iter().find(|folder| !folder.is_link) {
            return Err(Error::PicturesBesideFolders { picture, folder: folder.path.clone() });
        }
        self.beside.extend(folders.into_iter().map(|link| (picture.clone(), link.path)));
        self.classes.push(Class { name: name.into(), files: pictures });
        Ok(())
    }

    /// Passes over the links among pictures that lead to folders that were entered, or back to one around them; another is refused.
    fn pass_over_beside(&mut self) -> Result<(), Error> {
        for (picture, folder) in std::mem::take(&mut self.beside) {
            if !self.met.contains(&true_path(&folder)?) {
                return Err(Error::PicturesBesideFolders { picture, folder });
            }
            self.passed_over.add_folder(&folder);
        }
        Ok(())
    }

    /// What a folder holds; what is no picture is counted.
    fn content(&mut self, folder: &Path) -> Result<Content, Error> {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let entry = entry.map_err(|error| unreadable(folder, error))?;
            self.count(1, 0)?;
            let (path, is_link) = (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_symlink()));
            match (path.is_dir(), is_hidden(&name_of(&path))) {
                (true, true) => {}
                (true, false) => folders.push(Below { path, is_link }),
                (false, true) => self.passed_over.add_hidden(),
                (false, false) if folder == self.root && is_list(&path) => {}
                (false, false) => files.push(path),
            }
        }
        folders.sort_by(|a, b| a.path.cmp(&b.path));
        files.sort_unstable();
        let are_pictures: Vec<bool> = files.par_iter().map(|file| is_picture(file)).collect();
        let mut pictures = Vec::new();
        for (file, is_picture) in files.into_iter().zip(are_pictures) {
            if is_picture {
                pictures.push(file);
            } else {
                self.passed_over.add_file(&file);
            }
        }
        self.count(0, pictures.len())?;
        Ok(Content { folders, pictures })
    }

    fn count(&mut self, entries: usize, pictures: usize) -> Result<(), Error> {
        self.entries += entries;
        self.pictures += pictures;
        let over = [(self.entries, MAX_ENTRIES), (self.pictures, MAX_PICTURES)];
        match over.into_iter().find(|(found, limit)| found > limit) {
            Some((_, limit)) => Err(Error::TooManyFiles { path: self.root.into(), limit }),
            None => Ok(()),
        }
    }
}

/// Whether a file beside the class folders is a list of the classes of a part.
fn is_list(file: &Path) -> bool {
    parts::listed_part(file, ENDING).is_some()
}

/// Whether a file is a picture by its first bytes, or should be one by its name. What cannot be looked at and whose name does not
/// tell is taken for one, so that its error is told.
pub(super) fn is_picture(file: &Path) -> bool {
    match Kind::look(file) {
        Ok(kind) => kind.is_picture(file),
        Err(_) => file.extension().is_none() || Kind::Other.is_picture(file),
    }
}

fn true_path(folder: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(folder).map_err(|error| unreadable(folder, error))
}

fn name_of(path: &Path) -> String {
    from_os(path.file_name().unwrap_or_default())
}

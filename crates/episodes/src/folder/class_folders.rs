//! Class folders and the pictures in them.

use super::Class;
use crate::Error;
use crate::names::from_os;
use crate::source::unreadable;
use std::fs;
use std::path::{Path, PathBuf};

/// Most pictures of a folder; miniImageNet has 60,000.
const MAX_PICTURES: usize = 1_000_000;
/// Most folders within folders: a link to itself ends here.
const MAX_DEPTH: usize = 8;

/// Endings of the files that are read. What they hold is told by their first bytes.
const READ: [&str; 5] = ["png", "jpg", "jpeg", "jpe", "jfif"];
/// Endings of pictures that are not, and would be missed in silence.
const NOT_READ: [&str; 10] = ["heic", "heif", "webp", "avif", "gif", "bmp", "tif", "tiff", "jxl", "dng"];

/// What a folder holds, each in order of names.
struct Content {
    folders: Vec<PathBuf>,
    pictures: Vec<PathBuf>,
}

/// The classes below a folder, in order of their names.
pub(super) fn find(root: &Path) -> Result<Vec<Class>, Error> {
    let content = content(root)?;
    if !content.pictures.is_empty() {
        return Err(Error::OutsideClasses { picture: content.pictures[0].clone() });
    }
    let mut classes = Vec::new();
    for folder in content.folders {
        visit(&folder, &name_of(&folder), MAX_DEPTH, &mut classes)?;
    }
    if classes.is_empty() {
        return Err(Error::NoClassFolders { path: root.into() });
    }
    let pictures: usize = classes.iter().map(|class| class.files.len()).sum();
    if pictures > MAX_PICTURES {
        return Err(Error::TooManyFiles { path: root.into(), limit: MAX_PICTURES });
    }
    classes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(classes)
}

/// Adds the class that a folder is, or those below it.
fn visit(folder: &Path, name: &str, depth: usize, classes: &mut Vec<Class>) -> Result<(), Error> {
    if depth == 0 {
        return Err(Error::TooDeep { path: folder.into(), limit: MAX_DEPTH });
    }
    let Content { folders, pictures } = content(folder)?;
    match (folders.is_empty(), pictures.is_empty()) {
        (true, true) => Err(Error::EmptyClass { path: folder.into() }),
        (true, false) => {
            classes.push(Class { name: name.into(), files: pictures });
            Ok(())
        }
        (false, true) => folders
            .iter()
            .try_for_each(|below| visit(below, &format!("{name}/{}", name_of(below)), depth - 1, classes)),
        (false, false) => {
            Err(Error::PicturesBesideFolders { picture: pictures[0].clone(), folder: folders[0].clone() })
        }
    }
}

fn content(folder: &Path) -> Result<Content, Error> {
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut entries = entries.map_err(|error| unreadable(folder, error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut content = Content { folders: Vec::new(), pictures: Vec::new() };
    for path in entries.into_iter().map(|entry| entry.path()).filter(|path| !is_hidden(path)) {
        if path.is_dir() {
            content.folders.push(path);
        } else if has_ending(&path, &READ) {
            content.pictures.push(path);
        } else if has_ending(&path, &NOT_READ) {
            return Err(Error::BadPicture {
                path,
                cause: "it is neither PNG nor JPEG; convert it or remove it".into(),
            });
        }
    }
    Ok(content)
}

/// Names with a dot in front, and what macOS adds to archives.
fn is_hidden(path: &Path) -> bool {
    let name = name_of(path);
    name.starts_with('.') || name == "__MACOSX"
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

fn name_of(path: &Path) -> String {
    from_os(path.file_name().unwrap_or_default())
}

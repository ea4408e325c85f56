//! Folders of pictures that bring a division, and what it is.

use super::{png, write};
use fewshot_episodes::ClassId;
use fewshot_episodes::folder::{self, Folder, FolderConfig};
use std::path::Path;
use tempfile::TempDir;

/// A folder of these files, each picture as dark as its number.
pub fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (tone, name) in files.iter().enumerate() {
        write(folder.path(), name, &picture(tone));
    }
    folder
}

/// A picture of one row, as dark as its number.
pub fn picture(tone: usize) -> Vec<u8> {
    png(8, 1, |_, column| column < tone)
}

/// What is read of a folder, or the message.
pub fn loaded(folder: &Path) -> Result<Folder, String> {
    let config = FolderConfig { size: [1, 8], ..FolderConfig::default() };
    folder::load(folder, &config).map_err(|error| error.to_string())
}

/// The message about a folder that cannot be read.
pub fn refused(folder: &Path) -> String {
    loaded(folder).unwrap_err()
}

/// Names of all classes.
pub fn names(folder: &Folder) -> Vec<&str> {
    (0..folder.images.classes()).map(|class| folder.images.name(class)).collect()
}

/// Names of the classes in the parts.
pub fn parts(folder: &Folder) -> [Vec<&str>; 3] {
    let split = folder.split.as_ref().expect("the folder is divided");
    let names = |ids: &[ClassId]| ids.iter().map(|id| folder.images.name(id.class)).collect();
    [names(split.train()), names(split.validation()), names(split.test())]
}

/// `images/` with pictures `0.png`, ..., and lists for training, validation and test.
pub fn ravi(lists: [&[u8]; 3], pictures: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (part, text) in ["train", "val", "test"].iter().zip(lists) {
        write(folder.path(), &format!("{part}.csv"), text);
    }
    for number in 0..pictures {
        write(folder.path(), &format!("images/{number}.png"), &picture(number));
    }
    folder
}

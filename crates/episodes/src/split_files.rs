//! Splits listed in text files.

use crate::source::read_regular;
use crate::split::PARTS;
use crate::{ClassId, ClassSplit, Error, ImageSet, Turn};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Most bytes of a split file; the largest of Vinyals et al. has 160,000.
const MAX_FILE: u64 = 1 << 24;

impl ClassSplit {
    /// Reads a split from the files `train.txt`, `val.txt` and `test.txt` of a folder.
    ///
    /// A line names a class of the image set, alone or followed by its turn:
    /// `Alphabet/characterNN` or `Alphabet/characterNN/rotRRR` with `RRR` one of
    /// 000, 090, 180, 270 degrees counter-clockwise. This is the form in which
    /// the split of Vinyals et al. 2016 was published with Prototypical
    /// Networks: 4112, 688 and 1692 turned classes, to be drawn from with
    /// [`Rotations::None`](crate::Rotations::None), or, taking each character
    /// once, with [`Rotations::PerClass`](crate::Rotations::PerClass).
    /// Empty lines are skipped.
    ///
    /// ```no_run
    /// use fewshot_episodes::{omniglot, ClassSplit};
    /// let images = omniglot::load("data/omniglot", 28)?;
    /// let split = ClassSplit::read(&images, "data/omniglot/splits/vinyals")?;
    /// assert_eq!(split.test().len(), 1692);
    /// # Ok::<(), fewshot_episodes::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a file cannot be read or lists nothing, when a line names no class
    /// of the image set or one named before, or when two parts share a class,
    /// turned copies included.
    pub fn read(images: &ImageSet, folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let known: HashMap<&str, usize> =
            (0..images.classes()).map(|class| (images.name(class), class)).collect();
        let [train, validation, test] =
            PARTS.map(|part| read_part(&known, folder.join(format!("{part}.txt"))));
        Self::new(images, train?, validation?, test?)
    }
}

fn read_part(known: &HashMap<&str, usize>, file: PathBuf) -> Result<Vec<ClassId>, Error> {
    let bytes = read_regular(&file, MAX_FILE)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: HashMap<ClassId, usize> = HashMap::new();
    let mut ids = Vec::new();
    for (line, name) in (1..).zip(text.lines().map(str::trim)).filter(|(_, name)| !name.is_empty()) {
        let unknown =
            || Error::UnknownClass { file: file.clone(), line, class: name.chars().take(80).collect() };
        let id = parse(known, name).ok_or_else(unknown)?;
        if let Some(first) = lines.insert(id, line) {
            let class = name.to_string();
            return Err(Error::RepeatedLine { file, line, first, class });
        }
        ids.push(id);
    }
    if ids.is_empty() {
        return Err(Error::EmptySplit { file });
    }
    Ok(ids)
}

/// A known class, alone or with `/rotRRR` behind it.
fn parse(known: &HashMap<&str, usize>, name: &str) -> Option<ClassId> {
    if let Some(&class) = known.get(name) {
        return Some(class.into());
    }
    let (class, degrees) = name.rsplit_once("/rot")?;
    let turn = Turn::from_degrees(degrees.parse().ok()?)?;
    Some(ClassId { class: *known.get(class)?, turn })
}

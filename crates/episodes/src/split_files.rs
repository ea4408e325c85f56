//! Splits listed in text files.

use crate::names::{NameError, NameIndex};
use crate::split::PARTS;
use crate::{ClassId, ClassSplit, Error, ImageSet, Turn, parts, text};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Most bytes of a split file; the largest of Vinyals et al. has 160,000.
const MAX_FILE: u64 = 1 << 24;
/// What lists of classes end in.
pub(crate) const ENDING: &str = "txt";

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
    ///
    /// A class is found by its very name, or else by the only one that is
    /// canonically equivalent, such as 고양이 composed in the list and decomposed
    /// in the data. Blanks around a name are dropped unless they are part of one;
    /// empty lines are skipped. The files are UTF-8, or UTF-16 with a byte order
    /// mark. `val.txt` may be missing or empty: then no class is for validation.
    /// Other names of the parts count as well where these three are not there,
    /// such as `validation.txt`; see [`folder`](crate::folder).
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
    /// When `train.txt` or `test.txt` cannot be read or lists nothing, when a file
    /// is in another encoding, when a line names no class of the image set, one of
    /// several that are equivalent, or one named before, or when two parts share a
    /// class, turned copies included.
    pub fn read(images: &ImageSet, folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let known = NameIndex::new((0..images.classes()).map(|class| images.name(class)));
        let [train, validation, test] = parts::lists(folder, ENDING)?;
        let usual = |part: usize| folder.join(format!("{}.{ENDING}", PARTS[part]));
        let needed = |part: usize, file: Option<PathBuf>| {
            let file = file.unwrap_or_else(|| usual(part));
            match read_part(&known, &file)? {
                ids if ids.is_empty() => Err(Error::EmptySplit { file }),
                ids => Ok(ids),
            }
        };
        let train = needed(0, train)?;
        let validation = validation.map_or_else(|| Ok(Vec::new()), |file| read_part(&known, &file))?;
        Self::new(images, train, validation, needed(2, test)?)
    }
}

fn read_part(known: &NameIndex<'_>, file: &Path) -> Result<Vec<ClassId>, Error> {
    let text = text::read(file, MAX_FILE)?;
    let mut lines: HashMap<ClassId, usize> = HashMap::new();
    let mut ids = Vec::new();
    for (line, name) in (1..).zip(text.lines()).filter(|(_, name)| !name.trim().is_empty()) {
        let id = parse(known, name).map_err(|error| match error {
            NameError::Unknown { .. } => {
                let class = name.trim().chars().take(80).collect();
                Error::UnknownClass { file: file.into(), line, class }
            }
            other => Error::BadList { file: file.into(), line, cause: other.to_string() },
        })?;
        if let Some(first) = lines.insert(id, line) {
            let class = name.trim().to_string();
            return Err(Error::RepeatedLine { file: file.into(), line, first, class });
        }
        ids.push(id);
    }
    Ok(ids)
}

/// A known class, alone or with `/rotRRR` behind it, as it stands in the line or without the blanks around it.
fn parse(known: &NameIndex<'_>, line: &str) -> Result<ClassId, NameError> {
    match turned(known, line) {
        Err(NameError::Unknown { .. }) => turned(known, line.trim()),
        found => found,
    }
}

fn turned(known: &NameIndex<'_>, name: &str) -> Result<ClassId, NameError> {
    let alone = known.find(name).map(ClassId::from);
    let degrees = |(class, degrees): (_, &str)| Some((class, Turn::from_degrees(degrees.parse().ok()?)?));
    match (alone, name.rsplit_once("/rot").and_then(degrees)) {
        (Err(NameError::Unknown { .. }), Some((class, turn))) => {
            known.find(class).map(|class| ClassId { class, turn })
        }
        (alone, _) => alone,
    }
}

//! The pictures of a folder as examples of feature vectors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fewshot_autodiff::Array;
use fewshot_episodes::folder;
use fewshot_episodes::names::{shown, shown_path};
use fewshot_meta::{Examples, Labels};

use crate::adapted::Class;
use crate::encoding::{Encoding, all_vectors};
use crate::error::Error;
use crate::pictures::remarks;

/// Feature vectors with their classes and pictures.
pub struct PictureExamples {
    /// In the order of their names.
    pub classes: Vec<Class>,
    /// `[n, d]`, class after class.
    pub vectors: Array,
    /// The class of each.
    pub labels: Vec<usize>,
    /// The file of each.
    pub files: Vec<PathBuf>,
}

impl PictureExamples {
    /// Those of a folder of class folders, two or more.
    pub fn of_folder(path: &Path, encoding: &Encoding) -> Result<PictureExamples, Error> {
        let listed = listed(path, encoding)?;
        if let [only] = &listed.classes[..] {
            let cause = "there is nothing to tell it from; add a folder for another";
            let said = format!("{}: holds one class, {}: {cause}", shown_path(path), shown(&only.name));
            return Err(Error::Combination(said));
        }
        PictureExamples::of(listed, encoding)
    }

    /// Those of a folder of class folders, of which there may be one.
    pub fn to_add(path: &Path, encoding: &Encoding) -> Result<PictureExamples, Error> {
        PictureExamples::of(listed(path, encoding)?, encoding)
    }

    fn of(listed: folder::Listed, encoding: &Encoding) -> Result<PictureExamples, Error> {
        let class = |class: &folder::Class| Class { name: class.name.clone(), shots: class.files.len() };
        let classes: Vec<Class> = listed.classes.iter().map(class).collect();
        let numbered = listed.classes.into_iter().enumerate();
        let (labels, files): (Vec<usize>, Vec<PathBuf>) = numbered
            .flat_map(|(number, class)| class.files.into_iter().map(move |file| (number, file)))
            .unzip();
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let vectors = all_vectors(encoding, &paths)?;
        let vectors = Array::new(&[files.len(), encoding.width()], vectors.concat());
        Ok(PictureExamples { classes, vectors, labels, files })
    }

    /// How many classes there are.
    pub fn ways(&self) -> usize {
        self.classes.len()
    }

    /// Those of these numbers, with the numbers of their classes among those that are there.
    pub fn renumbered(&self, numbers: &[usize]) -> Examples<Array> {
        let labels: BTreeSet<usize> = numbers.iter().map(|&number| self.labels[number]).collect();
        let place = |&number: &usize| labels.range(..self.labels[number]).count();
        Examples::new(self.chosen(numbers).x, Labels::Classes(numbers.iter().map(place).collect()))
    }

    /// Those of these numbers, with the numbers of their classes.
    pub fn chosen(&self, numbers: &[usize]) -> Examples<Array> {
        let d = self.vectors.shape()[1];
        let row = |&number: &usize| &self.vectors.data()[number * d..(number + 1) * d];
        let x = numbers.iter().flat_map(row).copied().collect();
        let labels = numbers.iter().map(|&number| self.labels[number]).collect();
        Examples::new(Array::new(&[numbers.len(), d], x), Labels::Classes(labels))
    }
}

/// The pictures of a folder; says how it was understood.
fn listed(path: &Path, encoding: &Encoding) -> Result<folder::Listed, Error> {
    let listed = folder::list(path)?;
    if let Encoding::Onnx(..) = encoding {
        remarks(path, listed.layout.as_deref(), &listed.passed_over);
    }
    Ok(listed)
}

//! Pictures of one's own: any folder of class folders with pictures.
//!
//! [`load`] makes an [`ImageSet`] of it, every picture brought to one size and one number of
//! channels. A class is a folder that holds pictures; its name is its path below the root, so
//! `birds/crow` and `birds/wren` are classes of the group `birds`, which splits by alphabet
//! hold out as a whole.
//!
//! What is a picture is decided by its first bytes, not by its name. PNG, JPEG, WebP, GIF, BMP, TIFF
//! and PNM are read, of several pictures in a file the first. Other formats of pictures (HEIC, AVIF,
//! JPEG XL, raw files of cameras, SVG, ...) and files that are pictures by name alone are refused.
//! Everything else is passed over and counted in [`Folder::passed_over`]. Folders of the system, such
//! as `__MACOSX`, `@eaDir`, `lost+found` and those whose names begin with a dot, are not entered, and
//! a folder that links lead to from several places is entered once, under its own name; a link that leads back
//! to a folder around it is passed over.
//!
//! A folder may bring its own division into training, validation and test classes:
//!
//! | what lies in the folder | as in |
//! |---|---|
//! | `train.csv`, `val.csv`, `test.csv` with the columns `filename,label`, and `images/` | miniImageNet, Ravi and Larochelle 2017 |
//! | `train/`, `val/`, `test/`, each with class folders | the same unpacked |
//! | class folders, and `train.txt`, `val.txt`, `test.txt` with one class a line | [`ClassSplit::read`] |
//!
//! The validation part may be missing. For other folders there is [`random_split`].
//!
//! Folders and lists are known by the usual names of the parts, with capitals or not, with `meta` in front or `set` behind:
//!
//! | part | names |
//! |---|---|
//! | training | train, training |
//! | validation | val, valid, validation, validate, dev, development |
//! | test | test, testing, eval, evaluation |
//!
//! A class counts once. Where one of the folders or lists of pictures holds all classes and another some of them, as in the
//! layout of ordinary classification, the pictures of a class are pooled and the folder brings no division; where `val/` shares
//! its classes with `train/` and `test/` does not, those of `val/` are trained on. Other overlaps are refused. Classes of
//! `val/` are for testing where there is no `test/`. A folder beside `train/` and `test/` that is neither is refused; a class of
//! pictures may well be called `train` or `test`. [`Folder::layout`] says what was done.
//!
//! Names are kept as they are (see [`names`](crate::names)): folders whose names differ in their Unicode form alone are two
//! classes, and lists name classes and pictures in any form. The lists are UTF-8, or UTF-16 with a byte order mark. In
//! `.csv` files fields are separated by commas, semicolons or tabs, as their first line is; a field in double quotes may
//! hold these and line breaks, and keeps the blanks within the quotes.

mod budget;
mod class_folders;
mod csv_list;
mod division;
mod format;
mod jpeg;
mod lists;
mod passed_over;
mod picture;
mod png_rows;
mod pnm;
mod raster;
mod unlisted;
mod webp;

pub use class_folders::pictures;
pub use division::random_split;
pub use passed_over::PassedOver;
pub use picture::picture;

use crate::names::shown;
use crate::parts;
use crate::split_files::ENDING;
use crate::{ClassSplit, Error, ImageSet};
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Most pixels of a side that pictures are brought to.
const LARGEST_SIDE: usize = 1024;
/// Classes or pictures named in a message.
const MOST_NAMED: usize = 3;
/// Most bytes of pixels in memory; miniImageNet at 84x84 in colour takes 1.3 billion.
const MAX_BYTES: usize = 1 << 33;

/// Channels of the pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// One: the brightness.
    #[default]
    Grey,
    /// Three: red, green and blue.
    Rgb,
}

impl Colour {
    /// How many channels there are.
    pub fn channels(self) -> usize {
        match self {
            Colour::Grey => 1,
            Colour::Rgb => 3,
        }
    }
}

/// Which end of the scale is 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tones {
    /// White is 255, as in the file: photographs.
    #[default]
    Kept,
    /// Black is 255: dark drawings on light paper, which become ink = 255 on paper = 0, as
    /// everywhere in this crate.
    Inverted,
}

/// What every picture is brought to.
///
/// ```
/// use fewshot_episodes::folder::{Colour, FolderConfig};
/// // miniImageNet's 84x84 in colour
/// let config = FolderConfig { size: [84, 84], colour: Colour::Rgb, ..FolderConfig::default() };
/// assert_eq!(config.shape(), [84, 84, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderConfig {
    /// Height and width in pixels. Pictures of other proportions are stretched.
    pub size: [usize; 2],
    /// Channels.
    pub colour: Colour,
    /// Which end of the scale is 255.
    pub tones: Tones,
}

impl Default for FolderConfig {
    /// 28x28, grey, tones kept.
    fn default() -> Self {
        FolderConfig { size: [28, 28], colour: Colour::Grey, tones: Tones::Kept }
    }
}

impl FolderConfig {
    /// Shape of one image: `[height, width, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.size[0], self.size[1], self.colour.channels()]
    }

    fn check(&self) -> Result<(), Error> {
        match self.size.into_iter().find(|side| !(1..=LARGEST_SIDE).contains(side)) {
            Some(size) => Err(Error::DrawingSize { size, largest: LARGEST_SIDE }),
            None => Ok(()),
        }
    }
}

/// A loaded folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder {
    /// Its pictures by class, in order of class names and of file names.
    pub images: ImageSet,
    /// The division it brings, if any.
    pub split: Option<ClassSplit>,
    /// How its parts were understood, where that is not as usual, such as parts that share classes, and which classes or pictures its
    /// lists leave out: one line.
    pub layout: Option<String>,
    /// Files beside its pictures.
    pub passed_over: PassedOver,
}

/// A class before its pictures are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its path below the root.
    pub name: String,
    /// Its pictures, in the order in which they are read.
    pub files: Vec<PathBuf>,
}

/// The pictures of a folder before they are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its classes, in order of their names.
    pub classes: Vec<Class>,
    /// The division it brings, if any.
    pub split: Option<ClassSplit>,
    /// How its parts were understood, where that is not as usual: one line.
    pub layout: Option<String>,
    /// Files beside its pictures.
    pub passed_over: PassedOver,
}

/// Classes, and to which part each belongs, if the folder says so: 0, 1, 2 for training,
/// validation and test.
struct Listing {
    classes: Vec<Class>,
    parts: Option<Vec<usize>>,
    layout: Option<String>,
}

impl Listed {
    /// As many images of one pixel as there are pictures, by which the classes can be divided before any is read.
    pub fn placeholders(&self) -> ImageSet {
        placeholders(&self.classes)
    }
}

/// The classes of a folder and the files of their pictures, of which none is read: as [`load`] finds them.
///
/// ```no_run
/// use fewshot_episodes::folder;
/// for class in folder::list("photographs")?.classes {
///     println!("{}: {} pictures", class.name, class.files.len());
/// }
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
///
/// # Errors
/// When the folder cannot be read, holds no class folder, a class folder without pictures, or pictures beside folders; and when a
/// list names what is not there, or a class is in two parts.
pub fn list(path: impl AsRef<Path>) -> Result<Listed, Error> {
    let root = path.as_ref();
    let (Listing { classes, parts, layout }, passed_over) = listing(root)?;
    let (split, layout) = split(root, &placeholders(&classes), parts, layout)?;
    Ok(Listed { classes, split, layout, passed_over })
}

fn placeholders(classes: &[Class]) -> ImageSet {
    ImageSet::new(
        [1, 1, 1],
        classes.iter().map(|class| (class.name.clone(), vec![0; class.files.len()])).collect(),
    )
}

/// The division that a folder brings, and how its parts were understood.
fn split(
    root: &Path,
    images: &ImageSet,
    parts: Option<Vec<usize>>,
    layout: Option<String>,
) -> Result<(Option<ClassSplit>, Option<String>), Error> {
    if let Some(parts) = parts {
        return Ok((Some(division::of_parts(images, &parts)?), layout));
    }
    if !division::are_divided(&parts::lists(root, ENDING)?) {
        return Ok((None, layout));
    }
    let split = ClassSplit::read(images, root)?;
    let layout = and(layout, unlisted_classes(images, &split));
    Ok((Some(split), layout))
}

fn listing(root: &Path) -> Result<(Listing, PassedOver), Error> {
    if let Some(listed) = lists::read(root)? {
        return Ok(listed);
    }
    let (classes, others) = class_folders::find(root)?;
    Ok((division::by_folders(root, classes)?, others))
}

/// Reads a folder of class folders, or one with split files over `images/`; see the [module](self).
///
/// Pictures are turned as the camera was held (EXIF), laid on white where they are transparent,
/// and resampled with the Lanczos filter. Classes may have unequal numbers of pictures. Decoding
/// runs on all threads; the result depends neither on them nor on the order of the file system. All
/// threads together decode in 256 MiB; PNG files that are neither interlaced nor turned take no more
/// than some rows, others need room for the whole picture, such as 48 million pixels of a JPEG file.
///
/// ```no_run
/// use fewshot_episodes::folder::{self, FolderConfig};
/// let photographs = folder::load("photographs", &FolderConfig::default())?;
/// println!("{} pictures of {} classes", photographs.images.len(), photographs.images.classes());
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
///
/// # Errors
/// When the folder cannot be read, holds no class folder, a class folder without pictures, or pictures
/// beside folders; when a picture is damaged, too large, or of a format that is not read; when a list names what
/// is not there, or a class is in two parts; when a side of the size is not in `1..=1024`, or the
/// pictures would take more than 8 GiB.
pub fn load(path: impl AsRef<Path>, config: &FolderConfig) -> Result<Folder, Error> {
    let root = path.as_ref();
    config.check()?;
    let (listing, passed_over) = listing(root)?;
    let Listing { classes, parts, layout } = listing;
    let pictures: usize = classes.iter().map(|class| class.files.len()).sum();
    let bytes = pictures.saturating_mul(config.shape().iter().product());
    if bytes > MAX_BYTES {
        return Err(Error::TooManyPixels { path: root.into(), bytes, limit: MAX_BYTES });
    }
    let images = ImageSet::new(config.shape(), decoded(classes, config)?);
    let (split, layout) = split(root, &images, parts, layout)?;
    Ok(Folder { images, split, layout, passed_over })
}

/// The classes that no list names, in words.
fn unlisted_classes(images: &ImageSet, split: &ClassSplit) -> Option<String> {
    let parts = [split.train(), split.validation(), split.test()];
    let listed: HashSet<usize> = parts.into_iter().flatten().map(|id| id.class).collect();
    let others: Vec<usize> = (0..images.classes()).filter(|class| !listed.contains(class)).collect();
    left_out("class", "classes", others.iter().map(|&class| shown(images.name(class)).to_string()))
}

/// What no list names, in words; nothing where there is nothing.
fn left_out(one: &str, several: &str, mut names: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let count = names.len();
    let named: Vec<String> = names.by_ref().take(MOST_NAMED).map(|name| format!("'{name}'")).collect();
    let (named, more) = (named.join(", "), count.saturating_sub(MOST_NAMED));
    match (count, more) {
        (0, _) => None,
        (1, _) => Some(format!("{one} {named} is in no list and is left out")),
        (_, 0) => Some(format!("{count} {several} are in no list and are left out: {named}")),
        (_, more) => {
            Some(format!("{count} {several} are in no list and are left out: {named} and {more} more"))
        }
    }
}

/// Two lines as one.
fn and(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second),
    }
}

/// Names and pixels of the classes, or what is wrong with the first picture that cannot be read.
fn decoded(classes: Vec<Class>, config: &FolderConfig) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let read: Vec<Decoded> = classes.into_par_iter().map(|class| Decoded::of(class, config)).collect();
    let (mut pixels, mut failed) = (Vec::with_capacity(read.len()), Vec::new());
    for class in read {
        pixels.push((class.name, class.pixels));
        failed.extend(class.failed);
    }
    let more = failed.len().saturating_sub(1);
    match failed.into_iter().next() {
        None => Ok(pixels),
        Some(first) if more == 0 => Err(first),
        Some(first) => Err(Error::BadPictures { first: Box::new(first), more }),
    }
}

/// A class whose pictures were read, but for those that could not be.
struct Decoded {
    name: String,
    pixels: Vec<u8>,
    failed: Vec<Error>,
}

impl Decoded {
    fn of(Class { name, files }: Class, config: &FolderConfig) -> Self {
        let pictures: Vec<Result<Vec<u8>, Error>> =
            files.par_iter().map(|file| picture::pixels(file, config)).collect();
        let length = pictures.len() * config.shape().iter().product::<usize>();
        let mut class = Decoded { name, pixels: Vec::with_capacity(length), failed: Vec::new() };
        for picture in pictures {
            match picture {
                Ok(pixels) => class.pixels.extend(pixels),
                Err(error) => class.failed.push(error),
            }
        }
        class
    }
}

//! What can go wrong with data from outside.

use crate::names::{shown, shown_path};
use std::path::PathBuf;

/// An error of this crate: names the thing, the cause and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size that must be positive is zero.
    #[error("{name} is 0: give at least 1")]
    Zero {
        /// The size, such as `ways`.
        name: &'static str,
    },
    /// A word that names no kind of rotation.
    #[error("rotations '{given}' are not known: use none, new-classes, per-class or per-episode")]
    UnknownRotations {
        /// The word.
        given: String,
    },
    /// More ways than classes.
    #[error("ways {ways} exceed the {classes} classes to draw from: lower the ways or widen the split")]
    TooFewClasses {
        /// Classes per episode.
        ways: usize,
        /// Classes there are.
        classes: usize,
    },
    /// More shots and queries than images.
    #[error(
        "shots {shots} + queries {queries} exceed the {images} images of class {}: \
         lower the shots or the queries",
        shown(class)
    )]
    TooFewImages {
        /// Name of the class.
        class: String,
        /// Images of the class.
        images: usize,
        /// Support examples per class.
        shots: usize,
        /// Query examples per class.
        queries: usize,
    },
    /// A range of shots that is empty, begins with 0 or leaves no query.
    #[error(
        "shots {} to {} of {images} images of a class: give a range from 1 or more to {} at most",
        shots.start(), shots.end(), images - 1
    )]
    ShotRange {
        /// The range.
        shots: std::ops::RangeInclusive<usize>,
        /// Images of a class in an episode.
        images: usize,
    },
    /// A batch of more images than there are.
    #[error(
        "batch size {size} exceeds the {images} images of the listed classes: lower it or list more classes"
    )]
    BatchTooLarge {
        /// Images of a batch.
        size: usize,
        /// Images there are.
        images: usize,
    },
    /// A batch of pairs that has no two halves.
    #[error("batch of {size} pairs: half are the same and half different; give an even number, at least 2")]
    OddPairs {
        /// Pairs of a batch.
        size: usize,
    },
    /// An alphabet without two classes to tell apart.
    #[error("class {class} is the only one of its alphabet or folder: list another, or leave it out")]
    LonelyClass {
        /// The class.
        class: String,
    },
    /// A class of which no two images can be shown.
    #[error(
        "class {class} has a single image, and a pair of one class shows two: add one, or leave the class out"
    )]
    SingleImage {
        /// The class.
        class: String,
    },
    /// No two drawers for two images.
    #[error("drawers {drawers:?}: the images of a pair are by two; give at least two")]
    OneDrawer {
        /// Numbers of the drawers.
        drawers: std::ops::Range<usize>,
    },
    /// Drawers beyond the images of a class.
    #[error("drawers {drawers:?} exceed the {images} images of class {class}: give fewer")]
    NoSuchDrawer {
        /// Name of the class.
        class: String,
        /// Images of the class.
        images: usize,
        /// Numbers of the drawers.
        drawers: std::ops::Range<usize>,
    },
    /// Alphabets too small for trials within one.
    #[error(
        "{ways} ways within an alphabet exceed the largest, of {largest} classes: lower the ways or widen the split"
    )]
    SmallAlphabets {
        /// Classes of a trial.
        ways: usize,
        /// Classes of the largest alphabet.
        largest: usize,
    },
    /// Augmented tasks that are not for training.
    #[error(
        "augmentation of tasks for {}: only training is augmented; leave it out",
        format!("{purpose:?}").to_lowercase()
    )]
    AugmentedEvaluation {
        /// What the tasks are for.
        purpose: fewshot_random::Purpose,
    },
    /// A strength of a change of colours that makes no range.
    #[error("jitter of the {name} is {strength}: give 0 or more")]
    JitterStrength {
        /// What is changed, such as `contrast`.
        name: &'static str,
        /// How strongly.
        strength: f64,
    },
    /// Changes of colour in pictures that are neither grey nor red, green and blue.
    #[error("jitter changes pictures of 1 or 3 channels, not of {channels}: leave it out")]
    JitterChannels {
        /// Channels of the pictures.
        channels: usize,
    },
    /// Turns of images that are not square.
    #[error("images of {height}x{width} cannot be turned: use rotations none or square images")]
    NotSquare {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// A class number outside the image set.
    #[error("class number {class} is not in the image set, which has {classes}: list only those")]
    NoSuchClass {
        /// The number.
        class: usize,
        /// Classes there are.
        classes: usize,
    },
    /// A folder of pictures without any.
    #[error("{}: neither it nor a folder below it holds a picture; give another", shown_path(path))]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// A class listed twice.
    #[error("class {} is listed twice: list every class once", shown(class))]
    ClassTwice {
        /// The class.
        class: String,
    },
    /// A class in two parts of a split.
    #[error(
        "class {} is in both {first} and {second} (turned copies count as the same): \
         leave it in one of them",
        shown(class)
    )]
    PartsOverlap {
        /// The class.
        class: String,
        /// The part that named it first.
        first: &'static str,
        /// The other part.
        second: &'static str,
    },
    /// Parts of a folder of which each has classes that another has, and classes that it has not.
    #[error(
        "{}: class {} is in both {first} and {second} ({shared} in all), and no part holds all classes: leave each in one part, or \
         put all class folders side by side, with all pictures of a class in one, to have the classes divided",
        shown_path(path),
        shown(class)
    )]
    SomeShared {
        /// The folder.
        path: PathBuf,
        /// A class of both.
        class: String,
        /// One part.
        first: &'static str,
        /// The other part.
        second: &'static str,
        /// Number of classes of both.
        shared: usize,
    },
    /// Two lists for one part.
    #[error(
        "{} and {} are both lists for {part}: remove one, or name it {part}.{}",
        shown_path(first), shown_path(second), shown_path(first.extension().unwrap_or_default().as_ref())
    )]
    TwoLists {
        /// One list.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The part.
        part: &'static str,
    },
    /// A random split that leaves no class to test on.
    #[error(
        "{train} training and {validation} validation classes of {classes} leave none to test on: \
         lower the numbers"
    )]
    SplitTooLarge {
        /// Training classes asked for.
        train: usize,
        /// Validation classes asked for.
        validation: usize,
        /// Classes there are.
        classes: usize,
    },
    /// A file or folder that cannot be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something else where a file should be, which could be waited for without end.
    #[error("{} is {what}, no regular file: give a file", path.display())]
    NotAFile {
        /// The path of what is there instead.
        path: PathBuf,
        /// What it is, such as a named pipe.
        what: &'static str,
    },
    /// A file that is not a zip archive, or not a whole one.
    #[error("{} cannot be read as a zip archive ({cause}): download it again", path.display())]
    DamagedArchive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// An archive entry whose path climbs out, or that is a link.
    #[error(
        "{}: entry '{}' leads outside the archive: take the archive from its official place",
        path.display(), entry.escape_debug()
    )]
    LeadsOutside {
        /// The archive.
        path: PathBuf,
        /// Name of the entry.
        entry: String,
    },
    /// More files than any data set of the kind has.
    #[error("{} holds more than {limit} files: give the folder of the data alone", path.display())]
    TooManyFiles {
        /// The archive or folder.
        path: PathBuf,
        /// Most files accepted.
        limit: usize,
    },
    /// A file, or an archive entry once unpacked, far larger than it should be.
    #[error("{name} holds more than {limit} bytes, too much for what it should be: download it again")]
    TooLarge {
        /// The file or entry.
        name: String,
        /// Most bytes accepted.
        limit: u64,
    },
    /// A place without any Omniglot drawing.
    #[error(
        "{} holds no drawing ALPHABET/characterNN/CCCC_DD.png, but {found}: give the folder with \
         images_background.zip and images_evaluation.zip, or one of them",
        path.display()
    )]
    NoDrawings {
        /// The archive or folder.
        path: PathBuf,
        /// What it holds, in words.
        found: String,
    },
    /// Two places that could be meant.
    #[error(
        "{} holds {} and {}: give one of them",
        path.display(), one.display(), other.display()
    )]
    TwoParts {
        /// The folder.
        path: PathBuf,
        /// The first.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A character with the wrong number of drawings.
    #[error(
        "{}: character {class} has {found} drawings instead of {expected}: \
         unpack or download the data again",
        path.display()
    )]
    DrawingCount {
        /// The archive or folder.
        path: PathBuf,
        /// The character.
        class: String,
        /// Drawings found.
        found: usize,
        /// Drawings of every character.
        expected: usize,
    },
    /// An image file that cannot be decoded.
    #[error("{name} is not a readable PNG drawing ({cause}): download the data again")]
    BadImage {
        /// The file or entry.
        name: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A drawing of the wrong size.
    #[error("{name} is {width}x{height}, Omniglot drawings are {side}x{side}: use the original data")]
    ImageSize {
        /// The file or entry.
        name: String,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Rows and columns of all drawings.
        side: usize,
    },
    /// An image size that drawings cannot be brought to.
    #[error("image size {size} is not possible: choose 1 to {largest}")]
    DrawingSize {
        /// The size asked for.
        size: usize,
        /// Size of the drawings.
        largest: usize,
    },
    /// An Omniglot split that needs other characters than there are.
    #[error(
        "the {split} of Omniglot has {needed} characters, the data have {found}: \
         give both archives, images_background.zip and images_evaluation.zip"
    )]
    WrongCharacters {
        /// The split or the part of it.
        split: &'static str,
        /// Characters there are.
        found: usize,
        /// Characters needed.
        needed: usize,
    },
    /// A file missing from the official runs.
    #[error("{} holds no {missing}: give all_runs.zip or the folder unpacked from it", path.display())]
    IncompleteRuns {
        /// The archive or folder.
        path: PathBuf,
        /// The file.
        missing: String,
    },
    /// A label file of the official runs that makes no sense.
    #[error("{name}: {cause}: download all_runs.zip again")]
    BadLabels {
        /// The file or entry.
        name: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A line of a split file that names no class of the data.
    #[error(
        "{} line {line}: class '{}' is not in the data: \
         correct the line, or give all data the split was made for",
        shown_path(file),
        shown(class)
    )]
    UnknownClass {
        /// The split file.
        file: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What the line says.
        class: String,
    },
    /// A built-in split of classes that the data have not all of.
    #[error(
        "{split}: {} of its 100 classes are not in the data: {}; \
         give a folder for each fine class of CIFAR-100, under its name there, such as aquarium_fish",
        missing.len(),
        some(missing)
    )]
    MissingClasses {
        /// The split.
        split: &'static str,
        /// The names of the classes.
        missing: Vec<String>,
    },
    /// A line of a split file that repeats another.
    #[error(
        "{} line {line}: class '{}' is already on line {first}: remove one",
        shown_path(file),
        shown(class)
    )]
    RepeatedLine {
        /// The split file.
        file: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// Number of the line it repeats.
        first: usize,
        /// The class.
        class: String,
    },
    /// A split file without a class.
    #[error("{} lists no class: give one class per line", shown_path(file))]
    EmptySplit {
        /// The split file.
        file: PathBuf,
    },
    /// A picture that cannot be decoded.
    #[error("picture {} cannot be used: {cause}", path.display())]
    BadPicture {
        /// The file.
        path: PathBuf,
        /// Cause and way out.
        cause: String,
    },
    /// Several pictures that cannot be used.
    #[error("{first}; so it is with {more} more")]
    BadPictures {
        /// What is wrong with the first.
        first: Box<Error>,
        /// How many there are beside it.
        more: usize,
    },
    /// Pictures that would not fit into memory.
    #[error(
        "{}: its pictures would take {bytes} bytes, at most {limit} are held: \
         use a smaller image size, grey, or fewer pictures",
        path.display()
    )]
    TooManyPixels {
        /// The folder.
        path: PathBuf,
        /// Bytes of all pixels.
        bytes: usize,
        /// Most bytes held.
        limit: usize,
    },
    /// A folder without class folders.
    #[error(
        "{} holds no class folders: give a folder with one folder for each class and its pictures inside (PNG, JPEG, WebP, BMP, GIF, TIFF or PNM)",
        path.display()
    )]
    NoClassFolders {
        /// The folder.
        path: PathBuf,
    },
    /// A class folder without pictures.
    #[error(
        "class folder {} holds no picture: put pictures into it (PNG, JPEG, WebP, BMP, GIF, TIFF or PNM), or move it elsewhere",
        path.display()
    )]
    EmptyClass {
        /// The folder.
        path: PathBuf,
    },
    /// A picture that lies beside the class folders.
    #[error("picture {} lies in no class folder: put it into a folder named after its class", picture.display())]
    OutsideClasses {
        /// The picture.
        picture: PathBuf,
    },
    /// A folder that holds pictures as a class does and folders as a group does.
    #[error(
        "picture {} lies beside folder {}: a folder is either a class, with pictures, or a group of classes, \
         with folders; move one of them",
        picture.display(), folder.display()
    )]
    PicturesBesideFolders {
        /// The first picture.
        picture: PathBuf,
        /// The first folder.
        folder: PathBuf,
    },
    /// Folders deeper than any data set has them.
    #[error("folder {} lies more than {limit} folders deep: give the folder of the data alone", path.display())]
    TooDeep {
        /// The folder.
        path: PathBuf,
        /// Most folders within folders.
        limit: usize,
    },
    /// A class folder beside those of the parts.
    #[error(
        "{} is in none of the folders train, val and test beside it: move it into one of them, or away",
        shown_path(path)
    )]
    BesideParts {
        /// The class folder.
        path: PathBuf,
    },
    /// Too few classes for a split.
    #[error(
        "{classes} classes cannot be divided into some to learn from and others to test on: \
         give at least {fewest} class folders"
    )]
    TooFewToDivide {
        /// Classes there are.
        classes: usize,
        /// Fewest that can be divided.
        fewest: usize,
    },
    /// A list of pictures that makes no sense.
    #[error("{} line {line}: {cause}", shown_path(file))]
    BadList {
        /// The list.
        file: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// Cause and way out.
        cause: String,
    },
    /// More shots and queries than vectors.
    #[error(
        "shots {shots} + queries {queries} exceed the {vectors} feature vectors of class {}: \
         lower the shots or the queries",
        shown(class)
    )]
    TooFewVectors {
        /// Name of the class.
        class: String,
        /// Vectors of the class.
        vectors: usize,
        /// Support examples per class.
        shots: usize,
        /// Query examples per class.
        queries: usize,
    },
    /// Turns of feature vectors.
    #[error("feature vectors cannot be turned by rotations {rotations}: use none")]
    TurnedFeatures {
        /// The rotations asked for.
        rotations: crate::Rotations,
    },
    /// A file of feature vectors that makes no sense.
    #[error("features {}: {cause}", path.display())]
    BadFeatures {
        /// The file.
        path: PathBuf,
        /// Cause and way out.
        cause: String,
    },
}

/// The first of some names, and how many more there are.
fn some(names: &[String]) -> String {
    const MOST: usize = 5;
    let first: Vec<String> = names.iter().take(MOST).map(|name| format!("'{}'", shown(name))).collect();
    let more = names.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    first.join(", ") + &more
}

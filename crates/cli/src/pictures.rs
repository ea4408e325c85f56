//! Pictures: what they are brought to, and folders of them as data.

use std::path::Path;

use clap::ValueEnum;
use fewshot_episodes::folder::{self, Folder, FolderConfig, Tones};
use fewshot_episodes::{ClassSplit, ImageSet};
use fewshot_nn::Koch;
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::choices::{Data, Split, Twin, choice_name};
use crate::defaults;
use crate::error::Error;
use crate::method::Method;
use crate::options::Options;
use crate::ranges::between;
use crate::report::note;
use crate::settings::Settings;

/// Four halvings leave a pixel of so many.
const SMALLEST: usize = 16;
/// Four poolings and two convolutions without padding leave a pixel of so many.
const SMALLEST_RELATION: usize = 22;
/// Most pixels a side; the activations of the networks grow with their square.
const LARGEST: usize = 512;

/// Channels of the pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Brightness alone
    #[default]
    Grey,
    /// Red, green and blue
    Rgb,
}

impl From<Colour> for folder::Colour {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Grey => folder::Colour::Grey,
            Colour::Rgb => folder::Colour::Rgb,
        }
    }
}

/// What pictures are brought to before a network sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// Height and width in pixels.
    pub size: usize,
    /// Channels.
    pub colour: Colour,
    /// Whether black in the file is the bright end, as for drawings on paper.
    pub invert: bool,
}

impl Pictures {
    /// Those that options ask for. The drawings of Omniglot are dark on light.
    pub fn of(options: &Options, data: &Data) -> Self {
        Pictures {
            size: options.image_size.unwrap_or(match (options.network, options.algorithm) {
                (Some(Twin::Koch), _) => Koch::SIZE,
                (_, Some(Algorithm::Mann)) => defaults::SEQUENCE_IMAGE_SIZE,
                _ => defaults::IMAGE_SIZE,
            }),
            colour: options.colour.unwrap_or_default(),
            invert: options.invert.unwrap_or(!matches!(data, Data::Folder(_))),
        }
    }

    /// Writes them as options.
    pub fn write(&self, data: &Data, options: &mut Options) {
        options.image_size = Some(self.size);
        if matches!(data, Data::Folder(_)) {
            options.colour = Some(self.colour);
            options.invert = Some(self.invert);
        }
    }

    /// Checks that the networks can take them.
    pub fn check(&self, method: &Method) -> Result<(), Error> {
        let (smallest, largest) = match method {
            Method::Relation => (SMALLEST_RELATION, LARGEST),
            Method::Siamese { network: Twin::Koch, .. } => (Koch::SIZE, Koch::SIZE),
            Method::Mann { .. } => (1, LARGEST),
            _ => (SMALLEST, LARGEST),
        };
        between("image-size", self.size, smallest, largest)
    }

    /// The same for the library.
    pub fn config(&self) -> FolderConfig {
        FolderConfig {
            size: [self.size; 2],
            colour: self.colour.into(),
            tones: if self.invert { Tones::Inverted } else { Tones::Kept },
        }
    }

    /// Whether they are lines on paper, which can be shown as such.
    pub fn are_drawings(&self) -> bool {
        self.invert
    }

    /// How many channels a pixel has.
    pub fn channels(&self) -> usize {
        folder::Colour::from(self.colour).channels()
    }

    /// In words.
    pub fn words(&self) -> String {
        let inverted = if self.invert { ", inverted (dark on light)" } else { "" };
        format!("{0}x{0} {1}{inverted}", self.size, choice_name(self.colour))
    }
}

/// Refuses options that folders alone have.
pub fn foreign(data: &Data, options: &Options) -> Result<(), Error> {
    let name = data.name();
    let option = match data {
        Data::Folder(_) if options.split == Some(Split::Background) => {
            return Err(Error::Combination(
                "--split background --data folder: the background set is Omniglot's; leave --split out, or use \
                 alphabets, maml or a folder of split files"
                    .into(),
            ));
        }
        Data::Folder(_) | Data::Features(_) => return Ok(()),
        _ if options.colour == Some(Colour::Rgb) => "colour rgb",
        _ if options.invert.is_some() => "invert",
        _ if options.split == Some(Split::Own) => "split own",
        _ => return Ok(()),
    };
    Err(Error::Combination(format!(
        "--{option} --data {name}: it is for pictures of your own, --data folder:PATH; leave it out"
    )))
}

/// What changes with the data of a trained model: a split is of one kind of data, and channels are the network's.
pub fn replace(data: &Data, settings: &mut Settings) -> Result<(), Error> {
    let Some(classes) = &mut settings.classes else { return Ok(()) };
    let folder = matches!(data, Data::Folder(_));
    if classes.pictures.colour == Colour::Rgb && !folder {
        let way_out =
            "the model was trained on pictures in colour, these are drawings without; give folder:PATH";
        return Err(Error::option("data", data, way_out));
    }
    if folder != matches!(settings.data, Data::Folder(_)) {
        classes.split = if folder { Split::Own } else { Split::Alphabets };
    }
    Ok(())
}

/// The pictures of a folder, and the division it brings; says what was passed over.
pub fn load(path: &Path, pictures: &Pictures) -> Result<(ImageSet, Option<ClassSplit>), Error> {
    let Folder { images, split, passed_over } = folder::load(path, &pictures.config())?;
    if !passed_over.is_empty() {
        note(format!("note: {}: {passed_over}", path.display()));
    }
    Ok((images, split))
}

/// Why episodes cannot be drawn, in terms of the options and of a folder's classes.
pub fn refused(
    what: &'static str,
    settings: &Settings,
    split: &ClassSplit,
    source: fewshot_episodes::Error,
) -> Error {
    use fewshot_episodes::Error::{TooFewClasses, TooFewImages};
    let ways = match (&settings.data, &source) {
        (Data::Folder(_), TooFewClasses { ways, .. }) => ways,
        (Data::Folder(_), TooFewImages { .. }) => {
            let options = "--train-shots and --queries in training, --shots and --eval-queries at test";
            return Error::Combination(format!("{what}: {source} ({options}), or add pictures"));
        }
        _ => return Error::Episodes { what, source },
    };
    let [train, validation, test] = [split.train(), split.validation(), split.test()].map(<[_]>::len);
    // as random splits divide: halves of few classes, a quarter for test of many
    let enough = if *ways < 10 { 2 * ways } else { 4 * ways };
    Error::Combination(format!(
        "{what}: {ways} classes each need {ways} classes in their part, and the folder's are {train} for training, \
         {validation} for validation, {test} for test; give more class folders ({enough} are enough at random), fewer \
         --ways, or a division of your own (--split FOLDER with train.txt, val.txt and test.txt)"
    ))
}

//! Pictures: what they are brought to, and folders of them as data.

use std::path::Path;

use fewshot_episodes::folder::{self, Colour, Folder, FolderConfig, PassedOver, Tones};
use fewshot_episodes::names::shown_path;
use fewshot_episodes::{ClassSplit, ImageSet};

use crate::error::Error;
use crate::options::{Kind, Options};
use crate::places::Data;
use crate::report::note;
#[cfg(test)]
use crate::settings::SPLIT_SEED;
use crate::settings::Settings;

/// Pixels a side of the drawings of Omniglot, which are brought to fewer.
const OMNIGLOT: usize = 105;

/// Episodes of classes that settings are chosen by, in words.
pub const VALIDATION: &str = "validation episodes";

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
    /// Those of complete options. The drawings of Omniglot and the built-in ones are dark on light.
    pub fn of(options: &Options, data: &Data) -> Self {
        Pictures {
            size: options.count("image-size").unwrap_or(1),
            colour: if options.is("colour", "rgb") { Colour::Rgb } else { Colour::Grey },
            invert: options.flag("invert").unwrap_or(!matches!(data, Data::Folder(_))),
        }
    }

    /// Checks that networks which take pictures from a size to another can take these, and that the data have so many pixels.
    pub fn check_size(size: usize, (least, most): (usize, usize), data: &Data) -> Result<(), Error> {
        let most = if matches!(data, Data::Omniglot(_)) { most.min(OMNIGLOT) } else { most };
        let range = Kind::Count { least: least as u64, most: most as u64 };
        match range.out_of_range(&toml::Value::Integer(size as i64)) {
            Some(cause) => Err(Error::option("image-size", size, cause)),
            None => Ok(()),
        }
    }

    /// The same for the library.
    pub fn config(&self) -> FolderConfig {
        FolderConfig {
            size: [self.size; 2],
            colour: self.colour,
            tones: if self.invert { Tones::Inverted } else { Tones::Kept },
        }
    }

    /// Whether they are lines on paper, which can be shown as such.
    pub fn are_drawings(&self) -> bool {
        self.invert
    }

    /// How many channels a pixel has.
    pub fn channels(&self) -> usize {
        self.colour.channels()
    }

    /// What options call the channels.
    pub fn colour_name(&self) -> &'static str {
        if self.colour == Colour::Rgb { "rgb" } else { "grey" }
    }

    /// In words.
    pub fn words(&self) -> String {
        let inverted = if self.invert { ", inverted (dark on light)" } else { "" };
        format!("{0}x{0} {1}{inverted}", self.size, self.colour_name())
    }
}

/// What changes with the data of a trained model: a split is of one kind of data, and channels are the network's.
pub fn replace(data: &Data, settings: &mut Settings) -> Result<(), Error> {
    let Some(classes) = &settings.classes else { return Ok(()) };
    let folder = matches!(data, Data::Folder(_));
    if classes.pictures.colour == Colour::Rgb && !folder {
        let way_out =
            "the model was trained on pictures in colour, these are drawings without; give folder:PATH";
        return Err(Error::option("data", data, way_out));
    }
    if folder != matches!(settings.data, Data::Folder(_)) {
        settings.set("split", if folder { "own" } else { "alphabets" })?;
    }
    Ok(())
}

/// The pictures of a folder, and the division it brings; says how its parts were understood, where that is not as usual, and what was
/// passed over.
pub fn load(path: &Path, pictures: &Pictures) -> Result<(ImageSet, Option<ClassSplit>), Error> {
    let Folder { images, split, layout, passed_over } = folder::load(path, &pictures.config())?;
    remarks(path, layout.as_deref(), &passed_over);
    Ok((images, split))
}

/// Says how the parts of a folder were understood, where that is not as usual, and what was passed over.
pub fn remarks(path: &Path, layout: Option<&str>, passed_over: &PassedOver) {
    if let Some(layout) = layout {
        note(format!("note: {}: {layout}", shown_path(path)));
    }
    if !passed_over.is_empty() {
        note(format!("note: {}: {passed_over}", shown_path(path)));
    }
}

/// Why episodes cannot be drawn, in terms of the options and of a folder's classes, whose division may be that of a run.
pub fn refused(
    what: &'static str,
    settings: &Settings,
    (split, is_of_run): (&ClassSplit, bool),
    source: fewshot_episodes::Error,
) -> Error {
    use fewshot_episodes::Error::TooFewClasses;
    let ways = match (&settings.data, &source) {
        (Data::Folder(_), TooFewClasses { ways, .. }) => ways,
        _ => return Error::Episodes { what, source },
    };
    let [train, validation, test] = [split.train(), split.validation(), split.test()].map(<[_]>::len);
    if is_of_run {
        return Error::Combination(format!(
            "{what}: {ways} classes each need {ways} classes in their part, and the run's are {train} for training, {validation} \
             for validation, {test} for test; give fewer --ways, take another part, or put classes back that the run had"
        ));
    }
    // as random splits divide: halves of few classes; of many a tenth for validation and a quarter for test
    let (enough, without) = match what {
        VALIDATION => (10 * ways, ", no validation (--validate-every 0)"),
        _ if *ways < 10 => (2 * ways, ""),
        _ => (4 * ways, ""),
    };
    let option = if what.contains("--train-ways") { "train-ways" } else { "ways" };
    Error::Combination(format!(
        "{what}: {ways} classes each need {ways} classes in their part, and the folder's are {train} for training, \
         {validation} for validation, {test} for test; give more class folders ({enough} are enough at random), fewer \
         --{option}{without}, or a division of your own (--split FOLDER with train.txt, val.txt and test.txt)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::resolve(&Options(text.parse().unwrap())).unwrap()
    }

    #[test]
    fn as_many_classes_as_are_said_to_be_enough_are_enough() {
        let settings = settings("data = 'folder:/data'");
        let images = |count: usize| {
            ImageSet::new([1, 1, 1], (0..count).map(|class| (format!("class{class}"), vec![0])).collect())
        };
        for (what, ways) in [
            ("test episodes", 5),
            ("test episodes", 12),
            ("training episodes", 9),
            (VALIDATION, 5),
            (VALIDATION, 20),
        ] {
            let split = |count| folder::random_split(&images(count), SPLIT_SEED).unwrap();
            let few = fewshot_episodes::Error::TooFewClasses { ways, classes: 4 };
            let message = refused(what, &settings, (&split(8), false), few).to_string();
            let (_, enough) = message.split_once("class folders (").unwrap();
            let split = split(enough.split(' ').next().unwrap().parse().unwrap());
            let listed = if what == VALIDATION { split.validation() } else { split.test() };
            assert!(listed.len() >= ways && split.train().len() >= ways, "{message}: {}", listed.len());
            assert_eq!(message.contains("--validate-every 0"), what == VALIDATION, "{message}");
        }
    }

    #[test]
    fn sizes_of_pictures_are_those_that_data_and_network_have() {
        let refused =
            |text: &str| Settings::resolve(&Options(text.parse().unwrap())).err().unwrap().to_string();
        assert!(refused("data = 'omniglot:/data'\nimage-size = 106").ends_with("the most is 105"));
        assert!(refused("algorithm = 'relation'\nimage-size = 21").ends_with("the least is 22"));
        settings("data = 'folder:/data'\nimage-size = 512");
    }
}

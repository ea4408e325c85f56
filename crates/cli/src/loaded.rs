//! The data of a run, and how their classes are divided.

use std::sync::Arc;

use fewshot_episodes::glyphs::{self, GlyphConfig};
use fewshot_episodes::names::shown_path;
use fewshot_episodes::{ClassSplit, FeatureParts, ImageSet, cifar, folder, omniglot};

use crate::changes::Changes;
use crate::data::Source;
use crate::division::Division;
use crate::error::Error;
use crate::features;
use crate::kept::Dividing;
use crate::pictures;
use crate::places::{Data, Split};
use crate::report::warn;
use crate::settings::{GLYPHS_SEED, SPLIT_SEED, Settings};

impl Source {
    /// Loads the data the settings name and divides the classes.
    pub fn load(settings: &Settings) -> Result<Source, Error> {
        let named = |error| match error {
            Error::Data(_) => Error::option("data", &settings.data, error.to_string()),
            other => other,
        };
        Loaded::of(settings).map_err(named)?.divided(settings)
    }

    /// Loads the data the settings name for a run that was trained on this kind of data, divided as the run's were, and says in what
    /// they differ from these. Data of another kind are divided anew, and so are those of a run that kept no division, and those without
    /// any class of the run, of which no changes are told.
    pub fn load_again(
        settings: &Settings,
        run: &Dividing,
        kind: &str,
    ) -> Result<(Source, Option<Changes>), Error> {
        let moved = |source| match settings.data.place() {
            Some(_) => Error::Moved { source: Box::new(source), kind: settings.data.name() },
            None => source,
        };
        let loaded = Loaded::of(settings).map_err(moved)?;
        let anew = |loaded: Loaded| Ok((loaded.divided(settings)?, Some(Changes::default())));
        if matches!(loaded, Loaded::Sinusoid) {
            return anew(loaded);
        }
        let run = match run {
            Dividing::Unkept => {
                warn(
                    "note: the run keeps no division of its classes (an earlier version wrote it): they are divided anew from the data; \
                     where these, or how they are read, have changed since, test classes may have been trained on",
                );
                return anew(loaded);
            }
            _ if kind != settings.data.name() => return anew(loaded),
            Dividing::Missing(missing) => return missing.derived(loaded, settings),
            Dividing::Known(division) => division,
        };
        match loaded.divided_as(settings, run)? {
            Ok((source, changes)) => Ok((source, Some(changes))),
            Err(loaded) => Ok((loaded.divided(settings)?, None)),
        }
    }
}

/// Data before their classes are divided.
pub enum Loaded {
    /// Drawings of characters, or pictures.
    Drawings {
        /// By class.
        images: ImageSet,
        /// The division a folder brings.
        own: Option<ClassSplit>,
    },
    /// Feature vectors.
    Features(FeatureParts),
    /// Sinusoids are made on the spot.
    Sinusoid,
}

impl Loaded {
    /// Reads or makes the data that the settings name.
    pub fn of(settings: &Settings) -> Result<Loaded, Error> {
        let Some(classes) = &settings.classes else {
            return Ok(Loaded::Sinusoid);
        };
        if let (Data::Features(path), Some(size)) = (&settings.data, classes.features) {
            return Ok(Loaded::Features(features::load(path, size)?));
        }
        let size = classes.pictures.size;
        let (images, own) = match &settings.data {
            Data::Omniglot(path) => (omniglot::load(path, size)?, None),
            Data::Folder(path) => pictures::load(path, &classes.pictures)?,
            _ => {
                let config = GlyphConfig { size, ..GlyphConfig::default() };
                (glyphs::generate(&config, GLYPHS_SEED), None)
            }
        };
        Ok(Loaded::Drawings { images, own })
    }

    /// Divided as the settings ask.
    pub fn divided(self, settings: &Settings) -> Result<Source, Error> {
        let (images, own, asked) = match (self, &settings.classes) {
            (Loaded::Drawings { images, own }, Some(classes)) => (images, own, &classes.split),
            (Loaded::Features(parts), _) => return Ok(Source::Features(parts)),
            _ => return Ok(Source::Sinusoid),
        };
        let divided = match (asked, &own) {
            (Split::Own, Some(_)) => "own: as the folder is divided".into(),
            (Split::Own, None) => "own: at random".into(),
            (other, _) => other.to_string(),
        };
        let split = match (asked, own) {
            (Split::Own, Some(own)) => own,
            (other, _) => self::split(&images, &settings.data, other)?,
        };
        Ok(Source::Drawings { images: Arc::new(images), split, divided, kept: false })
    }

    /// Divided as a run has it, and the changes since; the data again where they hold no class of the run.
    pub fn divided_as(
        self,
        settings: &Settings,
        run: &Division,
    ) -> Result<Result<(Source, Changes), Loaded>, Error> {
        Ok(match self {
            Loaded::Drawings { images, own } => match run.split(&images)? {
                Some((split, changes)) => {
                    let asked = settings.classes.as_ref().map(|classes| classes.split.to_string());
                    let divided = asked.unwrap_or_default();
                    Ok((Source::Drawings { images: Arc::new(images), split, divided, kept: true }, changes))
                }
                None => Err(Loaded::Drawings { images, own }),
            },
            Loaded::Features(parts) => match run.vectors(&parts) {
                Some((kept, changes)) => Ok((Source::Features(kept), changes)),
                None => Err(Loaded::Features(parts)),
            },
            Loaded::Sinusoid => Err(Loaded::Sinusoid),
        })
    }
}

/// Divides pictures as is asked.
pub fn split(images: &ImageSet, data: &Data, split: &Split) -> Result<ClassSplit, Error> {
    Ok(match (split, data) {
        (Split::Alphabets, _) => glyphs::split(images),
        (Split::Maml, Data::Omniglot(_)) => omniglot::maml_split(images, SPLIT_SEED)?,
        (Split::Maml, _) => {
            // the shares of the 1623 characters of Omniglot
            let share = |part: usize| images.classes() * part / 1623;
            ClassSplit::random(images, share(1100), share(100), SPLIT_SEED)?
        }
        (Split::Own, _) => folder::random_split(images, SPLIT_SEED)?,
        (Split::Koch, _) => omniglot::koch(images)?,
        (Split::Background, _) => omniglot::background_evaluation(images)?,
        (Split::CifarFs, _) => cifar::cifar_fs(images).map_err(|error| of_split(split, error))?,
        (Split::Fc100, _) => cifar::fc100(images).map_err(|error| of_split(split, error))?,
        (Split::Folder(folder), _) => ClassSplit::read(images, folder)
            .map_err(|error| Error::option("split", shown_path(folder), error.to_string()))?,
    })
}

fn of_split(split: &Split, error: fewshot_episodes::Error) -> Error {
    Error::option("split", split, error.to_string())
}

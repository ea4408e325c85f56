//! Where episodes come from: loads the data of a run and draws its training and test episodes.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use fewshot_episodes::{
    ClassId, ClassSplit, FeatureParts, ImageSet, ImageTasks, OneShot, PairProtocol, Pairs, Protocol, Purpose,
    Rotations, SequenceProtocol, Sinusoid, Tasks, omniglot,
};

use crate::args::Part;
use crate::division::Division;
use crate::error::Error;
use crate::features;
use crate::official;
use crate::pictures;
use crate::places::Data;
use crate::sequences::drawn;
use crate::settings::Settings;
use crate::shots::Shots;
use crate::too_few;

/// Loaded data, with the division of the classes.
pub enum Source {
    /// Drawings of characters.
    Drawings {
        /// The drawings.
        images: Arc<ImageSet>,
        /// Which classes are for what.
        split: ClassSplit,
        /// Who divided them.
        divided: String,
        /// Whether the division is one that a run keeps.
        kept: bool,
    },
    /// Feature vectors, divided as their file is.
    Features(FeatureParts),
    /// Sinusoids are made on the spot.
    Sinusoid,
}

/// How episodes are drawn for measuring.
#[derive(Clone, Debug)]
pub struct TestEpisodes {
    /// Part of the split.
    pub part: Part,
    /// Classes of an episode; without meaning for regression.
    pub ways: usize,
    /// Support examples per class.
    pub shots: usize,
    /// Queries per class.
    pub queries: usize,
    /// Seed of the episodes.
    pub seed: u64,
}

impl TestEpisodes {
    /// Those at the end of training.
    pub fn of(settings: &Settings) -> Self {
        TestEpisodes {
            part: Part::Test,
            ways: settings.classes.as_ref().map_or(1, |classes| classes.ways),
            shots: settings.shots,
            queries: settings.eval_queries,
            seed: settings.seed,
        }
    }
}

impl Source {
    /// The division to keep with a run.
    pub fn division(&self, settings: &Settings) -> Option<Division> {
        let data = settings.data.name();
        match self {
            Source::Drawings { images, split, .. } => Some(Division::of_images(data, images, split)),
            Source::Features(parts) => Some(Division::of_features(data, parts)),
            Source::Sinusoid => None,
        }
    }

    /// Episodes to train on.
    pub fn training(&self, settings: &Settings) -> Result<Box<dyn Tasks>, Error> {
        let seed = settings.seed;
        match (self, &settings.classes) {
            (Source::Drawings { images, split, .. }, Some(classes)) => {
                if let Some(own) = settings.algorithm.training(settings, images, split.train()) {
                    return own;
                }
                if let Some(protocol) = settings.algorithm.sequences(settings) {
                    return drawn(images, split.train(), protocol, seed, Purpose::Train);
                }
                let Shots { least, most } = settings.train_shots;
                let protocol = protocol([classes.train_ways, most, settings.queries], classes.rotations);
                let what = match settings.algorithm.compares() {
                    true => "training episodes (--train-ways)",
                    false => "training episodes",
                };
                ImageTasks::new(images.clone(), split.train(), protocol, seed, Purpose::Train)
                    .and_then(|tasks| tasks.with_shots(least..=most))
                    .map(boxed)
                    .map_err(|error| too_few::refused(what, settings, self, Part::Train, error))
            }
            (Source::Features(parts), Some(classes)) => {
                let episode = [classes.train_ways, settings.train_shots.most, settings.queries];
                let drawn = (seed, Purpose::Train);
                features::tasks(parts, Part::Train, episode, drawn).map_err(|error| {
                    too_few::refused("training episodes", settings, self, Part::Train, error)
                })
            }
            _ => sinusoids(settings.train_shots.most, settings.queries, seed, Purpose::Train),
        }
    }

    /// Episodes to measure on.
    pub fn test(&self, settings: &Settings, test: &TestEpisodes) -> Result<Box<dyn Tasks>, Error> {
        self.drawn(settings, test, purpose(test.part))
    }

    /// Episodes of validation classes to fit a temperature on: others than those that weights are chosen by.
    pub fn calibration(&self, settings: &Settings) -> Result<Box<dyn Tasks>, Error> {
        let episodes = TestEpisodes { part: Part::Validation, ..TestEpisodes::of(settings) };
        self.drawn(settings, &episodes, Purpose::Calibration)
    }

    /// Episodes of a part from a stream.
    fn drawn(
        &self,
        settings: &Settings,
        test: &TestEpisodes,
        purpose: Purpose,
    ) -> Result<Box<dyn Tasks>, Error> {
        match (self, &settings.classes) {
            (Source::Drawings { images, split, .. }, Some(classes)) => {
                let listed = listed(split, test.part);
                let name = episodes_of(test.part);
                if let Some(protocol) = settings.algorithm.sequences(settings) {
                    let turned = classes.eval_rotations == Rotations::NewClasses;
                    let protocol = SequenceProtocol { turned, growth: None, ..protocol };
                    return drawn(images, listed, protocol, test.seed, purpose);
                }
                let protocol = protocol([test.ways, test.shots, test.queries], classes.eval_rotations);
                ImageTasks::new(images.clone(), listed, protocol, test.seed, purpose)
                    .map(boxed)
                    .map_err(|error| too_few::refused(name, settings, self, test.part, error))
            }
            (Source::Features(parts), _) => {
                let (name, episode) = (episodes_of(test.part), [test.ways, test.shots, test.queries]);
                features::tasks(parts, test.part, episode, (test.seed, purpose))
                    .map_err(|error| too_few::refused(name, settings, self, test.part, error))
            }
            _ => sinusoids(test.shots, test.queries, test.seed, purpose),
        }
    }

    /// One-shot trials within the validation alphabets, 20-way by other drawers than those of training: what settings of a
    /// Siamese network are chosen by. Nothing where no alphabet is so large. Pictures of one's own have no drawers: see [`OneShot`].
    pub fn trials(&self, settings: &Settings) -> Option<OneShot> {
        let Source::Drawings { images, split, .. } = self else { return None };
        let drawers = drawers(&settings.data, omniglot::VALIDATION_DRAWERS);
        let (classes, seed) = (split.validation(), settings.seed);
        OneShot::new(images.clone(), classes, official::WAYS, drawers, seed, Purpose::Validation).ok()
    }

    /// Pairs within alphabets of some part, as they are, by other drawers than those of training. Nothing where they cannot be.
    pub fn pairs(&self, settings: &Settings, part: Part, size: usize) -> Option<Pairs> {
        let Source::Drawings { images, split, .. } = self else { return None };
        let drawers = drawers(&settings.data, omniglot::VALIDATION_DRAWERS);
        let protocol = PairProtocol { size, drawers, distortion: None, turned: false };
        Pairs::new(images.clone(), listed(split, part), protocol, settings.seed, purpose(part)).ok()
    }

    /// One line on what was loaded.
    pub fn describe(&self, settings: &Settings) -> String {
        match self {
            Source::Drawings { images, .. } if matches!(settings.data, Data::Folder(_)) => {
                let words = settings.classes.as_ref().map(|classes| classes.pictures.words());
                let (pictures, classes) = (images.len(), images.classes());
                format!("{pictures} pictures, {}, of {classes} classes", words.unwrap_or_default())
            }
            Source::Drawings { images, .. } => {
                let [height, width, _] = images.shape();
                let (drawings, characters) = (images.len(), images.classes());
                let names: BTreeSet<_> =
                    (0..characters).filter_map(|class| images.name(class).split('/').next()).collect();
                let alphabets = names.len();
                format!(
                    "{drawings} drawings, {height}x{width}, of {characters} characters in {alphabets} alphabets"
                )
            }
            Source::Features(FeatureParts { train, validation, test }) => {
                let vectors = train.len() + validation.len() + test.len();
                format!("{vectors} feature vectors of {} numbers", train.width())
            }
            Source::Sinusoid => "y = A sin(x - phase), A in [0.1, 5], phase in [0, pi], x in [-5, 5]".into(),
        }
    }

    /// Who divided the classes.
    pub fn divided(&self) -> String {
        match self {
            Source::Drawings { divided, kept: true, .. } => format!("{divided}, as kept with the run"),
            Source::Drawings { divided, .. } => divided.clone(),
            Source::Features(_) => "own: as the file is divided".into(),
            Source::Sinusoid => String::new(),
        }
    }

    /// Number of training, validation and test classes.
    pub fn split_sizes(&self) -> Option<[usize; 3]> {
        match self {
            Source::Drawings { split, .. } => {
                Some([split.train().len(), split.validation().len(), split.test().len()])
            }
            Source::Features(FeatureParts { train, validation, test }) => {
                Some([train.classes(), validation.classes(), test.classes()])
            }
            Source::Sinusoid => None,
        }
    }
}

/// Episodes of a part in words.
fn episodes_of(part: Part) -> &'static str {
    match part {
        Part::Train => "episodes of training classes",
        Part::Validation => pictures::VALIDATION,
        Part::Test => "test episodes",
    }
}

/// The classes of a part.
pub fn listed(split: &ClassSplit, part: Part) -> &[ClassId] {
    match part {
        Part::Train => split.train(),
        Part::Validation => split.validation(),
        Part::Test => split.test(),
    }
}

/// The streams of episodes to measure on, which training never uses.
pub fn purpose(part: Part) -> Purpose {
    match part {
        Part::Validation => Purpose::Validation,
        Part::Train | Part::Test => Purpose::Test,
    }
}

fn protocol([ways, shots, queries]: [usize; 3], rotations: Rotations) -> Protocol {
    Protocol { ways, shots, queries, rotations }
}

/// Tasks that could be made, or what is said of those that could not.
pub fn episodes<T: Tasks + 'static>(
    what: &'static str,
    tasks: Result<T, fewshot_episodes::Error>,
) -> Result<Box<dyn Tasks>, Error> {
    match tasks {
        Ok(tasks) => Ok(Box::new(tasks)),
        Err(source) => Err(Error::Episodes { what, source }),
    }
}

fn boxed(tasks: ImageTasks) -> Box<dyn Tasks> {
    Box::new(tasks)
}

/// The drawers of a part; pictures of one's own have none.
pub fn drawers(data: &Data, of: Range<usize>) -> Option<Range<usize>> {
    (!matches!(data, Data::Folder(_))).then_some(of)
}

fn sinusoids(shots: usize, queries: usize, seed: u64, purpose: Purpose) -> Result<Box<dyn Tasks>, Error> {
    Ok(Box::new(Sinusoid::new(shots, queries, seed, purpose)?))
}

//! What `fewshot learn` makes, answers with, and keeps in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fewshot_autodiff::Array;
use fewshot_encoders::Preset;
use fewshot_meta::{
    Checkpoint, Examples, FeatureHead, Labels, Learner, Predictor, PredictorState, quantile_threshold,
    save_predictor,
};
use fewshot_nn::Params;
use serde::{Deserialize, Serialize};

use crate::adapted::Class;
use crate::encoding::{Encoding, name_of};
use crate::error::{Error, one_line};
use crate::files;
use crate::learn::examples::PictureExamples;
use crate::learn::folds::{HeldOut, largest};
use crate::learn::heads::Head;
use crate::learn::likeness::Likeness;

/// Key and value that mark a file of this kind.
pub const FORMAT: &str = "fewshot-classifier";
const VERSION: &str = "1";
const LEARNED: &str = "learned";
/// The features of the pictures, beside the head's own arrays.
const SUPPORT: &str = "pictures";

/// A classifier of feature vectors, with the pictures that it rests on.
pub struct Classifier {
    learned: Learned,
    /// The features of the pictures `[n, d]`.
    support: Array,
    predictor: Box<dyn Predictor>,
    likeness: Likeness,
}

/// Everything but numbers of features.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Learned {
    encoder: Option<String>,
    encoder_checksum: String,
    /// The preset that was given for it, by name.
    encoder_preset: Option<String>,
    head: Head,
    temperature: f64,
    classes: Vec<Class>,
    labels: Vec<usize>,
    files: Vec<String>,
    /// How like their classes held-out pictures are, in rising order.
    known: Vec<f64>,
}

/// One answer.
pub struct Named {
    /// Probability of each class.
    pub probabilities: Vec<f64>,
    /// How like a class the picture is.
    pub likeness: f64,
    /// The number of the picture that is most like it, by cosine.
    pub nearest: usize,
}

impl Classifier {
    /// Learns from all examples; probabilities are those that held-out pictures had.
    pub fn learned(
        head: Head,
        encoding: &Encoding,
        examples: PictureExamples,
        held_out: Option<HeldOut>,
    ) -> Result<Classifier, Error> {
        let temperature = held_out.as_ref().map_or(1.0, |held_out| held_out.temperature);
        let mut known = held_out.map(|held_out| held_out.known).unwrap_or_default();
        known.sort_by(f64::total_cmp);
        let learned = Learned {
            encoder: encoding
                .path()
                .map(|path| name_of(&std::path::absolute(path).unwrap_or(path.to_owned()))),
            encoder_checksum: encoding.checksum(),
            encoder_preset: encoding.preset().map(|preset| preset.to_string()),
            head,
            temperature,
            classes: examples.classes,
            labels: examples.labels,
            files: examples.files.iter().map(|path| name_of(path)).collect(),
            known,
        };
        Classifier::solved(learned, examples.vectors)
    }

    /// Learns from further pictures too: of its classes, by name, or of others. Temperature and refusing stay as they were measured.
    pub fn with(self, more: PictureExamples) -> Result<Classifier, Error> {
        let Classifier { mut learned, support, .. } = self;
        let mut numbers = Vec::with_capacity(more.classes.len());
        for class in more.classes {
            let known = learned.classes.iter().position(|own| own.name == class.name);
            numbers.push(known.unwrap_or(learned.classes.len()));
            match known {
                Some(number) => learned.classes[number].shots += class.shots,
                None => learned.classes.push(class),
            }
        }
        learned.labels.extend(more.labels.iter().map(|&label| numbers[label]));
        learned.files.extend(more.files.iter().map(|path| name_of(path)));
        let d = support.shape()[1];
        let all = [support.data(), more.vectors.data()].concat();
        Classifier::solved(learned, Array::new(&[all.len() / d, d], all))
    }

    fn solved(learned: Learned, support: Array) -> Result<Classifier, Error> {
        let least = learned.classes.iter().map(|class| class.shots).min().unwrap_or(0);
        let learner = FeatureHead { temperature: learned.temperature, ..learned.head.learner(least) };
        let wrong = |error| Error::Evaluation(format!("the pictures: {}", one_line(error)));
        let examples = Examples::new(support.clone(), Labels::Classes(learned.labels.clone()));
        let adapted = learner.try_adapt(&Learner::<f32>::init(&learner, 0), &examples);
        let (predictor, likeness) = (adapted.map_err(wrong)?, Likeness::of(&examples).map_err(wrong)?);
        Ok(Classifier { learned, support, predictor, likeness })
    }

    pub fn head(&self) -> Head {
        self.learned.head
    }

    pub fn temperature(&self) -> f64 {
        self.learned.temperature
    }

    pub fn classes(&self) -> &[Class] {
        &self.learned.classes
    }

    /// The name of a picture that it learned from.
    pub fn file(&self, number: usize) -> &str {
        &self.learned.files[number]
    }

    /// Where the encoder was when it learned; nothing where pixels are compared.
    pub fn encoder(&self) -> Option<PathBuf> {
        self.learned.encoder.as_ref().map(PathBuf::from)
    }

    /// How it was said to want pictures.
    pub fn preset(&self) -> Option<Preset> {
        self.learned.encoder_preset.as_ref().and_then(|name| name.parse().ok())
    }

    /// Whether vectors of an encoding are such as it has learned from.
    pub fn check(&self, path: &Path, encoding: &Encoding) -> Result<(), Error> {
        if encoding.checksum() == self.learned.encoder_checksum {
            return Ok(());
        }
        let own = self.learned.encoder.as_deref().unwrap_or("none");
        Err(Error::Encoder(format!(
            "{} is another than that which {} has learned with, or wants pictures in another way: give that ({own}), or learn again",
            encoding.path().map_or("none".into(), |path| path.display().to_string()),
            path.display()
        )))
    }

    /// The likeness below which this share of held-out pictures lies; or why there is none.
    pub fn threshold(&self, share: f64) -> Result<f64, String> {
        let known = &self.learned.known;
        let least = 1.0 / known.len().max(1) as f64;
        if known.is_empty() {
            return Err("no picture was held out, so that nothing is known of refusing; learn from two pictures of a class".into());
        }
        if share > 0.0 && share < least {
            return Err(format!(
                "of {} held-out pictures no smaller share than {:.2} % can be refused; give more, or learn from more pictures",
                known.len(),
                100.0 * least
            ));
        }
        Ok(quantile_threshold(known, share))
    }

    /// The answer about a picture with these features.
    pub fn answer(&self, vector: Vec<f32>) -> Result<Named, Error> {
        let x = Array::new(&[1, vector.len()], vector);
        let wrong = |error: fewshot_meta::Error| Error::Evaluation(one_line(error));
        let probabilities = self.predictor.try_probabilities(&x).map_err(wrong)?;
        Ok(Named {
            probabilities: probabilities.data().iter().map(|&p| f64::from(p)).collect(),
            likeness: self.likeness.scores(&x).map_err(wrong)?[0],
            nearest: self.nearest(x.data()),
        })
    }

    fn nearest(&self, vector: &[f32]) -> usize {
        let cosine = |row: &[f32]| {
            let [mut product, mut square] = [0.0; 2];
            for (a, b) in row.iter().zip(vector) {
                product += f64::from(*a) * f64::from(*b);
                square += f64::from(*a) * f64::from(*a);
            }
            if square > 0.0 { product / square.sqrt() } else { 0.0 }
        };
        let cosines: Vec<f64> = self.support.data().chunks(vector.len()).map(cosine).collect();
        largest(&cosines)
    }

    /// Writes a file that [`Classifier::read`] reads.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let learned = serde_json::to_string(&self.learned).expect("names and numbers have a form in JSON");
        let metadata =
            BTreeMap::from([(FORMAT.to_owned(), VERSION.to_owned()), (LEARNED.to_owned(), learned)]);
        let wrong = |error: fewshot_meta::Error| Error::option("save", path.display(), one_line(error));
        files::write_by(path, |path| save_predictor(path, &WithSupport(self), &metadata)).map_err(wrong)
    }

    /// Whether a file is one of [`Classifier::save`].
    pub fn is_in(file: &Checkpoint) -> bool {
        file.metadata().contains_key(FORMAT)
    }

    /// What a file holds.
    pub fn read(path: &Path, file: &Checkpoint) -> Result<Classifier, Error> {
        let wrong = |cause: String| Error::Model(format!("{}: {cause}", path.display()));
        if file.metadata()[FORMAT] != VERSION {
            return Err(wrong(format!(
                "is of another version than {VERSION}; learn again with this program"
            )));
        }
        let damaged = |cause: String| wrong(format!("it is damaged ({cause}); learn again"));
        let text =
            file.metadata().get(LEARNED).ok_or_else(|| damaged("it says nothing of its classes".into()))?;
        let learned: Learned = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        // which heads of one kind there are makes no difference to what they hold
        let learner = FeatureHead { temperature: learned.temperature, ..learned.head.learner(1) };
        let predictor = file.predictor::<f32>(&learner).map_err(|error| wrong(one_line(error)))?;
        let state = predictor.state().unwrap_or_default();
        let support = state.known(SUPPORT).map_err(|error| damaged(one_line(error)))?.clone();
        let pictures = learned.labels.len();
        let fits = support.shape().len() == 2
            && [support.shape()[0], learned.files.len()] == [pictures; 2]
            && learned.labels.iter().all(|&label| label < learned.classes.len());
        if !fits {
            return Err(damaged("its pictures are not those of its classes".into()));
        }
        let examples = Examples::new(support.clone(), Labels::Classes(learned.labels.clone()));
        let likeness = Likeness::of(&examples).map_err(|error| damaged(one_line(error)))?;
        Ok(Classifier { learned, support, predictor, likeness })
    }
}

/// The head's own state and the features that it rests on.
struct WithSupport<'a>(&'a Classifier);

impl Predictor for WithSupport<'_> {
    fn predict(&self, x: &Array) -> Array {
        self.0.predictor.predict(x)
    }

    fn state(&self) -> Option<PredictorState> {
        let mut state = self.0.predictor.state()?;
        let own = state.memory.iter().map(|(name, array)| (name.to_owned(), array.clone()));
        let support = (SUPPORT.to_owned(), self.0.support.clone());
        state.memory = Params::new(own.chain([support]).collect());
        Some(state)
    }
}

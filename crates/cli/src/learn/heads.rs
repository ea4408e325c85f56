//! The classifiers of features that can be asked for.

use clap::ValueEnum;
use fewshot_meta::{FeatureHead, HeadKind, Scale, Transform};
use serde::{Deserialize, Serialize};

/// The penalty of ridge regression: best of 0.1, 1 and 10, and of all heads, on features of hand signs, playing cards and flowers (F).
pub const LAMBDA: f64 = 0.1;
/// The scale of its answers where it cannot be found on the support.
const SCALE: f64 = 10.0;

/// A classifier of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// The class whose mean is nearest, of features of length one (SimpleShot)
    NearestMean,
    /// The class to whose mean the angle is smallest
    Cosine,
    /// Logistic regression on features of length one (RFS)
    Logistic,
    /// Ridge regression on the square roots of features, brought to length one
    #[default]
    Ridge,
    /// Support vector machine on features of length one (MetaOptNet)
    Svm,
}

impl Head {
    /// The library's learner, whose answers are not calibrated yet; each class has at least `shots` pictures.
    pub fn learner(self, shots: usize) -> FeatureHead {
        let (kind, transform) = match self {
            Head::NearestMean => (HeadKind::NearestMean, Transform::UnitLength),
            Head::Cosine => (HeadKind::cosine(), Transform::Plain),
            Head::Logistic => (HeadKind::logistic(), Transform::UnitLength),
            Head::Ridge => {
                let scale = if shots > 1 { Scale::LeaveOneOut } else { Scale::Fixed(SCALE) };
                (HeadKind::Ridge { lambda: LAMBDA, scale }, Transform::RootUnitLength)
            }
            Head::Svm => (HeadKind::svm(), Transform::UnitLength),
        };
        FeatureHead::new(kind, transform)
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Head::NearestMean => "nearest class mean",
            Head::Cosine => "cosine to the class means",
            Head::Logistic => "logistic regression",
            Head::Ridge => "ridge regression",
            Head::Svm => "support vector machine",
        }
    }
}

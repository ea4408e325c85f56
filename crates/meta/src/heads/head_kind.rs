//! The heads that are solved for on the support alone.

use crate::heads::algebra::{Matrix, class_means, class_sizes};
use crate::heads::logistic::logistic;
use crate::heads::ridge::ridge;
use crate::heads::solved::Solved;
use crate::heads::svm::svm;

/// How a [`FeatureHead`](crate::FeatureHead) tells the classes of a support apart. `z` are transformed feature vectors.
///
/// Classes may have unequal numbers of examples in all of them. With few features the heads hardly differ (Lee et al. 2019, table 3);
/// logistic regression is a good choice from five shots on, nearest mean and cosine at one shot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeadKind {
    /// Logits `-|z - c_n|^2` with the class means `c_n`, which are not normalised again (Wang et al. 2019, SimpleShot).
    NearestMean,
    /// Logits `scale cos(z, c_n)` with the class means `c_n` (Chen, Liu, Xu, Darrell, Wang 2021: "Meta-Baseline", where
    /// features are averaged as they are: [`Transform::Plain`](crate::Transform::Plain)).
    Cosine {
        /// Factor of the cosines; Meta-Baseline starts at 10, Baseline++ (Chen et al. 2019, released code) has 2.
        scale: f64,
    },
    /// Multinomial logistic regression, the minimum of `sum_i CE_i + |W|^2 / (2 c)`; the bias is not penalised (Tian et al. 2020, RFS).
    /// Solved by L-BFGS until the gradient is 0.
    Logistic {
        /// Inverse strength of the penalty; RFS has 1, for features of length one.
        c: f64,
    },
    /// Ridge regression on one-hot labels without a bias, logits `scale z' (Z' Z + lambda I)^-1 Z' Y` (Lee et al. 2019, MetaOptNet-RR). The
    /// smaller of the systems `[n, n]` and `[d, d]` is solved.
    Ridge {
        /// The penalty; MetaOptNet has 50 for features that are not of length one, and solves for twice these weights.
        lambda: f64,
        /// Factor of the regression's answers.
        scale: Scale,
    },
    /// The support vector machine of Crammer and Singer, without a bias (Lee et al. 2019, MetaOptNet-SVM).
    Svm {
        /// The largest dual variable.
        c: f64,
        /// Whether half the squares of the dual variables are added to the dual objective, as in the released model of MetaOptNet.
        unit_ridge: bool,
    },
}

/// The factor of the answers of ridge regression, which lie between 0 and 1 like its labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// This one.
    Fixed(f64),
    /// The one of least cross-entropy for the support's answers when each example in turn is left out, which the hat matrix gives in closed
    /// form. Labels are smoothed as by Platt (1999), so that there is a best one where all are right. Every class needs two examples.
    LeaveOneOut,
}

impl HeadKind {
    /// Cosines times 10, where Meta-Baseline starts.
    pub fn cosine() -> Self {
        HeadKind::Cosine { scale: 10.0 }
    }

    /// Logistic regression with `c` 1, as in RFS.
    pub fn logistic() -> Self {
        HeadKind::Logistic { c: 1.0 }
    }

    /// Ridge regression with `lambda` 1, for features of length one, and answers times 10.
    pub fn ridge() -> Self {
        HeadKind::Ridge { lambda: 1.0, scale: Scale::Fixed(10.0) }
    }

    /// The support vector machine with `c` 0.1 and without the unit ridge, as in the paper.
    pub fn svm() -> Self {
        HeadKind::Svm { c: 0.1, unit_ridge: false }
    }

    /// What signatures call it; a scale that enters when queries are answered is part of it.
    pub(crate) fn signature(&self) -> String {
        match self {
            HeadKind::NearestMean => "nearest mean".into(),
            HeadKind::Cosine { scale } => format!("cosine times {scale}"),
            HeadKind::Logistic { .. } => "logistic regression".into(),
            HeadKind::Ridge { .. } => "ridge regression".into(),
            HeadKind::Svm { .. } => "support vector machine".into(),
        }
    }

    /// Whether class means are compared, where others have a linear layer.
    pub(crate) fn is_of_means(&self) -> bool {
        match self {
            HeadKind::NearestMean | HeadKind::Cosine { .. } => true,
            HeadKind::Logistic { .. } | HeadKind::Ridge { .. } | HeadKind::Svm { .. } => false,
        }
    }

    /// Whether the settings are such as it can work with, and suit a support of these classes; or the reason why not.
    pub(crate) fn check(&self, classes: &[usize], ways: usize) -> Result<(), String> {
        let positive = |what: &str, x: f64| match x > 0.0 && x.is_finite() {
            true => Ok(()),
            false => Err(format!("the {what} of the head is {x}: it must be above 0 and finite")),
        };
        match *self {
            HeadKind::NearestMean => Ok(()),
            HeadKind::Cosine { scale } => positive("scale", scale),
            HeadKind::Logistic { c } | HeadKind::Svm { c, .. } => positive("C", c),
            HeadKind::Ridge { lambda, scale: Scale::Fixed(scale) } => {
                positive("lambda", lambda).and_then(|()| positive("scale", scale))
            }
            HeadKind::Ridge { lambda, scale: Scale::LeaveOneOut } => {
                positive("lambda", lambda)?;
                match class_sizes(classes, ways).iter().position(|&size| size < 2) {
                    None => Ok(()),
                    Some(class) => Err(format!(
                        "class {class} of {ways} has fewer than two support examples, and a scale found by leaving one out needs two of each: use Scale::Fixed"
                    )),
                }
            }
        }
    }

    /// What is learned from examples `z` `[n, d]` of classes that all have one.
    ///
    /// # Errors
    /// When a solver does not converge, in words.
    pub(crate) fn solve(&self, z: &Matrix, classes: &[usize], ways: usize) -> Result<Solved, String> {
        match *self {
            HeadKind::NearestMean | HeadKind::Cosine { .. } => {
                Ok(Solved::Means(class_means(z, classes, ways)))
            }
            HeadKind::Logistic { c } => logistic(z, classes, ways, c).map(Solved::Linear),
            HeadKind::Ridge { lambda, scale } => ridge(z, classes, ways, lambda, scale).map(Solved::Linear),
            HeadKind::Svm { c, unit_ridge } => {
                svm(z, classes, ways, c, f64::from(unit_ridge)).map(Solved::Linear)
            }
        }
    }
}

//! What is done to feature vectors before they are compared (Wang, Chao, Weinberger, van der Maaten 2019: "SimpleShot: Revisiting
//! Nearest-Neighbor Classification for Few-Shot Learning").

use fewshot_autodiff::{Array, Float};

use crate::heads::algebra::{Matrix, dot, mean_row};

/// What is done to feature vectors, of support and query alike, before a head sees them.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::Transform;
/// let x = Array::new(&[2, 2], vec![3.0_f64, 4.0, 0.0, 2.0]);
/// assert_eq!(Transform::UnitLength.apply(&x).data(), [0.6, 0.8, 0.0, 1.0]);
/// let squares = Array::new(&[1, 2], vec![9.0_f64, -16.0]);
/// assert_eq!(Transform::RootUnitLength.apply(&squares).data(), [0.6, -0.8]);
/// let centred = Transform::centred_on(&Array::new(&[2, 2], vec![1.0_f64, 1.0, -1.0, 3.0])); // the mean is (0, 2)
/// assert_eq!(centred.apply(&Array::new(&[1, 2], vec![0.0_f64, 7.0])).data(), [0.0, 1.0]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Transform {
    /// `z = x` (the paper's UN).
    Plain,
    /// `z = x / |x|` (L2N). A vector of zeros stays as it is.
    #[default]
    UnitLength,
    /// `z = r / |r|` with the square roots `r = sign(x) sqrt(|x|)` of the numbers, which makes the skewed features of rectified networks more like
    /// normal variates (Hu, Gripon, Pateux 2021: "Leveraging the Feature Distribution in Transfer-based Few-Shot Learning", equation 1 with
    /// beta 1/2 and epsilon 0, where features are not negative).
    RootUnitLength,
    /// `z = (x - centre) / |x - centre|` (CL2N).
    CentredUnitLength {
        /// The mean feature vector of the images the encoder was trained with, `d` numbers: neither of the support nor of test classes.
        centre: Vec<f64>,
    },
}

impl Transform {
    /// [`Transform::CentredUnitLength`] with the mean of these feature vectors `[n, ..]`, those of the classes the encoder was trained with.
    ///
    /// # Panics
    /// When there are none.
    #[track_caller]
    pub fn centred_on<F: Float>(features: &Array<F>) -> Self {
        let shape = features.shape();
        assert!(
            !shape.is_empty() && !features.is_empty(),
            "Transform::centred_on: features {shape:?} have no mean"
        );
        Transform::CentredUnitLength { centre: mean_row(&flat(features)) }
    }

    /// The transformed vectors `[n, d]` of feature vectors `[n, ..]` of `d` numbers each.
    ///
    /// # Panics
    /// When there is no axis of examples, or the centre has another number of numbers.
    #[track_caller]
    pub fn apply<F: Float>(&self, x: &Array<F>) -> Array<f64> {
        let shape = x.shape();
        assert!(!shape.is_empty(), "Transform::apply: features [] have no axis that counts them");
        let mut z = flat(x);
        let d = z.shape()[1];
        if let Some(centre) = self.centre() {
            assert_eq!(
                d,
                centre.len(),
                "Transform::apply: features {shape:?} and a centre [{}]",
                centre.len()
            );
            for row in z.data_mut().chunks_exact_mut(d.max(1)) {
                row.iter_mut().zip(centre).for_each(|(x, centre)| *x -= centre);
            }
        }
        if *self == Transform::RootUnitLength {
            z.data_mut().iter_mut().for_each(|x| *x = x.abs().sqrt().copysign(*x));
        }
        if *self != Transform::Plain {
            z.data_mut().chunks_exact_mut(d.max(1)).for_each(to_unit_length);
        }
        z
    }

    /// The centre, where there is one.
    pub fn centre(&self) -> Option<&[f64]> {
        match self {
            Transform::CentredUnitLength { centre } => Some(centre),
            Transform::Plain | Transform::UnitLength | Transform::RootUnitLength => None,
        }
    }

    /// What signatures call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Transform::Plain => "plain",
            Transform::UnitLength => "unit length",
            Transform::RootUnitLength => "roots, unit length",
            Transform::CentredUnitLength { .. } => "centred, unit length",
        }
    }

    /// With a centre whose numbers are of this element type: what a predictor keeps is what its support was transformed with.
    pub(crate) fn rounded<F: Float>(&self) -> Self {
        match self {
            Transform::CentredUnitLength { centre } => {
                let centre = centre.iter().map(|&x| F::of(x).as_f64()).collect();
                Transform::CentredUnitLength { centre }
            }
            other => other.clone(),
        }
    }
}

/// `[n, ..]` as `[n, d]` in f64.
fn flat<F: Float>(x: &Array<F>) -> Matrix {
    let d: usize = x.shape()[1..].iter().product();
    x.cast().reshape(&[x.shape()[0], d])
}

/// A vector divided by its length, without overflow; one of zeros stays as it is.
fn to_unit_length(x: &mut [f64]) {
    let largest = x.iter().fold(0.0, |m: f64, x| if x.abs() > m || x.is_nan() { x.abs() } else { m });
    if largest == 0.0 {
        return;
    }
    x.iter_mut().for_each(|x| *x /= largest);
    let length = dot(x, x).sqrt();
    x.iter_mut().for_each(|x| *x /= length);
}

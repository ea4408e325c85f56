//! Gradient clipping.

use fewshot_autodiff::{Array, Float};

use crate::params::Params;

/// A limit on gradients, at least 0. NaN stays NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// Every number is kept within `[-limit, limit]`.
    Value(f64),
    /// All numbers are scaled by `min(1, limit / norm)`, with the Euclidean norm of all of them.
    Norm(f64),
}

impl Clip {
    /// The clipped gradients.
    pub fn apply<F: Float>(&self, gradients: &Params<Array<F>>) -> Params<Array<F>> {
        match *self {
            Clip::Value(limit) => {
                let limit = F::of(limit);
                let clip = |x: F| {
                    if x > limit {
                        limit
                    } else if x < -limit {
                        -limit
                    } else {
                        x
                    }
                };
                gradients.map(|g| g.map(clip))
            }
            Clip::Norm(limit) => {
                let squares = |g: &Array<F>| g.data().iter().map(|x| x.as_f64().powi(2)).sum::<f64>();
                let norm = gradients.values().iter().map(squares).sum::<f64>().sqrt();
                let factor = F::of(if norm > limit { limit / norm } else { 1.0 });
                gradients.map(|g| g.map(|x| x * factor))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_by_value_and_by_norm() {
        let g = Params::new(vec![
            ("a".to_owned(), Array::new(&[2], vec![3.0_f64, 0.5])),
            ("b".to_owned(), Array::new(&[1], vec![-4.0])),
        ]);
        let value = Clip::Value(1.0).apply(&g);
        assert_eq!((value["a"].data(), value["b"].data()), (&[1.0, 0.5][..], &[-1.0][..]));
        let norm = 25.25_f64.sqrt();
        let scaled = Clip::Norm(1.0).apply(&g);
        assert!((scaled["b"].data()[0] + 4.0 / norm).abs() < 1e-15);
        assert_eq!(Clip::Norm(100.0).apply(&g), g);
    }

    #[test]
    fn clipping_hides_no_nan() {
        let g = Params::new(vec![("a".to_owned(), Array::new(&[2], vec![f32::NAN, 9.0]))]);
        for clip in [Clip::Value(1.0), Clip::Norm(1.0)] {
            assert!(clip.apply(&g)["a"].data()[0].is_nan(), "{clip:?}");
        }
    }
}

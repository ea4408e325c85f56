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
    /// The numbers of each of two networks are scaled by `min(1, limit / norm)`, with the norm of that network's gradients.
    NormApart {
        /// The limit of each network's norm.
        limit: f64,
        /// Prefix of the names of one network's parameters; all others belong to the other network.
        prefix: &'static str,
    },
    /// Every number is kept within `[-value, value]`, then each parameter is scaled to a Euclidean norm of at most `norm`
    /// (Rusu et al. 2019, released code).
    ValueThenEachNorm {
        /// Limit of every number.
        value: f64,
        /// Limit of the norm of each parameter by itself.
        norm: f64,
    },
}

impl Clip {
    /// The clipped gradients.
    #[inline(never)]
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
                let factor = F::of(if norm <= limit { 1.0 } else { limit / norm });
                gradients.map(|g| g.map(|x| x * factor))
            }
            Clip::NormApart { limit, prefix } => {
                let clipped = |one: bool| {
                    Clip::Norm(limit).apply(&gradients.select(|name| name.starts_with(prefix) == one))
                };
                gradients.replace(&clipped(true)).replace(&clipped(false))
            }
            Clip::ValueThenEachNorm { value, norm } => {
                let each = |name: &str, g: &Array<F>| {
                    let alone = Params::new(vec![(name.to_owned(), g.clone())]);
                    Clip::Norm(norm).apply(&alone)[name].clone()
                };
                Clip::Value(value).apply(gradients).map_named(each)
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
    fn two_networks_are_clipped_apart() {
        let value = |name: &str, x: f64| (name.to_owned(), Array::new(&[1], vec![x]));
        let g =
            Params::new(vec![value("a.w", 3.0), value("r1.w", 0.3), value("a.b", -4.0), value("r2.w", 0.4)]);
        let scaled = |limit| Clip::NormApart { limit, prefix: "r" }.apply(&g);
        // norms 5 and 0.5
        assert_eq!(scaled(1.0).names(), g.names());
        let factors = |limit| {
            let scaled = scaled(limit);
            ["a.w", "a.b", "r1.w", "r2.w"].map(|name| scaled[name].data()[0] / g[name].data()[0])
        };
        for (limit, expected) in [(1.0, [0.2, 0.2, 1.0, 1.0]), (0.25, [0.05, 0.05, 0.5, 0.5])] {
            let close = factors(limit).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15);
            assert!(close, "{limit}: {:?}", factors(limit));
        }
        assert_eq!(scaled(9.0), g);
    }

    #[test]
    fn each_parameter_has_its_own_norm_once_its_numbers_are_within_the_limit() {
        let g = Params::new(vec![
            ("a".to_owned(), Array::new(&[2], vec![30.0_f64, -4.0])),
            ("b".to_owned(), Array::new(&[2], vec![0.3, 0.4])),
        ]);
        let clipped = Clip::ValueThenEachNorm { value: 3.0, norm: 1.0 }.apply(&g);
        let root = 0.5_f64.sqrt();
        let close = |a: &[f64], b: [f64; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(clipped["a"].data(), [root, -root]), "{clipped:?}");
        assert_eq!(clipped["b"], g["b"]);
    }

    #[test]
    fn clipping_hides_no_nan() {
        let g = Params::new(vec![("a".to_owned(), Array::new(&[2], vec![f32::NAN, 9.0]))]);
        let each = Clip::ValueThenEachNorm { value: 1.0, norm: 1.0 };
        for clip in [Clip::Value(1.0), Clip::Norm(1.0), Clip::NormApart { limit: 1.0, prefix: "a" }, each] {
            assert!(clip.apply(&g)["a"].data()[0].is_nan(), "{clip:?}");
        }
    }
}

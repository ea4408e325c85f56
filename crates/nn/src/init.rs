//! Initial values of weights.

use fewshot_autodiff::{Array, Float};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt};

/// How a weight starts. Fans come from the shape: `[in, out]`, or `[kh, kw, c_in, c_out]` with `kh kw c_in` and `kh kw c_out`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// 0.
    Zeros,
    /// 1.
    Ones,
    /// This number.
    Constant(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Normal with mean 0 and this standard deviation, drawn anew beyond two of them.
    TruncatedNormal {
        /// Standard deviation before cutting.
        std: f64,
    },
    /// Uniform in `[-bound, bound]`.
    Uniform {
        /// Largest magnitude.
        bound: f64,
    },
    /// Uniform with bound `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010, eq. 16).
    XavierUniform,
    /// Normal with variance `2 / (fan_in + fan_out)` (Glorot and Bengio 2010, eq. 12).
    XavierNormal,
    /// Uniform with bound `sqrt(6 / ((1 + a^2) fan_in))` (He et al. 2015, eq. 15); PyTorch's default is `a = sqrt(5)`, bound
    /// `1 / sqrt(fan_in)`.
    KaimingUniform {
        /// Slope of the leaky ReLU that follows.
        a: f64,
    },
    /// Normal with variance `2 / ((1 + a^2) fan_in)` (He et al. 2015, eq. 15).
    KaimingNormal {
        /// Slope of the leaky ReLU that follows.
        a: f64,
    },
}

/// PyTorch's default for weights of linear and convolution layers.
pub const PYTORCH: Init = Init::KaimingUniform { a: 2.236_067_977_499_79 };

/// A uniform number in [0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A standard normal number (Box and Muller 1958), the same bits on every platform.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - uniform(rng)));
    radius * libm::cos(std::f64::consts::TAU * uniform(rng))
}

/// Inputs and outputs that meet in one weight.
fn fans(shape: &[usize]) -> (f64, f64) {
    match shape {
        [] => (1.0, 1.0),
        [n] => (*n as f64, *n as f64),
        [window @ .., fan_in, fan_out] => {
            let window: usize = window.iter().product();
            ((window * fan_in) as f64, (window * fan_out) as f64)
        }
    }
}

impl Init {
    /// A weight of this shape; equal states of `rng` give equal weights.
    pub fn array<F: Float>(self, shape: &[usize], rng: &mut ChaCha8Rng) -> Array<F> {
        let (fan_in, fan_out) = fans(shape);
        let mut fill = |mut draw: Box<dyn FnMut(&mut ChaCha8Rng) -> f64>| {
            Array::from_fn(shape, |_| F::of(draw(rng)))
        };
        let within = |bound: f64| Box::new(move |rng: &mut ChaCha8Rng| bound * (2.0 * uniform(rng) - 1.0));
        let spread = |std: f64| Box::new(move |rng: &mut ChaCha8Rng| std * normal(rng));
        match self {
            Init::Zeros => Array::zeros(shape),
            Init::Ones => Array::ones(shape),
            Init::Constant(value) => Array::full(shape, F::of(value)),
            Init::Normal { std } => fill(spread(std)),
            Init::TruncatedNormal { std } => fill(Box::new(move |rng| {
                loop {
                    let x = normal(rng);
                    if x.abs() <= 2.0 {
                        return std * x;
                    }
                }
            })),
            Init::Uniform { bound } => fill(within(bound)),
            Init::XavierUniform => fill(within((6.0 / (fan_in + fan_out)).sqrt())),
            Init::XavierNormal => fill(spread((2.0 / (fan_in + fan_out)).sqrt())),
            Init::KaimingUniform { a } => fill(within((6.0 / ((1.0 + a * a) * fan_in)).sqrt())),
            Init::KaimingNormal { a } => fill(spread((2.0 / ((1.0 + a * a) * fan_in)).sqrt())),
        }
    }
}

/// A mask of an inverted dropout: 0 with probability `rate`, else `1 / (1 - rate)`.
pub(crate) fn dropout_mask<F: Float>(shape: &[usize], rate: f64, rng: &mut ChaCha8Rng) -> Array<F> {
    let kept = F::of(1.0 / (1.0 - rate));
    Array::from_fn(shape, |_| if rng.random::<f64>() < rate { F::zero() } else { kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn drawn(init: Init, shape: &[usize]) -> Vec<f64> {
        init.array::<f64>(shape, &mut ChaCha8Rng::seed_from_u64(3)).to_vec()
    }

    fn std(x: &[f64]) -> f64 {
        (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt()
    }

    #[test]
    fn spreads_and_bounds_are_those_of_the_formulas() {
        let shape = [3, 3, 16, 64];
        let (fan_in, fan_out) = (144.0_f64, 576.0_f64);
        let cases = [
            (Init::Normal { std: 0.5 }, 0.5, f64::INFINITY),
            (Init::TruncatedNormal { std: 0.01 }, 0.01 * 0.8796, 0.02),
            (Init::Uniform { bound: 0.3 }, 0.3 / 3_f64.sqrt(), 0.3),
            (Init::XavierUniform, (2.0 / (fan_in + fan_out)).sqrt(), (6.0 / (fan_in + fan_out)).sqrt()),
            (Init::XavierNormal, (2.0 / (fan_in + fan_out)).sqrt(), f64::INFINITY),
            (PYTORCH, 1.0 / (3.0 * fan_in).sqrt(), 1.0 / fan_in.sqrt()),
            (Init::KaimingNormal { a: 0.0 }, (2.0 / fan_in).sqrt(), f64::INFINITY),
        ];
        for (init, expected, bound) in cases {
            let x = drawn(init, &shape);
            assert!((std(&x) / expected - 1.0).abs() < 0.03, "{init:?}: {} {expected}", std(&x));
            assert!(x.iter().all(|x| x.abs() <= bound), "{init:?}");
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            assert!(mean.abs() < 0.03 * expected, "{init:?}: mean {mean}");
        }
    }

    #[test]
    fn normal_numbers_keep_their_bits() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let bits: Vec<u64> = (0..3).map(|_| normal(&mut rng).to_bits()).collect();
        let mut again = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(bits, (0..3).map(|_| normal(&mut again).to_bits()).collect::<Vec<_>>());
    }

    #[test]
    fn dropout_keeps_the_mean() {
        let mask = dropout_mask::<f64>(&[100, 100], 0.3, &mut ChaCha8Rng::seed_from_u64(5));
        let mean = mask.data().iter().sum::<f64>() / 1e4;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!(mask.data().iter().all(|&x| x == 0.0 || x == 1.0 / 0.7));
    }
}

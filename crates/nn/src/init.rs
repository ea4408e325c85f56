//! Initial values of weights.

use fewshot_autodiff::{Array, Float, Shape};
use fewshot_random::RngExt;
use rand::rngs::ChaCha8Rng;

/// Initial values of a weight. Fans come from the shape: `[in, out]`, or `[kh, kw, c_in, c_out]` with `kh kw c_in` and `kh kw c_out`.
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
    /// Normal with this mean and standard deviation.
    NormalAround {
        /// Mean.
        mean: f64,
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
    /// Uniform in `[low, high)`.
    Between {
        /// Smallest value.
        low: f64,
        /// Bound of the values.
        high: f64,
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
    /// Normal with variance `2 / ((1 + a^2) fan_out)`: gradients keep their size on the way back (He et al. 2015, eq. 14 and 15).
    KaimingNormalFanOut {
        /// Slope of the leaky ReLU that follows.
        a: f64,
    },
    /// For the bias `[4 size]` of an [`LstmCell`](crate::LstmCell): this number for the forget gate, 0 for the other gates. With 1, cells
    /// remember from the first update on (Jozefowicz et al. 2015).
    ForgetGate {
        /// Bias of the forget gate.
        bias: f64,
    },
}

/// PyTorch's default for weights of linear and convolution layers.
pub const PYTORCH: Init = Init::KaimingUniform { a: 2.236_067_977_499_79 };

/// Initial values of a layer's bias.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bias {
    /// No bias.
    None,
    /// 0.
    Zeros,
    /// Uniform within `1 / sqrt(fan_in)` of the layer's weight, PyTorch's default.
    FanIn,
    /// These initial values, independent of the layer.
    Of(Init),
}

impl Bias {
    /// The initial values in a layer of `fan_in`, if it has a bias.
    pub(crate) fn init(self, fan_in: usize) -> Option<Init> {
        match self {
            Bias::None => None,
            Bias::Zeros => Some(Init::Zeros),
            Bias::Of(init) => Some(init),
            Bias::FanIn => Some(Init::Uniform { bound: 1.0 / (fan_in.max(1) as f64).sqrt() }),
        }
    }
}

/// Fan-in and fan-out of a weight.
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
    ///
    /// # Panics
    /// For `ForgetGate` in a shape that is not `[4 size]`, or when the number of elements overflows or exceeds the memory.
    #[track_caller]
    pub fn array<F: Float>(self, shape: &[usize], rng: &mut ChaCha8Rng) -> Array<F> {
        let (fan_in, fan_out) = fans(&Shape::new(shape));
        let mut fill =
            |mut draw: Box<dyn FnMut(&mut ChaCha8Rng) -> f64>| Array::from_fn(shape, |_| F::of(draw(rng)));
        let within = |bound: f64| Box::new(move |rng: &mut ChaCha8Rng| bound * (2.0 * rng.unit() - 1.0));
        let spread = |std: f64| Box::new(move |rng: &mut ChaCha8Rng| std * rng.normal());
        match self {
            Init::Zeros => Array::zeros(shape),
            Init::Ones => Array::ones(shape),
            Init::Constant(value) => Array::full(shape, F::of(value)),
            Init::Normal { std } => fill(spread(std)),
            Init::NormalAround { mean, std } => fill(Box::new(move |rng| mean + std * rng.normal())),
            Init::TruncatedNormal { std } => fill(Box::new(move |rng| {
                loop {
                    let x = rng.normal();
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
            Init::KaimingNormalFanOut { a } => fill(spread((2.0 / ((1.0 + a * a) * fan_out)).sqrt())),
            Init::Between { low, high } => fill(Box::new(move |rng| low + (high - low) * rng.unit())),
            Init::ForgetGate { bias } => forget_gate(shape, bias),
        }
    }
}

/// The second quarter is `bias`.
#[track_caller]
fn forget_gate<F: Float>(shape: &[usize], bias: f64) -> Array<F> {
    assert!(
        shape.len() == 1 && shape[0].is_multiple_of(4),
        "Init::ForgetGate: {shape:?} is not the bias [4 size] of an LSTM cell"
    );
    let size = shape[0] / 4;
    Array::from_fn(shape, |i| if i / size == 1 { F::of(bias) } else { F::zero() })
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
            (Init::KaimingNormalFanOut { a: 0.0 }, (2.0 / fan_out).sqrt(), f64::INFINITY),
            (Init::KaimingNormalFanOut { a: 2.0 }, (0.4 / fan_out).sqrt(), f64::INFINITY),
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
        // Saved runs can only be repeated while these stay as they are.
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let bits = [0; 3].map(|_: u8| rng.normal().to_bits());
        assert_eq!(bits, [4606174990331787498, 4598320954113394175, 13819749911226051599]);
    }

    #[test]
    fn fixed_values_and_the_forget_gate() {
        assert_eq!(drawn(Init::Zeros, &[2]), [0.0; 2]);
        assert_eq!(drawn(Init::Ones, &[2]), [1.0; 2]);
        assert_eq!(drawn(Init::Constant(-0.5), &[2]), [-0.5; 2]);
        let around = drawn(Init::NormalAround { mean: 0.5, std: 0.01 }, &[9]);
        let centred = drawn(Init::Normal { std: 0.01 }, &[9]);
        assert!(around.iter().zip(&centred).all(|(a, c)| (a - c - 0.5).abs() < 1e-12), "{around:?}");
        assert_eq!(drawn(Init::ForgetGate { bias: 1.5 }, &[8]), [0.0, 0.0, 1.5, 1.5, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn weights_of_one_layer_do_not_repeat() {
        let mut x = drawn(Init::Normal { std: 1.0 }, &[100]);
        x.sort_by(f64::total_cmp);
        assert!(x.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

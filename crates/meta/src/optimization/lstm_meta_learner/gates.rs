//! What the gates of an LSTM meta-learner do in a step (Ravi and Larochelle 2017, section 5.2).

use fewshot_autodiff::{Array, Float};

/// How a number is spread over the coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// The numbers below which 5, 25, 50, 75 and 95 % of the coordinates lie ([`Spread::LEVELS`]).
    pub quantiles: [f64; 5],
}

impl Spread {
    /// Shares of the coordinates below each quantile.
    pub const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

    /// The levels of the numbers `x`, interpolated linearly between neighbours.
    fn of(mut x: Vec<f64>) -> Self {
        x.sort_by(f64::total_cmp);
        let at = |level: f64| {
            let place = level * (x.len() - 1) as f64;
            let (below, above) = (x[place.floor() as usize], x[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Spread { mean: x.iter().sum::<f64>() / x.len() as f64, quantiles: Self::LEVELS.map(at) }
    }
}

/// The gates of one inner step, over all coordinates: how much of a weight stays, and how much of the gradient is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gates {
    /// The forget gate `f_t`.
    pub forget: Spread,
    /// The input gate `i_t`.
    pub input: Spread,
}

impl Gates {
    /// The gates, from their values before the sigmoid, `[coordinates, 2]`.
    pub(crate) fn of<F: Float>(gates: &Array<F>) -> Self {
        let open = |which: usize| {
            let column = gates.data().iter().skip(which).step_by(2);
            Spread::of(column.map(|x| 1.0 / (1.0 + (-x.as_f64()).exp())).collect())
        };
        Gates { forget: open(0), input: open(1) }
    }
}

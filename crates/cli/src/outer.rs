//! The outer optimiser: its kind, and how its rate falls.

use std::str::FromStr;

use fewshot_nn::{Adam, LayerSettings, Layerwise, Momentum, Optimizer, Schedule, Sgd};

use crate::algorithms::Algorithm;
use crate::options::Options;

/// The names of outer optimisers, and what they are.
pub const OPTIMISERS: &[(&str, &str)] = &[
    ("adam", "Adam: beta1 0.9, beta2 0.999, epsilon 1e-8, with imaml 1e-3"),
    ("sgd", "Plain gradient descent"),
    ("momentum", "Gradient descent with momentum 0.9"),
    ("layers", "Gradient descent with rate, momentum and penalty by layer; network koch of siamese only"),
];

/// The names of changes of the outer rate that have no number of their own, and what they are.
pub const SCHEDULES: &[(&str, &str)] = &[
    ("constant", "None"),
    ("linear", "A straight line to 0 at the last iteration"),
    ("cosine", "Half a cosine to a hundredth at the last iteration"),
    ("epochs", "Times 0.99 after each of 200 epochs"),
    ("drops", "Times 0.1 after 60 % of the iterations, and again after 80 %"),
];

/// The outer optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outer {
    /// Adam.
    Adam,
    /// Plain gradient descent.
    Sgd,
    /// Gradient descent with momentum.
    Momentum,
    /// Gradient descent with rate, momentum and penalty by layer.
    Layers,
}

impl FromStr for Outer {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "adam" => Ok(Outer::Adam),
            "sgd" => Ok(Outer::Sgd),
            "momentum" => Ok(Outer::Momentum),
            "layers" => Ok(Outer::Layers),
            other => Err(format!("{other:?} is no outer optimiser")),
        }
    }
}

impl Outer {
    /// The optimiser itself, before its first step, with this weight decay; Adam with this epsilon.
    pub fn optimizer(self, epsilon: f64, weight_decay: f64) -> Box<dyn Optimizer> {
        let sgd = |momentum| Box::new(Sgd::new(momentum, Momentum::HeavyBall, weight_decay));
        match self {
            Outer::Adam => {
                let mut adam = Adam::new(0.9, 0.999, epsilon);
                adam.weight_decay = weight_decay;
                Box::new(adam)
            }
            Outer::Sgd => sgd(0.0),
            Outer::Momentum => sgd(MOMENTUM),
            Outer::Layers => Box::new(Layerwise::new(koch_layers(), MOMENTUM_RISE)),
        }
    }
}

/// The momentum of an optimiser that is named for it (Tian et al. 2020).
pub const MOMENTUM: f64 = 0.9;

/// Iterations in which the momenta rise.
const MOMENTUM_RISE: u64 = 10_000;

/// How the layers of the paper's Siamese network move. The paper found its values by search and gives none: dense layers
/// slower than convolutions, as in public code that trains.
fn koch_layers() -> Vec<LayerSettings> {
    let layer = |scope: &str, rate| LayerSettings { scope: scope.into(), rate, momentum: 0.9, penalty: 1e-4 };
    let convolutions = (1..=4).map(|number| layer(&format!("conv{number}"), 1.0));
    convolutions.chain([layer("dense", 0.05), layer("comparison", 0.05)]).collect()
}

/// How the outer rate changes in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// It does not.
    Constant,
    /// It is halved every so many iterations.
    Halved(u64),
    /// A straight line to 0.
    Linear,
    /// Half a cosine to a hundredth.
    Cosine,
    /// It is multiplied by 0.99 after each of 200 epochs, as in the paper of Siamese networks.
    Epochs,
    /// A tenth after 60 % of the run, and a tenth of that after 80 %, as in the paper of RFS.
    Drops,
}

/// What a cosine ends at, of the rate it begins with: 1e-5 of 1e-3, as MAML++ has it.
const COSINE_END: f64 = 0.01;

/// Epochs of a run, as MAML++ counts: the rate falls along a cosine from one to the next.
const EPOCHS: u64 = 100;

/// When the rate of a classifier falls, in per cent of the run (Tian et al. 2020, section 4.1: epochs 60 and 80 of 100).
const DROPS: [u64; 2] = [60, 80];

/// So many per cent of the iterations, whatever their number.
fn percent_of(iterations: u64, percent: u64) -> u64 {
    (u128::from(iterations) * u128::from(percent) / 100) as u64
}

/// Outer updates of an epoch; MAML++ has 500 of 50,000.
pub fn epoch(iterations: u64) -> u64 {
    (iterations / EPOCHS).max(1)
}

impl Decay {
    /// The schedule of a run of so many iterations.
    pub fn schedule(self, iterations: u64, rate: f64) -> Schedule {
        match self {
            Decay::Constant => Schedule::Constant,
            Decay::Halved(every) => Schedule::Step { every, factor: 0.5 },
            Decay::Linear => Schedule::Linear { iterations, last: 0.0 },
            Decay::Cosine => {
                Schedule::Cosine { iterations, every: epoch(iterations), least: COSINE_END * rate }
            }
            Decay::Epochs => Schedule::Step { every: (iterations / 200).max(1), factor: 0.99 },
            Decay::Drops => {
                Schedule::Drops { at: DROPS.map(|percent| percent_of(iterations, percent)), factor: 0.1 }
            }
        }
    }

    /// That of a run: where the algorithm decides it, or by the two options that say it.
    pub fn of(options: &Options, algorithm: &dyn Algorithm) -> Decay {
        if let Some(every) = options.whole("halve-every") {
            return Decay::Halved(every);
        }
        match algorithm.schedule(options).or(options.text("outer-schedule")) {
            Some("linear") => Decay::Linear,
            Some("cosine") => Decay::Cosine,
            Some("epochs") => Decay::Epochs,
            Some("drops") => Decay::Drops,
            _ => Decay::Constant,
        }
    }

    /// In words, to follow a rate.
    pub fn words(self) -> String {
        match self {
            Decay::Constant => String::new(),
            Decay::Halved(every) => format!(", halved every {every}"),
            Decay::Linear => ", falling linearly to 0".into(),
            Decay::Cosine => format!(", falling along a cosine to {COSINE_END} of it"),
            Decay::Epochs => ", times 0.99 after each of 200 epochs".into(),
            Decay::Drops => {
                let [first, second] = DROPS;
                format!(", a tenth after {first} % and again after {second} %")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_at_the_end_of_a_run() {
        let end = |decay: Decay| decay.schedule(4000, 1e-3).rate(1e-3, 4000);
        assert_eq!(end(Decay::Constant), 1e-3);
        assert_eq!(end(Decay::Halved(2000)), 2.5e-4);
        assert_eq!(end(Decay::Linear), 0.0);
        assert_eq!(end(Decay::Cosine), 1e-5);
        assert!((end(Decay::Epochs) / (1e-3 * 0.99_f64.powi(200)) - 1.0).abs() < 1e-12);
        assert_eq!([50_000, 200, 2].map(epoch), [500, 2, 1]);
        let drops = Decay::Drops.schedule(60_000, 0.05);
        let at = [0, 35_999, 36_000, 47_999, 48_000].map(|iteration| drops.rate(0.05, iteration) / 0.05);
        for (found, expected) in at.iter().zip([1.0, 1.0, 0.1, 0.1, 0.01]) {
            assert!((found / expected - 1.0).abs() < 1e-12, "{at:?}");
        }
        assert_eq!(percent_of(u64::MAX, 80), u64::MAX / 5 * 4);
    }
}

//! Outer learning rates over a training.

/// A schedule of the outer learning rate over iterations, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Schedule {
    /// A constant rate.
    #[default]
    Constant,
    /// Multiplied by `factor` after every `every` iterations.
    Step {
        /// Iterations between changes, at least 1.
        every: u64,
        /// Factor of the rate.
        factor: f64,
    },
    /// Multiplied by `factor` at each of two iterations, as networks are trained to classify pictures (He et al. 2016, section 4.2).
    Drops {
        /// The iterations, counted from 0, of which each is the first with the smaller rate.
        at: [u64; 2],
        /// Factor of the rate.
        factor: f64,
    },
    /// Half a cosine from the base rate down to `least` at iteration `iterations`, then constant (Loshchilov and Hutter 2017).
    Cosine {
        /// Iterations until the end.
        iterations: u64,
        /// Iterations between changes, such as those of an epoch; 1 for a smooth curve.
        every: u64,
        /// Rate at the end.
        least: f64,
    },
    /// A straight line from the base rate to `last` at iteration `iterations`, then constant.
    Linear {
        /// Iterations until the end.
        iterations: u64,
        /// Rate at the end.
        last: f64,
    },
}

impl Schedule {
    /// The rate of an iteration.
    pub fn rate(&self, base: f64, iteration: u64) -> f64 {
        match *self {
            Schedule::Constant => base,
            Schedule::Step { every, factor } => {
                let times = iteration / every.max(1);
                base * factor.powi(times.min(i32::MAX as u64) as i32)
            }
            Schedule::Drops { at, factor } => {
                let passed = at.iter().filter(|&&drop| iteration >= drop).count();
                base * factor.powi(passed as i32)
            }
            Schedule::Cosine { iterations, every, least } => {
                let every = every.max(1);
                let part = (iteration / every * every) as f64 / iterations.max(1) as f64;
                let cosine = libm::cos(std::f64::consts::PI * part.min(1.0));
                least + (base - least) * 0.5 * (1.0 + cosine)
            }
            Schedule::Linear { iterations, last } => {
                base + (last - base) * (iteration as f64 / iterations.max(1) as f64).min(1.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_at_the_corners() {
        let step = Schedule::Step { every: 2000, factor: 0.5 };
        assert_eq!([0, 1999, 2000, 4000].map(|i| step.rate(1e-3, i)), [1e-3, 1e-3, 5e-4, 2.5e-4]);
        let drops = Schedule::Drops { at: [60, 80], factor: 0.5 };
        assert_eq!([0, 59, 60, 79, 80, 1000].map(|i| drops.rate(1.0, i)), [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
        let cosine = Schedule::Cosine { iterations: 100, every: 1, least: 1e-5 };
        assert_eq!(cosine.rate(1e-3, 0), 1e-3);
        assert!((cosine.rate(1e-3, 50) - 5.05e-4).abs() < 1e-12);
        assert_eq!([100, 1000].map(|i| cosine.rate(1e-3, i)), [1e-5; 2]);
        let by_epoch = Schedule::Cosine { iterations: 100, every: 10, least: 1e-5 };
        assert_eq!([0, 9].map(|i| by_epoch.rate(1e-3, i)), [1e-3; 2]);
        assert_eq!([50, 59].map(|i| by_epoch.rate(1e-3, i)), [cosine.rate(1e-3, 50); 2]);
        let line = Schedule::Linear { iterations: 10, last: 0.0 };
        assert_eq!([0, 5, 10, 99].map(|i| line.rate(1.0, i)), [1.0, 0.5, 0.0, 0.0]);
        assert_eq!(Schedule::Constant.rate(0.1, 12345), 0.1);
    }
}

//! Randomness: one addressable stream per use, and draws that give the same
//! values on every platform and with every version of `rand`.

#![forbid(unsafe_code)]

use rand::{Rng, SeedableRng};

pub use rand::rngs::ChaCha8Rng;

/// What a random stream is for. Streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Episodes to train on.
    Train,
    /// Episodes to choose a model by.
    Validation,
    /// Episodes to report on.
    Test,
    /// Initial weights.
    Init,
    /// Dropout masks and other noise inside a learner.
    Dropout,
    /// Made data sets.
    Data,
    /// Splits of classes.
    Split,
    /// Episodes to fit a temperature on.
    Calibration,
}

impl Purpose {
    /// Number in the seed. Stored results depend on it: never renumber.
    fn tag(self) -> u64 {
        match self {
            Purpose::Train => 1,
            Purpose::Validation => 2,
            Purpose::Test => 3,
            Purpose::Init => 4,
            Purpose::Dropout => 5,
            Purpose::Data => 6,
            Purpose::Split => 7,
            Purpose::Calibration => 8,
        }
    }
}

/// The random stream number `index` of a purpose under a seed.
///
/// ChaCha8 keyed by `(seed, purpose)` with `index` as its stream number: any of
/// the 2^64 streams is reached at once, and none overlaps another.
///
/// ```
/// use fewshot_random::{stream, RngExt, Purpose};
/// let mut a = stream(1, Purpose::Train, 41);
/// let mut b = stream(1, Purpose::Train, 41);
/// assert_eq!(a.normal(), b.normal());
/// assert_ne!(a.normal(), stream(1, Purpose::Train, 42).normal());
/// ```
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.tag().to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

/// Draws from a random stream whose values never change: they rest on the
/// stream's 64-bit words, on IEEE arithmetic and on `libm` alone.
pub trait RngExt: Rng {
    /// An integer, uniform on `0..n` (multiply and reject: Lemire 2019).
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "below: the range 0..0 is empty");
        let n = n as u64;
        let rejected = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(n);
            if wide as u64 >= rejected {
                return (wide >> 64) as usize;
            }
        }
    }

    /// A real, uniform on `[0, 1)`, with 53 random bits.
    fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * 2f64.powi(-53)
    }

    /// A real, uniform from `low` to `high`.
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A standard normal variate: `sqrt(-2 ln(1 - u)) cos(2 pi v)` (Box and
    /// Muller 1958) from two draws, by `libm`.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Puts the items into a uniformly random order (Fisher and Yates).
    fn shuffle<T>(&mut self, items: &mut [T])
    where
        Self: Sized,
    {
        let n = items.len();
        for i in 0..n.saturating_sub(1) {
            items.swap(i, i + self.below(n - i));
        }
    }

    /// `count` distinct integers of `0..n`, in random order.
    ///
    /// # Panics
    /// When `count` exceeds `n`.
    #[track_caller]
    fn choose(&mut self, n: usize, count: usize) -> Vec<usize> {
        assert!(count <= n, "choose: {count} distinct of 0..{n}");
        let mut all: Vec<usize> = (0..n).collect();
        for i in 0..count {
            all.swap(i, i + self.below(n - i));
        }
        all.truncate(count);
        all
    }
}

impl<R: Rng + ?Sized> RngExt for R {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored results rest on these values, computed once from the definitions
    /// of ChaCha8 and of the draws by another program. If this fails after an
    /// update of a dependency, the update changes every result.
    #[test]
    fn golden_values() {
        let rng = || stream(7, Purpose::Data, 3);
        assert_eq!(rng().next_u64(), 5_013_289_522_482_323_463);
        let mut order: Vec<usize> = (0..10).collect();
        rng().shuffle(&mut order);
        assert_eq!(order, [2, 5, 3, 1, 7, 8, 9, 4, 6, 0]);
        assert_eq!(rng().choose(1623, 5), [441, 844, 294, 661, 1004]);
        let mut r = rng();
        assert_eq!([(); 5].map(|()| r.below(1000)), [271, 520, 180, 406, 617]);
        let mut r = rng();
        let uniform = [(); 3].map(|()| r.uniform(-5.0, 5.0));
        assert_eq!(uniform, [-2.282290304212924, 0.20055119439989433, -3.1948579080081165]);
        let mut r = rng();
        let normal = [(); 3].map(|()| r.normal());
        assert_eq!(normal, [-0.7901019726652471, -0.5252235034770234, 0.22652297100486113]);
    }

    #[test]
    fn streams_differ_in_seed_purpose_and_index() {
        let purposes = [
            Purpose::Train,
            Purpose::Validation,
            Purpose::Test,
            Purpose::Init,
            Purpose::Dropout,
            Purpose::Data,
            Purpose::Split,
        ];
        let mut first = std::collections::HashSet::new();
        for seed in [0, 1, u64::MAX] {
            for purpose in purposes {
                for index in [0, 1, u64::MAX] {
                    assert!(first.insert(stream(seed, purpose, index).next_u64()));
                }
            }
        }
    }

    #[test]
    fn normal_has_the_moments_of_the_normal_distribution() {
        let mut rng = stream(1, Purpose::Data, 0);
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let moment = |k| draws.iter().map(|x| x.powi(k)).sum::<f64>() / f64::from(n);
        // five standard errors: sqrt(E[x^2k] - E[x^k]^2) / sqrt(n)
        for (k, exact, spread) in [(1, 0.0, 1.0f64), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let error = 5.0 * (spread / f64::from(n)).sqrt();
            assert!((moment(k) - exact).abs() < error, "moment {k} is {}", moment(k));
        }
    }

    #[test]
    fn below_is_uniform_and_in_range() {
        let mut rng = stream(2, Purpose::Data, 0);
        let mut counts = [0; 6];
        for _ in 0..60_000 {
            counts[rng.below(6)] += 1;
        }
        // five standard deviations of a count: 5 sqrt(60000 / 6 * 5 / 6)
        assert!(counts.iter().all(|&c: &i32| (c - 10_000).abs() < 457), "{counts:?}");
        assert_eq!(rng.below(1), 0);
        assert!(rng.below(usize::MAX) < usize::MAX);
    }

    #[test]
    fn choices_are_distinct_and_uniform() {
        let mut rng = stream(3, Purpose::Data, 0);
        let mut counts = [[0; 4]; 3];
        for _ in 0..24_000 {
            let chosen = rng.choose(4, 3);
            assert!(chosen[0] != chosen[1] && chosen[0] != chosen[2] && chosen[1] != chosen[2]);
            for (place, &k) in chosen.iter().enumerate() {
                counts[place][k] += 1;
            }
        }
        // five standard deviations of a count: 5 sqrt(24000 / 4 * 3 / 4)
        assert!(counts.iter().flatten().all(|&c: &i32| (c - 6000).abs() < 336), "{counts:?}");
        assert_eq!(rng.choose(5, 0), [0; 0]);
    }
}

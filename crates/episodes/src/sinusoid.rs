//! Sinusoid regression.

use crate::{ChaCha8Rng, Episode, Error, Outputs, Purpose, RngExt, Set, Targets, Tasks, stream};
use ndarray::{ArrayD, IxDyn};
use std::f64::consts::PI;

/// Sinusoid regression tasks (Finn, Abbeel and Levine 2017, section 5.1).
///
/// Each task is a sine of its own: `y = A sin(x - phi)` with `A ~ U[0.1, 5]` and `phi ~
/// U[0, pi]`, seen at points `x ~ U[-5, 5]` drawn independently for support and query.
/// `x` and `y` are `[n, 1]`.
///
/// A network that does not adapt cannot beat a mean squared error of 3.0057, that of
/// `-(5.1/pi) cos x`, the best single function for all tasks; the zero function has
/// 4.2517.
///
/// ```
/// use fewshot_episodes::{Purpose, Sinusoid, Tasks};
/// let tasks = Sinusoid::new(10, 10, 1, Purpose::Train)?;
/// let episode = tasks.episode(3);
/// assert_eq!(episode.support.x.shape(), [10, 1]);
/// let (x, y) = (episode.support.x[[0, 0]], episode.support.y.values().unwrap()[[0, 0]]);
/// assert!((tasks.wave(3).at(x.into()) - f64::from(y)).abs() < 1e-6);
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sinusoid {
    shots: usize,
    queries: usize,
    seed: u64,
    purpose: Purpose,
}

/// One sine: `y = amplitude sin(x - phase)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// Height of the crests, in 0.1..5.
    pub amplitude: f64,
    /// Where the rising zero lies, in 0..pi.
    pub phase: f64,
}

impl Wave {
    /// The sine's value at `x`.
    pub fn at(self, x: f64) -> f64 {
        self.amplitude * libm::sin(x - self.phase)
    }

    fn draw(rng: &mut ChaCha8Rng) -> Self {
        Wave { amplitude: rng.uniform(0.1, 5.0), phase: rng.uniform(0.0, PI) }
    }

    /// Draws points of the sine.
    fn points(self, count: usize, rng: &mut ChaCha8Rng) -> Set {
        let x: Vec<f32> = (0..count).map(|_| rng.uniform(-5.0, 5.0) as f32).collect();
        let y = x.iter().map(|x| self.at(f64::from(*x)) as f32).collect();
        let column =
            |values| ArrayD::from_shape_vec(IxDyn(&[count, 1]), values).expect("count values in a column");
        Set::new(column(x), Targets::Values(column(y)))
    }
}

impl Sinusoid {
    /// Tasks of `shots` support points and `queries` query points.
    ///
    /// # Errors
    /// When shots or queries are 0.
    pub fn new(shots: usize, queries: usize, seed: u64, purpose: Purpose) -> Result<Self, Error> {
        for (name, size) in [("shots", shots), ("queries", queries)] {
            if size == 0 {
                return Err(Error::Zero { name });
            }
        }
        Ok(Sinusoid { shots, queries, seed, purpose })
    }

    /// The sine behind episode `i`.
    pub fn wave(&self, i: u64) -> Wave {
        Wave::draw(&mut stream(self.seed, self.purpose, i))
    }
}

impl Tasks for Sinusoid {
    fn episode(&self, i: u64) -> Episode {
        let mut rng = stream(self.seed, self.purpose, i);
        let wave = Wave::draw(&mut rng);
        let support = wave.points(self.shots, &mut rng);
        let query = wave.points(self.queries, &mut rng);
        Episode { support, query, ways: None }
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn outputs(&self) -> Outputs {
        Outputs::Values(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPISODES: u64 = 40_000;

    fn tasks(seed: u64) -> Sinusoid {
        Sinusoid::new(10, 10, seed, Purpose::Test).expect("sizes are not 0")
    }

    fn points(set: &Set) -> Vec<(f64, f64)> {
        let y = set.y.values().expect("regression");
        set.x.iter().zip(y).map(|(x, y)| (f64::from(*x), f64::from(*y))).collect()
    }

    /// Mean squared error of one function over many tasks' queries.
    fn error(function: impl Fn(f64) -> f64) -> f64 {
        let tasks = tasks(5);
        let of_episode = |i| {
            let points = points(&tasks.episode(i).query);
            points.iter().map(|(x, y)| (function(*x) - y).powi(2)).sum::<f64>() / points.len() as f64
        };
        (0..EPISODES).map(of_episode).sum::<f64>() / EPISODES as f64
    }

    // Deviations of one episode's error are about 4.5 and 3.2: of the mean of 40,000
    // about 0.023 and 0.016.
    #[test]
    fn functions_that_do_not_adapt_score_what_theory_says() {
        assert!((error(|_| 0.0) - 4.2517).abs() < 0.07, "{}", error(|_| 0.0));
        let best = error(|x| -(2.0 * 2.55 / PI) * x.cos());
        assert!((best - 3.0057).abs() < 0.05, "{best}");
    }

    #[test]
    fn an_episode_is_a_function_of_seed_purpose_and_index() {
        let later = tasks(1).episode(9);
        (0..9).for_each(|i| assert_ne!(tasks(1).episode(i), later));
        assert_eq!(tasks(1).episode(9), later);
        assert_ne!(tasks(2).episode(9), later);
        let train = Sinusoid::new(10, 10, 1, Purpose::Train).expect("sizes are not 0");
        assert_ne!(train.episode(9), later);
    }

    #[test]
    fn draws_fill_their_ranges() {
        let waves: Vec<Wave> = (0..5000).map(|i| tasks(3).wave(i)).collect();
        let x: Vec<f64> =
            (0..500).flat_map(|i| points(&tasks(3).episode(i).support)).map(|(x, _)| x).collect();
        let check = |values: Vec<f64>, low: f64, high: f64| {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let edge = 0.01 * (high - low);
            assert!(low <= least && least < low + edge, "{least} from {low}");
            assert!(high - edge < most && most <= high, "{most} up to {high}");
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!((mean - (low + high) / 2.0).abs() < 2.0 * edge, "{mean}");
        };
        check(waves.iter().map(|wave| wave.amplitude).collect(), 0.1, 5.0);
        check(waves.iter().map(|wave| wave.phase).collect(), 0.0, PI);
        check(x, -5.0, 5.0);
    }

    #[test]
    fn support_and_query_are_of_one_sine_at_independent_points() {
        let tasks = tasks(4);
        let mut products = 0.0;
        for i in 0..2000 {
            let episode = tasks.episode(i);
            let (support, query) = (points(&episode.support), points(&episode.query));
            for (x, y) in support.iter().chain(&query) {
                assert!((tasks.wave(i).at(*x) - y).abs() < 1e-6);
            }
            products += support.iter().zip(&query).map(|(s, q)| s.0 * q.0).sum::<f64>();
        }
        // Correlation of 20,000 pairs: deviation 0.007.
        let correlation = products / 20_000.0 / (100.0 / 12.0);
        assert!(correlation.abs() < 0.03, "{correlation}");
    }

    #[test]
    fn sizes_are_kept_and_zero_is_refused() {
        let episode = Sinusoid::new(3, 7, 1, Purpose::Train).expect("sizes are not 0").episode(0);
        assert_eq!((episode.support.len(), episode.query.len(), episode.ways), (3, 7, None));
        assert_eq!((tasks(1).input_shape(), tasks(1).outputs()), (vec![1], Outputs::Values(1)));
        let refused = Sinusoid::new(3, 0, 1, Purpose::Train).expect_err("no queries");
        assert!(refused.to_string().contains("queries is 0"), "{refused}");
    }
}

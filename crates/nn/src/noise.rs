//! [`Noise`]: random arrays on a tape, drawn from a task's own stream.

use std::cell::RefCell;
use std::rc::Rc;

use fewshot_autodiff::{Array, Float, Shape, Tape, Var};
use fewshot_random::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

use crate::drop_block;

/// Mini-batches of a support set. The set is shuffled, and shuffled again after each round, so that a batch may straddle two rounds
/// (Nichol et al. 2018, released code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Batches {
    /// Number of examples of the set.
    pub examples: usize,
    /// Number of examples of a batch.
    pub size: usize,
    /// Number of batches.
    pub count: usize,
    /// The examples of the last batch.
    pub tail: Tail,
}

/// The examples of the last of several mini-batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Tail {
    /// The next examples of the shuffled set, as in every batch.
    #[default]
    Shared,
    /// Examples that are in no other batch.
    Separate,
}

impl Batches {
    /// The indices of the examples of all batches, one batch after another.
    fn places(&self, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let Batches { examples, size, count, tail } = *self;
        let mut all: Vec<usize> = (0..examples).collect();
        all.shuffle(rng);
        let last = match tail {
            Tail::Shared => Vec::new(),
            Tail::Separate => all.split_off(examples - size),
        };
        let wanted = size * count - last.len();
        let mut places = Vec::with_capacity(size * count);
        while places.len() < wanted {
            if !places.is_empty() {
                all.shuffle(rng);
            }
            places.extend(all.iter().take(wanted - places.len()));
        }
        places.extend(last);
        places
    }
}

/// A random array that is drawn for each run of a program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoiseSpec {
    /// 0 with probability `rate`, else `1 / (1 - rate)`.
    Mask {
        /// Shape of the array.
        shape: Shape,
        /// Probability of a 0.
        rate: f64,
    },
    /// 0 in squares, elsewhere one number that makes the mean 1; all 0 where squares cover everything.
    Squares {
        /// Shape of the array, `[n, h, w, c]`.
        shape: Shape,
        /// Pixels a side of a square.
        side: usize,
        /// Probability that a pixel is the upper left corner of a square.
        gamma: f64,
    },
    /// Standard normal numbers, independent of each other.
    Normal {
        /// Shape of the array.
        shape: Shape,
    },
    /// Indices of examples, `[size * count]`.
    Batches(Batches),
}

impl NoiseSpec {
    /// Draws the array from a stream.
    #[inline(never)]
    pub fn array<F: Float>(&self, rng: &mut ChaCha8Rng) -> Array<F> {
        match *self {
            NoiseSpec::Mask { shape, rate } => {
                let kept = F::of(1.0 / (1.0 - rate));
                Array::from_fn(&shape, |_| if rng.unit() < rate { F::zero() } else { kept })
            }
            NoiseSpec::Squares { shape, side, gamma } => drop_block::mask(shape, side, gamma, rng),
            NoiseSpec::Normal { shape } => Array::from_fn(&shape, |_| F::of(rng.normal())),
            NoiseSpec::Batches(batches) => Array::index(&batches.places(rng)),
        }
    }

    fn shape(&self) -> Shape {
        match *self {
            NoiseSpec::Mask { shape, .. }
            | NoiseSpec::Squares { shape, .. }
            | NoiseSpec::Normal { shape } => shape,
            NoiseSpec::Batches(Batches { size, count, .. }) => Shape::new(&[size * count]),
        }
    }
}

#[derive(Debug)]
enum NoiseSource {
    Stream(Box<ChaCha8Rng>),
    Recorder(Vec<NoiseSpec>),
    None,
}

/// The source of dropout masks and other randomness inside a model: a stream, or inputs of the program that is being recorded. Clones
/// share the source, so that a recorded program draws the same values in the same order.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::{Dropout, Noise, Pass};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
/// let noise = Noise::new(ChaCha8Rng::seed_from_u64(1));
/// let tape = Tape::<f32>::new();
/// let x = tape.var(&Array::ones(&[100]));
/// let y = Dropout::new(0.5).forward(x, &mut Pass::batch().with_noise(&noise)).value();
/// assert!(y.data().iter().all(|&y| y == 0.0 || y == 2.0));
/// ```
#[derive(Debug, Clone)]
pub struct Noise {
    source: Rc<RefCell<NoiseSource>>,
}

impl Noise {
    /// Noise drawn from a stream.
    pub fn new(stream: ChaCha8Rng) -> Self {
        Noise { source: Rc::new(RefCell::new(NoiseSource::Stream(Box::new(stream)))) }
    }

    /// Noise that becomes inputs of the program that is being recorded.
    pub fn recorder() -> Self {
        Noise { source: Rc::new(RefCell::new(NoiseSource::Recorder(Vec::new()))) }
    }

    /// Noise that refuses to draw: for work that is computed a second time, which would draw other values.
    pub fn refused() -> Self {
        Noise { source: Rc::new(RefCell::new(NoiseSource::None)) }
    }

    /// The draws recorded so far, in the order of their inputs.
    pub fn draws(&self) -> Vec<NoiseSpec> {
        match &*self.source.borrow() {
            NoiseSource::Stream(_) | NoiseSource::None => Vec::new(),
            NoiseSource::Recorder(draws) => draws.clone(),
        }
    }

    /// A mask: 0 with probability `rate`, else `1 / (1 - rate)`.
    ///
    /// # Panics
    /// When this noise is refused.
    #[track_caller]
    pub fn mask<'t, F: Float>(&self, tape: &'t Tape<F>, shape: &[usize], rate: f64) -> Var<'t, F> {
        self.draw(tape, NoiseSpec::Mask { shape: Shape::new(shape), rate })
    }

    /// A mask for images `[n, h, w, c]`: each pixel of each channel that leaves room for a square of `side` pixels is with probability
    /// `gamma` the upper left corner of one in which all is 0. Elsewhere stands one number, which makes the mean 1; where squares cover
    /// everything, all is 0.
    ///
    /// # Panics
    /// When this noise is refused, `shape` is not `[n, h, w, c]`, or the square is empty or larger than an image.
    #[track_caller]
    pub fn squares<'t, F: Float>(
        &self,
        tape: &'t Tape<F>,
        shape: &[usize],
        side: usize,
        gamma: f64,
    ) -> Var<'t, F> {
        drop_block::check(shape, side);
        self.draw(tape, NoiseSpec::Squares { shape: Shape::new(shape), side, gamma })
    }

    /// Standard normal numbers: `mean + deviation * normal` is a sample through which gradients reach mean and deviation.
    ///
    /// # Panics
    /// When this noise is refused.
    #[track_caller]
    pub fn normal<'t, F: Float>(&self, tape: &'t Tape<F>, shape: &[usize]) -> Var<'t, F> {
        self.draw(tape, NoiseSpec::Normal { shape: Shape::new(shape) })
    }

    /// Indices of the examples of each mini-batch: `count` values `[size]`.
    ///
    /// # Panics
    /// When this noise is refused, a batch is empty, or too few examples are left beside a separate tail.
    #[track_caller]
    pub fn batches<'t, F: Float>(&self, tape: &'t Tape<F>, batches: Batches) -> Vec<Var<'t, F>> {
        let Batches { examples, size, count, tail } = batches;
        let beside = if tail == Tail::Separate && count > 1 { size + 1 } else { 1 };
        assert!(size > 0 && examples >= beside, "Noise: {count} batches of {size} from {examples} examples");
        let all = self.draw(tape, NoiseSpec::Batches(batches));
        (0..count).map(|i| all.slice(0, i * size..(i + 1) * size)).collect()
    }

    #[track_caller]
    fn draw<'t, F: Float>(&self, tape: &'t Tape<F>, draw: NoiseSpec) -> Var<'t, F> {
        match &mut *self.source.borrow_mut() {
            NoiseSource::Stream(rng) => tape.var(&draw.array(rng)),
            NoiseSource::Recorder(draws) => {
                draws.push(draw);
                tape.input(&draw.shape())
            }
            NoiseSource::None => {
                panic!("Noise: a step that is computed again cannot draw dropout; keep the steps' values")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn places(batches: Batches) -> Vec<usize> {
        batches.places(&mut ChaCha8Rng::seed_from_u64(1))
    }

    #[test]
    fn every_round_serves_every_example_once() {
        let all = places(Batches { examples: 7, size: 3, count: 14, tail: Tail::Shared });
        assert_eq!(all.len(), 42);
        for round in all.chunks(7) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..7).collect::<Vec<_>>());
        }
        assert_ne!(all[..7], all[7..14]);
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let noise = Noise::new(ChaCha8Rng::seed_from_u64(1));
        let tape = Tape::<f64>::new();
        let [first, second] = [0; 2].map(|_: u8| noise.normal(&tape, &[100, 200]).value());
        assert_ne!(first.data()[..9], second.data()[..9]);
        for x in [first, second] {
            assert_eq!(x.shape(), [100, 200]);
            let moment = |k| x.data().iter().map(|x| x.powi(k)).sum::<f64>() / 2e4;
            // five standard errors
            assert!(moment(1).abs() < 5.0 / 2e4_f64.sqrt(), "{}", moment(1));
            assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / 2e4_f64).sqrt(), "{}", moment(2));
        }
    }

    #[test]
    fn a_separate_tail_was_not_seen_before() {
        let all = places(Batches { examples: 10, size: 3, count: 4, tail: Tail::Separate });
        assert!(all[9..].iter().all(|place| !all[..9].contains(place)), "{all:?}");
        assert_eq!(all.len(), 12);
        assert_eq!(places(Batches { examples: 3, size: 3, count: 1, tail: Tail::Separate }).len(), 3);
    }
}

//! [`Noise`]: random arrays on a tape, drawn from a task's own stream.

use std::cell::RefCell;
use std::rc::Rc;

use fewshot_autodiff::{Array, Float, Shape, Tape, Var};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// A random array that is drawn for each run of a program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    shape: Shape,
    rate: f64,
}

impl Draw {
    /// The next such array of a stream: 0 with probability `rate`, else `1 / (1 - rate)`.
    pub fn array<F: Float>(&self, rng: &mut ChaCha8Rng) -> Array<F> {
        let kept = F::of(1.0 / (1.0 - self.rate));
        Array::from_fn(&self.shape, |_| if rng.random::<f64>() < self.rate { F::zero() } else { kept })
    }
}

#[derive(Debug)]
enum Source {
    Stream(Box<ChaCha8Rng>),
    Recorder(Vec<Draw>),
    None,
}

/// Where dropout and other randomness inside a model come from: a stream, or the inputs of a program that is being recorded.
/// Clones share the source, so that the same values enter in the same order either way.
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
    source: Rc<RefCell<Source>>,
}

impl Noise {
    /// Draws from a stream.
    pub fn new(stream: ChaCha8Rng) -> Self {
        Noise { source: Rc::new(RefCell::new(Source::Stream(Box::new(stream)))) }
    }

    /// Makes each draw a further input of the program that is being recorded.
    pub fn recorder() -> Self {
        Noise { source: Rc::new(RefCell::new(Source::Recorder(Vec::new()))) }
    }

    /// Refuses to draw: for work that is computed again, which would draw other values then.
    pub fn refused() -> Self {
        Noise { source: Rc::new(RefCell::new(Source::None)) }
    }

    /// The draws recorded so far, in the order of their inputs.
    pub fn draws(&self) -> Vec<Draw> {
        match &*self.source.borrow() {
            Source::Stream(_) | Source::None => Vec::new(),
            Source::Recorder(draws) => draws.clone(),
        }
    }

    /// A mask: 0 with probability `rate`, else `1 / (1 - rate)`.
    ///
    /// # Panics
    /// When this noise is refused.
    #[track_caller]
    pub fn mask<'t, F: Float>(&self, tape: &'t Tape<F>, shape: &[usize], rate: f64) -> Var<'t, F> {
        let draw = Draw { shape: Shape::new(shape), rate };
        match &mut *self.source.borrow_mut() {
            Source::Stream(rng) => tape.var(&draw.array(rng)),
            Source::Recorder(draws) => {
                draws.push(draw);
                tape.input(shape)
            }
            Source::None => {
                panic!("Noise: a step that is computed again cannot draw dropout; keep the steps' values")
            }
        }
    }
}

//! What of the support each inner step sees.

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{Purpose, stream};
use fewshot_nn::{Batches, Noise, Tail};

use crate::task::Examples;

impl<'t, F: Float> Examples<Var<'t, F>> {
    /// The support of each of some inner steps in training: mini-batches of `size` examples, drawn as [`Batches`] say, or all examples where
    /// nothing is said.
    pub fn mini_batches(&self, size: Option<usize>, steps: usize, tail: Tail, noise: &Noise) -> Vec<Self> {
        match batches(self.x.shape()[0], size, steps, tail) {
            Some(drawn) => {
                let places = noise.batches(self.x.tape(), drawn);
                places.into_iter().map(|places| self.pick(places)).collect()
            }
            None => vec![*self; steps],
        }
    }
}

impl<F: Float> Examples<Array<F>> {
    /// The support of each of some inner steps in use: mini-batches of `size` examples, the same places for every support, or all examples
    /// where nothing is said.
    pub fn mini_batches(&self, size: Option<usize>, steps: usize) -> MiniBatches<'_, F> {
        let tape = Tape::new();
        let drawn = batches(self.x.shape()[0], size, steps, Tail::Shared);
        let places = drawn.map(|drawn| fixed_noise().batches(&tape, drawn)).unwrap_or_default();
        MiniBatches { support: self, places: places.iter().map(|places| places.value()).collect() }
    }
}

/// The support of each inner step in use: all of it, or mini-batches ([`Examples::mini_batches`]).
#[derive(Clone, Debug)]
pub struct MiniBatches<'a, F: Float = f32> {
    support: &'a Examples<Array<F>>,
    places: Vec<Array<F>>,
}

impl<F: Float> MiniBatches<'_, F> {
    /// The support of step `t`, counted from 0: the whole, or its mini-batch.
    pub fn at<'t>(&self, t: usize, tape: &'t Tape<F>) -> Examples<Var<'t, F>> {
        let support = self.support.on(tape);
        self.places.get(t).map_or(support, |places| support.pick(tape.var(places)))
    }
}

/// The mini-batches of `size` examples that are drawn for the steps, or nothing where steps see the whole support.
fn batches(examples: usize, size: Option<usize>, steps: usize, tail: Tail) -> Option<Batches> {
    let size = size.filter(|&size| size != examples && steps > 0)?;
    Some(Batches { examples, size, count: steps, tail })
}

/// The randomness of adapting for use: the same for every support.
pub(crate) fn fixed_noise() -> Noise {
    Noise::new(stream(0, Purpose::Dropout, 0))
}

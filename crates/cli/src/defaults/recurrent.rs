//! Defaults of the networks that learn by reading.

use super::Defaults;
use super::table::{maml_sinusoid, on_drawings, split};
use crate::choices::{Data, Naming, Rotations};

/// Images of each class in a sequence (Santoro et al. 2016: 50 steps of 5 classes, 150 of 15).
pub const PER_CLASS: usize = 10;
/// Sequences of one of the two tasks that make a batch of the paper's 16: two threads have one each.
pub const SEQUENCES: usize = 8;
/// Classes at which the curriculum ends (the same paper).
pub const MOST_CLASSES: usize = 100;
/// Pixels a side (the same paper).
pub const SEQUENCE_IMAGE_SIZE: usize = 20;
/// Most classes that numbers name; more have strings, as there.
const NUMBERED: usize = 5;

/// Santoro et al. 2016: 100,000 sequences in batches of 16. Adam and its rate are those of the public implementations: the
/// paper does not give its own.
pub fn mann(data: &Data, ways: usize, shots: usize) -> Defaults {
    Defaults {
        source: "Santoro et al. 2016, sections 3 and 4; write access and optimiser of public implementations",
        iterations: on_drawings(data, 6250, 300),
        meta_batch: 2,
        validate_every: matches!(data, Data::Omniglot(_)).then_some(500),
        train_ways: ways,
        queries: 5,
        eval_queries: 15,
        inner_lr: 0.0,
        inner_steps: 0,
        eval_steps: 0,
        rotations: Rotations::NewClasses,
        eval_rotations: Rotations::NewClasses,
        split: split(data),
        ..maml_sinusoid(shots)
    }
}

/// How so many classes are named.
pub fn naming(ways: usize) -> Naming {
    if ways <= NUMBERED { Naming::Numbers } else { Naming::Strings }
}
